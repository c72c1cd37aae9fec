-- Private messages between two people: kept, and sent to every tab of both.

local lectern = require "lectern"
local check = require "lectern.check"
local rooms = require "lectern.rooms"
local store = require "lectern.store"

local messages = {}

local PAGE, PAGE_MAX = 50, 100
local MESSAGE = { from = "person", to = "person", content = "text", id = "line?", timestamp = "line?" }

---The room that two people's messages are kept under.
---@return string? room nil if one of them cannot be a user, or both are the same
local function between(a, b)
  local first, second = rooms.person(a), rooms.person(b)
  return first and second and first ~= second and rooms.private(a, b) or nil
end

---Sends a private message: `private_message` {id, from, to, content, timestamp}. May wait for the store.
---@param message { from: string, to: string, content: string, id?: string, timestamp?: string }
---@return table? message as sent
---@return string? why, string? code "invalid"
function messages.send(message)
  local sent, why, code = check.fields(message, MESSAGE)
  if not sent then
    return nil, why, code
  end
  local room = between(sent.from, sent.to)
  if not room then
    return nil, "a private message goes from one person to another", "invalid"
  end
  sent.id = sent.id or lectern.id()
  sent.timestamp = sent.timestamp or lectern.date()
  store.add_message(room, sent)
  lectern.to({ rooms.user(sent.from), rooms.user(sent.to) }):emit("private_message", sent)
  return sent
end

---What two people wrote to each other, oldest first: the newest page, or the one before a message. May
---wait for the store.
---@param a string|number
---@param b string|number
---@param filter? { limit?: integer, before?: string } limit 50 unless given, 100 at most
---@return table[]? messages a JSON array even when empty
---@return string? why, string? code "invalid": these two cannot have written to each other
function messages.history(a, b, filter)
  filter = filter or {}
  local room = between(a, b)
  if not room then
    return nil, "a private message goes from one person to another", "invalid"
  end
  local limit = math.max(1, math.min(filter.limit or PAGE, PAGE_MAX))
  local page = store.messages(room, limit, filter.before)
  local list = lectern.array()
  for i = #page, 1, -1 do
    list[#list + 1] = page[i]
  end
  return list
end

return messages
