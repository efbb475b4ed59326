-- Enters a course in its learner's list by its latest session, or takes it out where it has none. This
-- text stands in front of every script that needs it.
local function enter(timeline, courses, course)
  local latest = call('ZRANGE', timeline, -1, -1, 'WITHSCORES')
  if latest[1] then
    call('ZADD', courses, latest[2], course)
  else
    call('ZREM', courses, course)
  end
end
