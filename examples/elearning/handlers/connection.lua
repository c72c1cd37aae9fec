-- Coming and going: who is let in, the first event they get, and what ends when they leave.

local notifications = require "lectern.notifications"
local presence = require "lectern.presence"
local rooms = require "lectern.rooms"
local typing = require "lectern.typing"

local M = {}

-- The token is good already. Everybody is in the room of their own: what is sent to `user:{id}` reaches
-- each of their tabs.
function M.on_connect(socket)
  local room, why, code = rooms.of("user", socket.user.id)
  if not room then
    return nil, why, code
  end
  return socket:join(room)
end

function M.on_connected(socket)
  local id = socket.user.id
  socket:emit("connected", {
    message = "Connected to the classroom",
    userId = id,
    socketId = socket.id,
    unreadCount = notifications.unread_count(id),
    recovered = socket.recovered or nil,
    -- Why events may be missing; the page should then load anew what it shows.
    recoveryFailed = socket.recovery_failed,
  })
  presence.connected(socket)
end

function M.on_disconnect(socket)
  typing.disconnected(socket)
  presence.disconnected(socket)
end

return M
