-- commit: the one way in which steps write. It first makes sure that what the step read is still so, and then writes all of it, or it
-- changes nothing. Versions, ids and times stay strings here: Lua's numbers are doubles.
--
-- KEYS[1]  the lease of the shard. KEYS[2..]  the keys that the operations name by their place in KEYS.
-- ARGV[1]  what the lease must be, '' for a step without one. Then operations, each: its letter, the place of its key, a count n,
-- and its arguments. What is asked, which stands before all writes ('' is: not there):
--   E  n fields, n values: the fields of a hash have these values
--   S  n fields, n heads: the values of the fields begin with these heads: format and stamp of a user
--   L  no arguments: the hash has n fields
--   N  no arguments: the key does not exist
--   V  n fields, n values: as E, but if it is not so the answer is 4. It stands alone: fields that every write changes say in few words
--      that nothing at all has changed
-- What is written:
--   h  n pairs field, value: HSET          d  n fields: HDEL
--   i  n pairs field, number: HINCRBY      a  n members: SADD          r  n members: SREM
--   z  n pairs score, member: ZADD         y  n members: ZREM
--   p  1 value: APPEND                     s  1 value: SET
--   u  no arguments: UNLINK                x  no arguments: the key lives for n ms more, at least
--
-- Returns 0: written. 1: the lease is not this one. 2: what was read is not so any more. 3: a key of N exists. 4: V is not so.
if ARGV[1] ~= '' and redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 1
end
local at, last = 2, #ARGV
while at <= last do
  local op, key, n = ARGV[at], KEYS[tonumber(ARGV[at + 1])], tonumber(ARGV[at + 2])
  local first = at + 3
  at = first + n
  if op == 'E' or op == 'S' or op == 'V' then
    local have = redis.call('HMGET', key, unpack(ARGV, first, at - 1))
    for i = 1, n do
      local v, want = have[i] or '', ARGV[at + i - 1]
      if v ~= want and (op ~= 'S' or want == '' or string.sub(v, 1, #want) ~= want) then
        return op == 'V' and 4 or 2
      end
    end
    at = at + n
  elseif op == 'h' then
    at = at + n
    redis.call('HSET', key, unpack(ARGV, first, at - 1))
  elseif op == 'd' then
    redis.call('HDEL', key, unpack(ARGV, first, at - 1))
  elseif op == 'i' then
    at = at + n
    for i = first, at - 1, 2 do
      redis.call('HINCRBY', key, ARGV[i], ARGV[i + 1])
    end
  elseif op == 'a' then
    redis.call('SADD', key, unpack(ARGV, first, at - 1))
  elseif op == 'r' then
    redis.call('SREM', key, unpack(ARGV, first, at - 1))
  elseif op == 'z' then
    at = at + n
    redis.call('ZADD', key, unpack(ARGV, first, at - 1))
  elseif op == 'y' then
    redis.call('ZREM', key, unpack(ARGV, first, at - 1))
  elseif op == 'p' then
    redis.call('APPEND', key, ARGV[first])
  elseif op == 's' then
    redis.call('SET', key, ARGV[first])
  elseif op == 'L' then
    at = first
    if redis.call('HLEN', key) ~= n then
      return 2
    end
  elseif op == 'N' then
    at = first
    if redis.call('EXISTS', key) == 1 then
      return 3
    end
  elseif op == 'u' then
    at = first
    redis.call('UNLINK', key)
  elseif op == 'x' then
    at = first
    if redis.call('PTTL', key) < n then
      redis.call('PEXPIRE', key, ARGV[first - 1])
    end
  else
    return redis.error_reply('ERR commit: no operation ' .. op)
  end
end
return 0
