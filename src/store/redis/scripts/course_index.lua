-- Prefix of the scripts that update the course index.

-- Updates the entry of a course in the course index to the latest session of the session index; removes the
-- entry of a course without sessions. Returns whether the course has sessions.
local function update_course_index(timeline, courses, course)
  local latest = call('ZRANGE', timeline, -1, -1, 'WITHSCORES')
  if latest[1] then
    call('ZADD', courses, latest[2], course)
  else
    call('ZREM', courses, course)
  end
  return latest[1] ~= nil
end
