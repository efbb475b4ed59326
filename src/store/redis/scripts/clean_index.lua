-- Removes members that are no ids from an index; deletes a key of another type.
--
-- KEYS  1 timeline or courses  zset
-- ARGV  2 and on members to remove
-- Reply 'done'
--
-- No record adds a member without an id, or can succeed on a key of another type.

if typed('ZCOUNT', KEYS[1], '-inf', '+inf') == OTHER_TYPE then
  call('DEL', KEYS[1])
elseif ARGV[2] then
  call('ZREM', KEYS[1], unpack(ARGV, 2))
end
return 'done'
