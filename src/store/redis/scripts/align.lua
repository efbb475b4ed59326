-- Makes the entries of sessions in the session index agree with the sessions, and the entries of the enrolment in
-- the course index and in the roster with the session index.
--
-- KEYS  1 timeline  zset  the course's session ids by o
--       2 courses   zset  the learner's courses by latest o
--       3 roster    zset  the bucket's learners with sessions in the course
--       4 and on    sessions
-- ARGV  2 course id  3 learner id  4 and on the session ids, in the order of their keys; all as 16 bytes
-- Reply 'done'
--
-- Reads the sessions again instead of the caller's snapshot: a record may have changed the sessions since.

local FIRST = 4
for i = FIRST, #KEYS do
  local occurred = call('HMGET', KEYS[i], 'o')[1]
  if occurred then
    call('ZADD', KEYS[1], occurred, ARGV[i])
  else
    call('ZREM', KEYS[1], ARGV[i])
  end
end
if update_course_index(KEYS[1], KEYS[2], ARGV[2]) then
  call('ZADD', KEYS[3], 0, ARGV[3])
else
  call('ZREM', KEYS[3], ARGV[3])
end
return 'done'
