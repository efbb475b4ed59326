-- Reads the derived data of an enrolment, a page of the session index, and the sessions of the page, at one moment.
--
-- KEYS  1 totals    string
--       2 timeline  zset  the course's session ids by o
--       3 courses   zset  the learner's courses by latest o
--       4 roster    zset  the bucket's learners with sessions in the course
-- ARGV  1 course id  2 learner id, as 16 bytes
--       3 key of a session without the id
--       4 score and 5 member of the position after the page; 4 is empty for the end of the index
--       6 maximum number of members of the page
--       7 and on the ids of further sessions, as 16 bytes
-- Reply the totals; 'index' for a timeline; the score of the course in courses, and of the learner in the roster;
--       the number of members of the page; of each member of the page, ascending, and of each further session: the member, its score in
--       the timeline, and the fields m, s, t, o, d, v. The text OTHER_TYPE for a key of another type

local index = typed('ZCARD', KEYS[2]) == OTHER_TYPE and OTHER_TYPE or 'index'
local found = {}

local function add_session(id, score)
  local fields = false
  if #id == 16 then fields = typed('HMGET', ARGV[3] .. base64url(id), 'm', 's', 't', 'o', 'd', 'v') end
  found[#found + 1] = { id, score, fields }
end

if index ~= OTHER_TYPE then
  local entries = page(KEYS[2], '-inf', '+inf', ARGV[4], ARGV[5], ARGV[6])
  for i = 1, #entries, 2 do add_session(entries[i], entries[i + 1]) end
end
local count = #found
for i = 7, #ARGV do add_session(ARGV[i], index ~= OTHER_TYPE and call('ZSCORE', KEYS[2], ARGV[i])) end
return {
  typed('GET', KEYS[1]),
  index,
  typed('ZSCORE', KEYS[3], ARGV[1]),
  typed('ZSCORE', KEYS[4], ARGV[2]),
  count,
  found,
}
