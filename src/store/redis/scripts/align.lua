-- Aligns sessions' entries in their timeline with the sessions as they are; without sessions, the
-- course's entry in the learner's list with the timeline.
--
-- KEYS  1 timeline  zset  the course's session ids by o
--       2 courses   zset  the learner's courses by latest o
--       3 and on    the sessions
-- ARGV  2 course id  3 and on the sessions' ids, in the order of their keys; all as 16 bytes
-- Reply 'done'
--
-- It goes by what is there now and not by what was found before: a record may have come in between.

local FIRST = 3
for i = FIRST, #KEYS do
  local occurred = call('HMGET', KEYS[i], 'o')[1]
  if occurred then
    call('ZADD', KEYS[1], occurred, ARGV[i])
  else
    call('ZREM', KEYS[1], ARGV[i])
  end
end
if #KEYS < FIRST then enter(KEYS[1], KEYS[2], ARGV[2]) end
return 'done'
