-- Announcements of courses: sent to who is there, and kept for who comes later.

local lectern = require "lectern"
local check = require "lectern.check"
local pages = require "lectern.pages"
local rooms = require "lectern.rooms"
local store = require "lectern.store.announcements"
local time = require "lectern.time"

local announcements = {}

local PAGE, PAGE_MAX = 20, 100
local KEEP = lectern.config.store.messages
local DATA_MAX = lectern.config.content.max_data + lectern.config.content.max_text

local FIELDS = { id = "line?", instructorId = "person?", expiresAt = "time?", timestamp = "time?" }

local function shown(row, course_id)
  local sent = lectern.json.decode(row.content)
  sent.id = row.id
  sent.courseId = course_id
  sent.instructorId = row.author ~= lectern.null and row.author or nil
  return sent
end

---Announces something to a course: `course_announcement`, with the fields as given, plus id, courseId and
---timestamp. After `expiresAt`, whoever comes does not get it any more. One whose id is kept already is not
---sent again. Waits for the store.
---@param course_id string|number
---@param content table title, message, instructorId …
---@return table? announcement as sent
---@return string? why, string? code "invalid", "too_big", or what the database says
function announcements.create(course_id, content)
  local room, why, code = rooms.of("course", course_id)
  if not room then
    return nil, why, code
  end
  local fields
  fields, why, code = check.fields(content, FIELDS)
  if not fields then
    return nil, why, code
  elseif fields.expiresAt and fields.expiresAt <= time.now() then
    return nil, "expiresAt must lie in the future", "invalid"
  end
  local body = {}
  for field, value in pairs(content) do
    if value ~= lectern.null then
      body[field] = value
    end
  end
  body.id, body.courseId, body.instructorId = nil, nil, nil -- these have places of their own
  body.expiresAt = fields.expiresAt and time.text(fields.expiresAt)
  body.timestamp = time.text(fields.timestamp or time.now())
  local text
  text, why = lectern.json.encode(body)
  if not text then
    return nil, why, "invalid"
  elseif #text > DATA_MAX then
    return nil, ("an announcement may have %d bytes of JSON"):format(DATA_MAX), "too_big"
  end
  lectern.detach()
  local row, new
  row, new, code = store.add({
    room = room, id = fields.id or lectern.id(), author = fields.instructorId, content = text,
    expires_at = fields.expiresAt,
  }, KEEP)
  if not row then
    return nil, new, code
  end
  local sent = shown(row, course_id)
  if new then
    lectern.to(room):emit("course_announcement", sent)
  end
  return sent
end

---A page of a course's announcements that have not expired, newest first. Waits for the store.
---@param course_id string|number
---@param filter? { limit?: integer, cursor?: string } limit 20 unless given, 100 at most
---@return { announcements: table[], nextCursor?: string, hasMore: boolean }? page
---@return string? why, string? code "invalid", or what the database says
function announcements.list(course_id, filter)
  local room, why, code = rooms.of("course", course_id)
  if not room then
    return nil, why, code
  end
  local wanted
  wanted, why, code = pages.wanted(filter, PAGE, PAGE_MAX)
  if not wanted then
    return nil, why, code
  end
  local rows
  rows, why, code = store.page(room, wanted, time.now())
  if not rows then
    return nil, why, code
  end
  local cursor, more = pages.next(wanted, rows)
  local list = lectern.array()
  for i, row in ipairs(rows) do
    list[i] = shown(row, course_id)
  end
  return { announcements = list, nextCursor = cursor, hasMore = more }
end

---Takes an announcement back: `course_announcement_deleted` {courseId, id} to the course. Waits for the
---store.
---@param course_id string|number
---@param id string
---@return true? done
---@return string? why, string? code "invalid", "not_found", or what the database says
function announcements.delete(course_id, id)
  local room, why, code = rooms.of("course", course_id)
  if not room then
    return nil, why, code
  end
  lectern.detach()
  local deleted
  deleted, why, code = store.delete(room, id)
  if not deleted then
    return nil, deleted == false and "there is no such announcement" or why, code or "not_found"
  end
  lectern.to(room):emit("course_announcement_deleted", { courseId = course_id, id = id })
  return true
end

return announcements
