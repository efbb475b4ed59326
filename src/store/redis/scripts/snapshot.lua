-- Reads an enrolment and a part of its sessions in one snapshot.
--
-- KEYS  1 totals    hash  m, mf, s, sf, t, tf, n, l
--       2 timeline  zset  the course's session ids by o
--       3 courses   zset  the learner's courses by latest o
--       4 and on    sessions
-- ARGV  1 course id  2 and on the session ids, in the order of their keys; all as 16 bytes
-- Reply the totals; the number of entries of the timeline; the score of the course in courses; of each
--       session the score in the timeline and the fields m, s, t, o, d. The text OTHER_TYPE for a key of
--       another type
--
-- Atomic: the caller compares values of the same moment. The caller limits the number of sessions.

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
