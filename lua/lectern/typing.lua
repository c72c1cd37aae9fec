-- Typing indicators: who is typing where. In a room it is told to the room, but to no tab of the typist
-- (`typing_indicator`); in a conversation to the devices of the one who is written to, and to nobody else
-- (`user_typing`, `user_stopped_typing`).
--
-- The client says start and stop as it likes; others hear at most one "typing" and one "stopped" per
-- `typing.interval` from a socket in one place, and are never left with somebody typing for ever: it stops
-- after `typing.timeout` without a new start, when the typist leaves the room, or disconnects. A start too
-- soon after the last is told when the interval is over, if it still stands then.
--
-- A place is a room, in which one types in one discussion at a time; or all conversations together, as one
-- types to one person at a time. Who types somewhere else there has stopped where they were. So nobody can
-- be typing to many at once, and a socket has one entry a room, at most as many as it may have rooms, and
-- one more. An entry lives from the first start to the end of the interval after the stop. Its one timer is
-- set for the earliest moment that may matter, and looks then: a repeated start, the common event, only
-- moves the deadline.

local lectern = require "lectern"
local conversations = require "lectern.conversations"
local rooms = require "lectern.rooms"

local typing = {}

local EARLY = 0.002 -- seconds that a timer may come too soon
local CONVERSATIONS = "\n" -- the place; no room has this name

local KEY = "lectern.typing"
lectern.state[KEY] = lectern.state[KEY] or {}
local sockets = lectern.state[KEY] -- socket id → place → entry

local function timeout()
  return lectern.config.typing.timeout / 1000
end

local function interval()
  return lectern.config.typing.interval / 1000
end

local function tell_room(entry, is_typing)
  entry.others:emit("typing_indicator", {
    room = entry.place,
    discussionId = entry.topic,
    userId = entry.user,
    isTyping = is_typing,
  })
end

local function tell_receiver(entry, is_typing)
  lectern.to(rooms.user(entry.receiver)):emit(is_typing and "user_typing" or "user_stopped_typing", {
    conversationId = entry.topic,
    userId = entry.user,
  })
end

local function tell(entry, is_typing)
  entry.shown = is_typing
  if is_typing then
    entry.told = lectern.now()
  end
  if entry.receiver then
    tell_receiver(entry, is_typing)
  else
    tell_room(entry, is_typing)
  end
end

local look

local function arm(entry, due)
  if entry.timer then
    if entry.due <= due then
      return
    end
    entry.timer:cancel()
  end
  entry.due = due
  entry.timer = lectern.after(math.max(due - lectern.now(), 0), function()
    look(entry)
  end)
end

local function forget(entry)
  if entry.timer then
    entry.timer:cancel()
    entry.timer = nil
  end
  local mine = sockets[entry.socket]
  if mine and mine[entry.place] == entry then
    mine[entry.place] = nil
    if next(mine) == nil then
      sockets[entry.socket] = nil
    end
  end
end

local function stop(entry)
  entry.typing = false
  if entry.shown then
    tell(entry, false)
  end
end

---Does what is due, and sets the timer for what comes next.
function look(entry)
  entry.timer = nil
  local now = lectern.now() + EARLY
  local free = entry.told + interval()
  if entry.typing and now >= entry.deadline then
    stop(entry)
  elseif entry.typing and not entry.shown and now >= free then
    tell(entry, true)
  end
  if entry.typing then
    arm(entry, entry.shown and entry.deadline or math.min(free, entry.deadline))
  elseif now >= free then
    forget(entry)
  else
    arm(entry, free)
  end
end

---The socket's entry of a place, if it has one.
local function find(socket, place)
  local mine = sockets[socket.id]
  return mine and mine[place]
end

---A new entry.
---@param others? table in a room: whom it is told
local function add(socket, place, others)
  local entry = { socket = socket.id, user = socket.user.id, place = place, others = others }
  entry.told, entry.shown = -math.huge, false
  sockets[socket.id] = sockets[socket.id] or {}
  sockets[socket.id][place] = entry
  return entry
end

