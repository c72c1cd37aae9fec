-- What end-to-end tests ask of a server and no learner's client would: each event reaches one part
-- of the handler API, so that a test sees it from the outside.
local lectern = require "lectern"
local M = {}

-- What came back is in order behind everything that was sent before: tests wait for it.
function M.on_echo(_, value)
  return value
end

function M.on_count_arguments(_, ...)
  return select("#", ...)
end

function M.on_two_results()
  return 1, "two"
end

function M.on_no_result()
end

function M.on_handshake(socket)
  return socket.handshake
end

function M.on_late_result()
  lectern.sleep(0.05)
  return "late"
end

-- A server API call by its name, with a list of arguments.
function M.on_api(_, name, args)
  local result, message, code = lectern.api[name](unpack(args))
  if result == nil and message then return nil, message, code end
  return { ok = true, result = result }
end

function M.on_who_am_i(socket)
  return {
    id = socket.id,
    user = socket.user,
    namespace = socket.namespace,
    transport = socket.transport,
    rooms = socket.rooms,
    auth = socket.handshake.auth,
    query = socket.handshake.query,
    agent = socket.handshake.headers["user-agent"],
    connected = socket.connected,
  }
end

-- Rooms without any policy.
function M.on_enter(socket, room)
  return socket:join(room)
end

function M.on_exit(socket, room)
  return socket:leave(room)
end

-- Sends `event` as told: { room, except, event, args, volatile, mine } (mine: not to the sender).
function M.on_send_to(socket, how)
  local target = how.mine and socket.broadcast or lectern.of("/")
  if how.room then target = target:to(how.room) end
  if how.except then target = target:except(how.except) end
  if how.volatile then target = target:volatile() end
  return target:emit(how.event, unpack(how.args))
end

-- Sends n events of `size` bytes to a room.
function M.on_flood(_, how)
  local text = ("x"):rep(how.size)
  for i = 1, how.n do
    local target = lectern.to(how.room)
    if how.volatile then target = target:volatile() end
    target:emit("flood", i, text)
  end
  return how.n
end

-- Asks the client and tells what it answered.
function M.on_ask_me(socket, question, seconds)
  local emitter = seconds and socket:timeout(seconds) or socket
  local answer, message, code = emitter:emit_with_ack("question", question)
  return { answer = answer, message = message, code = code }
end

function M.on_bytes(socket, payload)
  socket:emit("bytes_came", { nested = { list = { payload.data, "text" } }, size = #payload.data })
  return { data = payload.data, made = lectern.binary("\0\1\254\255") }
end

function M.on_refuse()
  return nil, "not today", "not_now"
end

function M.on_crash()
  local nothing = {}
  return nothing.field.deeper
end

function M.on_crash_later()
  lectern.sleep(0.02)
  error("crashed after waiting")
end

function M.on_throw_table()
  error({ secret = "not for clients" })
end

function M.on_kick(socket, close)
  socket:disconnect(close)
end

function M.on_transports()
  local list = lectern.array()
  for _, socket in ipairs(lectern.sockets()) do list[#list + 1] = socket.transport end
  return list
end

function M.on_tick(socket)
  lectern.after(0.05, function() socket:emit("ticked") end)
end

return M
