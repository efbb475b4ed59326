-- Exact sums in Lua, the twin of the Rust type `Decimal` in src/domain/decimal.rs. This text stands
-- in front of every script that needs it.
--
-- Redis's Lua knows no integers, only doubles, which are exact up to 2^53. So a sum is kept as two
-- whole numbers: its units, and its fraction in 1e-15. Both have the sum's sign and |fraction| is
-- below 1e15, so that a sum has one spelling only. Sums stay within 9e15 and one session moves one by
-- no more than 2e12, so that no step here passes 2^53 where few are moved at once.
--
-- Fields come as text, or false where they are missing; Lua makes a number of a text that it
-- calculates with. Whole numbers go out by the format %d: `tostring` would round them.

local SCALE, LIMIT = 1e15, 9e15
local format = string.format

-- The fields of an aggregate: the sums' units and fractions, sessions, learners.
local FIELDS = { 'm', 'mf', 's', 'sf', 't', 'tf', 'n', 'l' }
local SESSIONS, LEARNERS = 7, 8

-- What a decimal text ("-12.5", never with an exponent) contributes to a sum: its units and its
-- first 15 fractional digits.
local function contribution(text)
  local point = string.find(text, '.', 1, true)
  if not point then return text + 0, 0 end
  local digits = string.sub(text, point + 1, point + 15)
  local fraction = digits .. string.rep('0', 15 - #digits)
  -- The sign stands in front of units that may be zero, so it is read off the text.
  if string.byte(text) == 45 then fraction = -fraction end
  return string.sub(text, 1, point - 1) + 0, fraction + 0
end

-- The one spelling of a sum whose fraction may be up to three times too large, or of another sign
-- than the units; nil where the sum is past the limit.
local function sum(units, fraction)
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

-- Takes a session, its modules, score and time as decimal texts, out of the sums of `delta`.
local function take(delta, session)
  for i = 1, 3 do
    local units, fraction = contribution(session[i])
    units, fraction = delta[2 * i - 1] - units, delta[2 * i] - fraction
    -- So that the fractions of many do not add up past 2^53.
    if fraction <= -SCALE then
      units, fraction = units - 1, fraction + SCALE
    elseif fraction >= SCALE then
      units, fraction = units + 1, fraction - SCALE
    end
    delta[2 * i - 1], delta[2 * i] = units, fraction
  end
end

-- The aggregate at `key` with `delta` added to its sums and sessions, and as it was before; nil
-- where a sum would pass the limit. Nothing is written yet.
local function added(key, delta)
  local before = call('HMGET', key, 'm', 'mf', 's', 'sf', 't', 'tf', 'n', 'l')
  local m, mf = sum((before[1] or 0) + delta[1], (before[2] or 0) + delta[2])
  local s, sf = sum((before[3] or 0) + delta[3], (before[4] or 0) + delta[4])
  local t, tf = sum((before[5] or 0) + delta[5], (before[6] or 0) + delta[6])
  if not (m and s and t) then return nil end
  return { m, mf, s, sf, t, tf, (before[7] or 0) + delta[7], (before[8] or 0) + 0 }, before
end

-- Writes an aggregate. A field that is zero is left out.
local function put(key, before, after)
  local first, step = 1, 1
  if after[1] ~= 0 and after[3] ~= 0 and after[5] ~= 0 and after[7] ~= 0 then
    -- Nearly always. One call for the four, and no table of its arguments, which would cost as much
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
