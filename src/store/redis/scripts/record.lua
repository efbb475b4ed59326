-- Creates a session or replaces its stats, and moves every aggregate by the difference.
--
-- KEYS  1 session   hash    m, s, t, o, d
--       2 totals    hash    n, m, mf, s, sf, t, tf of the learner in the course
--       3 timeline  zset    the course's session ids by o
--       4 courses   zset    the learner's courses by latest o
--       5 summary   hash    l, n, m, mf, s, sf, t, tf of the course in this bucket
--       6 erased    string  when the learner was erased, in ms
-- ARGV  1 modules  2 score  3 time, as decimal text
--       4 occurred at, in ms; empty for now by this server's clock
--       5 its local day, in days since 1970-01-01; empty where 4 is
--       6 session id  7 course id, as 16 bytes
-- Reply 'recorded', or what kept it from being so: 'erased', 'superseded', 'limit'
--
-- One call, so that it is atomic for every reader and also where the caller goes away half way. All
-- that can refuse the record is looked at before the first write.

local occurred, day = ARGV[4], ARGV[5]
if occurred == '' then
  local now = redis.call('TIME')
  local millis = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)
  occurred, day = text_of(millis), text_of(math.floor(millis / 86400000))
end

local erased = redis.call('GET', KEYS[6])
if erased and tonumber(occurred) < tonumber(erased) then return 'erased' end

local former = redis.call('HMGET', KEYS[1], 'm', 's', 't', 'o')
if former[4] and tonumber(former[4]) > tonumber(occurred) then return 'superseded' end

local delta = {}
for i = 1, 3 do
  local units, fraction = contribution(ARGV[i])
  if former[4] then
    local former_units, former_fraction = contribution(former[i])
    units, fraction = units - former_units, fraction - former_fraction
  end
  delta[2 * i - 1], delta[2 * i] = units, fraction
end

local totals, sessions = plan_addition(KEYS[2], delta, { 'n' })
local summary, all_sessions, learners = plan_addition(KEYS[5], delta, { 'n', 'l' })
if not totals or not summary then return 'limit' end
if not former[4] then
  plan(totals, 'n', sessions, tonumber(sessions or 0) + 1)
  plan(summary, 'n', all_sessions, tonumber(all_sessions or 0) + 1)
  if not sessions then plan(summary, 'l', learners, tonumber(learners or 0) + 1) end
end

carry_out(totals)
carry_out(summary)
redis.call('HSET', KEYS[1], 'm', ARGV[1], 's', ARGV[2], 't', ARGV[3], 'o', occurred, 'd', day)
redis.call('ZADD', KEYS[3], occurred, ARGV[6])
redis.call('ZADD', KEYS[4], 'GT', occurred, ARGV[7])
return 'recorded'
