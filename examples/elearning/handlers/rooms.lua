-- Joining and leaving rooms, and who may.

local ack = require "lectern.ack"
local check = require "lectern.check"
local lectern = require "lectern"
local live = require "lectern.live"
local marks = require "lectern.marks"
local membership = require "lectern.membership"
local presence = require "lectern.presence"
local rooms = require "lectern.rooms"

local M = {}

local REQUEST = { room = "room", type = "line?" }

-- What a client says of a room: its name, or an object with it. Answers with the room's one name, and with
-- the name as it was written, which the client knows the room by.
---@return string? room, string written_or_message, string? code
local function named(payload)
  if type(payload) == "string" then
    payload = { room = payload }
  end
  local request, why, code = check.fields(payload, REQUEST)
  if not request then
    return nil, why, code
  end
  return request.room, payload.room
end

function M.on_start()
  if lectern.config.rooms.default == "allow" then
    lectern.log.warn("everybody may join every course, session and discussion: set rooms.default to "
      .. '"deny", and give tokens the claims courses, sessions, discussions, instructors, or grant rooms')
  end
end

-- Beside the ack, if one is wanted, the event joined_room tells the socket so. In the own user room one is
-- already.
function M.on_join_room(socket, payload)
  local name, written, code = named(payload)
  if not name then
    return nil, written, code
  end
  local room, why
  room, why, code = membership.join(socket, name)
  if not room then
    return nil, why, code
  end
  socket:emit("joined_room", { room = written })
  local online, count = presence.online(room)
  return {
    ok = true,
    room = room,
    online = online,
    onlineCount = count,
    session = rooms.parse(room) == "live-session" and live.snapshot(room) or nil,
  }
end

-- The event left_room likewise; also to who is out already, after a reconnection for example.
function M.on_leave_room(socket, payload)
  local room, written, code = named(payload)
  if not room then
    return nil, written, code
  end
  if rooms.parse(room) == "user" then
    return nil, "nobody leaves the room of their own", "forbidden"
  end
  local left, why
  left, why, code = membership.leave(socket, room)
  if not left then
    return nil, why, code
  end
  socket:emit("left_room", { room = written })
  return { ok = true, room = room }
end

function M.on_who_is_online(socket, payload)
  local request, why, code = check.fields(payload, REQUEST)
  if not request then
    return nil, why, code
  end
  local inside
  inside, why, code = rooms.inside(socket, request.room)
  if not inside then
    return nil, why, code
  end
  local online, count = presence.online(request.room)
  return { ok = true, online = online, onlineCount = count }
end

local READ = { room = "room", messageId = "line?" }

-- The payload, of somebody who may be in its room: who may not, need not know what happens there.
local function of_member(socket, payload, fields)
  local given, why, code = check.fields(payload, fields)
  if not given then
    return nil, why, code
  end
  given.room, why, code = rooms.may_join(socket.user, given.room)
  if not given.room then
    return nil, why, code
  end
  return given
end

-- The person has read a room, up to a message or all of it. Their own devices hear of it, and, where
-- app.read_receipts says so, the others.
function M.on_mark_room_read(socket, payload)
  local given, why, code = of_member(socket, payload, READ)
  if not given then
    return nil, why, code
  end
  return ack.of(marks.read(socket.user.id, given.room, given.messageId, lectern.config.app.read_receipts))
end

-- How far the person has read in a room, and how much is unread.
function M.on_room_unread(socket, payload)
  local given, why, code = of_member(socket, payload, REQUEST)
  if not given then
    return nil, why, code
  end
  return ack.of(marks.of(socket.user.id, given.room))
end

local GRANT = { userId = "person", room = "room" }

-- Opens a room to a person whose token does not.
function M.grant_room(user_id, room)
  local grant, why, code = check.fields({ userId = user_id, room = room }, GRANT)
  if not grant then
    return nil, why, code
  end
  return rooms.grant(grant.userId, grant.room)
end

-- Closes a room to a person: whoever is in it leaves at once, and is told so.
function M.revoke_room(user_id, room)
  local grant, why, code = check.fields({ userId = user_id, room = room }, GRANT)
  if not grant then
    return nil, why, code
  end
  return rooms.revoke(grant.userId, grant.room, function(socket)
    membership.leave(socket, grant.room)
    socket:emit("room_revoked", { room = grant.room })
  end)
end

return M
