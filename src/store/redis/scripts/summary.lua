-- Reads the summary of a bucket, a page of its roster, and the totals of the learners of the page, at one moment.
--
-- KEYS  1 summary  string
--       2 roster   zset   the bucket's learners with sessions in the course
-- ARGV  1 start of the page, as ZRANGE BYLEX takes it  2 maximum number of members of the page
--       3 key of totals without the ids  4 the course id in keys
-- Reply the summary; the members of the page, and the totals of each. The text OTHER_TYPE for a key of another type

local learners = {}
local members = typed('ZRANGE', KEYS[2], ARGV[1], '+', 'BYLEX', 'LIMIT', 0, ARGV[2])
if members ~= OTHER_TYPE then
  for i, id in ipairs(members) do
    local totals = false
    -- A learner with another score is not where requests read the roster.
    if #id == 16 and call('ZSCORE', KEYS[2], id) == '0' then
      totals = typed('GET', ARGV[3] .. base64url(id) .. ':' .. ARGV[4])
    end
    learners[i] = { id, totals }
  end
end
return { typed('GET', KEYS[1]), learners }
