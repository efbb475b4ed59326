-- Stores an erasure of an export, unless a later erasure is stored.
--
-- KEYS  1 erased  string  time of the erasure, in ms
-- ARGV  2 time of the erasure  3 time when it expires, both in ms since 1970
-- Reply 'done', or 'changed' for an expired erasure

if ARGV[3] + 0 <= millis then return 'changed' end
local former = call('GET', KEYS[1])
local as_of, expires = ARGV[2], ARGV[3]
if former then
  if former + 0 > as_of + 0 then as_of = former end
  expires = string.format('%d', math.max(expires + 0, call('PEXPIRETIME', KEYS[1])))
end
call('SET', KEYS[1], as_of, 'PXAT', expires)
return 'done'
