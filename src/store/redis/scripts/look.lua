-- Looks at a learner's course and at some of its sessions, all at one moment.
--
-- KEYS  1 totals    hash  m, mf, s, sf, t, tf, n, l
--       2 timeline  zset  the course's session ids by o
--       3 courses   zset  the learner's courses by latest o
--       4 and on    the sessions
-- ARGV  1 course id  2 and on the sessions' ids, in the order of their keys; all as 16 bytes
-- Reply the totals; how many entries the timeline has; the course's score among the courses; of each
--       session its score in the timeline and its m, s, t, o, d. In the place of what is of another
--       type than it should be, a text that says so
--
-- One call, so that what is compared is of one moment. The caller keeps it short.

local FIRST = 4
local sessions = {}
for i = FIRST, #KEYS do
  sessions[#sessions + 1] = {
    typed('ZSCORE', KEYS[2], ARGV[i - FIRST + 2]),
    typed('HMGET', KEYS[i], 'm', 's', 't', 'o', 'd'),
  }
end
return {
  typed('HMGET', KEYS[1], 'm', 'mf', 's', 'sf', 't', 'tf', 'n', 'l'),
  typed('ZCOUNT', KEYS[2], '-inf', '+inf'),
  typed('ZSCORE', KEYS[3], ARGV[1]),
  sessions,
}
