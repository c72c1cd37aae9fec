-- Read marks in the database: one pointer a person and room, which only goes forward, and what it leaves
-- unread. Every function is one transaction; all wait, and answer nil, message, code when the database
-- does not do it. Times are milliseconds.

local lectern = require "lectern"
local pages = require "lectern.pages"

local marks = {}

local MOST = 1000 -- unread ones that are counted

local ADVANCE = [[
INSERT INTO lectern_marks (person, room, created, id, marked)
SELECT $1, room, created, id, $4 FROM lectern_messages WHERE room = $2 AND id = $3
ON CONFLICT (person, room)
DO UPDATE SET created = excluded.created, id = excluded.id, marked = excluded.marked
WHERE (excluded.created, excluded.id) > (lectern_marks.created, lectern_marks.id) RETURNING id]]

local NEWEST = [[(SELECT id FROM lectern_messages WHERE room = $2 ORDER BY created DESC, id DESC LIMIT 1)]]
local ADVANCE_TO_NEWEST = ADVANCE:gsub("id = %$3", "id = " .. NEWEST):gsub("%$4", "$3")

local FOUND = "SELECT id FROM lectern_messages WHERE room = $1 AND id = $2"

-- Of a room and a person, whose names are given as SQL.
local UNREAD = [[
(SELECT count(*) FROM (SELECT 1 FROM lectern_messages m
  WHERE m.room = :room AND (m.author IS NULL OR m.author <> $1) AND m.deleted_at IS NULL
    AND (m.expires_at IS NULL OR m.expires_at > $2)
    AND (m.created, m.id) > (
      COALESCE((SELECT k.created FROM lectern_marks k WHERE k.person = $1 AND k.room = :room), -1),
      COALESCE((SELECT k.id FROM lectern_marks k WHERE k.person = $1 AND k.room = :room), ''))
  LIMIT ]] .. MOST .. [[) AS counted)]]

local STATE = "SELECT " .. UNREAD:gsub(":room", "$3") .. [[ AS unread,
  (SELECT id FROM lectern_marks WHERE person = $1 AND room = $3) AS id,
  (SELECT marked FROM lectern_marks WHERE person = $1 AND room = $3) AS marked]]

local CONVERSATIONS = [[
SELECT c.other, c.room, c.created, c.id, m.author, m.content, m.sent, m.extra, m.edited_at, m.edited_by,
  m.deleted_at, m.deleted_by, m.expires_at, m.id AS message,
  ]] .. UNREAD:gsub(":room", "c.room") .. [[ AS unread
FROM (SELECT other, room, created, id FROM lectern_conversations WHERE person = $1%s) AS c
LEFT JOIN lectern_messages m ON m.room = c.room AND m.id = c.id
  AND (m.expires_at IS NULL OR m.expires_at > $2)
ORDER BY c.created %s, c.id %s]]

---Moves a person's mark forward to a message, or to the newest one.
---@param person string
---@param room string
---@param id? string of the message
---@param now integer
---@return table|false|nil state { id, marked, unread, moved } of after it; false if there is no such message
---@return string? message, string? code
function marks.advance(person, room, id, now)
  local statements = {
    id and { ADVANCE, person, room, id, now } or { ADVANCE_TO_NEWEST, person, room, now },
    { STATE, person, now, room },
  }
  if id then
    statements[3] = { FOUND, room, id }
  end
  local results, why, code = lectern.db.batch(statements)
  if not results then
    return nil, why, code
  elseif id and #results[3] == 0 then
    return false
  end
  local state = results[2][1]
  state.moved = #results[1] == 1
  return state
end

---@param person string
---@param room string
---@param now integer
---@return { id: string, marked: integer, unread: integer }? state, string? message, string? code
function marks.get(person, room, now)
  local rows, why, code = lectern.db.query(STATE, person, now, room)
  if not rows then
    return nil, why, code
  end
  return rows[1]
end

---Whom a person writes with: the latest first, each with its last message, if it is still there, and
---how many of the other's are unread.
---@param person string
---@param wanted lectern.Page.Wanted
---@param now integer
---@return table[]? rows one more than wanted if there are more, string? message, string? code
function marks.conversations(person, wanted, now)
  local parameters = { person, now }
  local clause = pages.clause(wanted, "lectern_conversations", "person", parameters)
  local way = wanted.newer and "ASC" or "DESC"
  return lectern.db.query(CONVERSATIONS:format(clause, way, way), unpack(parameters))
end

return marks
