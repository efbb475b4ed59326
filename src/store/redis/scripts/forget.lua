-- Forgets sessions of a learner in a course, and takes them out of every aggregate.
--
-- KEYS  1 totals    hash  n, m, mf, s, sf, t, tf of the learner in the course
--       2 timeline  zset  the course's session ids by o
--       3 courses   zset  the learner's courses by latest o
--       4 summary   hash  l, n, m, mf, s, sf, t, tf of the course in this bucket
--       5 and on    the sessions
-- ARGV  2 course id  3 and on the sessions' ids, in the order of their keys; all as 16 bytes
-- Reply 'forgotten' and how many of them there were; 'limit' where a sum would pass its limit
--
-- One call, so that what is left is always what is counted. The caller keeps it short: it names no
-- more sessions than Redis can forget within a few milliseconds.

local FIRST = 5
local found, ids = {}, {}
local delta = { 0, 0, 0, 0, 0, 0, 0 }
for i = FIRST, #KEYS do
  local session = call('HMGET', KEYS[i], 'm', 's', 't')
  if session[1] then
    take(delta, session)
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
  put(KEYS[1], totals_before, totals)
  put(KEYS[4], summary_before, summary)
end
if #ids > 0 then call('ZREM', KEYS[2], unpack(ids)) end
enter(KEYS[2], KEYS[3], ARGV[2])
return string.format('forgotten %d', #found)
