-- The benchmark's behaviour: people join rooms, and typing is relayed as it is.
local M = {}

function M.on_join_room(socket, request)
  socket:join(request.room)
  return { ok = true, room = request.room }
end

function M.on_typing(socket, typing)
  typing.userId = socket.user.id
  socket:to(typing.room):emit("typing_indicator", typing)
end

return M
