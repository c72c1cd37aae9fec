-- Coming and going: who is let in, the first event they get, and what ends when they leave.

local badges = require "lectern.badges"
local lectern = require "lectern"
local people = require "lectern.people"
local presence = require "lectern.presence"
local rooms = require "lectern.rooms"
local typing = require "lectern.typing"
local users = require "lectern.users"

local M = {}

-- Where tokens hold accounts of an identity provider: whom to ask whose they are.
users.use(lectern.config.app.users)

-- The token is good already. The badge is asked for now, so that the client's first event can have it; a
-- database that is away, or slow, keeps nobody out.
function M.on_connect(socket)
  local known, why, code = people.identify(socket.user)
  if not known then
    return nil, why, code
  end
  local person
  person, why, code = rooms.person(socket.user.id)
  if not person then
    return nil, why, code
  end
  socket.data.badge = badges.soon(socket.user.id)
end

-- Everybody is in the room of their own: what is sent to `user:{id}` reaches each of their tabs. Nothing
-- may wait between joining it and `connected`, which has the badge as it is then.
function M.on_connected(socket)
  local id = socket.user.id
  presence.connected(socket)
  people.seen(socket.user)
  if socket.recovered then -- without on_connect
    socket.data.badge = badges.soon(id)
  end
  socket:join(rooms.user(id))
  local badge = badges.newest(id, socket.data.badge) or {}
  socket.data.badge = nil
  socket:emit("connected", {
    message = "Connected to the classroom",
    userId = id,
    socketId = socket.id,
    unreadCount = badge.unreadCount,
    rev = badge.rev,
    epoch = badge.epoch,
    recovered = socket.recovered or nil,
    -- Why events may be missing; the page should then load anew what it shows.
    recoveryFailed = socket.recovery_failed,
  })
  if socket.recovered then
    people.renew(socket.user)
  end
end

-- What a token does not say, the role for example, is asked for again.
function M.on_token_refreshed(socket)
  people.renew(socket.user)
end

function M.on_disconnect(socket)
  typing.disconnected(socket)
  presence.disconnected(socket)
end

return M
