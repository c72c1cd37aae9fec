-- A second namespace, with a door policy of its own.
local M = { namespace = "/whiteboard" }

function M.on_connect(socket, auth)
  if auth.board == "locked" then return nil, "this board is locked", "locked" end
  socket.data.board = auth.board
end

function M.on_stroke(socket, stroke)
  socket.broadcast:emit("stroke", socket.user.id, stroke)
  return { board = socket.data.board }
end

function M.on_echo(_, value)
  return value
end

return M
