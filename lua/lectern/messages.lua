-- Private messages between two people: kept, and sent to every tab of both.
--
-- Who writes is not cancelled by a disconnect: what is kept is sent, too.

local lectern = require "lectern"
local check = require "lectern.check"
local listeners = require "lectern.listeners"
local pages = require "lectern.pages"
local posts = require "lectern.posts"
local rooms = require "lectern.rooms"
local store = require "lectern.store.conversations"
local time = require "lectern.time"

local messages = {}

local PAGE, PAGE_MAX = 20, 100
local MESSAGE = {
  from = "person", to = "person", content = "text", id = "line?", timestamp = "time?", expiresAt = "time?",
  data = "data?", messageType = "line?", attachments = "data?",
}
local TYPES = { TEXT = true, IMAGE = true, FILE = true, AUDIO = true, VIDEO = true }
local EDIT = { with = "person", id = "line", content = "text", by = "person" }
local DELETE = { with = "person", id = "line", by = "person" }
local NOBODY = "a private message goes from one person to another"

---The room that two people's messages are kept under.
---@return string? room nil if one of them cannot be a person, or both are the same
local function between(a, b)
  local first, second = rooms.person(a), rooms.person(b)
  return first and second and first ~= second and rooms.private(first, second) or nil
end

---A private message as it is sent, from its row.
---@param row table as the store gives it
---@return table message
function messages.shown(row)
  local message = posts.shown(row)
  message.from = row.author
  message.to = row.recipient
  return message
end

local function tell(row, event, payload)
  lectern.to({ rooms.user(row.author), rooms.user(row.recipient) }):emit(event, payload)
end

local sent_to = listeners.new()

---Has fn called with each new private message, after both people were told. What it gets is the message as
---`send` returns it. It must not wait: messages would overtake each other. Call it while files load.
---@param name string of who listens: given again, it takes the place of the one before
---@param fn fun(message: table)
function messages.when_sent(name, fn)
  sent_to:set(name, fn)
end

---@return table? fields, string? why, string? code
local function checked(message)
  local fields, why, code = check.fields(message, MESSAGE)
  if not fields then
    return nil, why, code
  elseif fields.messageType and not TYPES[fields.messageType] then
    return nil, "messageType must be TEXT, IMAGE, FILE, AUDIO or VIDEO", "invalid"
  elseif fields.attachments ~= nil and not lectern.is_array(fields.attachments) then
    return nil, "attachments must be a list", "invalid"
  elseif fields.expiresAt and fields.expiresAt <= time.now() then
    return nil, "expiresAt must lie in the future", "invalid"
  end
  return fields
end

---Sends a private message: `private_message` {id, from, to, content, timestamp}. One whose id is kept already
---is not sent again. Waits for the store.
---@param message table from, to, content; id?, timestamp?, expiresAt?, data?; messageType? (TEXT, IMAGE,
--- FILE, AUDIO, VIDEO), attachments? (a list): both kept and shown as given
---@return table? message as sent
---@return string? why
---@return string? code "invalid", "too_big"; "conflict": another's message has this id; or the database's
function messages.send(message)
  local fields, why, code = checked(message)
  if not fields then
    return nil, why, code
  end
  local room = between(fields.from, fields.to)
  if not room then
    return nil, NOBODY, "invalid"
  end
  lectern.detach()
  local row, new
  row, new, code = posts.write {
    room = room,
    id = fields.id or lectern.id(),
    author = fields.from,
    recipient = fields.to,
    sent = time.text(fields.timestamp or time.now()),
    content = fields.content,
    extra = { data = fields.data, messageType = fields.messageType, attachments = fields.attachments },
    expires_at = fields.expiresAt,
  }
  if not row then
    return nil, new, code
  end
  local sent = messages.shown(row)
  if new then
    tell(row, "private_message", sent)
    sent_to:call(sent)
  end
  return sent
end

---A page of what two people wrote to each other, oldest first: the newest, those before a message (`before`),
---after one (`after`), or from where another page ended (`cursor`, its nextCursor). Waits for the store.
---@param a string|number
---@param b string|number
---@param filter? lectern.Page.Filter limit 50 unless given, 100 at most
---@return { messages: table[], nextCursor?: string, hasMore: boolean }? page
---@return string? why, string? code "invalid", "not_found": `after` is gone; or what the database says
function messages.history(a, b, filter)
  local room = between(a, b)
  if not room then
    return nil, NOBODY, "invalid"
  end
  return posts.page(room, filter, messages.shown)
end

-- Checks, changes one message of two people's, and tells both.
local function change(fields, description, fn, event, names)
  local change_of, why, code = check.fields(fields, description)
  if not change_of then
    return nil, why, code
  end
  local room = between(change_of.by, change_of.with)
  if not room then
    return nil, NOBODY, "invalid"
  end
  lectern.detach()
  local row, done
  row, done, code = fn(room, change_of)
  if not row then
    return nil, done, code
  end
  local message = messages.shown(row)
  if done then
    local payload = { room = room, id = row.id, from = row.author, to = row.recipient }
    for _, name in ipairs(names) do
      payload[name] = message[name]
    end
    tell(row, event, payload)
  end
  return message
end

---Gives an own private message another content: `message_updated` {room, id, from, to, content, editedAt,
---editedBy} to every tab of both. Waits for the store.
---@param fields { with: string, id: string, content: string, by: string } by: who wrote it, to `with`
---@return table? message
---@return string? why, string? code "invalid", "not_found", "forbidden", or what the database says
function messages.edit(fields)
  return change(fields, EDIT, posts.edit, "message_updated", { "content", "editedAt", "editedBy" })
end

---Deletes an own private message; a tombstone stays: `message_deleted` {room, id, from, to, deletedAt,
---deletedBy} to every tab of both. Waits for the store.
---@param fields { with: string, id: string, by: string } by: who wrote it, to `with`
---@return table? message the tombstone
---@return string? why, string? code "invalid", "not_found", "forbidden", or what the database says
function messages.delete(fields)
  return change(fields, DELETE, posts.delete, "message_deleted", { "deletedAt", "deletedBy" })
end

---Whom a person writes with, the latest first. Waits for the store.
---@param person string|number
---@param filter? { limit?: integer, cursor?: string } limit 20 unless given, 100 at most
---@return table? page conversations (with, room, lastMessage, lastMessageAt, unreadCount); nextCursor
---@return string? why, string? code "invalid", or what the database says
function messages.conversations(person, filter)
  local id, why, code = rooms.person(person)
  if not id then
    return nil, why, code
  end
  local wanted
  wanted, why, code = pages.wanted(filter, PAGE, PAGE_MAX)
  if not wanted then
    return nil, why, code
  end
  local rows
  rows, why, code = store.written(id, wanted, time.now())
  if not rows then
    return nil, why, code
  end
  local cursor, more = pages.next(wanted, rows)
  local list = lectern.array()
  for i, row in ipairs(rows) do
    local last = lectern.null
    if row.message ~= lectern.null then
      last = messages.shown(row)
    end
    list[i] = {
      with = row.other, room = row.room, lastMessage = last, lastMessageAt = time.text(row.created),
      unreadCount = row.unread,
    }
  end
  return { conversations = list, nextCursor = cursor, hasMore = more }
end

return messages
