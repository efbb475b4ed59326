-- Checks the permissions of the user, without a write.
--
-- KEYS  1 session  2 totals  3 timeline  4 courses  5 summary  6 erased  7 roster, of any learner
-- ARGV  names of additional commands, each checked without arguments
-- Reply the names of the commands that the user may not run, or not on these keys
--
-- An error in the middle of the record script would leave a session without its part in the aggregates, so
-- permissions are checked before. See https://redis.io/docs/latest/develop/programmability/lua-api/#redis.acl_check_cmd.

local calls = {
  { 'HMGET', KEYS[1], 'm' }, { 'HSET', KEYS[1], 'm', '0' }, { 'HDEL', KEYS[1], 'v' }, { 'DEL', KEYS[1] },
  { 'GET', KEYS[2] }, { 'SET', KEYS[2], '0' }, { 'DEL', KEYS[2] },
  { 'ZADD', KEYS[3], '0', '0' }, { 'ZREM', KEYS[3], '0' },
  { 'ZRANGE', KEYS[3], '0', '0' }, { 'ZCOUNT', KEYS[3], '0', '0' },
  { 'ZADD', KEYS[4], 'GT', '0', '0' }, { 'ZREM', KEYS[4], '0' }, { 'ZCARD', KEYS[4] },
  { 'GET', KEYS[5] }, { 'SET', KEYS[5], '0' }, { 'DEL', KEYS[5] },
  { 'GET', KEYS[6] }, { 'SET', KEYS[6], '0', 'PX', '1' },
  { 'ZADD', KEYS[7], '0', '0' }, { 'ZREM', KEYS[7], '0' }, { 'ZRANGE', KEYS[7], '-', '+', 'BYLEX' },
  { 'TIME' },
  { 'EVALSHA', string.rep('0', 40), '1', KEYS[1] },
}
for _, command in ipairs(ARGV) do calls[#calls + 1] = { command } end

local denied, seen = {}, {}
for _, command in ipairs(calls) do
  local name = command[1]
  if not seen[name] and not redis.acl_check_cmd(unpack(command)) then
    seen[name] = true
    denied[#denied + 1] = name
  end
end
return denied
