-- Pages of indexes: members of a sorted set in the order of score and then bytes.

local call = redis.call

-- Returns whether a precedes b in the order of bytes. The operator < of Lua follows the server's locale.
local function precedes(a, b)
  for i = 1, #a do
    local x, y = string.byte(a, i), string.byte(b, i) or -1
    if x ~= y then return x < y end
  end
  return #a < #b
end

-- Returns the last members before a position, at most `count`, with scores from `low` to `high`, ascending,
-- members and scores in turns. An empty `score` is the position after the last member.
--
-- By rank, with a binary search among equal scores: the time of a page does not depend on the number of
-- equal scores.
local function page(index, low, high, score, member, count)
  local stop = call('ZCOUNT', index, '-inf', high)
  if score ~= '' then
    local first, last = call('ZCOUNT', index, '-inf', '(' .. score), call('ZCOUNT', index, '-inf', score)
    while first < last do
      local middle = math.floor((first + last) / 2)
      if precedes(call('ZRANGE', index, middle, middle)[1], member) then
        first = middle + 1
      else
        last = middle
      end
    end
    stop = math.min(stop, first)
  end
  local start = math.max(stop - count, call('ZCOUNT', index, '-inf', '(' .. low))
  if start >= stop then return {} end
  return call('ZRANGE', index, start, stop - 1, 'WITHSCORES')
end

