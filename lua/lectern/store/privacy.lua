-- What the database holds about one person, table by table: the inventory of lectern.privacy. Every
-- function is one transaction over a bounded number of rows; all wait, and answer nil, message, code when
-- the database does not do it.
--
-- A table that gets a column with a person's id, or with what they wrote, gets an entry here.

local core = require "lectern.core"
local lectern = require "lectern"

local privacy = {}

local PURGE = 9 -- enum lectern_db_kind

-- What is told to the person of each table: `where` with $1, the person; `key`, columns that tell its rows
-- apart for one person and by which they are ordered.
local TOLD = {
  {
    name = "notifications", table = "lectern_notifications",
    where = "person = $1 AND gone IS NULL", key = "born",
    columns = "id, created, type, title, message, data, priority, action_url, read_at, expires_at, born",
  },
  {
    name = "name", table = "lectern_names", where = "person = $1", key = "person",
    columns = "person, name, given, family, changed",
  },
  {
    name = "messagesWritten", table = "lectern_messages", where = "author = $1", key = "created, room, id",
    columns = "room, id, created, recipient, discussion, sent, content, extra, edited_at, deleted_at, "
      .. "expires_at",
  },
  {
    name = "messagesReceived", table = "lectern_messages", where = "recipient = $1",
    key = "created, room, id",
    columns = "room, id, created, author, sent, content, extra, edited_at, deleted_at, expires_at",
  },
  {
    name = "conversations", table = "lectern_conversations", where = "person = $1", key = "other",
    columns = "other, room, begun",
  },
  {
    name = "reactions", table = "lectern_reactions", where = "person = $1",
    key = "room, discussion, message, reaction", columns = "room, discussion, message, reaction, created",
  },
  {
    name = "announcements", table = "lectern_announcements", where = "author = $1", key = "created, room, id",
    columns = "room, id, created, content, expires_at",
  },
  {
    name = "readMarks", table = "lectern_marks", where = "person = $1", key = "room",
    columns = "room, id, created, marked",
  },
  {
    name = "grants", table = "lectern_grants", where = "person = $1", key = "room",
    columns = "room, allowed, created",
  },
  {
    name = "revocations", table = "lectern_revocations", where = "kind = 'person' AND name = $1",
    key = "created",
    columns = "time, created",
  },
}

-- Of one table: what happens to its rows, $2 of them at most. In this order: a conversation goes after what
-- is found by it. The last word is for the inventory: deleted, or kept without the name.
local ERASED = {
  { "notifications", "DELETE FROM lectern_notifications WHERE id IN "
    .. "(SELECT id FROM lectern_notifications WHERE person = $1 LIMIT $2)" },
  { "names", "DELETE FROM lectern_names WHERE person IN "
    .. "(SELECT person FROM lectern_names WHERE person = $1 LIMIT $2)" },
  { "people", "DELETE FROM lectern_people WHERE person IN "
    .. "(SELECT person FROM lectern_people WHERE person = $1 LIMIT $2)" },
  { "privateMessages", "DELETE FROM lectern_messages WHERE (room, id) IN "
    .. "(SELECT room, id FROM lectern_messages WHERE author = $1 AND recipient IS NOT NULL LIMIT $2)" },
  { "privateMessages", "DELETE FROM lectern_messages WHERE (room, id) IN "
    .. "(SELECT room, id FROM lectern_messages WHERE recipient = $1 LIMIT $2)" },
  { "readMarks", "DELETE FROM lectern_marks WHERE (person, room) IN "
    .. "(SELECT m.person, m.room FROM lectern_marks m JOIN lectern_conversations c ON c.room = m.room "
    .. "WHERE c.person = $1 LIMIT $2)" },
  { "conversations", "DELETE FROM lectern_conversations WHERE (person, other) IN "
    .. "(SELECT person, other FROM lectern_conversations WHERE other = $1 LIMIT $2)" },
  { "conversations", "DELETE FROM lectern_conversations WHERE (person, other) IN "
    .. "(SELECT person, other FROM lectern_conversations WHERE person = $1 LIMIT $2)" },
  { "messages", "UPDATE lectern_messages SET author = NULL, extra = NULL WHERE (room, id) IN "
    .. "(SELECT room, id FROM lectern_messages WHERE author = $1 AND recipient IS NULL LIMIT $2)" },
  { "messages", "UPDATE lectern_messages SET edited_by = NULL WHERE (room, id) IN "
    .. "(SELECT room, id FROM lectern_messages WHERE edited_by = $1 LIMIT $2)" },
  { "messages", "UPDATE lectern_messages SET deleted_by = NULL WHERE (room, id) IN "
    .. "(SELECT room, id FROM lectern_messages WHERE deleted_by = $1 LIMIT $2)" },
  { "reactions", "DELETE FROM lectern_reactions WHERE (room, discussion, message, person, reaction) IN "
    .. "(SELECT room, discussion, message, person, reaction FROM lectern_reactions "
    .. "WHERE person = $1 LIMIT $2)" },
  { "announcements", "UPDATE lectern_announcements SET author = NULL WHERE (room, id) IN "
    .. "(SELECT room, id FROM lectern_announcements WHERE author = $1 LIMIT $2)" },
  { "readMarks", "DELETE FROM lectern_marks WHERE (person, room) IN "
    .. "(SELECT person, room FROM lectern_marks WHERE person = $1 LIMIT $2)" },
  { "grants", "DELETE FROM lectern_grants WHERE (person, room) IN "
    .. "(SELECT person, room FROM lectern_grants WHERE person = $1 LIMIT $2)" },
}

