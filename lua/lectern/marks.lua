-- Read marks: how far a person has read in a room, or in what somebody wrote to them. One pointer, which
-- only goes forward; the person's own devices always hear of it, others only where the caller says so.

local lectern = require "lectern"
local listeners = require "lectern.listeners"
local rooms = require "lectern.rooms"
local store = require "lectern.store.marks"
local time = require "lectern.time"

local marks = {}

local read_by = listeners.new()

-- Whom else it concerns: the other one of a private room, or who is in the room.
local function others(person, room)
  local a, b = rooms.pair(room)
  if a then
    return lectern.to(rooms.user(a == person and b or a))
  end
  return lectern.to(room):except(rooms.user(person))
end

---@return string? person, string? room, string? code
local function both(user_id, name)
  local person, why, code = rooms.person(user_id)
  if not person then
    return nil, why, code
  end
  local room
  room, why, code = rooms.normalise(name)
  if not room then
    return nil, why, code
  end
  return person, room
end

local function answer(room, state)
  local null = lectern.null
  return {
    room = room,
    messageId = state.id ~= null and state.id or nil,
    readAt = state.marked ~= null and time.text(state.marked) or nil,
    unreadCount = state.unread,
  }
end

-- As marks.read; and how many of another's became read, where two write to each other.
local function advance(user_id, name, id, tell_others)
  local person, room, code = both(user_id, name)
  if not person then
    return nil, room, code
  end
  lectern.detach()
  local state, why
  state, why, code = store.advance(person, room, id, time.now(), rooms.pair(room) ~= nil)
  if not state then
    return nil, state == false and "there is no such message" or why, code or "not_found"
  end
  local mark = answer(room, state)
  if state.moved then
    lectern.to(rooms.user(person)):emit("read_mark", mark)
    if tell_others then
      others(person, room):emit("messages_read", {
        room = room, readBy = person, messageId = mark.messageId, readAt = mark.readAt,
      })
    end
    if state.became_read and state.became_read > 0 then
      read_by:call { room = room, person = person, count = state.became_read }
    end
  end
  return mark, state.became_read
end

---Marks a room as read, up to a message or, without one, the newest; a mark never goes back. If it moved, the
---person's devices hear `read_mark` {room, messageId, readAt, unreadCount}, and others, if they may,
---`messages_read` {room, readBy, messageId, readAt}. Waits for the store.
---@param user_id string|number
---@param name string a room's name
---@param id? string of the message
---@param tell_others? boolean
---@return { room: string, messageId?: string, readAt?: string, unreadCount: integer }? mark as it stands now
---@return string? message, string? code "invalid"; "not_found": no such message; or what the database says
function marks.read(user_id, name, id, tell_others)
  local mark, why, code = advance(user_id, name, id, tell_others)
  if not mark then
    return nil, why, code
  end
  return mark
end

---As `read`, of all that two people wrote to each other.
---@param user_id string|number
---@param room string their private room
---@param tell_others? boolean
---@return integer? count how many became read, in the transaction that moved the mark
---@return string? message, string? code
function marks.count_read(user_id, room, tell_others)
  local mark, count, code = advance(user_id, room, nil, tell_others)
  if not mark then
    return nil, count, code
  end
  return count
end

---Has fn called whenever somebody has read what another wrote to them, by whatever way. Call it while files
---load.
---@param name string of who listens: given again, it takes the place of the one before
---@param fn fun(read: { room: string, person: string, count: integer }) room: the private one
function marks.when_read(name, fn)
  read_by:set(name, fn)
end

---How far a person has read, and how many messages of others are unread: 1,000 are counted. Waits for the
---store.
---@param user_id string|number
---@param name string a room's name
---@return { room: string, messageId?: string, readAt?: string, unreadCount: integer }? mark
---@return string? message, string? code "invalid", or what the database says
function marks.of(user_id, name)
  local person, room, code = both(user_id, name)
  if not person then
    return nil, room, code
  end
  local state, why
  state, why, code = store.get(person, room, time.now())
  if not state then
    return nil, why, code
  end
  return answer(room, state)
end

return marks
