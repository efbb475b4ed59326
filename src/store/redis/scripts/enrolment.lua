-- Reads the derived data of an enrolment, a page of the session index, and sessions, at one moment.
--
-- KEYS  1 totals    string
--       2 timeline  zset  the course's session ids by o
--       3 courses   zset  the learner's courses by latest o
--       4 roster    zset  the bucket's learners with sessions in the course
--       5 and on    sessions
-- ARGV  1 course id  2 learner id, as 16 bytes
--       3 score and 4 member of the position after the page; 3 is empty for the end of the index
--       5 maximum number of members of the page
--       6 and on the session ids, in the order of their keys, as 16 bytes
-- Reply the totals; the number of members of the timeline; the score of the course in courses, and of the learner
--       in the roster; the page, members and scores in turns; of each session the score in the timeline and the
--       fields m, s, t, o, d, v. The text OTHER_TYPE for a key of another type

local FIRST = 5
local members = typed('ZCARD', KEYS[2])
local found, sessions = {}, {}
if members ~= OTHER_TYPE then found = page(KEYS[2], '-inf', '+inf', ARGV[3], ARGV[4], ARGV[5]) end
for i = FIRST, #KEYS do
  sessions[#sessions + 1] = {
    typed('ZSCORE', KEYS[2], ARGV[i + 1]),
    typed('HMGET', KEYS[i], 'm', 's', 't', 'o', 'd', 'v'),
  }
end
return {
  typed('GET', KEYS[1]),
  members,
  typed('ZSCORE', KEYS[3], ARGV[1]),
  typed('ZSCORE', KEYS[4], ARGV[2]),
  found,
  sessions,
}
