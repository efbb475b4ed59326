-- Reads the summary of a bucket, a page of its roster, and totals of learners, at one moment.
--
-- KEYS  1 summary  string
--       2 roster   zset  the bucket's learners with sessions in the course
--       3 and on   totals
-- ARGV  1 start of the page, as ZRANGE BYLEX takes it  2 maximum number of members of the page
--       3 and on the learner ids, in the order of their totals, as 16 bytes
-- Reply the summary; the page; of each learner the score in the roster, and the totals. The text OTHER_TYPE for a
--       key of another type

local FIRST = 3
local members = typed('ZRANGE', KEYS[2], ARGV[1], '+', 'BYLEX', 'LIMIT', 0, ARGV[2])
if members == OTHER_TYPE then members = {} end
local learners = {}
for i = FIRST, #KEYS do
  learners[#learners + 1] = { typed('ZSCORE', KEYS[2], ARGV[i]), typed('GET', KEYS[i]) }
end
return { typed('GET', KEYS[1]), members, learners }
