-- Deletes sessions of an enrolment, and subtracts their measures from every aggregate.
--
-- KEYS  1 totals    hash  n, m, mf, s, sf, t, tf of the learner in the course
--       2 timeline  zset  the course's session ids by o
--       3 courses   zset  the learner's courses by latest o
--       4 summary   hash  l, n, m, mf, s, sf, t, tf of the course in this bucket
--       5 and on    sessions
-- ARGV  2 course id  3 and on the session ids, in the order of their keys; all as 16 bytes
-- Reply 'deleted' and the number of sessions that existed; 'limit' where a sum would pass the limit
--
-- Atomic: the aggregates always equal the remaining sessions. The caller limits the number of sessions to
-- a few milliseconds of Redis's only thread.

local FIRST = 5
local found, ids = {}, {}
local delta = { 0, 0, 0, 0, 0, 0, 0 }
for i = FIRST, #KEYS do
  local session = call('HMGET', KEYS[i], 'm', 's', 't')
  if session[1] then
    subtract(delta, session)
    found[#found + 1] = KEYS[i]
  end
  ids[#ids + 1] = ARGV[i - FIRST + 3]
end
delta[SESSIONS] = -#found

local totals, totals_before = added(KEYS[1], delta)
local summary, summary_before = added(KEYS[4], delta)
if not totals or not summary then return 'limit' end
if totals_before[SESSIONS] and totals[SESSIONS] == 0 then
  summary[LEARNERS] = summary[LEARNERS] - 1
end

if #found > 0 then
  call('DEL', unpack(found))
  write_aggregate(KEYS[1], totals_before, totals)
  write_aggregate(KEYS[4], summary_before, summary)
end
if #ids > 0 then call('ZREM', KEYS[2], unpack(ids)) end
update_course_index(KEYS[2], KEYS[3], ARGV[2])
return string.format('deleted %d', #found)
