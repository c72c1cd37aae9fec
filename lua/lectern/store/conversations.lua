-- Conversations of two people in the database: two rows a pair, one for each. Their messages are rows of
-- lectern_messages in the pair's private room; what is read is the mark of that room.
--
-- Every function waits, and answers nil, message, code when the database does not do it. Times are
-- milliseconds.

local lectern = require "lectern"
local marks = require "lectern.store.marks"
local pages = require "lectern.pages"
local sweeps = require "lectern.store.sweeps"

local conversations = {}

local SWEPT = 500 -- rows at once

local UNREAD = marks.unread_of "c.room"

-- A person's conversations ($1, at $2), each with its last message if that is there still, when the
-- recipient has read it, and how many are unread.
local LIST = [[
SELECT c.other, c.room, c.created, c.id, c.begun, m.author, m.recipient, m.content, m.sent, m.extra,
  m.edited_at, m.edited_by, m.deleted_at, m.deleted_by, m.expires_at, m.id AS message,
  CASE WHEN (m.created, m.id) <= (k.created, k.id) THEN k.marked END AS read_at,
  ]] .. UNREAD .. [[ AS unread
FROM (SELECT other, room, created, id, begun FROM lectern_conversations WHERE person = $1%s) AS c
LEFT JOIN lectern_messages m ON m.room = c.room AND m.id = c.id
  AND (m.expires_at IS NULL OR m.expires_at > $2)
LEFT JOIN lectern_marks k ON k.person = m.recipient AND k.room = m.room
ORDER BY c.created %s, c.id %s]]

local PAGE = LIST:format(" ORDER BY created DESC, id DESC LIMIT $3 OFFSET $4", "DESC", "DESC")
local WITH = LIST:format(" AND other = $3", "DESC", "DESC")
local TOTAL = "SELECT count(*) AS total FROM lectern_conversations WHERE person = $1"

local BEGIN = [[
INSERT INTO lectern_conversations (person, other, room, created, id, begun) VALUES ($1, $2, $3, $4, '', $4)
ON CONFLICT (person, other) DO NOTHING RETURNING id]]

-- The oldest empty ones of a person, behind the newest $2; then their other halves.
local PRUNE = [[
DELETE FROM lectern_conversations WHERE person = $1 AND id = '' AND other IN (
  SELECT other FROM lectern_conversations WHERE person = $1 AND id = ''
  ORDER BY created DESC, other DESC LIMIT $3 OFFSET $2)]]
local PRUNE_OTHERS = [[
DELETE FROM lectern_conversations WHERE other = $1 AND id = '' AND person NOT IN (
  SELECT mine.other FROM lectern_conversations mine WHERE mine.person = $1)]]

local MESSAGES = [[
SELECT m.room, m.id, m.created, m.author, m.recipient, m.sent, m.content, m.extra, m.edited_at, m.edited_by,
  m.deleted_at, m.deleted_by, m.expires_at,
  CASE WHEN (m.created, m.id) <= (k.created, k.id) THEN k.marked END AS read_at
FROM (SELECT * FROM lectern_messages WHERE room = $1 AND (expires_at IS NULL OR expires_at > $2)
  ORDER BY created DESC, id DESC LIMIT $3 OFFSET $4) AS m
LEFT JOIN lectern_marks k ON k.person = m.recipient AND k.room = m.room
ORDER BY m.created DESC, m.id DESC]]
local MESSAGES_TOTAL = "SELECT count(*) AS total FROM lectern_messages "
  .. "WHERE room = $1 AND (expires_at IS NULL OR expires_at > $2)"

local READ_AT = [[
SELECT CASE WHEN (m.created, m.id) <= (k.created, k.id) THEN k.marked END AS read_at
FROM lectern_messages m LEFT JOIN lectern_marks k ON k.person = m.recipient AND k.room = m.room
WHERE m.room = $1 AND m.id = $2]]

-- What somebody's message, or one to them, has as its id; own ones first.
local FIND = [[
SELECT room, author, recipient FROM lectern_messages
WHERE id = $1 AND recipient IS NOT NULL AND (author = $2 OR recipient = $2)
ORDER BY CASE WHEN author = $2 THEN 0 ELSE 1 END LIMIT 2]]

