-- Updates the entries of sessions in the session index from the sessions; without sessions, the entry of
-- the course in the course index from the session index.
--
-- KEYS  1 timeline  zset  the course's session ids by o
--       2 courses   zset  the learner's courses by latest o
--       3 and on    sessions
-- ARGV  2 course id  3 and on the session ids, in the order of their keys; all as 16 bytes
-- Reply 'done'
--
-- Reads the sessions again instead of the caller's snapshot: a record may have changed the sessions since.

local FIRST = 3
for i = FIRST, #KEYS do
  local occurred = call('HMGET', KEYS[i], 'o')[1]
  if occurred then
    call('ZADD', KEYS[1], occurred, ARGV[i])
  else
    call('ZREM', KEYS[1], ARGV[i])
  end
end
if #KEYS < FIRST then update_course_index(KEYS[1], KEYS[2], ARGV[2]) end
return 'done'
