-- Reads keys of any type. Prefix of the scripts of maintenance that read.

local OTHER_TYPE = 'another type'

-- Returns the reply of a command, or OTHER_TYPE for a key of another type.
local function typed(...)
  local reply = redis.pcall(...)
  if type(reply) ~= 'table' or not reply.err then return reply end
  if string.find(reply.err, 'WRONGTYPE', 1, true) ~= 1 then error(reply) end
  return OTHER_TYPE
end
