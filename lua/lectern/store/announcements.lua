-- Announcements of courses in the database, for whoever comes later. Every function is one transaction;
-- all wait, and answer nil, message, code when the database does not do it. Times are milliseconds.

local lectern = require "lectern"
local pages = require "lectern.pages"
local sweeps = require "lectern.store.sweeps"

local announcements = {}

local COLUMNS = "room, id, created, author, content, expires_at"

local INSERT = [[
INSERT INTO lectern_announcements (room, id, created, author, content, expires_at)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (room, id) DO NOTHING RETURNING id]]
local GET = "SELECT " .. COLUMNS .. " FROM lectern_announcements WHERE room = $1 AND id = $2"
local PAGE = "SELECT " .. COLUMNS .. [[ FROM lectern_announcements
WHERE room = $1 AND (expires_at IS NULL OR expires_at > $2)]]
local DELETE = "DELETE FROM lectern_announcements WHERE room = $1 AND id = $2 RETURNING id"

local PRUNE = [[
DELETE FROM lectern_announcements WHERE room = $1 AND (created, id) <= (
  SELECT created, id FROM lectern_announcements WHERE room = $1
  ORDER BY created DESC, id DESC LIMIT 1 OFFSET $2)]]
local EXPIRE = [[
DELETE FROM lectern_announcements WHERE (room, id) IN (
  SELECT room, id FROM lectern_announcements WHERE expires_at <= $1 ORDER BY expires_at LIMIT 100)]]

local function sweep(room, keep)
  lectern.db.batch { { PRUNE, room, keep }, { EXPIRE, math.floor(lectern.now() * 1000) } }
end

---Keeps a new announcement, unless its id is there already.
---@param row table room, id, author?, content (JSON), expires_at?
---@param keep integer how many of a room are kept; the oldest go, not long after
---@return table? stored the one of that id
---@return boolean|string added false if it was there; or why not
---@return string? code
function announcements.add(row, keep)
  local null = lectern.null
  local results, why, code = lectern.db.batch {
    {
      INSERT, row.room, row.id, pages.stamp(row.id), row.author or null, row.content, row.expires_at or null,
    },
    { GET, row.room, row.id },
  }
  if not results then
    return nil, why, code
  end
  sweeps.added("announcements", row.room, keep, sweep)
  return results[2][1], #results[1] == 1
end

---@return table[]? rows one more than wanted if there are more, string? message, string? code
function announcements.page(room, wanted, now)
  local parameters = { room, now }
  local sql = PAGE .. pages.clause(wanted, "lectern_announcements", "room", parameters)
  return lectern.db.query(sql, unpack(parameters))
end

---@return boolean? deleted false if there is none, string? message, string? code
function announcements.delete(room, id)
  local rows, why, code = lectern.db.query(DELETE, room, id)
  if not rows then
    return nil, why, code
  end
  return #rows == 1
end

return announcements
