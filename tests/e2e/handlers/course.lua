-- Every course is a namespace of its own, made by who joins it first.
local lectern = require "lectern"
local M = { namespace = "/course-*" }

local function end_it(socket, how)
  if how == "leave" then socket:disconnect() elseif how == "close" then socket:disconnect(true) end
end

function M.on_connect(socket, auth)
  if auth.knock then lectern.sleep(0.05) end
  if auth.refuse then return nil, "no such course", "not_found" end
  end_it(socket, auth.at_connect)
  socket.data.auth = auth
end

function M.on_connected(socket)
  socket:join "everybody"
  socket:emit("welcome", socket.namespace, socket.namespace_match)
  end_it(socket, socket.data.auth.at_connected)
end

function M.on_disconnect(socket, reason)
  lectern.of("/"):emit("left", { from = socket.namespace, match = socket.namespace_match, who = socket.user.id, reason = reason })
  socket.broadcast:emit("bye", socket.user.id)
  for _, other in ipairs(lectern.sockets { namespace = socket.namespace }) do
    if socket.data.auth.takes_all then other:disconnect() end
  end
end

function M.on_echo(_, value)
  return value
end

function M.on_say(socket, text)
  return socket:to("everybody"):emit("said", socket.user.id, text)
end

function M.on_end(socket, how)
  end_it(socket, how)
end

return M
