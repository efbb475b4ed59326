-- Creates sessions or replaces their measures, and adds the difference to every aggregate.
--
-- KEYS  of each record, 7:
--       1 session   hash    m, s, t, o, d, v
--       2 totals    string  of the learner in the course
--       3 timeline  zset    the course's session ids by o
--       4 courses   zset    the learner's courses by latest o
--       5 summary   string  of the course in this bucket
--       6 erased    string  time of the learner's erasure, in ms
--       7 roster    zset    the bucket's learners with sessions in the course
-- ARGV  of each record, 13:
--       1 deadline, in ms by this server's clock
--       2 modules  3 score  4 time, as decimal text
--       5 time of the session, in ms  6 its local day, in days since 1970-01-01; both empty without a time
--       7 version, in ms; empty without a version
--       8 'import' for a record of an import, else empty
--       9 session id  10 course id  11 learner id, as 16 bytes
--       12 maximum number of sessions of an enrolment  13 of courses of a learner
-- Reply of each record: 'created' or 'replaced'; the reason of a refusal: 'late' and the time of the clock in ms,
--       'erased', 'superseded', 'sum', 'sessions' or 'courses'; or an error
--
-- Atomic for every reader, and complete after a lost connection. Every reason of a refusal is checked before the
-- first write of a record, and the aggregates are written last: an error moves no aggregate, and the next record
-- goes on.

local KEYS_EACH, ARGV_EACH = 7, 13
-- Maximum time of a version after the clock, in ms: a fast clock delays later records by no more.
local AHEAD = 60000

local now = call('TIME')
local millis = now[1] * 1000 + math.floor(now[2] / 1000)

local last, last_text, last_day

-- Returns a time in ms, and its day in UTC, as texts; most records of a call have the same time.
local function instant(at)
  if at ~= last then
    last, last_text, last_day = at, format('%d', at), format('%d', math.floor(at / 86400000))
  end
  return last_text, last_day
end

-- Returns the time, the local day and the version of a record's session; nil for a refusal, with the reason.
local function placed(arg, former, erased)
  local occurred, day, version = ARGV[arg + 5], ARGV[arg + 6], ARGV[arg + 7]
  local decisive = occurred ~= '' and occurred or version
  if erased and decisive ~= '' and decisive + 0 <= erased + 0 then return nil, 'erased' end
  local stored = former[6]
  if stored == '' then stored = former[4] end
  if version ~= '' and version + 0 > millis + AHEAD then version = format('%d', millis + AHEAD) end
  if former[4] then
    local is_ordered = version ~= '' and stored
    if is_ordered and version + 0 < stored + 0 then return nil, 'superseded' end
    if not is_ordered and ARGV[arg + 8] ~= '' then return nil, 'superseded' end
  end
  if version == '' then version = former[4] and stored or false end
  if occurred == '' and former[4] and not (erased and former[4] + 0 <= erased + 0) then
    -- A record without a time leaves a stored session where it is.
    occurred, day = former[4], former[5]
  elseif occurred == '' then
    -- After the erasure, whatever the clock shows.
    occurred, day = instant(erased and math.max(millis, erased + 1) or millis)
  end
  return occurred, day, version
end

-- Returns the limit that a new session would pass.
local function passed_limit(key, arg, totals)
  if totals[2] >= ARGV[arg + 12] + 0 then return 'sessions' end
  if totals[2] == 0 and call('ZCARD', KEYS[key + 4]) >= ARGV[arg + 13] + 0 then return 'courses' end
end

local function record(key, arg)
  if millis > ARGV[arg + 1] + 0 then return format('late %d', millis) end
  local former = call('HMGET', KEYS[key + 1], 'm', 's', 't', 'o', 'd', 'v')
  local occurred, day, version = placed(arg, former, call('GET', KEYS[key + 6]))
  if not occurred then return day end

  local is_new = not former[4]
  local totals = aggregate(call('GET', KEYS[key + 2]), false)
  local summary = aggregate(call('GET', KEYS[key + 5]), true)
  local limit = is_new and passed_limit(key, arg, totals)
  if limit then return limit end
  local sums = { ARGV[arg + 2], ARGV[arg + 3], ARGV[arg + 4] }
  if not is_new then
    for i = 1, 3 do sums[i] = add(sums[i], negative(former[i])) end
  end
  local joins = totals[2] == 0 and 1 or 0
  change(totals, 0, is_new and 1 or 0, sums)
  for i = 3, 5 do
    if not is_within_limit(totals[i]) then return 'sum' end
  end
  change(summary, joins, is_new and 1 or 0, sums)

  call('ZADD', KEYS[key + 3], occurred, ARGV[arg + 9])
  if joins == 1 then call('ZADD', KEYS[key + 7], '0', ARGV[arg + 11]) end
  if is_new or occurred + 0 >= former[4] + 0 then
    call('ZADD', KEYS[key + 4], 'GT', occurred, ARGV[arg + 10])
  else
    -- The session moved back: another may be the latest now.
    local latest = call('ZRANGE', KEYS[key + 3], -1, -1, 'WITHSCORES')
    call('ZADD', KEYS[key + 4], latest[2], ARGV[arg + 10])
  end
  call('HSET', KEYS[key + 1], 'm', ARGV[arg + 2], 's', ARGV[arg + 3], 't', ARGV[arg + 4], 'o', occurred, 'd', day)
  if not version then
    if former[6] then call('HDEL', KEYS[key + 1], 'v') end
  else
    if version + 0 == occurred + 0 then version = '' end
    if version ~= former[6] then call('HSET', KEYS[key + 1], 'v', version) end
  end
  write_aggregate(KEYS[key + 2], totals)
  write_aggregate(KEYS[key + 5], summary)
  return is_new and 'created' or 'replaced'
end

local replies = {}
for i = 0, #KEYS / KEYS_EACH - 1 do
  local done, reply = pcall(record, i * KEYS_EACH, i * ARGV_EACH)
  if not done then reply = { err = type(reply) == 'table' and reply.err or tostring(reply) } end
  replies[#replies + 1] = reply
end
return replies
