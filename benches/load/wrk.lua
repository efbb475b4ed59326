-- Sends prepared requests in turn, and prints the figures as one line of JSON.
--
-- Arguments: the file of requests, as written by wire.py; the first number of new sessions.

local NEW = string.rep('#', 12)
local heads, tails, count, turn, number = {}, {}, 0, 0, 0

function init(arguments)
  number = tonumber(arguments[2])
  local file = assert(io.open(arguments[1], 'rb'))
  while true do
    local length = file:read('*n')
    if not length then break end
    file:read(1)
    local text = file:read(length)
    local first, last = text:find(NEW, 1, true)
    count = count + 1
    heads[count] = first and text:sub(1, first - 1) or text
    tails[count] = first and text:sub(last + 1)
  end
  file:close()
end

function request()
  turn = turn % count + 1
  local tail = tails[turn]
  if not tail then return heads[turn] end
  number = number + 1
  return heads[turn] .. string.format('%012x', number) .. tail
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "micros": %d, "bytes": %d, "p50": %d, "p90": %d, "p99": %d, "p999": %d, "max": %d, '
      .. '"errors": {"connect": %d, "read": %d, "write": %d, "status": %d, "timeout": %d}}\n',
    summary.requests, summary.duration, summary.bytes,
    latency:percentile(50), latency:percentile(90), latency:percentile(99), latency:percentile(99.9),
    latency.max, errors.connect, errors.read, errors.write, errors.status, errors.timeout
  ))
end
