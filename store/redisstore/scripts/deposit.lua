-- deposit: adds permits to a user in one step, where it is plain that they are new. They are plainly new to a user who is not there,
-- and to one whose value holds none of their probes (store/record); then they go to its end as a delta. Whatever needs a closer look
-- is given back to be decided by store/record, and written by commit.
--
-- KEYS[1]  the users of the shard. KEYS[2]  its counters.
-- ARGV: 1 openid, 2 the user's value if it is not there, 3 the delta, 4 what there is to know about it, packed: 1 if only a new user can
-- take it (1 byte), how many sections it may add (1), how many permits it may add to one (2), how many sections (2) and permits in one (2)
-- a user may have, how many deltas a value may gather (1), how many counters n it moves (1), how many sections m may have permits to pair
-- with (1); 5 the probes of permits that are gone, 8 bytes each; 6 the probes of permits to pair with, 10 bytes each: evidence as in the
-- flags of an entry (1), first and last second in which they were taken (4 each), with how many same bytes these begin (1); then n pairs
-- field, number; then the m sections; then the probes of permits that are there.
--
-- Returns 1: the user is new. 2: added. Else the user's value, and nothing is changed.
local v = redis.call('HGET', KEYS[1], ARGV[1])
local only, addS, addL, maxS, maxL, maxDeltas, counters, pairIn = struct.unpack('>BBHHHBBB', ARGV[4])
local probes = 7 + 2 * counters

-- Whether the value has an entry to pair with: flags with that evidence, and right behind them a second in that time. It looks for what
-- all seconds in that time begin with, mostly 2 bytes, and then at each place closely.
local function taken(v, i)
  local evidence, first, last, same = struct.unpack('>BI4I4B', ARGV[6], i)
  local head, at = string.sub(ARGV[6], i + 1, i + same), 10
  while true do
    at = string.find(v, head, at + 1, true)
    if not at then
      return false
    end
    local flags, a, b, c, d = string.byte(v, at - 1, at + 3)
    if not d then
      return false
    end
    local second = ((a * 256 + b) * 256 + c) * 256 + d
    if first <= second and second <= last and flags % 64 - flags % 16 == evidence then
      return true
    end
  end
end

if not v then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
  redis.call('HINCRBY', KEYS[2], 'g', 1)
else
  -- Format, stamp, state (how many deltas; 64: permits that are gone are known; 128: is being erased), bounds of sections and of the
  -- largest: docs/storage.md.
  local format, s1, s2, s3, s4, state, sections, hi, lo = string.byte(v, 1, 9)
  if format ~= 1 or only == 1 or state >= 128 or state % 64 >= maxDeltas then
    return v
  end
  sections = sections + addS
  local largest = hi * 256 + lo + addL
  if sections > maxS or largest > maxL then
    return v
  end
  for i = 1, #ARGV[6], 10 do
    if taken(v, i) then
      for j = probes, probes + pairIn - 1 do
        if string.find(v, ARGV[j], 10, true) then
          return v
        end
      end
    end
  end
  for i = probes + pairIn, #ARGV do
    if string.find(v, ARGV[i], 10, true) then
      return v
    end
  end
  if state >= 64 then
    for i = 1, #ARGV[5], 8 do
      if string.find(v, string.sub(ARGV[5], i, i + 7), 10, true) then
        return v
      end
    end
  end
  s4 = s4 + 1
  if s4 == 256 then
    s4, s3 = 0, s3 + 1
    if s3 == 256 then
      s3, s2 = 0, s2 + 1
      if s2 == 256 then
        s2, s1 = 0, (s1 + 1) % 256
      end
    end
  end
  lo = largest % 256
  local head = string.char(1, s1, s2, s3, s4, state + 1, sections, (largest - lo) / 256, lo)
  redis.call('HSET', KEYS[1], ARGV[1], head .. string.sub(v, 10) .. ARGV[3])
end
if counters == 0 then
  redis.call('HINCRBY', KEYS[2], 'w', 1) -- every write changes one of the counters
end
for i = 7, probes - 1, 2 do
  redis.call('HINCRBY', KEYS[2], ARGV[i], ARGV[i + 1])
end
return v and 2 or 1
