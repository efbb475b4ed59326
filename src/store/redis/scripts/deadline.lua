-- Refuses a call after its deadline. Prefix of every script that writes.
--
-- ARGV  1 deadline: the caller's timeout, in ms by this server's clock
-- Reply 'late' and the time of the clock, in ms
--
-- A call may wait in a socket beyond the caller's timeout, while the server or the network hangs. The client
-- has received an error by then, and may have recorded a newer session, which a late call must not replace.

local call = redis.call
local now = call('TIME')
local millis = now[1] * 1000 + math.floor(now[2] / 1000)
if millis > ARGV[1] + 0 then return string.format('late %d', millis) end
