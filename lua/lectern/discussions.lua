-- Discussions: messages and reactions in a room, sent to all who are in it, and kept.
--
-- A room may hold many discussions, told apart by `discussionId`; a message without one belongs to the
-- room itself. Who writes is not cancelled by a disconnect: what is kept is sent, too.
--
-- Rooms of one person or of two have none: what is in a private room is lectern.messages' alone, which knows
-- whom it is for, whose it is to change, and what goes when one of the two is erased.

local lectern = require "lectern"
local check = require "lectern.check"
local posts = require "lectern.posts"
local rooms = require "lectern.rooms"
local store = require "lectern.store.reactions"
local time = require "lectern.time"

local discussions = {}

local MESSAGE = {
  id = "line?",
  discussionId = "id?",
  userId = "person",
  content = "text",
  timestamp = "time?",
  expiresAt = "time?",
}
local EDIT = { id = "line", content = "text", by = "person" }
local DELETE = { id = "line", by = "person" }
local REACTION = { discussionId = "id", userId = "person", reaction = "line", messageId = "id?" }
local KEEP_REACTIONS = lectern.config.store.reactions

---@return string? room its one name, string? message, string? code "invalid"
local function place(name)
  local room, why, code = rooms.normalise(name)
  if not room then
    return nil, why, code
  end
  local kind = rooms.parse(room)
  if kind == "private" or kind == "user" or kind == "conversation" then
    return nil, ("there are no discussions in a room of kind %s"):format(kind), "invalid"
  end
  return room
end

---As check.in_room, of a room that may have discussions.
local function in_room(name, payload, description)
  local room, why, code = place(name)
  if not room then
    return nil, why, code
  end
  return check.in_room(room, payload, description)
end

local function text(id)
  return type(id) == "number" and ("%d"):format(id) or id
end

local function shown(row)
  local message = posts.shown(row)
  message.room = row.room
  message.userId = row.author
  if row.discussion ~= lectern.null then
    message.discussionId = row.discussion
  end
  return message
end

-- What was given beside the fields that have a place of their own.
local function extra_of(message)
  local extra = {}
  for field, value in pairs(message) do
    if value ~= lectern.null and not MESSAGE[field] and field ~= "room" then
      extra[field] = value
    end
  end
  return extra
end

---Sends a message to a room: `discussion_message`, with the fields as given, plus room, id and timestamp.
---Ids come out as text. One whose id is kept already is not sent again. Waits for the store.
---@param name string a room's name
---@param message table userId, content; discussionId?, id?, timestamp?, expiresAt?, and what else is shown
---@return table? message as sent
---@return string? why
---@return string? code "invalid", "too_big"; "conflict": another's message has this id; or the database's
function discussions.send(name, message)
  local fields, why, code = in_room(name, message, MESSAGE)
  if not fields then
    return nil, why, code
  elseif fields.expiresAt and fields.expiresAt <= time.now() then
    return nil, "expiresAt must lie in the future", "invalid"
  end
  lectern.detach()
  local row, new
  row, new, code = posts.write {
    room = fields.room,
    id = fields.id or lectern.id(),
    author = fields.userId,
    discussion = text(fields.discussionId),
    sent = time.text(fields.timestamp or time.now()),
    content = fields.content,
    extra = extra_of(message),
    expires_at = fields.expiresAt,
  }
  if not row then
    return nil, new, code
  end
  local sent = shown(row)
  if new then
    lectern.to(row.room):emit("discussion_message", sent)
  end
  return sent
end

-- Checks, changes one message, and tells the room.
local function change(name, payload, description, fn, anybodys, event, names)
  local fields, why, code = in_room(name, payload, description)
  if not fields then
    return nil, why, code
  end
  lectern.detach()
  fields.anybodys = anybodys
  local row, done
  row, done, code = fn(fields.room, fields)
  if not row then
    return nil, done, code
  end
  local message = shown(row)
  if done then
    local told = { room = row.room, id = row.id, discussionId = message.discussionId }
    for _, field in ipairs(names) do
      told[field] = message[field]
    end
    lectern.to(row.room):emit(event, told)
  end
  return message
