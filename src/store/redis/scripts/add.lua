-- Adds to an aggregate what it lacks.
--
-- KEYS  1 totals or summary  hash  m, mf, s, sf, t, tf, n, l
-- ARGV  2 to 9  what is added to each field
-- Reply 'done', or 'changed' where a sum would pass its limit
--
-- Writes move an aggregate and its sessions alike, so it lacks the same now as when that was found out.
-- Where it lacks nothing, it is spelled as it should be.

local delta = {}
for i = 1, #FIELDS do delta[i] = ARGV[1 + i] + 0 end
local after, before = added(KEYS[1], delta)
if not after then return 'changed' end
after[LEARNERS] = after[LEARNERS] + delta[LEARNERS]
put(KEYS[1], before, after)
return 'done'
