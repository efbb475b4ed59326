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
--       8 to 13 what 1 to 3 contribute to their sums, units and fraction of each: Redis has but
--         one thread, so what the caller can work out is not worked out here
--       14 when the caller gives up, in ms by this server's clock
-- Reply 'recorded', or what kept it from being so: 'erased', 'superseded', 'limit', or 'late' and
--       what the clock shows, in ms
--
-- One call, so that it is atomic for every reader and also where the caller goes away half way. All
-- that can refuse the record is looked at before the first write.

-- A call may wait in a socket for longer than its caller does: for a server that hangs, or on a
-- network that does. Whoever sent it was told that it failed, may have sent a newer one since, and
-- must not find that one replaced.
local now = call('TIME')
local millis = now[1] * 1000 + math.floor(now[2] / 1000)
if millis > ARGV[14] + 0 then return string.format('late %d', millis) end

local occurred, day = ARGV[4], ARGV[5]
if occurred == '' then
  occurred = string.format('%d', millis)
  day = string.format('%d', math.floor(millis / 86400000))
end

local erased = call('GET', KEYS[6])
if erased and occurred + 0 < erased + 0 then return 'erased' end

local former = call('HMGET', KEYS[1], 'm', 's', 't', 'o')
local is_new = not former[4]
if not is_new and former[4] + 0 > occurred + 0 then return 'superseded' end

local delta = { unpack(ARGV, 8, 13) }
delta[SESSIONS] = is_new and 1 or 0
if not is_new then
  for i = 1, 3 do
    local units, fraction = contribution(former[i])
    delta[2 * i - 1], delta[2 * i] = delta[2 * i - 1] - units, delta[2 * i] - fraction
  end
end

local totals, totals_before = added(KEYS[2], delta)
local summary, summary_before = added(KEYS[5], delta)
if not totals or not summary then return 'limit' end
if not totals_before[SESSIONS] then summary[LEARNERS] = summary[LEARNERS] + 1 end

put(KEYS[2], totals_before, totals)
put(KEYS[5], summary_before, summary)
call('HSET', KEYS[1], 'm', ARGV[1], 's', ARGV[2], 't', ARGV[3], 'o', occurred, 'd', day)
call('ZADD', KEYS[3], occurred, ARGV[6])
call('ZADD', KEYS[4], 'GT', occurred, ARGV[7])
return 'recorded'
