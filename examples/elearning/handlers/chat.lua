-- The chat of the platform: conversations over HTTP, each person with their own token, and their rooms and
-- events. What is written here and by the event private_message (messages.lua) is the same.

local check = require "lectern.check"
local conversations = require "lectern.conversations"
local lectern = require "lectern"
local marks = require "lectern.marks"
local membership = require "lectern.membership"
local messages = require "lectern.messages"
local notifications = require "lectern.notifications"
local pages = require "lectern.pages"
local people = require "lectern.people"
local rooms = require "lectern.rooms"

local M = {}

-- Whoever wrote it and however: new_message, message_sent; and messages_read, however it was read.
messages.when_sent("chat", conversations.tell_sent)
marks.when_read("chat", conversations.tell_read)

-- Who may be written to: change it as the platform needs. A server that has met nobody yet cannot tell a new
-- user from a wrong id, so all are accepted unless app.known_people_only says otherwise. Then it must be
-- somebody who has been here or was sent something; with people.source, somebody whom the platform has.
local function may_be_written_to(id)
  if not lectern.config.app.known_people_only then
    return true
  end
  local known, why, code = people.is_known(id)
  if known == false then
    return nil, "there is no such person", "not_found"
  end
  return known, why, code
end

local function switched_on()
  if lectern.config.app.private_messages then
    return true
  end
  return nil, "private messages are switched off", "forbidden"
end

-- A route: fn(person, request), of who asks with a token of their own.
local function of_person(fn)
  return function(request)
    local on, why, code = switched_on()
    if not on then
      return nil, why, code
    end
    local person
    person, why, code = people.asking(request)
    if not person then
      return nil, why, code
    end
    people.seen(request.user)
    return fn(person, request)
  end
end

-- Puts a count under its name into the answer.
local function named(name, count, why, code)
  if not count then
    return nil, why, code
  end
  return { [name] = count }
end

local TITLE, TITLE_MAX = "New message", 200

-- The bell says who wrote, not what: the message may be deleted later. It goes when its sender is erased
-- (`about`). If it cannot be made, the message is sent all the same.
local function notify(message)
  local name = people.name(message.sender)
  local title = TITLE .. (name and " from " .. name or "")
  if #title > TITLE_MAX or title:find "%c" then
    title = TITLE
  end
  local sent, why = notifications.create {
    userId = message.receiverId,
    about = message.senderId,
    type = "NEW_MESSAGE",
    title = title,
    message = "You have a new message",
    actionUrl = "/chat/" .. message.conversationId,
    data = {
      conversationId = message.conversationId, messageId = message.id, senderId = message.senderId,
      senderName = name or lectern.null,
    },
  }
  if not sent then
    lectern.log.warn("nobody was notified of a message: " .. why, { message = message.id })
  end
end

local MESSAGE = { receiverId = "person", content = "text", messageType = "line?", attachments = "data?" }

-- POST /chat/messages {receiverId, content, messageType?, attachments?}: sends a message and notifies its
-- receiver. The message, with sender and receiver.
local function send(person, request)
  local body, why, code = request:json()
  if body == nil then
    return nil, why, code
  end
  local given
  given, why, code = check.fields(body, MESSAGE)
  if not given then
    return nil, why, code
  elseif given.receiverId == rooms.person(person) then
    return nil, "nobody writes to themselves", "invalid"
  end
  local may
  may, why, code = may_be_written_to(given.receiverId)
  if not may then
    return nil, why, code
  end
  local message
  message, why, code = conversations.send {
    from = person, to = given.receiverId, content = given.content, messageType = given.messageType,
    attachments = given.attachments,
  }
  if not message then
    return nil, why, code
  end
  notify(message)
  return message
end

-- GET /chat/conversations?page=1&limit=20: {conversations, pagination}, the latest first.
local function list(person, request)
  local asked, why, code = pages.asked(request.query)
  if not asked then
    return nil, why, code
  end
  return conversations.list(person, asked.page, asked.limit)
end

-- GET /chat/conversations/:id/messages?page=1&limit=50: {messages, pagination}; page 1 has the newest.
local function history(person, request)
  local asked, why, code = pages.asked(request.query)
  if not asked then
    return nil, why, code
  end
  return conversations.messages(person, request.params.id, asked.page, asked.limit)
end

-- POST /chat/conversations/:id/read: {success, markedCount}. All that the other one wrote is read.
local function read(person, request)
  local answer, why, code =
    named("markedCount", conversations.read(person, request.params.id, lectern.config.app.read_receipts))
  if not answer then
    return nil, why, code
  end
  answer.success = true
  return answer
end

-- GET /chat/unread-count: {unreadCount}, of all conversations.
local function unread(person)
  return named("unreadCount", conversations.unread(person))
end

-- DELETE /chat/messages/:id: the own message, of which a tombstone stays.
local function delete(person, request)
  return conversations.delete(person, request.params.id)
end

-- POST /chat/conversations/with/:userId: the conversation with somebody, which begins if there is none.
local function with(person, request)
  local id, why, code = conversations.id(person, request.params.userId)
  if not id then
    return nil, why, code
  end
  local may
  may, why, code = may_be_written_to(request.params.userId)
  if not may then
    return nil, why, code
  end
  return conversations.with(person, request.params.userId)
end

M.routes = {
  ["POST /chat/messages"] = of_person(send),
  ["DELETE /chat/messages/:id"] = of_person(delete),
  ["GET /chat/unread-count"] = of_person(unread),
  ["GET /chat/conversations"] = of_person(list),
  ["GET /chat/conversations/:id/messages"] = of_person(history),
  ["POST /chat/conversations/:id/read"] = of_person(read),
  ["POST /chat/conversations/with/:userId"] = of_person(with),
}

local ONE = { conversationId = "conversation" }

-- What a client gives as a conversation: its id, or an object with it.
---@return string? room, string id or message, string? code
local function room_of(payload)
  if type(payload) ~= "table" then
    payload = { conversationId = payload }
  end
  local given, why, code = check.fields(payload, ONE)
  if not given then
    return nil, why, code
  end
  local room
  room, why, code = rooms.normalise("conversation:" .. given.conversationId)
  return room, room and given.conversationId or why, code
end

-- Its two people hear there who reads and types. One that the platform keeps under an id of its own
-- wants a grant (grant_room).
function M.on_join_conversation(socket, payload)
  local on, message, refusal = switched_on()
  if not on then
    return nil, message, refusal
  end
  local room, id, code = room_of(payload)
  if not room then
    return nil, id, code
  end
  local joined, why
  joined, why, code = membership.join(socket, room)
  if not joined then
    return nil, why, code
  end
  socket:emit("joined_conversation", { conversationId = id })
  return { ok = true, conversationId = id }
end

-- Who is out already, after a reconnection for example, is told the same.
function M.on_leave_conversation(socket, payload)
  local room, id, code = room_of(payload)
  if not room then
    return nil, id, code
  end
  local left, why
  left, why, code = membership.leave(socket, room)
  if not left then
    return nil, why, code
  end
  socket:emit("left_conversation", { conversationId = id })
  return { ok = true, conversationId = id }
end

return M
