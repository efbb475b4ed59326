-- Repairs an aggregate: adds a delta, or replaces an unreadable aggregate.
--
-- KEYS  1 totals or summary  string
-- ARGV  2 text as found: empty without an aggregate, OTHER_TYPE for a key of another type
--       3 'summary' or 'totals'  4 'readable' or 'unreadable', as the text was found
--       5 to 9  delta of the learners, the sessions and the three sums
-- Reply 'done', or 'changed' after another repair or a deletion, and where an unreadable text has changed
--
-- A write changes an aggregate and its sessions alike, so the delta is still the delta of the verification. Every
-- repair raises the revision by 2^32, so that a second repair of the same difference shows.

local REPAIR = 4294967296

local function parsed(text)
  return aggregate(text ~= '' and text, ARGV[3] == 'summary')
end

local text = typed('GET', KEYS[1]) or ''
local stored
if ARGV[4] == 'unreadable' then
  if text ~= ARGV[2] then return 'changed' end
  stored = parsed('')
else
  local found = parsed(ARGV[2])
  if text == OTHER_TYPE or (text == '') ~= (ARGV[2] == '') then return 'changed' end
  stored = parsed(text)
  if math.floor(stored[6] / REPAIR) ~= math.floor(found[6] / REPAIR) then return 'changed' end
end
change(stored, ARGV[5] + 0, ARGV[6] + 0, { ARGV[7], ARGV[8], ARGV[9] })
stored[6] = stored[6] - 1 + REPAIR
write_aggregate(KEYS[1], stored)
return 'done'
