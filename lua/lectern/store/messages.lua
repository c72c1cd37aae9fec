-- Messages in the database. Every function is one transaction; all wait, and answer nil, message, code
-- when the database does not do it. Rows are as in migrations/0002_messages.sql; times are milliseconds.

local lectern = require "lectern"
local pages = require "lectern.pages"
local sweeps = require "lectern.store.sweeps"

local messages = {}

local COLUMNS = "room, id, created, author, recipient, discussion, sent, content, extra, "
  .. "edited_at, edited_by, deleted_at, deleted_by, expires_at"

local SWEPT = 500 -- rows at once

local INSERT = [[
INSERT INTO lectern_messages
  (room, id, created, author, recipient, discussion, sent, content, extra, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (room, id) DO NOTHING RETURNING id]]

local GET = "SELECT " .. COLUMNS .. " FROM lectern_messages WHERE room = $1 AND id = $2"

local CONVERSE = [[
INSERT INTO lectern_conversations (person, other, room, created, id, begun)
SELECT $3, $4, room, created, id, created FROM lectern_messages WHERE room = $1 AND id = $2 AND author = $5
ON CONFLICT (person, other) DO UPDATE SET created = excluded.created, id = excluded.id
WHERE lectern_conversations.id = ''
  OR (excluded.created, excluded.id) > (lectern_conversations.created, lectern_conversations.id)]]

local PRUNE = [[
DELETE FROM lectern_messages WHERE room = $1 AND id IN (
  SELECT id FROM lectern_messages WHERE room = $1 ORDER BY created, id LIMIT (
    SELECT CASE WHEN count(*) > $2 + $3 THEN $3 WHEN count(*) > $2 THEN count(*) - $2 ELSE 0 END
    FROM lectern_messages WHERE room = $1))]]

local EXPIRE = [[
DELETE FROM lectern_messages WHERE (room, id) IN (
  SELECT room, id FROM lectern_messages WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)]]

local EDIT = [[
UPDATE lectern_messages SET content = $3, edited_at = $4, edited_by = $5
WHERE room = $1 AND id = $2 AND deleted_at IS NULL AND (expires_at IS NULL OR expires_at > $4)
  AND ($6 = 1 OR author = $5) RETURNING id]]

local DELETE = [[
UPDATE lectern_messages SET content = NULL, extra = NULL, deleted_at = $3, deleted_by = $4
WHERE room = $1 AND id = $2 AND deleted_at IS NULL AND ($5 = 1 OR author = $4) RETURNING id]]

local DELETE_REACTIONS = [[
DELETE FROM lectern_reactions WHERE room = $1 AND message = $2
  AND EXISTS (SELECT 1 FROM lectern_messages WHERE room = $1 AND id = $2 AND deleted_at IS NOT NULL)]]

local function sweep(room, keep)
  lectern.db.batch {
    { PRUNE, room, keep, SWEPT },
    { EXPIRE, math.floor(lectern.now() * 1000), SWEPT },
  }
end

---@class lectern.store.Message a row; what is NULL is lectern.null

---Keeps a new message, unless its id is there already.
---@param row table room, id, author, recipient?, discussion?, sent, content, extra? (JSON), expires_at?
---@param keep integer how many of the room's are kept; the oldest go, not long after
---@return lectern.store.Message? stored the one of that id, whoever wrote it
---@return boolean|string added false if it was there before; or why not
---@return string? code
function messages.add(row, keep)
  local null = lectern.null
  local room, id = row.room, row.id
  local statements = {
    {
      INSERT, room, id, pages.stamp(id), row.author, row.recipient or null, row.discussion or null, row.sent,
      row.content, row.extra or null, row.expires_at or null,
    },
    { GET, room, id },
  }
  if row.recipient then
    statements[3] = { CONVERSE, room, id, row.author, row.recipient, row.author }
    statements[4] = { CONVERSE, room, id, row.recipient, row.author, row.author }
  end
  local results, why, code = lectern.db.batch(statements)
  if not results then
    return nil, why, code
  end
  sweeps.added("messages", room, keep, sweep)
  return results[2][1], #results[1] == 1
end

---A page of a room's messages; tombstones are among them, expired ones are not.
---@param room string
---@param wanted lectern.Page.Wanted
---@param now integer
---@param discussion? string only those of this discussion
---@return lectern.store.Message[]? rows one more than wanted if there are more, string? message, string? code
function messages.page(room, wanted, now, discussion)
  local parameters = { room, now }
  local sql = "SELECT " .. COLUMNS .. [[ FROM lectern_messages
WHERE room = $1 AND (expires_at IS NULL OR expires_at > $2)]]
  if discussion then
    parameters[3] = discussion
    sql = sql .. " AND discussion = $3"
  end
  sql = sql .. pages.clause(wanted, "lectern_messages", "room", parameters)
  return lectern.db.query(sql, unpack(parameters))
end

---@param room string
---@param id string
---@return lectern.store.Message|false|nil row false if there is none, string? message, string? code
function messages.get(room, id)
  local rows, why, code = lectern.db.query(GET, room, id)
  if not rows then
    return nil, why, code
  end
  return rows[1] or false
end

local function changed(statements)
  local results, why, code = lectern.db.batch(statements)
  if not results then
    return nil, why, code
  end
  return results[#results][1] or false, #results[1] == 1
end

---Gives a message another content.
---@param by string who does it
---@param anybodys boolean whether it may be another's
---@return lectern.store.Message|false|nil row as it is now; false if there is none
---@return boolean|string done, or why not
---@return string? code
function messages.edit(room, id, content, by, anybodys, now)
  return changed { { EDIT, room, id, content, now, by, anybodys and 1 or 0 }, { GET, room, id } }
end

---Leaves of a message who deleted it, and when; its reactions go.
---@param by string who does it
---@param anybodys boolean whether it may be another's
---@return lectern.store.Message|false|nil row as it is now; false if there is none
---@return boolean|string done, or why not
---@return string? code
function messages.delete(room, id, by, anybodys, now)
  return changed {
    { DELETE, room, id, now, by, anybodys and 1 or 0 },
    { DELETE_REACTIONS, room, id },
    { GET, room, id },
  }
end

return messages
