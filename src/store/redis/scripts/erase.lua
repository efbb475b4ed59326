-- Writes the tombstone of a learner as of now: records of sessions that occurred no later are refused.
--
-- KEYS  1 erased  string  time of the erasure, in ms
-- ARGV  2 lifetime of the tombstone, in ms
-- Reply 'erased'
--
-- An erasure stays after a jump of the clock back: the later time is written.

local former = call('GET', KEYS[1])
if former then millis = math.max(millis, former + 0) end
call('SET', KEYS[1], string.format('%d', millis), 'PX', ARGV[2])
return 'erased'
