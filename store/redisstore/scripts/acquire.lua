-- acquire: takes the lease of a shard if nobody holds it. It ends by the server's own clock.
--
-- KEYS[1]  the lease. KEYS[2]  the last number given to one.
-- ARGV[1]  the owner. ARGV[2]  how long it lives, ms.
--
-- Returns 1 and the number of the new lease, as text; or 0, what the lease is, and for how many ms more at most.
local held = redis.call('GET', KEYS[1])
if held then
  return { 0, held, redis.call('PTTL', KEYS[1]) }
end
local number = string.format('%.0f', redis.call('INCR', KEYS[2]))
redis.call('SET', KEYS[1], number .. ':' .. ARGV[1], 'PX', ARGV[2])
return { 1, number }
