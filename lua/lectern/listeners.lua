-- Functions that handlers want called when something happens, each under a name: modules of the library stay
-- when handlers are loaded anew, so a name that comes again takes the place of what it stood for. One that
-- does not come again stays until the server is started anew.

local listeners = {}

local Listeners = {}
Listeners.__index = Listeners

---@return table listeners
function listeners.new()
  return setmetatable({ list = {} }, Listeners)
end

---@param name string
---@param value any a function, or what it is kept in
function Listeners:set(name, value)
  if type(name) ~= "string" or value == nil then
    error("a name, and what it stands for, expected", 3)
  end
  for _, entry in ipairs(self.list) do
    if entry.name == name then
      entry.value = value
      return
    end
  end
  table.insert(self.list, { name = name, value = value })
end

---Calls all in their order. One that fails is logged, and hurts neither the others nor who calls.
function Listeners:call(...)
  for _, entry in ipairs(self.list) do
    local ok, why = pcall(entry.value, ...)
    if not ok then
      require("lectern").log.error(("the listener %q: %s"):format(entry.name, tostring(why)))
    end
  end
end

---@return fun(): string?, any each name and value, in order
function Listeners:each()
  local i = 0
  return function()
    i = i + 1
    local entry = self.list[i]
    if entry then
      return entry.name, entry.value
    end
  end
end

return listeners
