-- delete: removes a document, if its stored version is the expected one.
--
-- KEYS: 1 the document, 2 the ids of its kind.
-- ARGV: 1 the version expected (8 bytes), 2 the id.
--
-- Returns 1; 0 if another version is stored; -1 if there is none.
local is = redis.call('GETRANGE', KEYS[1], 0, 8)
if is == '' then
  return -1
end
if string.byte(is, 1) ~= 1 then
  return redis.error_reply('ERR minapush format ' .. string.byte(is, 1))
end
if string.sub(is, 2) ~= ARGV[1] then
  return 0
end
redis.call('UNLINK', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[2])
return 1