privacy.parts = #TOLD
privacy.steps = #ERASED

local function places(key, from)
  local n, list = 0, {}
  for _ in key:gmatch "[%w_]+" do
    n = n + 1
    list[n] = "$" .. (from + n)
  end
  return table.concat(list, ", ")
end

---Rows of one part of what is told, in their order, behind `after`.
---@param part integer 1 to privacy.parts
---@param person string
---@param after? any[] the key of the last row of before
---@param limit integer
---@return string name
---@return table[]? rows, string? message, string? code
function privacy.told(part, person, after, limit)
  local t = TOLD[part]
  local parameters = { person, limit }
  local sql = ("SELECT %s FROM %s WHERE %s"):format(t.columns, t.table, t.where)
  if after then
    sql = ("%s AND (%s) > (%s)"):format(sql, t.key, places(t.key, 2))
    for i, value in ipairs(after) do
      parameters[2 + i] = value
    end
  end
  return t.name, lectern.db.query(("%s ORDER BY %s LIMIT $2"):format(sql, t.key), unpack(parameters))
end

---@param part integer
---@param row table
---@return any[] key what goes on behind it
function privacy.key(part, row)
  local key = {}
  for column in TOLD[part].key:gmatch "[%w_]+" do
    key[#key + 1] = row[column]
  end
  return key
end

---Whether values can be such a key.
---@param part integer 1 to privacy.parts
---@param key any[]
---@return boolean
function privacy.is_key(part, key)
  local n = 0
  for _ in TOLD[part].key:gmatch "[%w_]+" do
    n = n + 1
    local value = key[n]
    if type(value) ~= "string" and (type(value) ~= "number" or math.abs(value) > 2 ^ 53) then
      return false
    end
  end
  return #key == n
end

---One step of erasing, for some rows.
---@param step integer 1 to privacy.steps
---@param person string
---@param limit integer rows at most
---@return string name of what is counted
---@return integer? count how many rows it changed, string? message, string? code
function privacy.erase(step, person, limit)
  local name, sql = ERASED[step][1], ERASED[step][2]
  local results, why, code = lectern.db.batch { { sql, person, limit } }
  if not results then
    return name, nil, why, code
  end
  return name, results.changes[1]
end

---Sees to it that nothing of what was deleted is left in the files of the database.
---@return true? done, string? message, string? code "busy": not now
function privacy.purge()
  local done, why, code = core.db_call(PURGE)
  if not done then
    return nil, why, code
  end
  return true
end

---With whom a person has written.
---@return table[]? rows { other, room }, string? message, string? code
function privacy.partners(person, after, limit)
  return lectern.db.query("SELECT other, room FROM lectern_conversations WHERE person = $1 AND other > $2 "
    .. "ORDER BY other LIMIT $3", person, after, limit)
end

return privacy
