-- A server without sockets and time of its own, for specs: the real lectern modules and handlers on top of
-- the stand-in core.
--
--   local app = require "support.app"
--   local school = app.new { dir = "examples/elearning", config = { rooms = { default = "deny" } } }
--   local ada = school:connect { id = "ada", role = "student" }
--   local ack = ada:ask("join_room", { room = "course:1" })     -- with an ack, which comes back
--   ada:emit("typing_start", { room = "course:1" })             -- without
--   school:advance(10)                                          -- seconds
--   ada:got("user_presence")                                    -- payloads of that event so far
--   school.api.send_course_update("1", { title = "New" })
--
-- A crash in a handler fails the spec. Each app.new is a new server: it forgets all lectern modules.

local core_stand_in = require "support.core"

local app = {}

local Client = {}
Client.__index = Client
local School = {}
School.__index = School

-- Calls fn as the server does, in a coroutine, and lets time pass while it waits.
local function complete(core, fn, ...)
  local results
  local co = core.run(function(...)
    local function keep(...)
      results = { n = select("#", ...), ... }
    end
    keep(fn(...))
  end, ...)
  while coroutine.status(co) ~= "dead" do
    local due = core.next_timer()
    if not due then
      error("the handler waits for something that never comes", 0)
    end
    core.advance(due.due - core.now())
  end
  return unpack(results, 1, results.n)
end

local function refused(message, code)
  return { ok = false, error = { code = code or "refused", message = message } }
end

-- What handlers of a namespace are listed under: its name, or its pattern.
local function key_of(core, namespace)
  return core.pattern_of(namespace) or namespace
end

-- What all modules hear of an event, before its handlers.
local function hear(client, event, ...)
  local core = client.school.core
  for _, fn in ipairs(client.school.handlers.any[key_of(core, client.socket.namespace)] or {}) do
    local args = core.copied(...)
    complete(core, fn, client.socket, event, unpack(args, 1, args.n))
  end
end

local function handler_of(client, event)
  local events = client.school.handlers.events[key_of(client.school.core, client.socket.namespace)]
  return events and events[event]
end

---Sends an event with an ack. Returns what the client's callback would get.
function Client:ask(event, ...)
  local fn = handler_of(self, event)
  if not fn then
    error(("no handler for %q"):format(event), 2)
  end
  hear(self, event, ...)
  local core = self.school.core
  local args = core.copied(...)
  local results = core.copied(complete(core, fn, self.socket, unpack(args, 1, args.n)))
  if (results[1] == nil or results[1] == core.null) and type(results[2]) == "string" then
    return refused(results[2], results[3])
  end
  return unpack(results, 1, results.n)
end

---Sends an event without an ack: a refusal comes back as the event `error`.
function Client:emit(event, ...)
  if not handler_of(self, event) then
    return hear(self, event, ...)
  end
  local ack = self:ask(event, ...)
  if type(ack) == "table" and ack.ok == false then
    self.socket:emit("error", { event = event, code = ack.error.code, message = ack.error.message })
  end
end

---The payloads (first arguments) of an event received so far; of all events without a name, with it.
function Client:got(event)
  local list = {}
  for _, message in ipairs(self.school.core.received(self.socket)) do
    if not event then
      list[#list + 1] = { message.event, message[1] }
    elseif message.event == event then
      list[#list + 1] = message[1]
    end
  end
  return list
end

---Forgets what was received so far.
function Client:clear()
  local received = self.school.core.received(self.socket)
  for i = #received, 1, -1 do
    received[i] = nil
  end
end

function Client:disconnect(reason)
  if not self.socket.connected then
    return
  end
  local core, handlers = self.school.core, self.school.handlers
  core.close(self.socket)
  for _, fn in ipairs(handlers.disconnect[key_of(core, self.socket.namespace)] or {}) do
    complete(core, fn, self.socket, reason or "transport close")
  end
  core.forget(self.socket)
end

---A client with these claims comes. nil, message, code if it is refused.
function School:connect(user, auth, namespace)
  namespace = namespace or "/"
  local core = self.core
  local socket = core.connect(namespace, user, auth)
  local guard = self.handlers.connect[key_of(core, namespace)]
  if guard then
    local ok, message, code = complete(core, guard, socket, auth or {})
    if ok == nil and message then
      core.close(socket)
      return nil, message, code
    end
  end
  core.accept(socket)
  for _, fn in ipairs(self.handlers.connected[key_of(core, namespace)] or {}) do
    complete(core, fn, socket)
  end
  local client = setmetatable({ socket = socket, school = self }, Client)
  self.clients[socket.id] = client
  return client
end

function School:advance(seconds)
  self.core.advance(seconds)
end

-- As the host does it for the loader.
function app.first_parameter(fn)
  return (debug.getlocal(fn, 1))
end

---Loads handlers anew, as `lectern reload` does: files, or modules of a spec's own.
function School:load(modules)
  local result, errors = require "lectern.loader"(modules, app.first_parameter)
  if #errors > 0 then
    error(table.concat(errors, "\n"), 2)
  end
  self.handlers = result
  self.core.api = result.api
  self.core.patterns, self.core.named = result.patterns, {}
  for _, kind in ipairs { "events", "connect", "connected", "disconnect", "token_refreshed", "any" } do
    for namespace in pairs(result[kind]) do self.core.named[namespace] = true end
  end
end

local function files_of(dir)
  local names = {}
  local listing = assert(io.popen(("ls '%s'"):format(dir)))
  for name in listing:lines() do
    if name:match("%.lua$") then
      names[#names + 1] = name
    end
  end
  listing:close()
  table.sort(names)
  return names
end

---Forgets all lectern modules, and puts a new core under the next `require`.
function app.core(config)
  for name in pairs(package.loaded) do
    if name == "lectern" or name:match("^lectern%.") then
      package.loaded[name] = nil
    end
  end
  local core = core_stand_in.new(config)
  package.loaded["lectern.core"] = core
  return core
end

---@param options { dir?: string, modules?: table[], config?: table }
function app.new(options)
  local config, modules = {}, {}
  if options.dir then
    config = dofile(options.dir .. "/lectern.lua")
  end
  for key, value in pairs(options.config or {}) do
    config[key] = value
  end
  local core = app.core(config)
  if options.dir then table.insert(core.migrations, options.dir .. "/migrations") end
  local school = setmetatable({ core = core, clients = {}, lectern = require "lectern" }, School)
  for _, name in ipairs(options.dir and files_of(options.dir .. "/handlers") or {}) do
    local chunk = assert(loadfile(options.dir .. "/handlers/" .. name))
    modules[#modules + 1] = { file = "handlers/" .. name, module = chunk() }
  end
  for i, module in ipairs(options.modules or {}) do
    modules[#modules + 1] = { file = ("spec/%d.lua"):format(i), module = module }
  end
  school:load(modules)
  school.api = setmetatable({}, { -- as POST /api/<name> calls it
    __index = function(_, name)
      return function(...)
        local args = core.copied(...)
        return complete(core, school.lectern.api[name], unpack(args, 1, args.n))
      end
    end,
  })
  core.on_close = function(socket, reason)
    school.clients[socket.id]:disconnect(reason)
  end
  for _, fn in ipairs(school.handlers.start) do
    complete(core, fn)
  end
  return school
end

return app
