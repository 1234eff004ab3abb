-- rows: reads what there is of a batch in a shard, as of one moment. It changes nothing.
--
-- KEYS: 1 the settled pushes, 2 the rows of the again-queue, 3 the rows in hand, 4.. the settled rows of the campaign.
-- ARGV[1]  how fields of the batch's rows in hand begin.
--
-- Returns the openids of 1; the openids and rows of 2; the fields and values of the batch in 3; and the strings of 4.. .
local hand, all = {}, redis.call('HGETALL', KEYS[3])
for i = 1, #all, 2 do
  if string.sub(all[i], 1, #ARGV[1]) == ARGV[1] then
    hand[#hand + 1] = all[i]
    hand[#hand + 1] = all[i + 1]
  end
end
return { redis.call('HKEYS', KEYS[1]), redis.call('HGETALL', KEYS[2]), hand, redis.call('MGET', unpack(KEYS, 4)) }
