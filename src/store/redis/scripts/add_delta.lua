-- Adds a delta to an aggregate, to repair a difference.
--
-- KEYS  1 totals or summary  hash  m, mf, s, sf, t, tf, n, l
-- ARGV  2 to 9  delta of each field
-- Reply 'done', or 'changed' where a sum would pass the limit
--
-- A write changes an aggregate and its sessions alike, so the difference is still the difference of the
-- verification. A delta of zero rewrites the fields in the canonical spelling.

local delta = {}
for i = 1, #FIELDS do delta[i] = ARGV[1 + i] + 0 end
local after, before = added(KEYS[1], delta)
if not after then return 'changed' end
after[LEARNERS] = after[LEARNERS] + delta[LEARNERS]
write_aggregate(KEYS[1], before, after)
return 'done'