-- Those whose last message is behind the mark have nothing unread.
local ALL_UNREAD = [[
SELECT CAST(COALESCE(sum(unread), 0) AS BIGINT) AS unread FROM (
  SELECT ]] .. UNREAD .. [[ AS unread FROM lectern_conversations c
  LEFT JOIN lectern_marks k ON k.person = $1 AND k.room = c.room
  WHERE c.person = $1 AND c.id <> '' AND (k.id IS NULL OR (c.created, c.id) > (k.created, k.id))) AS list]]

---A page by its place, and how many there are in all.
local function counted_page(rows_of, total_of)
  local rows, why, code = lectern.db.query(unpack(rows_of))
  if not rows then
    return nil, why, code
  end
  local totals
  totals, why, code = lectern.db.query(unpack(total_of))
  if not totals then
    return nil, why, code
  end
  return rows, totals[1].total
end

---A person's, the latest first; those without a message are among them.
---@param person string
---@param now integer
---@param limit integer
---@param offset integer
---@return table[]? rows, integer|string total or message, string? code
function conversations.page(person, now, limit, offset)
  return counted_page({ PAGE, person, now, limit, offset }, { TOTAL, person })
end

---Whom a person has written with or heard from: the latest first, by cursor.
---@param person string
---@param wanted lectern.Page.Wanted
---@param now integer
---@return table[]? rows one more than wanted if there are more, string? message, string? code
function conversations.written(person, wanted, now)
  local parameters = { person, now }
  local clause = " AND id <> ''" .. pages.clause(wanted, "lectern_conversations", "person", parameters)
  local way = wanted.newer and "ASC" or "DESC"
  return lectern.db.query(LIST:format(clause, way, way), unpack(parameters))
end

local function prune(person, keep)
  lectern.db.batch { { PRUNE, person, keep, SWEPT }, { PRUNE_OTHERS, person } }
end

---The conversation of two people, which begins if there is none.
---@param person string who begins it
---@param other string
---@param room string the private room of both
---@param now integer
---@param keep integer how many without a message are kept for `person`; the oldest go
---@return table? row as in a page, string? message, string? code
function conversations.begin(person, other, room, now, keep)
  local results, why, code = lectern.db.batch {
    { BEGIN, person, other, room, now }, { BEGIN, other, person, room, now }, { WITH, person, now, other },
  }
  if not results then
    return nil, why, code
  end
  if #results[1] == 1 then
    sweeps.added("conversations", person, keep, prune)
  end
  return results[3][1]
end

---A page of a private room's messages, the newest first; tombstones are among them, expired ones are not.
---@param room string
---@param now integer
---@param limit integer
---@param offset integer
---@return table[]? rows with `read_at`, when the recipient had read it; integer|string total or message
---@return string? code
function conversations.messages(room, now, limit, offset)
  return counted_page({ MESSAGES, room, now, limit, offset }, { MESSAGES_TOTAL, room, now })
end

---When a message was read by its recipient.
---@param room string
---@param id string
---@return integer|false|nil time false if it was not, or has gone, string? message, string? code
function conversations.read_at(room, id)
  local rows, why, code = lectern.db.query(READ_AT, room, id)
  if not rows then
    return nil, why, code
  end
  local time = rows[1] and rows[1].read_at or lectern.null
  return time ~= lectern.null and time
end

---Messages between a person and another that have this id: two at most, own ones first. An id is one of its
---room alone.
---@param person string
---@param id string
---@return { room: string, author: string, recipient: string }[]? rows, string? message, string? code
function conversations.find(person, id)
  return lectern.db.query(FIND, id, person)
end

---How many messages are unread in all of a person's; of each 1,000 are counted, as in a page.
---@param person string
---@param now integer
---@return integer? unread, string? message, string? code
function conversations.unread(person, now)
  local rows, why, code = lectern.db.query(ALL_UNREAD, person, now)
  if not rows then
    return nil, why, code
  end
  return rows[1].unread
end

return conversations
