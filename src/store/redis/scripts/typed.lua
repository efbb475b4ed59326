-- Reads what may be of another type than it should be. This text stands in front of every script that
-- needs it.

local OTHER_TYPE = 'another type'

-- The reply of a command, or OTHER_TYPE where its key is of one.
local function typed(...)
  local reply = redis.pcall(...)
  if type(reply) ~= 'table' or not reply.err then return reply end
  if string.find(reply.err, 'WRONGTYPE', 1, true) ~= 1 then error(reply) end
  return OTHER_TYPE
end
