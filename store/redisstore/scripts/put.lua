-- put: writes a document, if its stored version is the expected one.
--
-- KEYS: 1 the document, 2 the ids of its kind, 3 the last version given in its kind.
-- ARGV: 1 the version expected (8 bytes, zeros: it must not exist), 2 the id, 3 the value.
--
-- Returns 1 and the new version, as text; or 0 if another version is stored.
local is = redis.call('GETRANGE', KEYS[1], 0, 8)
if is ~= '' and string.byte(is, 1) ~= 1 then
  return redis.error_reply('ERR minapush format ' .. string.byte(is, 1))
end
if (is == '' and string.rep('\0', 8) or string.sub(is, 2)) ~= ARGV[1] then
  return { 0 }
end
local version = redis.call('INCR', KEYS[3])
redis.call('SET', KEYS[1], '\1' .. struct.pack('>I8', version) .. ARGV[3])
redis.call('ZADD', KEYS[2], 0, ARGV[2])
return { 1, string.format('%.0f', version) }
