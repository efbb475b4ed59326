-- Replaces the text of an aggregate, unless the aggregate has changed since the verification.
--
-- KEYS  1 totals or summary  string
-- ARGV  2 text as found: empty without an aggregate, OTHER_TYPE for a key of another type
--       3 new text; empty to delete the aggregate
-- Reply 'done', or 'changed' where the stored text differs from the text as found

if (typed('GET', KEYS[1]) or '') ~= ARGV[2] then return 'changed' end
if ARGV[3] == '' then
  call('DEL', KEYS[1])
else
  call('SET', KEYS[1], ARGV[3])
end
return 'done'
