-- Exact sums in Lua, the twin of the Rust type `Decimal` in src/domain/decimal.rs. This text stands
-- in front of every script that needs it.
--
-- Redis's Lua knows no integers, only doubles, which are exact up to 2^53. So a sum is kept as two
-- whole numbers: its units, and its fraction in 1e-15. Both have the sum's sign and |fraction| is
-- below 1e15, so that a sum has one spelling only. Sums stay within 9e15 and one record adds no
-- more than 2e12, so that no step here passes 2^53.

local SCALE = 1e15
local LIMIT = 9e15

-- What a decimal text ("-12.5", never with an exponent) contributes to a sum: its units and its
-- first 15 fractional digits.
local function contribution(text)
  local point = string.find(text, '.', 1, true)
  if not point then return tonumber(text), 0 end
  local digits = string.sub(text, point + 1, point + 15)
  local fraction = tonumber(digits .. string.rep('0', 15 - #digits))
  -- The sign stands in front of units that may be zero, so it is read off the text.
  if string.byte(text) == 45 then fraction = -fraction end
  return tonumber(string.sub(text, 1, point - 1)), fraction
end

-- The one spelling of a sum whose fraction may be up to three times too large, or of another sign
-- than the units.
local function normal(units, fraction)
  while fraction >= SCALE do units, fraction = units + 1, fraction - SCALE end
  while fraction <= -SCALE do units, fraction = units - 1, fraction + SCALE end
  if units > 0 and fraction < 0 then return units - 1, fraction + SCALE end
  if units < 0 and fraction > 0 then return units + 1, fraction - SCALE end
  return units, fraction
end

local function within_limit(units, fraction)
  if units == LIMIT then return fraction <= 0 end
  if units == -LIMIT then return fraction >= 0 end
  return units < LIMIT and units > -LIMIT
end

-- A whole number as text. `tostring` would round it, or write an exponent.
local function text_of(whole)
  return string.format('%.0f', whole)
end

-- Plans to move one whole-number field of a hash: to set it, or to delete it where it becomes zero.
-- `before` is its text, or false where it is missing.
local function plan(move, field, before, after)
  if after ~= 0 then
    local set = move.set
    set[#set + 1] = field
    set[#set + 1] = text_of(after)
  elseif before then
    move.delete[#move.delete + 1] = field
  end
end

-- Plans to add `delta` (units and fraction of m, s and t) to the sums of the hash `key`, and the
-- counts to its further fields `names`. Returns the plan and the texts of those fields as they were,
-- or nil where a sum would pass the limit. Nothing is written yet.
local function plan_addition(key, delta, names)
  local before = redis.call('HMGET', key, 'm', 'mf', 's', 'sf', 't', 'tf', unpack(names))
  local move = { key = key, set = {}, delete = {} }
  for i, field in ipairs({ 'm', 's', 't' }) do
    local at = 2 * i - 1
    local units, fraction = normal(
      tonumber(before[at] or 0) + delta[at],
      tonumber(before[at + 1] or 0) + delta[at + 1])
    if not within_limit(units, fraction) then return nil end
    plan(move, field, before[at], units)
    plan(move, field .. 'f', before[at + 1], fraction)
  end
  return move, before[7], before[8]
end

local function carry_out(move)
  if #move.set > 0 then redis.call('HSET', move.key, unpack(move.set)) end
  if #move.delete > 0 then redis.call('HDEL', move.key, unpack(move.delete)) end
end
