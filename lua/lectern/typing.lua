-- Typing indicators: who is typing where, told to the room but to no tab of the typist.
--
-- The client says start and stop as it likes; the room hears at most one "typing" and one "stopped" per
-- `typing.interval` from a socket in a room, and is never left with somebody typing for ever: it
-- stops after `typing.timeout` without a new start, when the typist leaves the room, or disconnects.
-- A start too soon after the last is told when the interval is over, if it still stands then.
--
-- One entry per socket and room, at most as many as the socket may have rooms. It lives from the first
-- start to the end of the interval after the stop. Its one timer is set for the earliest moment that
-- may matter, and looks then: a repeated start, the common event, only moves the deadline.

local lectern = require "lectern"
local rooms = require "lectern.rooms"

local typing = {}

local EARLY = 0.002 -- seconds that a timer may come too soon

local KEY = "lectern.typing"
lectern.state[KEY] = lectern.state[KEY] or {}
local sockets = lectern.state[KEY] -- socket id → room → entry

local function timeout()
  return lectern.config.typing.timeout / 1000
end

local function interval()
  return lectern.config.typing.interval / 1000
end

local function tell(entry, is_typing)
  entry.shown = is_typing
  if is_typing then
    entry.told = lectern.now()
  end
  entry.others:emit("typing_indicator", {
    room = entry.room,
    discussionId = entry.discussion,
    userId = entry.user,
    isTyping = is_typing,
  })
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
  if mine and mine[entry.room] == entry then
    mine[entry.room] = nil
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

---The person types, or goes on typing.
---@param socket lectern.Socket
---@param room string its one name; the socket must have joined it
---@param discussion_id? string
---@return true? ok, string? message, string? code "forbidden": not in the room
function typing.start(socket, room, discussion_id)
  local inside, why, code = rooms.inside(socket, room)
  if not inside then
    return nil, why, code
  end
  local mine = sockets[socket.id]
  if not mine then
    mine = {}
    sockets[socket.id] = mine
  end
  local entry = mine[room]
  if not entry then
    entry = {
      socket = socket.id,
      user = socket.user.id,
      room = room,
      others = lectern.to(room):except { rooms.user(socket.user.id), socket.id },
      told = -math.huge,
      shown = false,
    }
    mine[room] = entry
  end
  if entry.shown and entry.discussion ~= discussion_id then
    tell(entry, false)
  end
  local now = lectern.now()
  entry.discussion = discussion_id
  entry.typing = true
  entry.deadline = now + timeout()
  if now >= entry.told + interval() then
    tell(entry, true)
  end
  arm(entry, entry.shown and entry.deadline or math.min(entry.told + interval(), entry.deadline))
  return true
end

---The person stopped typing, or is leaving the room. Harmless when they were not typing.
---@param socket lectern.Socket
---@param room string its one name
---@param discussion_id? string only if it was there; nil: wherever in the room
function typing.stop(socket, room, discussion_id)
  local entry = sockets[socket.id] and sockets[socket.id][room]
  if entry and entry.typing and (discussion_id == nil or discussion_id == entry.discussion) then
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
