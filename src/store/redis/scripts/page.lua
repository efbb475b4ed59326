-- A page of a list: members of a sorted set by their scores, and by their bytes where those are equal.
--
-- KEYS  1 the list  zset
-- ARGV  1 and 2 the lowest and the highest score
--       3 score and 4 member that the page ends before; 3 is empty for the end of the list
--       5 how many
-- Reply members and their scores in turns, ascending: the last of those that come before
--
-- By rank, which a binary search finds: to count off those of equal score would take longer the more
-- there are.

local call = redis.call

-- Whether the bytes of a stand before those of b. Lua's own comparison follows the server's locale.
local function precedes(a, b)
  for i = 1, #a do
    local x, y = string.byte(a, i), string.byte(b, i) or -1
    if x ~= y then return x < y end
  end
  return #a < #b
end

local list, member = KEYS[1], ARGV[4]
local stop = call('ZCOUNT', list, '-inf', ARGV[2])
if ARGV[3] ~= '' then
  local low, high = call('ZCOUNT', list, '-inf', '(' .. ARGV[3]), call('ZCOUNT', list, '-inf', ARGV[3])
  while low < high do
    local middle = math.floor((low + high) / 2)
    if precedes(call('ZRANGE', list, middle, middle)[1], member) then
      low = middle + 1
    else
      high = middle
    end
  end
  stop = math.min(stop, low)
end
local start = math.max(stop - ARGV[5], call('ZCOUNT', list, '-inf', '(' .. ARGV[1]))
if start >= stop then return {} end
return call('ZRANGE', list, start, stop - 1, 'WITHSCORES')
