-- row: reads where one row of a batch can be, as of one moment. It changes nothing.
--
-- KEYS: 1 the settled pushes, 2 the rows of the again-queue, 3 the rows in hand, 4 the settled rows of the campaign in the bucket.
-- ARGV: 1 the openid, 2 the field that it has in 3.
--
-- Returns the values in 1, 2, 3 and 4; false where there is none.
return {
  redis.call('HGET', KEYS[1], ARGV[1]), redis.call('HGET', KEYS[2], ARGV[1]), redis.call('HGET', KEYS[3], ARGV[2]),
  redis.call('GET', KEYS[4])
}
