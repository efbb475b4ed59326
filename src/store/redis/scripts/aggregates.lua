-- Reads aggregates, all at one moment.
--
-- KEYS  totals or summaries  hash  m, mf, s, sf, t, tf, n, l
-- Reply the fields of each; a text in the place of what is no hash

local aggregates = {}
for i, key in ipairs(KEYS) do
  aggregates[i] = typed('HMGET', key, 'm', 'mf', 's', 'sf', 't', 'tf', 'n', 'l')
end
return aggregates
