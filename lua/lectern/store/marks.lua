-- Read marks in the database: one pointer a person and room, which only goes forward, and what it leaves
-- unread. Every function is one transaction; all wait, and answer nil, message, code when the database
-- does not do it. Times are milliseconds.

local lectern = require "lectern"

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

-- Of the person $1 at $2, in a room whose name is given as SQL.
local UNREAD = [[
(SELECT count(*) FROM (SELECT 1 FROM lectern_messages u
  WHERE u.room = :room AND (u.author IS NULL OR u.author <> $1) AND u.deleted_at IS NULL
    AND (u.expires_at IS NULL OR u.expires_at > $2)
    AND (u.created, u.id) > (
      COALESCE((SELECT r.created FROM lectern_marks r WHERE r.person = $1 AND r.room = :room), -1),
      COALESCE((SELECT r.id FROM lectern_marks r WHERE r.person = $1 AND r.room = :room), ''))
  :most) AS counted)]]

---SQL that counts what is unread by the person $1 at the time $2: 1,000 at most.
---@param room string SQL of the room's name
---@return string sql
function marks.unread_of(room)
  return (UNREAD:gsub(":room", room):gsub(":most", "LIMIT " .. MOST))
end

local ALL_UNREAD = "SELECT " .. UNREAD:gsub(":room", "$3"):gsub(":most", "") .. " AS unread"

local STATE = "SELECT " .. marks.unread_of "$3" .. [[ AS unread,
  (SELECT id FROM lectern_marks WHERE person = $1 AND room = $3) AS id,
  (SELECT marked FROM lectern_marks WHERE person = $1 AND room = $3) AS marked]]

---Moves a person's mark forward to a message, or to the newest one.
---@param person string
---@param room string
---@param id? string of the message
---@param now integer
---@param counts? boolean whether `became_read` is wanted, which looks at each unread one
---@return table|false|nil state { id, marked, unread, moved, became_read? } of after it; false if there is no
--- such message
---@return string? message, string? code
function marks.advance(person, room, id, now, counts)
  local statements = {
    id and { ADVANCE, person, room, id, now } or { ADVANCE_TO_NEWEST, person, room, now },
    { STATE, person, now, room },
    id and { FOUND, room, id } or nil,
  }
  local first = counts and #statements + 1
  if counts then
    local count = { ALL_UNREAD, person, now, room }
    table.insert(statements, 1, count)
    statements[#statements + 1] = count
  end
  local results, why, code = lectern.db.batch(statements)
  if not results then
    return nil, why, code
  end
  local before = counts and table.remove(results, 1)[1].unread
  if id and #results[3] == 0 then
    return false
  end
  local state = results[2][1]
  state.moved = #results[1] == 1
  state.became_read = counts and before - results[first][1].unread or nil
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

return marks
