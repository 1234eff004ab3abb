-- beside: reads what there is of some users in a campaign, as of one moment. It changes nothing.
--
-- KEYS: 1 the rows in hand, 2 the rows of the campaign's again-queue, 3 its list, 4.. its settled rows in the buckets of the users.
-- ARGV: 1.. the fields that the rows of these buckets have in 1, one for each of KEYS[4..]; then the openids.
--
-- Returns 1 the values of the fields in 1, and 2 the strings of KEYS[4..], false where there is none; by openid 3 the values in 2, false
-- where there is none, and 4 whether it is in 3 (1 or 0). 3 and 4 are empty where nobody has any.
local n, queue, listed = #KEYS - 3, {}, {}
if redis.call('EXISTS', KEYS[2]) == 1 then
  queue = redis.call('HMGET', KEYS[2], unpack(ARGV, n + 1))
end
if redis.call('EXISTS', KEYS[3]) == 1 then
  for i = n + 1, #ARGV do
    listed[i - n] = redis.call('HEXISTS', KEYS[3], ARGV[i])
  end
end
return { redis.call('HMGET', KEYS[1], unpack(ARGV, 1, n)), redis.call('MGET', unpack(KEYS, 4)), queue, listed }
