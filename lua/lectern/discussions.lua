-- Discussions: messages and reactions in a room, sent to all who are in it, and kept.
--
-- A room may hold many discussions, told apart by `discussionId`; a message without one belongs to the
-- room itself.

local lectern = require "lectern"
local check = require "lectern.check"
local rooms = require "lectern.rooms"
local store = require "lectern.store"

local discussions = {}

local PAGE, PAGE_MAX = 50, 100

local MESSAGE = { id = "line?", discussionId = "id?", userId = "person", content = "text" }
local REACTION = { discussionId = "id", userId = "person", reaction = "line", messageId = "id?" }

---Sends a message to a room: `discussion_message`, with the fields as given, plus room, id and timestamp.
---May wait for the store.
---@param name string a room's name
---@param message { userId: string, content: string, discussionId?: string, id?: string, timestamp?: any }
---@return table? message as sent
---@return string? why, string? code "invalid"
function discussions.send(name, message)
  local fields, why, code = check.in_room(name, message, MESSAGE)
  if not fields then
    return nil, why, code
  end
  local sent = {}
  for field, value in pairs(message) do
    if value ~= lectern.null then
      sent[field] = value
    end
  end
  for field, value in pairs(fields) do
    sent[field] = value
  end
  sent.id = fields.id or lectern.id()
  sent.timestamp = sent.timestamp or lectern.date()
  store.add_message(sent.room, sent)
  lectern.to(sent.room):emit("discussion_message", sent)
  return sent
end

---Sends a reaction to a room: `discussion_reaction`. A person's same reaction counts once. May wait for
---the store.
---@param name string a room's name
---@param reaction { discussionId: string, userId: string, reaction: string, messageId?: string }
---@return table? reaction as sent, with room and timestamp
---@return string? why, string? code "invalid"
function discussions.react(name, reaction)
  local sent, why, code = check.in_room(name, reaction, REACTION)
  if not sent then
    return nil, why, code
  end
  store.add_reaction(sent.room, sent)
  sent.timestamp = lectern.date()
  lectern.to(sent.room):emit("discussion_reaction", sent)
  return sent
end

---A room's messages, oldest first: the newest page, or the one before a message. May wait for the store.
---`limit` is 50 unless given, 100 at most.
---@param name string a room's name
---@param filter? { discussionId?: string, limit?: integer, before?: string }
---@return table[]? messages a JSON array even when empty
---@return string? why, string? code "invalid"
function discussions.history(name, filter)
  local room, why, code = rooms.normalise(name)
  if not room then
    return nil, why, code
  end
  filter = filter or {}
  local limit = math.max(1, math.min(filter.limit or PAGE, PAGE_MAX))
  local page = store.messages(room, limit, filter.before, filter.discussionId)
  local list = lectern.array()
  for i = #page, 1, -1 do
    list[#list + 1] = page[i]
  end
  return list
end

---How many people gave each reaction in a discussion. May wait for the store.
---@param name string a room's name
---@param discussion_id string
---@return table<string, integer>? tally
---@return string? why, string? code "invalid"
function discussions.reactions(name, discussion_id)
  local room, why, code = rooms.normalise(name)
  if not room then
    return nil, why, code
  end
  return store.reactions(room, discussion_id)
end

return discussions
