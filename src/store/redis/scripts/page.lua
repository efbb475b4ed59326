-- Reads a page of an index: members of a sorted set in the order of score and then bytes.
--
-- KEYS  1 index  zset
-- ARGV  1 and 2 lowest and highest score
--       3 score and 4 member of the position after the page; 3 is empty for the end of the index
--       5 maximum number of members
-- Reply members and scores in turns, ascending: the last members before the position
--
-- By rank, with a binary search among equal scores: the time of a page does not depend on the number of
-- equal scores.

local call = redis.call

-- Returns whether a precedes b in the order of bytes. The operator < of Lua follows the server's locale.
local function precedes(a, b)
  for i = 1, #a do
    local x, y = string.byte(a, i), string.byte(b, i) or -1
    if x ~= y then return x < y end
  end
  return #a < #b
end

local index, member = KEYS[1], ARGV[4]
local stop = call('ZCOUNT', index, '-inf', ARGV[2])
if ARGV[3] ~= '' then
  local low, high = call('ZCOUNT', index, '-inf', '(' .. ARGV[3]), call('ZCOUNT', index, '-inf', ARGV[3])
  while low < high do
    local middle = math.floor((low + high) / 2)
    if precedes(call('ZRANGE', index, middle, middle)[1], member) then
      low = middle + 1
    else
      high = middle
    end
  end
  stop = math.min(stop, low)
end
local start = math.max(stop - ARGV[5], call('ZCOUNT', index, '-inf', '(' .. ARGV[1]))
if start >= stop then return {} end
return call('ZRANGE', index, start, stop - 1, 'WITHSCORES')
