-- rate: takes tokens of an app, one behind the other, by the server's own clock. It asks for the time, which a script may do before it
-- writes since Redis 5: what is replicated is what it wrote.
--
-- KEYS[1]  when the last token taken has passed, µs.
-- ARGV[1]  for how long the tokens use up the rate. ARGV[2]  how far ahead of their time they are taken. ARGV[3]  what lies further ahead
-- than this was taken before the clock jumped back. All in µs.
--
-- Returns 1 and in how many µs they are good; or 0 and in how many µs to ask again.
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local ahead = tonumber(redis.call('GET', KEYS[1]) or 0) - now
if ahead < 0 or ahead > tonumber(ARGV[3]) then
  ahead = 0
end
if ahead > tonumber(ARGV[2]) then
  return { 0, ahead - ARGV[2] }
end
local passed = ahead + ARGV[1]
redis.call('SET', KEYS[1], string.format('%.0f', now + passed), 'PX', string.format('%.0f', math.ceil(passed / 1000) + 1000))
return { 1, ahead }
