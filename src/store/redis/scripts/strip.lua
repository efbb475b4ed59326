-- Removes members that are no ids from an index; without members, deletes a key of another type.
--
-- KEYS  1 an index or an erasure
-- ARGV  2 type of the key: zset or string  3 and on members to remove
-- Reply 'done', or 'changed' for a key without members and of the right type
--
-- No record adds a member without an id, or succeeds on a key of another type.

if ARGV[3] then
  call('ZREM', KEYS[1], unpack(ARGV, 3))
  return 'done'
end
local probe = ARGV[2] == 'zset' and typed('ZCARD', KEYS[1]) or typed('GET', KEYS[1])
if probe ~= OTHER_TYPE then return 'changed' end
call('DEL', KEYS[1])
return 'done'
