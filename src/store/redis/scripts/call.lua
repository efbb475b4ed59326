-- Prefix of a script without a deadline of the whole call.

local call = redis.call
