-- Whom to send to, and the methods of sockets that choose it. A Broadcast never changes: `to`,
-- `except`, `volatile` and `timeout` return another one, so one that is kept can be shared.
-- A list of no rooms is nobody, not everybody: it comes from a search that found nothing.

local core = require "lectern.core"

local Socket = core.socket_methods
local Broadcast = {}
local meta = {
  __index = Broadcast,
  __newindex = function() error("a Broadcast never changes; its methods return another", 2) end,
  __tostring = function(self) return "lectern.Broadcast " .. self._namespace end,
  __metatable = false,
}

-- A new list: those of `list`, and the names in `rooms`, a string or a list. `level` is the
-- caller's, for the error.
local function added(list, rooms, level)
  local result, n = {}, 0
  if list then
    for i = 1, #list do result[i] = list[i] end
    n = #list
  end
  if type(rooms) == "string" then
    result[n + 1] = rooms
    return result
  end
  if type(rooms) ~= "table" then
    local got = rooms == nil and "nothing" or "a " .. type(rooms)
    error("room expected: a string or a list of strings, got " .. got, level + 1)
  end
  if rooms[1] == nil and next(rooms) ~= nil then
    error("room expected: a string or a list of strings, got a table with named entries "
      .. "(lectern.to is called with a dot, socket:to with a colon)", level + 1)
  end
  for i = 1, #rooms do
    if type(rooms[i]) ~= "string" then
      error("room " .. i .. " of the list is a " .. type(rooms[i]) .. ", not a string", level + 1)
    end
    result[n + i] = rooms[i]
  end
  return result
end

-- seconds: to wait for answers; false or nil is the setting.
local function new(namespace, rooms, except, but, volatile, seconds)
  return setmetatable({
    _namespace = namespace, _rooms = rooms, _except = except, _but = but, _volatile = volatile or false,
    _seconds = seconds or false,
  }, meta)
end

-- `level` is the caller's, for the error.
local function checked_timeout(seconds, level)
  if type(seconds) ~= "number" or seconds ~= seconds or seconds <= 0 then -- NaN is no time
    error("timeout: seconds expected, more than 0", level + 1)
  end
  return seconds
end

local function default_timeout()
  return core.config.ack_timeout / 1000
end

function Broadcast:to(room)
  local rooms = added(self._rooms, room, 2)
  return new(self._namespace, rooms, self._except, self._but, self._volatile, self._seconds)
end

function Broadcast:except(room)
  local except = added(self._except, room, 2)
  return new(self._namespace, self._rooms, except, self._but, self._volatile, self._seconds)
end

function Broadcast:volatile()
  return new(self._namespace, self._rooms, self._except, self._but, true, self._seconds)
end

function Broadcast:timeout(seconds)
  seconds = checked_timeout(seconds, 2)
  return new(self._namespace, self._rooms, self._except, self._but, self._volatile, seconds)
end

-- Whether it names rooms, and none of them.
local function is_empty(self)
  return self._rooms ~= nil and self._rooms[1] == nil
end

local function empty()
  return setmetatable({}, core.array_mt)
end

function Broadcast:emit(event, ...)
  if is_empty(self) then return 0 end
  return core.emit(self._namespace, self._rooms, self._except, self._but, self._volatile, event, ...)
end

function Broadcast:emit_with_ack(event, ...)
  if is_empty(self) then return empty(), empty() end
  local seconds = self._seconds or default_timeout()
  return core.emit_with_ack(self._namespace, self._rooms, self._except, self._but, seconds, event, ...)
end

function Broadcast:sockets()
  if is_empty(self) then return empty() end
  return core.sockets(self._namespace, self._rooms, self._except, self._but)
end

function Broadcast:count()
  if not self._except and not self._but and (not self._rooms or #self._rooms == 1) then
    return core.count(self._namespace, self._rooms and self._rooms[1])
  end
  return #self:sockets()
end

-- How many of its sockets do it.
local function each(self, method, argument)
  local count = 0
  for _, socket in ipairs(self:sockets()) do
    if method(socket, argument) then count = count + 1 end
  end
  return count
end

function Broadcast:join(room)
  return each(self, Socket.join, room)
end

function Broadcast:leave(room)
  return each(self, Socket.leave, room)
end

function Broadcast:disconnect(close)
  local sockets = self:sockets()
  for _, socket in ipairs(sockets) do socket:disconnect(close) end
  return #sockets
end

-- What socket:timeout and socket:volatile return.
local Emitter = {}
local emitter_meta = { __index = Emitter, __metatable = false }

function Emitter:emit(event, ...)
  if self._volatile then return Socket.emit_volatile(self._socket, event, ...) end
  return Socket.emit(self._socket, event, ...)
end

function Emitter:emit_with_ack(event, ...)
  return Socket.emit_with_ack_for(self._socket, self._seconds, event, ...)
end

function Socket:timeout(seconds)
  return setmetatable({ _socket = self, _seconds = checked_timeout(seconds, 2) }, emitter_meta)
end

function Socket:volatile()
  return setmetatable({ _socket = self, _seconds = default_timeout(), _volatile = true }, emitter_meta)
end

function Socket:send(...)
  return Socket.emit(self, "message", ...)
end

function Socket:emit_with_ack(event, ...)
  return Socket.emit_with_ack_for(self, default_timeout(), event, ...)
end

function Socket:to(room)
  return new(self.namespace, added(nil, room, 2), nil, self)
end

function Socket:except(room)
  return new(self.namespace, nil, added(nil, room, 2), self)
end

core.socket_fields.broadcast = function(socket)
  return new(socket.namespace, nil, nil, socket)
end

return { new = new }
