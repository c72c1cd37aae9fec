-- Courses: announcements and updates to all who are in a course's room. Announcements are kept for who comes
-- later.

local ack = require "lectern.ack"
local announcements = require "lectern.announcements"
local check = require "lectern.check"
local lectern = require "lectern"
local rooms = require "lectern.rooms"
local roles = require "lectern.roles"

local M = {}

local TO_COURSE = { courseId = "id", content = "table" }

-- Sends the content as it is, with courseId and timestamp. "course-123" and "123" are one course.
local function send(event, course_id, content)
  local given, why, code = check.fields({ courseId = course_id, content = content }, TO_COURSE)
  if not given then
    return nil, why, code
  end
  local room
  room, why, code = rooms.of("course", given.courseId)
  if not room then
    return nil, why, code
  end
  local sent = {}
  for field, value in pairs(content) do
    if value ~= lectern.null and type(field) == "string" then
      sent[field] = value
    end
  end
  sent.courseId = course_id
  sent.timestamp = sent.timestamp or lectern.date()
  lectern.to(room):emit(event, sent)
  return sent
end

function M.send_course_update(course_id, update)
  return send("course_update", course_id, update)
end

function M.send_course_announcement(course_id, announcement)
  local given, why, code = check.fields({ courseId = course_id, content = announcement }, TO_COURSE)
  if not given then
    return nil, why, code
  end
  return announcements.create(course_id, announcement)
end

local FILTER = { limit = "integer?", cursor = "url?" }

-- Newest first; filter: { limit?, cursor? }
function M.list_course_announcements(course_id, filter)
  local given, why, code = check.fields(filter, FILTER)
  if not given then
    return nil, why, code
  end
  return announcements.list(course_id, given)
end

function M.delete_course_announcement(course_id, id)
  local given, why, code = check.fields({ courseId = course_id, id = id }, { courseId = "id", id = "line" })
  if not given then
    return nil, why, code
  end
  return announcements.delete(given.courseId, given.id)
end

-- Whether a person may join a course's room: who may not, neither reads nor announces there.
local function may_join(user, course_id)
  local room, why, code = rooms.of("course", course_id)
  if not room then
    return nil, why, code
  end
  return rooms.may_join(user, room)
end

local LIST = { courseId = "id", limit = "integer?", cursor = "url?" }

-- What was announced to a course, for who may join it.
function M.on_list_announcements(socket, payload)
  local given, why, code = check.fields(payload, LIST)
  if not given then
    return nil, why, code
  end
  local allowed
  allowed, why, code = may_join(socket.user, given.courseId)
  if not allowed then
    return nil, why, code
  end
  return ack.of(announcements.list(given.courseId, given))
end

local ANNOUNCE = {
  courseId = "id",
  title = "line",
  message = "text",
  as = "line?",
  type = "line?",
  data = "data?",
  expiresAt = "time?",
}

-- What `as` may be. Each sends one event to the course.
local WAYS = {
  announcement = function(course_id, content, socket)
    content.instructorId = socket.user.id
    return M.send_course_announcement(course_id, content)
  end,
  update = function(course_id, content)
    return M.send_course_update(course_id, content)
  end,
  notification = function(course_id, content)
    return lectern.api.create_room_notification(rooms.course(course_id), content)
  end,
}

-- From the staff's own page.
function M.on_announce(socket, payload)
  if not roles.has(socket.user, lectern.config.app.staff) then
    return nil, "only staff announce", "forbidden"
  end
  local given, why, code = check.fields(payload, ANNOUNCE)
  if not given then
    return nil, why, code
  end
  local way = WAYS[given.as or "announcement"]
  if not way then
    return nil, "as must be announcement, update or notification", "invalid"
  end
  local allowed
  allowed, why, code = may_join(socket.user, given.courseId)
  if not allowed then
    return nil, why, code
  end
  local content = {
    type = given.type, title = given.title, message = given.message, data = given.data,
    expiresAt = given.expiresAt,
  }
  return ack.done(way(given.courseId, content, socket))
end

return M
