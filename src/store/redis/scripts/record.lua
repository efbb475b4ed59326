-- Creates a session or replaces its measures, and adds the difference to every aggregate.
--
-- KEYS  1 session   hash    m, s, t, o, d
--       2 totals    hash    n, m, mf, s, sf, t, tf of the learner in the course
--       3 timeline  zset    the course's session ids by o
--       4 courses   zset    the learner's courses by latest o
--       5 summary   hash    l, n, m, mf, s, sf, t, tf of the course in this bucket
--       6 erased    string  time of the learner's erasure, in ms
-- ARGV  2 modules  3 score  4 time, as decimal text
--       5 time of the session, in ms; empty for now by this server's clock
--       6 local day of the session, in days since 1970-01-01; empty where 5 is empty
--       7 session id  8 course id, as 16 bytes
--       9 to 14 contributions of 2 to 4 to their sums, units and fraction of each, calculated by the
--         caller because Redis has a single thread; absent where all three are whole and equal their
--         contributions
-- Reply 'created' or 'replaced', or the reason of a refusal: 'erased', 'superseded' or 'limit'
--
-- Atomic for every reader, and complete after a lost connection. Every reason of a refusal is checked before
-- the first write.

local occurred, day = ARGV[5], ARGV[6]
local erased = call('GET', KEYS[6])
if occurred == '' then
  -- After the erasure, whatever the clock shows.
  if erased then millis = math.max(millis, erased + 1) end
  occurred = string.format('%d', millis)
  day = string.format('%d', math.floor(millis / 86400000))
elseif erased and occurred + 0 <= erased + 0 then
  return 'erased'
end

local former = call('HMGET', KEYS[1], 'm', 's', 't', 'o')
local is_new = not former[4]
if not is_new and former[4] + 0 > occurred + 0 then return 'superseded' end

local counts = is_new and 1 or 0
local delta = ARGV[9] and { ARGV[9], ARGV[10], ARGV[11], ARGV[12], ARGV[13], ARGV[14], counts }
  or { ARGV[2], 0, ARGV[3], 0, ARGV[4], 0, counts }
if not is_new then subtract(delta, former) end

local totals, totals_before = added(KEYS[2], delta)
local summary, summary_before = added(KEYS[5], delta)
if not totals or not summary then return 'limit' end
if not totals_before[SESSIONS] then summary[LEARNERS] = summary[LEARNERS] + 1 end

write_aggregate(KEYS[2], totals_before, totals)
write_aggregate(KEYS[5], summary_before, summary)
call('HSET', KEYS[1], 'm', ARGV[2], 's', ARGV[3], 't', ARGV[4], 'o', occurred, 'd', day)
call('ZADD', KEYS[3], occurred, ARGV[7])
call('ZADD', KEYS[4], 'GT', occurred, ARGV[8])
return is_new and 'created' or 'replaced'
