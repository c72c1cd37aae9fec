-- Being in a room, for handlers: who may come in, and all that begins and ends with it.

local presence = require "lectern.presence"
local rooms = require "lectern.rooms"
local typing = require "lectern.typing"

local membership = {}

---Lets a socket into a room, if its person may join it. Waits for the store where grants count.
---@param socket lectern.Socket
---@param name any a room's name as the client sent it
---@return string? room its one name
---@return string? message, string? code as of rooms.may_join, and of socket:join
function membership.join(socket, name)
  local room, why, code = rooms.may_join(socket.user, name)
  if not room then
    return nil, why, code
  end
  local joined
  joined, why, code = socket:join(room)
  if not joined then
    return nil, why, code
  end
  presence.joined(socket, room)
  return room
end

---Takes a socket out of a room. One that is out already, after a reconnection for example, is no mistake.
---@param socket lectern.Socket
---@param room string its one name
---@return true? out, string? message, string? code as of socket:leave
function membership.leave(socket, room)
  typing.stop(socket, room)
  presence.left(socket, room)
  local left, why, code = socket:leave(room)
  if not left and code ~= "not_found" then
    return nil, why, code
  end
  return true
end

return membership
