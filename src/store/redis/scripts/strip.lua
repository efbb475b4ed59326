-- Takes members that are no ids out of an index; deletes it where it is no index at all.
--
-- KEYS  1 timeline or courses  zset
-- ARGV  2 and on the members
-- Reply 'done'
--
-- No record makes such, nor can be made where they stand.

if typed('ZCOUNT', KEYS[1], '-inf', '+inf') == OTHER_TYPE then
  call('DEL', KEYS[1])
elseif ARGV[2] then
  call('ZREM', KEYS[1], unpack(ARGV, 2))
end
return 'done'
