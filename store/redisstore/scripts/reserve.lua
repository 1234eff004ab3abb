-- reserve: looks at where a campaign stands in a shard, before anything is reserved. It changes nothing.
--
-- KEYS: 1 the lease of the shard, 2 the campaign's progress, 3 the rows in hand, 4 the order of the campaign's again-queue, 5 its rows,
-- 6 the counters of the shard, 7 the campaign's list.
-- ARGV: 1 what the lease must be, 2 how fields of the campaign's rows in hand begin, 3 up to when rows of the queue are due (ms, or
-- +inf), 4 at most how many of them, 5.. names of counters.
--
-- Returns false if the lease is not this one; else: 1 the progress, fields and values; 2 the campaign's rows in hand, fields and
-- values; 3 the rows of the queue that are due, openids and values; 4 how long the queue is; 5 the score of its first, and
-- 6 of the first that is not in 3 ('' if there is none); 7 the generation of the users ('' at first); 8 how long the list is; 9 the
-- values of the counters named in ARGV[5..], false where there is none.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return false
end
local hand, n = {}, 0
for _, count in ipairs(redis.call('HMGET', KEYS[2], 'h', 's', 'u')) do
  n = n + tonumber(count or 0)
end
if n > 0 then
  local all = redis.call('HGETALL', KEYS[3])
  for i = 1, #all, 2 do
    if string.sub(all[i], 1, #ARGV[2]) == ARGV[2] then
      hand[#hand + 1] = all[i]
      hand[#hand + 1] = all[i + 1]
    end
  end
end
local queue, waiting = {}, redis.call('ZCARD', KEYS[4])
local first, other = {}, {}
if waiting > 0 then
  local due = redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', ARGV[3], 'LIMIT', 0, ARGV[4])
  for i, openid in ipairs(due) do
    queue[2 * i - 1] = openid
    queue[2 * i] = redis.call('HGET', KEYS[5], openid)
  end
  first = redis.call('ZRANGE', KEYS[4], 0, 0, 'WITHSCORES')
  other = redis.call('ZRANGE', KEYS[4], #due, #due, 'WITHSCORES')
end
return {
  redis.call('HGETALL', KEYS[2]), hand, queue, waiting, first[2] or '', other[2] or '',
  redis.call('HGET', KEYS[6], 'g') or '', redis.call('HLEN', KEYS[7]),
  redis.call('HMGET', KEYS[6], unpack(ARGV, 5))
}
