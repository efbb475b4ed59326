-- Notes that a learner is erased as of now: records that occurred no later are refused.
--
-- KEYS  1 erased  string  when, in ms
-- ARGV  2 how long to remember it, in ms
-- Reply 'erased'
--
-- A clock that went back does not take an erasure back.

local former = call('GET', KEYS[1])
if former then millis = math.max(millis, former + 0) end
call('SET', KEYS[1], string.format('%d', millis), 'PX', ARGV[2])
return 'erased'
