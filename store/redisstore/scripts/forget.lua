-- forget: removes the settled rows of a batch in a shard, and its list if nothing is pending. What is pending, and the progress, stay.
--
-- KEYS: 1 the progress, 2 the settled pushes, 3 the list, 4 the batches of the shard, 5 its counters, 6.. the settled rows of the campaign.
-- ARGV[1]  the batch.
--
-- Returns 1 if anything is pending, else 0.
local pending = 0
for _, n in ipairs(redis.call('HMGET', KEYS[1], 'w', 'h', 's', 'u')) do
  pending = pending + tonumber(n or 0)
end
redis.call('HINCRBY', KEYS[5], 'w', 1) -- every write changes one of the counters
redis.call('UNLINK', KEYS[2], unpack(KEYS, 6))
if pending > 0 then
  return 1
end
redis.call('UNLINK', KEYS[3])
redis.call('SREM', KEYS[4], ARGV[1])
return 0
