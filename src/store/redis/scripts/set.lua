-- Sets an aggregate that cannot be read, if it still is as it was found.
--
-- KEYS  1 totals or summary  hash  m, mf, s, sf, t, tf, n, l
-- ARGV  2 to 9    the fields as they were found, empty for one that is not there; where it was no
--                 hash, the first is a text that says so
--       10 to 17  the fields as they should be, 0 for one that should not be there
-- Reply 'done', or 'changed' where it is not as it was found

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
put(KEYS[1], before, after)
return 'done'
