-- Refuses a call that comes too late. This text stands in front of every script that writes.
--
-- ARGV  1 when the caller gives up, in ms by this server's clock
-- Reply 'late' and what the clock shows, in ms
--
-- A call may wait in a socket for longer than its caller does: for a server that hangs, or on a
-- network that does. Whoever sent it was told that it failed, may have written something newer
-- since, and must not find that undone.

local call = redis.call
local now = call('TIME')
local millis = now[1] * 1000 + math.floor(now[2] / 1000)
if millis > ARGV[1] + 0 then return string.format('late %d', millis) end