---@param topic? string a discussion, or a conversation
---@param receiver? string a person's id: who hears of it in a conversation
local function start(entry, topic, receiver)
  if entry.shown and (entry.topic ~= topic or entry.receiver ~= receiver) then
    tell(entry, false)
  end
  local now = lectern.now()
  entry.topic, entry.receiver = topic, receiver
  entry.typing = true
  entry.deadline = now + timeout()
  if now >= entry.told + interval() then
    tell(entry, true)
  end
  arm(entry, entry.shown and entry.deadline or math.min(entry.told + interval(), entry.deadline))
end

---The person types in a room, or goes on typing.
---@param socket lectern.Socket
---@param room string its one name; the socket must have joined it
---@param discussion_id? string
---@return true? ok, string? message, string? code "forbidden": not in the room
function typing.start(socket, room, discussion_id)
  local inside, why, code = rooms.inside(socket, room)
  if not inside then
    return nil, why, code
  end
  local entry = find(socket, room)
    or add(socket, room, lectern.to(room):except { rooms.user(socket.user.id), socket.id })
  start(entry, discussion_id)
  return true
end

---The person stopped typing, or is leaving the room, which may be a conversation's. Harmless when they were
---not typing.
---@param socket lectern.Socket
---@param room string its one name
---@param discussion_id? string only if it was there; nil: wherever in the room
function typing.stop(socket, room, discussion_id)
  local entry = find(socket, room)
  if entry and entry.typing and (discussion_id == nil or discussion_id == entry.topic) then
    stop(entry)
  end
  entry = find(socket, CONVERSATIONS)
  if entry and entry.typing and room == "conversation:" .. entry.topic then
    stop(entry)
  end
end

---Whether a device of the person is in a room.
local function is_in(person, room)
  for _, device in ipairs(lectern.sockets { room = rooms.user(person) }) do
    if device:has_joined(room) then
      return true
    end
  end
  return false
end

---Whether the socket's person may be seen typing by the receiver.
---@return boolean? shown nil if not; false if nobody is there to see it
---@return string? message, string? code
local function may_show(socket, conversation_id, receiver)
  local own = rooms.person(socket.user.id)
  if own == receiver then
    return nil, "nobody types to themselves", "invalid"
  end
  local a, b = conversations.pair(conversation_id)
  if a then
    if (own == a and receiver == b) or (own == b and receiver == a) then
      return true
    end
    return nil, "that conversation is not yours with this person", "forbidden"
  end
  local room, why, code = rooms.normalise("conversation:" .. conversation_id)
  if not room then
    return nil, why, code
  end
  local inside
  inside, why, code = rooms.inside(socket, room)
  if not inside then
    return nil, why, code
  end
  return is_in(receiver, room)
end

---The person types to another in a conversation, or goes on typing: all devices of the other hear it. An id
---of lectern.conversations says whose it is. Of a platform's own ids we know who is in the room: the socket
---must have joined `conversation:{id}`, and as long as no device of the receiver has, nobody hears it.
---@param socket lectern.Socket
---@param conversation_id string
---@param receiver string a person's id
---@return true? ok, string? message, string? code "forbidden", "invalid"
function typing.start_to(socket, conversation_id, receiver)
  local shown, why, code = may_show(socket, conversation_id, receiver)
  if shown == nil then
    return nil, why, code
  end
  local entry = find(socket, CONVERSATIONS)
  if shown then
    start(entry or add(socket, CONVERSATIONS), conversation_id, receiver)
  elseif entry and entry.typing then
    stop(entry)
  end
  return true
end

---The person stopped typing to another. Harmless when they were not typing, or to somebody else.
---@param socket lectern.Socket
---@param conversation_id string
---@param receiver string a person's id
function typing.stop_to(socket, conversation_id, receiver)
  local entry = find(socket, CONVERSATIONS)
  if entry and entry.typing and entry.topic == conversation_id and entry.receiver == receiver then
    stop(entry)
  end
end

---The socket has gone: call it in `on_disconnect`.
---@param socket lectern.Socket
function typing.disconnected(socket)
  for _, entry in pairs(sockets[socket.id] or {}) do
    if entry.typing then
      stop(entry)
    end
    forget(entry)
  end
end

return typing
