-- renew: moves the end of a lease, or ends it.
--
-- KEYS[1]  the lease. ARGV[1]  what it must be. ARGV[2]  how long it lives from now, ms; 0 ends it.
--
-- Returns 1, or 0 if the lease is not this one.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
if ARGV[2] == '0' then
  return redis.call('DEL', KEYS[1])
end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
