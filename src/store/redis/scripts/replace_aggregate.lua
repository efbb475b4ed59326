-- Replaces an unreadable aggregate, unless the aggregate has changed since the verification.
--
-- KEYS  1 totals or summary  hash  m, mf, s, sf, t, tf, n, l
-- ARGV  2 to 9    fields as found, empty for a missing field; for a key of another type, OTHER_TYPE in 2
--       10 to 17  expected fields, 0 for a field to delete
-- Reply 'done', or 'changed' where the stored fields differ from the fields as found

local before = typed('HMGET', KEYS[1], unpack(FIELDS))
if before == OTHER_TYPE then
  if ARGV[2] ~= OTHER_TYPE then return 'changed' end
  call('DEL', KEYS[1])
  before = {}
else
  for i = 1, #FIELDS do
    if (before[i] or '') ~= ARGV[1 + i] then return 'changed' end
  end
end
local after = {}
for i = 1, #FIELDS do after[i] = ARGV[9 + i] + 0 end
write_aggregate(KEYS[1], before, after)
return 'done'
