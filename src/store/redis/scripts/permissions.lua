-- Checks the permissions of the user, without a write.
--
-- KEYS  1 session  2 totals  3 timeline  4 courses  5 summary  6 erased, of any learner
-- ARGV  names of additional commands, each checked without arguments
-- Reply the names of the commands that the user may not run, or not on these keys
--
-- An error in the middle of the record script would leave half of a record, so permissions are checked
-- before. See https://redis.io/docs/latest/develop/programmability/lua-api/#redis.acl_check_cmd.

local calls = {
  { 'HMGET', KEYS[1], 'm' }, { 'HSET', KEYS[1], 'm', '0' }, { 'DEL', KEYS[1] },
  { 'HMGET', KEYS[2], 'm' }, { 'HSET', KEYS[2], 'm', '0' }, { 'HDEL', KEYS[2], 'm' },
  { 'ZADD', KEYS[3], '0', '0' }, { 'ZREM', KEYS[3], '0' },
  { 'ZRANGE', KEYS[3], '0', '0' }, { 'ZCOUNT', KEYS[3], '0', '0' },
  { 'ZADD', KEYS[4], 'GT', '0', '0' }, { 'ZREM', KEYS[4], '0' },
  { 'HMGET', KEYS[5], 'm' }, { 'HSET', KEYS[5], 'm', '0' }, { 'HDEL', KEYS[5], 'm' },
  { 'GET', KEYS[6] }, { 'SET', KEYS[6], '0', 'PX', '1' },
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