end

---Gives a message another content: `message_updated` {room, id, discussionId, content, editedAt, editedBy} to
---the room. Waits for the store.
---@param name string a room's name
---@param fields { id: string, content: string, by: string } by: who does it
---@param anybodys? boolean whether it may be another's message
---@return table? message
---@return string? why, string? code "invalid", "not_found", "forbidden", or what the database says
function discussions.edit(name, fields, anybodys)
  return change(name, fields, EDIT, posts.edit, anybodys, "message_updated",
    { "content", "editedAt", "editedBy" })
end

---Deletes a message; a tombstone stays, and tells who and when: `message_deleted` {room, id, discussionId,
---deletedAt, deletedBy} to the room. Waits for the store.
---@param name string a room's name
---@param fields { id: string, by: string } by: who does it
---@param anybodys? boolean whether it may be another's message
---@return table? message the tombstone
---@return string? why, string? code "invalid", "not_found", "forbidden", or what the database says
function discussions.delete(name, fields, anybodys)
  return change(name, fields, DELETE, posts.delete, anybodys, "message_deleted",
    { "deletedAt", "deletedBy" })
end

-- Checks a reaction, has the store change it, and tells the room if it did: fn(row) -> whether it did.
local function reacted(name, reaction, fn, event)
  local sent, why, code = in_room(name, reaction, REACTION)
  if not sent then
    return nil, why, code
  end
  sent.discussionId, sent.messageId = text(sent.discussionId), text(sent.messageId)
  lectern.detach()
  local changed
  changed, why, code = fn {
    room = sent.room,
    discussion = sent.discussionId,
    message = sent.messageId or "",
    person = sent.userId,
    reaction = sent.reaction,
  }
  if changed == nil then
    return nil, why, code
  end
  sent.timestamp = lectern.date()
  if changed then
    lectern.to(sent.room):emit(event, sent)
  end
  return sent
end

---Sends a reaction to a room: `discussion_reaction`. A person's same reaction counts once, and is sent
---once. Waits for the store.
---@param name string a room's name
---@param reaction { discussionId: string, userId: string, reaction: string, messageId?: string }
---@return table? reaction as sent, with room and timestamp
---@return string? why, string? code "invalid", or what the database says
function discussions.react(name, reaction)
  return reacted(name, reaction, function(row)
    return store.add(row, time.now(), KEEP_REACTIONS)
  end, "discussion_reaction")
end

---Takes a reaction back: `discussion_reaction_removed` to the room, if it was there. Waits for the store.
---@param name string a room's name
---@param reaction { discussionId: string, userId: string, reaction: string, messageId?: string }
---@return table? reaction, with room and timestamp
---@return string? why, string? code "invalid", or what the database says
function discussions.unreact(name, reaction)
  return reacted(name, reaction, store.remove, "discussion_reaction_removed")
end

---A page of a room's messages, oldest first: the newest, those before a message (`before`), after one
---(`after`), or from where another page ended (`cursor`, its nextCursor). `limit` is 50 unless given, 100 at
---most. Waits for the store.
---@param name string a room's name
---@param filter? { discussionId?: string, limit?: integer, cursor?: string, before?: string, after?: string }
---@return { messages: table[], nextCursor?: string, hasMore: boolean }? page
---@return string? why, string? code "invalid"; "not_found": `after` is gone; or what the database says
function discussions.history(name, filter)
  local room, why, code = place(name)
  if not room then
    return nil, why, code
  end
  return posts.page(room, filter, shown)
end

---How many people gave each reaction in a discussion. Waits for the store.
---@param name string a room's name
---@param discussion_id string|number
---@return table<string, integer>? tally
---@return string? why, string? code "invalid", or what the database says
function discussions.reactions(name, discussion_id)
  local room, why, code = place(name)
  if not room then
    return nil, why, code
  end
  return store.tally(room, text(discussion_id))
end

return discussions
