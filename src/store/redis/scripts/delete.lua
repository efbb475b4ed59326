-- Deletes sessions of an enrolment, and subtracts their measures from every aggregate.
--
-- KEYS  1 totals    string  of the learner in the course
--       2 timeline  zset    the course's session ids by o
--       3 courses   zset    the learner's courses by latest o
--       4 summary   string  of the course in this bucket
--       5 roster    zset    the bucket's learners with sessions in the course
--       6 and on    sessions
-- ARGV  2 course id  3 learner id  4 and on the session ids, in the order of their keys; all as 16 bytes
-- Reply 'deleted' and the number of sessions that existed
--
-- Atomic: the aggregates always equal the remaining sessions. The caller limits the number of sessions to
-- a few milliseconds of Redis's only thread.

local FIRST = 6
local found, ids, sums = {}, {}, { '0', '0', '0' }
for i = FIRST, #KEYS do
  local session = call('HMGET', KEYS[i], 'm', 's', 't')
  if session[1] then
    for j = 1, 3 do sums[j] = add(sums[j], negative(session[j])) end
    found[#found + 1] = KEYS[i]
  end
  ids[#ids + 1] = ARGV[i - FIRST + 4]
end

if #found > 0 then
  local totals, summary = aggregate(call('GET', KEYS[1]), false), aggregate(call('GET', KEYS[4]), true)
  change(totals, 0, -#found, sums)
  change(summary, totals[2] == 0 and -1 or 0, -#found, sums)
  call('DEL', unpack(found))
  if totals[2] == 0 then call('ZREM', KEYS[5], ARGV[3]) end
  write_aggregate(KEYS[1], totals)
  write_aggregate(KEYS[4], summary)
end
if #ids > 0 then call('ZREM', KEYS[2], unpack(ids)) end
update_course_index(KEYS[2], KEYS[3], ARGV[2])
return string.format('deleted %d', #found)
