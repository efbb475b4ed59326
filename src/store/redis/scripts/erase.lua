-- Writes the tombstone of a learner: records of sessions that occurred no later are refused.
--
-- KEYS  1 erased   string  time of the erasure, in ms
--       2 courses  zset    the learner's courses by latest o
-- ARGV  2 lifetime of the tombstone, in ms
-- Reply 'erased'
--
-- The time is the latest of now, the time of a former erasure, which stays after a jump of the clock back, and
-- the learner's latest session: the same record of a session that was stamped ahead must not bring the learner
-- back.

local former = call('GET', KEYS[1])
local latest = call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')[2]
if former then millis = math.max(millis, former + 0) end
if latest then millis = math.max(millis, latest + 0) end
call('SET', KEYS[1], string.format('%d', millis), 'PX', ARGV[2])
return 'erased'
