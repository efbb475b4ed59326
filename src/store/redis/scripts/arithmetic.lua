-- Exact sums in Lua, the twin of the Rust type `Decimal` in src/domain/decimal.rs, and the texts of aggregates.
-- Prefix of the scripts that calculate sums.
--
-- A number is its canonical decimal text, with up to 22 places and any number of units: "-12.5", never "12.50",
-- "+1" or "1e3". Redis's Lua has only doubles, which are exact for whole numbers up to 2^53: texts with few
-- digits are added as doubles, longer texts in limbs. No step passes 2^53.
--
-- An aggregate is a text: `sessions modules score time revision`, in a summary with the number of learners in
-- front.

local byte, find, format = string.byte, string.find, string.format
local match, rep, sub = string.match, string.rep, string.sub

-- Bases of the limbs: 11 digits of the fraction, 12 digits of the units.
local FRACTION, UNITS = 1e11, 1e12
-- Maximum length of texts that doubles add exactly: 13 digits, a point and a sign.
local SHORT = 14
-- Formats with 1 to 4 places.
local FIXED = { '%.1f', '%.2f', '%.3f', '%.4f' }

-- Returns the limbs of a number, each with the sign of the number: millions of millions, units, the first and
-- the last 11 places.
local function limbs(text)
  local sign, units, places = match(text, '^(-?)(%d+)%.?(%d*)$')
  places = places .. rep('0', 22 - #places)
  local high, low = 0, units
  if #units > 12 then high, low = sub(units, 1, -13) + 0, sub(units, -12) end
  local by = sign == '-' and -1 or 1
  return by * high, by * low, by * sub(places, 1, 11), by * sub(places, 12)
end

-- Returns the limbs with all but the first from 0 to their base.
local function carried(high, low, first, last)
  local carry = math.floor(last / FRACTION)
  first, last = first + carry, last - carry * FRACTION
  carry = math.floor(first / FRACTION)
  low, first = low + carry, first - carry * FRACTION
  carry = math.floor(low / UNITS)
  return high + carry, low - carry * UNITS, first, last
end

-- Returns the text of a number by its limbs.
local function text_of(high, low, first, last)
  local sign = ''
  high, low, first, last = carried(high, low, first, last)
  if high < 0 then
    sign = '-'
    high, low, first, last = carried(-high, -low, -first, -last)
  end
  local units = high > 0 and format('%d%012d', high, low) or format('%d', low)
  if first == 0 and last == 0 then return sign .. units end
  return sign .. units .. '.' .. match(format('%011d%011d', first, last), '^(.-)0*$')
end

-- Returns a text without the zeros at the end of the fraction.
local function stripped(text)
  if byte(text, -1) ~= 48 then return text end
  text = match(text, '^(.-)%.?0*$')
  return text == '-0' and '0' or text
end

-- Returns the sum of two numbers.
local function add(a, b)
  if a == '0' then return b end
  if b == '0' then return a end
  if #a <= SHORT and #b <= SHORT then
    local x, y = a + 0, b + 0
    if x % 1 == 0 and y % 1 == 0 then return format('%d', x + y) end
    -- The sum of two doubles, each nearest to its text, is nearer to the exact sum than half of the last place.
    local point_a, point_b = find(a, '.', 1, true), find(b, '.', 1, true)
    local places_a, places_b = point_a and #a - point_a or 0, point_b and #b - point_b or 0
    local places = places_a > places_b and places_a or places_b
    if places <= #FIXED and #a - places_a + places <= SHORT and #b - places_b + places <= SHORT then
      return stripped(format(FIXED[places], x + y))
    end
  end
  local high_a, low_a, first_a, last_a = limbs(a)
  local high_b, low_b, first_b, last_b = limbs(b)
  return text_of(high_a + high_b, low_a + low_b, first_a + first_b, last_a + last_b)
end

-- Returns the opposite number.
local function negative(text)
  if text == '0' then return text end
  return sub(text, 1, 1) == '-' and sub(text, 2) or '-' .. text
end

-- Returns whether the magnitude of a number is at most 9e15.
local function is_within_limit(text)
  if #text < 16 then return true end
  local units, point = match(text, '^-?(%d+)(%.?)')
  if #units < 16 then return true end
  return #units == 16 and (units + 0 < 9e15 or (units + 0 == 9e15 and point == ''))
end

-- Returns an aggregate: learners (false for totals), sessions, three sums and the revision; an error for a text
-- that is no aggregate. Without a text, the empty aggregate.
local function aggregate(text, is_summary)
  if not text then return { is_summary and 0, 0, '0', '0', '0', 0 } end
  local learners, rest = false, text
  if is_summary then learners, rest = match(text, '^(-?%d+) (.*)$') end
  local sessions, modules, score, time, revision =
    match(rest or '', '^(-?%d+) (-?%d+%.?%d*) (-?%d+%.?%d*) (-?%d+%.?%d*) (%d+)$')
  if not sessions then error({ err = 'ERR a stored aggregate is not readable' }) end
  return { learners and learners + 0, sessions + 0, modules, score, time, revision + 0 }
end

-- Adds numbers of learners and sessions, and three sums, to an aggregate.
local function change(stored, learners, sessions, sums)
  if stored[1] then stored[1] = stored[1] + learners end
  stored[2] = stored[2] + sessions
  for i = 1, 3 do stored[2 + i] = add(stored[2 + i], sums[i]) end
  stored[6] = stored[6] + 1
end

-- Writes an aggregate; deletes an aggregate without learners, sessions and sums.
local function write_aggregate(key, stored)
  local learners, sessions, modules, score, time, revision = unpack(stored, 1, 6)
  if sessions == 0 and modules == '0' and score == '0' and time == '0' and (learners or 0) == 0 then
    call('DEL', key)
  elseif learners then
    call('SET', key, format('%d %d %s %s %s %d', learners, sessions, modules, score, time, revision))
  else
    call('SET', key, format('%d %s %s %s %d', sessions, modules, score, time, revision))
  end
end
