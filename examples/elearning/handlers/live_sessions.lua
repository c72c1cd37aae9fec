-- Live sessions: hands, screens, comings and goings, told to all who are in the session's room.

local ack = require "lectern.ack"
local check = require "lectern.check"
local lectern = require "lectern"
local live = require "lectern.live"
local roles = require "lectern.roles"
local rooms = require "lectern.rooms"

local M = {}

-- What only staff may send from a page; everything else is for all who are in the session.
local STAFF_ONLY = { session_started = true, session_ended = true, mute_all = true, recording = true }

local EVENT = { sessionId = "id?", type = "line", userId = "person?", data = "data?" }

-- room: the session's, or its id.
function M.send_live_session_event(room, event)
  local sent, why, code = check.fields(event, EVENT)
  if not sent then
    return nil, why, code
  end
  local name
  name, why, code = rooms.of("live-session", room)
  if not name then
    return nil, why, code
  end
  sent.sessionId = sent.sessionId or name:match(":(.*)")
  sent.timestamp = lectern.date()
  live.apply(name, sent)
  lectern.to(name):emit("live_session_event", sent)
  return sent
end

local FROM_PAGE = { sessionId = "id", type = "line", data = "data?" }

function M.on_live_session_event(socket, payload)
  local event, why, code = check.fields(payload, FROM_PAGE)
  if not event then
    return nil, why, code
  end
  local room
  room, why, code = rooms.of("live-session", event.sessionId)
  if not room then
    return nil, why, code
  end
  local inside
  inside, why, code = rooms.inside(socket, room)
  if not inside then
    return nil, why, code
  end
  if STAFF_ONLY[event.type] and not roles.has(socket.user, lectern.config.app.staff) then
    return nil, ("only staff send %s"):format(event.type), "forbidden"
  end
  event.userId = socket.user.id
  return ack.done(M.send_live_session_event(room, event))
end

return M
