-- A class of bare sockets for the specs of library modules, without handlers: they are let in, in the rooms
-- of their own, and what they receive is read with `got`.

local app = require "support.app"

local class = {}
class.__index = class

---@return table class with core, lectern
function class.new(config)
  local core = app.core(config)
  return setmetatable({ core = core, lectern = require "lectern", rooms = require "lectern.rooms" }, class)
end

---A socket of this person, in these rooms beside the own.
function class:socket(id, ...)
  local socket = self.core.connect("/", { id = id })
  self.core.accept(socket)
  socket:join(self.rooms.user(id))
  for _, room in ipairs { ... } do
    socket:join(room)
  end
  return socket
end

---Payloads (first arguments; null without any) of an event that a socket has received, and forgets them.
function class:got(socket, event)
  local received, list = self.core.received(socket), {}
  for i = #received, 1, -1 do
    if received[i].event == event then
      local payload = table.remove(received, i)[1]
      table.insert(list, 1, payload == nil and self.core.null or payload)
    end
  end
  return list
end

return class
