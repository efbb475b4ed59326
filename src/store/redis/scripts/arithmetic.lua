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
  local before, after = call('HMGET', key, unpack(FIELDS)), {}
  for i = 1, 5, 2 do
    local units, fraction = sum((before[i] or 0) + delta[i], (before[i + 1] or 0) + delta[i + 1])
    if not units then return nil end
    after[i], after[i + 1] = units, fraction
  end
  after[SESSIONS] = (before[SESSIONS] or 0) + delta[SESSIONS]
  after[LEARNERS] = (before[LEARNERS] or 0) + 0
  return after, before
end

-- Writes an aggregate. A field that is zero is left out.
local function put(key, before, after)
  local set, size = { 'HSET', key }, 2
  for i, field in ipairs(FIELDS) do
    if after[i] ~= 0 then
      set[size + 1], set[size + 2] = field, string.format('%d', after[i])
      size = size + 2
    elseif before[i] then
      call('HDEL', key, field)
    end
  end
  if size > 2 then call(unpack(set)) end
end
