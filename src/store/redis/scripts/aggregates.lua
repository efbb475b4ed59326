-- Reads aggregates in one snapshot.
--
-- KEYS  totals or summaries  hash  m, mf, s, sf, t, tf, n, l
-- Reply the fields of each aggregate; the text OTHER_TYPE for a key of another type

local aggregates = {}
for i, key in ipairs(KEYS) do
  aggregates[i] = typed('HMGET', key, 'm', 'mf', 's', 'sf', 't', 'tf', 'n', 'l')
end
return aggregates
