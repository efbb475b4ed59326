-- Exact sums in Lua, the twin of the Rust type `Decimal` in src/domain/decimal.rs. Prefix of the scripts
-- that calculate sums.
--
-- Redis's Lua has no integers, only doubles, which are exact up to 2^53. So a sum is stored as two whole
-- numbers: units, and a fraction in 1e-15. Both have the sign of the sum, and |fraction| is below 1e15, so
-- every sum has a canonical spelling. A sum stays within 9e15, and a session changes a sum by at most 2e12,
-- so no step with few sessions passes 2^53.
--
-- Fields are texts, or false for a missing field; Lua converts the text operands of a calculation to
-- numbers. Whole numbers are written by the format %d: `tostring` would round large numbers.

local SCALE, LIMIT = 1e15, 9e15
local format = string.format

-- Fields of an aggregate: units and fractions of the sums, sessions, learners.
local FIELDS = { 'm', 'mf', 's', 'sf', 't', 'tf', 'n', 'l' }
local SESSIONS, LEARNERS = 7, 8

-- Returns the contribution of a decimal text ("-12.5", never with an exponent) to a sum: units and the
-- first 15 fractional digits.
local function contribution(text)
  local point = string.find(text, '.', 1, true)
  if not point then return text + 0, 0 end
  local digits = string.sub(text, point + 1, point + 15)
  local fraction = digits .. string.rep('0', 15 - #digits)
  -- By the text: units of zero have no sign.
  if string.byte(text) == 45 then fraction = -fraction end
  return string.sub(text, 1, point - 1) + 0, fraction + 0
end

-- Returns the canonical spelling of a sum whose fraction may be up to three times too large, or of another
-- sign than the units; nil for a sum past the limit.
local function canonical(units, fraction)
  if fraction ~= 0 then
    while fraction >= SCALE do units, fraction = units + 1, fraction - SCALE end
    while fraction <= -SCALE do units, fraction = units - 1, fraction + SCALE end
    if units > 0 and fraction < 0 then
      units, fraction = units - 1, fraction + SCALE
    elseif units < 0 and fraction > 0 then
      units, fraction = units + 1, fraction - SCALE
    end
  end
  if units >= LIMIT and (units > LIMIT or fraction > 0) then return nil end
  if units <= -LIMIT and (units < -LIMIT or fraction < 0) then return nil end
  return units, fraction
end

-- Subtracts the measures of a session, decimal texts of modules, score and time, from the sums of `delta`.
local function subtract(delta, session)
  for i = 1, 3 do
    local units, fraction = contribution(session[i])
    units, fraction = delta[2 * i - 1] - units, delta[2 * i] - fraction
    -- Carry, so that fractions of many sessions do not add up past 2^53.
    if fraction <= -SCALE then
      units, fraction = units - 1, fraction + SCALE
    elseif fraction >= SCALE then
      units, fraction = units + 1, fraction - SCALE
    end
    delta[2 * i - 1], delta[2 * i] = units, fraction
  end
end

-- Returns the fields of the aggregate at `key` after the addition of `delta` to the sums and sessions, and
-- the fields before; nil where a sum would pass the limit. Writes nothing.
local function added(key, delta)
  local before = call('HMGET', key, 'm', 'mf', 's', 'sf', 't', 'tf', 'n', 'l')
  local m, mf = canonical((before[1] or 0) + delta[1], (before[2] or 0) + delta[2])
  local s, sf = canonical((before[3] or 0) + delta[3], (before[4] or 0) + delta[4])
  local t, tf = canonical((before[5] or 0) + delta[5], (before[6] or 0) + delta[6])
  if not (m and s and t) then return nil end
  return { m, mf, s, sf, t, tf, (before[7] or 0) + delta[7], (before[8] or 0) + 0 }, before
end

-- Writes an aggregate. A field of zero is deleted.
local function write_aggregate(key, before, after)
  local first, step = 1, 1
  if after[1] ~= 0 and after[3] ~= 0 and after[5] ~= 0 and after[7] ~= 0 then
    -- The common case: one call for four fields, without a table of arguments, which would cost as much
    -- as the call.
    call('HSET', key, 'm', format('%d', after[1]), 's', format('%d', after[3]),
      't', format('%d', after[5]), 'n', format('%d', after[7]))
    first, step = 2, 2
  end
  for i = first, #FIELDS, step do
    local text = after[i] ~= 0 and format('%d', after[i])
    if text and text ~= before[i] then
      call('HSET', key, FIELDS[i], text)
    elseif before[i] and not text then
      call('HDEL', key, FIELDS[i])
    end
  end
end
