-- Conversations of two people, as a platform's chat has them: with an id, a list, pages and what is unread.
-- Their messages are those of lectern.messages, whoever wrote them and by which way; what is read is the mark
-- of their private room (lectern.marks).
--
-- The id says who the two are: alice and bob have `alice.bob`. So there is one for each pair, it needs no
-- look-up, and it may stand in a URL. Its room is `conversation:{id}` (lectern.rooms).
--
-- All that ask the database wait, and answer nil, message, "unavailable" and the like when it is away.

local lectern = require "lectern"
local marks = require "lectern.marks"
local messages = require "lectern.messages"
local pages = require "lectern.pages"
local people = require "lectern.people"
local preview = require "lectern.preview"
local rooms = require "lectern.rooms"
local store = require "lectern.store.conversations"
local time = require "lectern.time"

local conversations = {}

local PREFIX = "conversation:"
local PAGE, MESSAGES, PAGE_MAX = 20, 50, 100
local PREVIEW = 100 -- characters
local EMPTY = lectern.config.store.conversations -- kept for each person

---The id of two people's conversation; the same one whoever is named first.
---@param a string|number a person's id, literally
---@param b string|number
---@return string? id of letters, digits and _ - ~ .
---@return string? message, string? code "invalid"
function conversations.id(a, b)
  local first, why, code = rooms.person(a)
  if not first then
    return nil, why, code
  end
  local second
  second, why, code = rooms.person(b)
  if not second then
    return nil, why, code
  elseif first == second then
    return nil, "a conversation is one of two people", "invalid"
  end
  return (rooms.conversation(first, second):sub(#PREFIX + 1))
end

---The two people of a conversation, in the order in which the id has them.
---@param id any
---@return string? a, string? b their ids, literally; nil for what `conversations.id` cannot have made
function conversations.pair(id)
  if type(id) ~= "string" then
    return nil
  end
  return rooms.conversation_pair(PREFIX .. id)
end

---The private room of somebody's conversation.
---@return string? room, string? message, string? code "invalid", "not_found": of others, or of nobody
local function own_room(person_id, id)
  local person, why, code = rooms.person(person_id)
  if not person then
    return nil, why, code
  end
  local a, b = conversations.pair(id)
  if not a or (person ~= a and person ~= b) then
    return nil, "there is no such conversation", "not_found"
  end
  return rooms.private(a, b)
end

-- Profiles by id. Who asks is not refused what is here because a platform's table of users is away.
local function profiles_of(ids)
  local found, why = people.profiles(ids)
  if not found then
    lectern.log.warn("people are shown without what the platform knows of them: " .. why)
    found = {}
  end
  for _, id in ipairs(ids) do
    found[id] = found[id] or people.profile(id)
  end
  return found
end

---A private message as the chat shows it.
---@param message table as lectern.messages has it
---@param read_at? integer when its recipient read it
---@return table
function conversations.message(message, read_at)
  local null = lectern.null
  local deleted, edited = message.deletedAt, message.editedAt
  return {
    id = message.id,
    conversationId = conversations.id(message.from, message.to),
    senderId = message.from,
    receiverId = message.to,
    content = not deleted and message.content or "",
    messageType = message.messageType or "TEXT",
    attachments = message.attachments or lectern.array(),
    isRead = read_at ~= nil,
    readAt = read_at and time.text(read_at) or null,
    isDeleted = deleted ~= nil,
    deletedAt = deleted or null,
    isEdited = edited ~= nil,
    editedAt = edited or null,
    createdAt = message.timestamp,
    updatedAt = deleted or edited or message.timestamp,
  }
end

local function value(column)
  if column ~= lectern.null then
    return column
  end
end

local function of_row(row)
  return conversations.message(messages.shown(row), value(row.read_at))
end

local function with_people(message, profiles)
  message.sender, message.receiver = profiles[message.senderId], profiles[message.receiverId]
  return message
end

-- A conversation as one of its two sees it.
local function shown(person, row, profiles)
  local null = lectern.null
  local first, second = person, row.other
  if second < first then
    first, second = second, first
  end
  local last = row.message ~= null and of_row(row) or null
  local is_empty = row.id == ""
  return {
    id = conversations.id(person, row.other),
    participant1Id = first,
    participant2Id = second,
    lastMessageAt = not is_empty and time.text(row.created) or null,
    lastMessagePreview = last ~= null and preview.of(last.content, PREVIEW) or null,
    isActive = true,
    isBlocked = false,
    blockedBy = null,
    createdAt = time.text(row.begun),
    updatedAt = time.text(math.max(row.created, row.begun)),
    otherUser = profiles[row.other],
    lastMessage = last,
    unreadCount = row.unread,
  }
end

local function pagination(total, page, limit)
  return { total = total, page = page, limit = limit, totalPages = math.ceil(total / limit) }
end

---A page of a person's conversations, the latest first.
---@param person_id string|number
---@param page? integer from 1
---@param limit? integer 20 unless given, 100 at most
---@return { conversations: table[], pagination: table }? page, string? message, string? code
function conversations.list(person_id, page, limit)
  local person, why, code = rooms.person(person_id)
  if not person then
    return nil, why, code
  end
  local offset
  page, limit, offset = pages.place(page, limit, PAGE, PAGE_MAX)
  local rows, total
  rows, total, code = store.page(person, time.now(), limit, offset)
  if not rows then
    return nil, total, code
  end
  local ids, list = {}, lectern.array()
  for i, row in ipairs(rows) do
    ids[i] = row.other
  end
  local profiles = profiles_of(ids)
  for i, row in ipairs(rows) do
    list[i] = shown(person, row, profiles)
  end
  return { conversations = list, pagination = pagination(total, page, limit) }
end

---The conversation of two people, which begins if there is none. Of those in which nobody has written, a
---person keeps the newest `store.conversations`.
---@param person_id string|number who asks
---@param other_id string|number
---@return table? conversation as that one sees it, string? message, string? code "invalid", or the database's
function conversations.with(person_id, other_id)
  local id, why, code = conversations.id(person_id, other_id)
  if not id then
    return nil, why, code
  end
  local person, other = rooms.person(person_id), rooms.person(other_id)
  lectern.detach()
  local row
  row, why, code = store.begin(person, other, rooms.private(person, other), time.now(), EMPTY)
  if not row then
    return nil, why, code
  end
  return shown(person, row, profiles_of { other })
end

---A page of somebody's conversation: page 1 has the newest messages, each page the oldest first.
---@param person_id string|number who asks
---@param id any the conversation's
---@param page? integer from 1
---@param limit? integer 50 unless given, 100 at most
---@return { messages: table[], pagination: table }? page
---@return string? message, string? code "not_found", or the database's
function conversations.messages(person_id, id, page, limit)
  local room, why, code = own_room(person_id, id)
  if not room then
    return nil, why, code
  end
  local offset
  page, limit, offset = pages.place(page, limit, MESSAGES, PAGE_MAX)
  local rows, total
  rows, total, code = store.messages(room, time.now(), limit, offset)
  if not rows then
    return nil, total, code
  end
  local profiles = profiles_of { conversations.pair(id) }
  local list = lectern.array()
  for i, row in ipairs(rows) do
    list[#rows + 1 - i] = with_people(of_row(row), profiles)
  end
  return { messages = list, pagination = pagination(total, page, limit) }
end

---Sends a message, as lectern.messages does.
---@param message table as messages.send takes it
---@return table? message with sender and receiver, string? why, string? code as of messages.send
function conversations.send(message)
  local sent, why, code = messages.send(message)
  if not sent then
    return nil, why, code
  end
  local profiles = profiles_of { sent.from, sent.to }
  return with_people(conversations.message(sent), profiles)
end

---Marks all as read that the other one wrote.
---@param person_id string|number
---@param id any the conversation's
---@param tell_others? boolean as of marks.read
---@return integer? count of those that became read
---@return string? message, string? code "not_found", or the database's
function conversations.read(person_id, id, tell_others)
  local room, why, code = own_room(person_id, id)
  if not room then
    return nil, why, code
  end
  return marks.count_read(person_id, room, tell_others)
end

---How many messages are unread in all of a person's conversations.
---@param person_id string|number
---@return integer? count of each conversation up to 1,000, string? message, string? code
function conversations.unread(person_id)
  local person, why, code = rooms.person(person_id)
  if not person then
    return nil, why, code
  end
  return store.unread(person, time.now())
end

---Deletes an own message; a tombstone stays, and both hear `message_deleted` as of lectern.messages.
---@param person_id string|number
---@param message_id string
---@return table? message the tombstone
---@return string? why, string? code "invalid": it is another's; "not_found"; "conflict": several of the
--- person's own have this id, which they chose; or the database's
function conversations.delete(person_id, message_id)
  local person, why, code = rooms.person(person_id)
  if not person then
    return nil, why, code
  end
  lectern.detach()
  local rows
  rows, why, code = store.find(person, message_id)
  if not rows then
    return nil, why, code
  end
  local found, other = rows[1], rows[2]
  if not found then
    return nil, "there is no such message", "not_found"
  elseif found.author ~= person then
    return nil, "only its sender deletes a message", "invalid"
  elseif other and other.author == person then
    return nil, "several of your messages have this id: delete it by delete_private_message", "conflict"
  end
  local message
  message, why, code = messages.delete { by = person, with = found.recipient, id = message_id }
  if not message then
    return nil, why, code
  end
  local read_at
  read_at, why, code = store.read_at(found.room, message_id)
  if read_at == nil then
    return nil, why, code
  end
  return with_people(conversations.message(message, read_at or nil), profiles_of { message.from, message.to })
end

---Tells of a new message: `new_message` to the receiver's devices, `message_sent` to the sender's, both
---{message, conversationId}. For messages.when_sent: it waits for nothing.
---@param sent table the message as of lectern.messages
function conversations.tell_sent(sent)
  local message = conversations.message(sent)
  message.sender, message.receiver = people.profile(sent.from), people.profile(sent.to)
  local payload = { message = message, conversationId = message.conversationId }
  lectern.to(rooms.user(sent.to)):emit("new_message", payload)
  lectern.to(rooms.user(sent.from)):emit("message_sent", payload)
end

---Tells who is in the conversation's room that somebody has read: `messages_read`
---{conversationId, readBy, count}. For marks.when_read.
---@param read { room: string, person: string, count: integer }
function conversations.tell_read(read)
  local a, b = rooms.pair(read.room)
  lectern.to(rooms.conversation(a, b)):emit("messages_read", {
    conversationId = conversations.id(a, b), readBy = read.person, count = read.count,
  })
end

return conversations
