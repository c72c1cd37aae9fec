-- `require "lectern"`: what handlers use, a kind face on the raw module lectern.core. The types,
-- and what each function means, are in lua/meta/lectern.lua.

local core = require "lectern.core"
local broadcast = require "lectern.broadcast"

-- Reading goes through; writing is refused. Only for tables of settings, which nobody iterates.
local function read_only(values, name)
  return setmetatable({}, {
    __index = values,
    __newindex = function(_, key)
      error(("%s.%s cannot be set: settings come from lectern.lua, the environment or flags")
        :format(name, tostring(key)), 2)
    end,
    __metatable = false,
  })
end

local function read_only_config()
  local config = {}
  for key, value in pairs(core.config) do
    if type(value) == "table" and key ~= "app" then value = read_only(value, "lectern.config." .. key) end
    config[key] = value
  end
  return read_only(config, "lectern.config")
end

local main = broadcast.new("/")

local lectern = {
  null = core.null,
  version = core.version,
  config = read_only_config(),
  state = {},
}

function lectern.emit(event, ...)
  return core.emit("/", nil, nil, nil, false, event, ...)
end

-- Tail calls, so that an error names the line of whoever called us.
function lectern.to(room)
  return main:to(room)
end

function lectern.except(room)
  return main:except(room)
end

function lectern.timeout(seconds)
  return main:timeout(seconds)
end

function lectern.emit_with_ack(event, ...)
  return main:emit_with_ack(event, ...)
end

function lectern.user(id)
  local room = require("lectern.rooms").of("user", id)
  if not room then error("user: no user has the id " .. tostring(id), 2) end
  return main:to(room)
end

function lectern.of(name)
  if type(name) ~= "string" then error("of: the name of a namespace expected", 2) end
  if name:sub(1, 1) ~= "/" then name = "/" .. name end
  core.of(name)
  return broadcast.new(name)
end

function lectern.sockets(filter)
  if filter == nil then return core.sockets("/") end
  if type(filter) ~= "table" then error("sockets: a filter like { room = name } expected", 2) end
  for key in pairs(filter) do -- a mistyped one would mean everybody
    if key ~= "room" and key ~= "except" and key ~= "namespace" then
      error(("sockets: a filter has room, except and namespace, not %s"):format(tostring(key)), 2)
    end
  end
  local chosen = broadcast.new(filter.namespace or "/")
  if filter.room ~= nil then chosen = chosen:to(filter.room) end
  if filter.except ~= nil then chosen = chosen:except(filter.except) end
  return chosen:sockets()
end

function lectern.socket(id, namespace)
  return core.socket(namespace or "/", id)
end

function lectern.count(room, namespace)
  return core.count(namespace or "/", room)
end

function lectern.rooms(namespace)
  return core.rooms(namespace or "/")
end

-- Ids may be numbers, as in tokens.
local function id_text(who, id)
  if type(id) == "number" and id % 1 == 0 and math.abs(id) <= 2 ^ 53 then return ("%d"):format(id) end
  if type(id) ~= "string" or id == "" then error(who .. ": an id expected", 3) end
  return id
end

-- Kept first, as whoever revokes themselves is to hear that it is done; in force in any case.
local function revoke(kind, name, fn)
  lectern.detach()
  local kept, message, code = require("lectern.store.revocations").add(kind, name, core.now())
  local count = fn(name)
  if not kept then
    return nil, "it is in force until a restart, but could not be kept: " .. message, code
  end
  return count
end

function lectern.revoke_user(id)
  return revoke("person", id_text("revoke_user", id), core.revoke_user)
end

function lectern.revoke_token(jti)
  return revoke("token", id_text("revoke_token", jti), core.revoke_token)
end

-- What handlers of all files offer; the host replaces core.api at each reload.
lectern.api = setmetatable({}, {
  __index = function(_, name)
    if not core.api then error("API calls cannot be used while files load; use on_start", 2) end
    local fn = core.api[name]
    if not fn then error(("there is no API call %q"):format(tostring(name)), 2) end
    return fn
  end,
  __newindex = function()
    error("API calls are defined by the functions of handler files", 2)
  end,
})

-- A function of no arguments that calls fn, or the API call of that name, with these.
local function bound(who, fn, ...)
  local n = select("#", ...)
  if type(fn) == "string" then
    if not core.api or not core.api[fn] then error(("%s: there is no API call %q"):format(who, fn), 3) end
    local name, args = fn, { ... }
    return function() return lectern.api[name](unpack(args, 1, n)) end
  end
  if type(fn) ~= "function" then
    error(who .. ": a function, or the name of an API call, expected", 3)
  end
  if n == 0 then return fn end
  local args = { ... }
  return function() return fn(unpack(args, 1, n)) end
end

-- false for NaN too, which compares with nothing.
local function is_time(seconds, least)
  return type(seconds) == "number" and seconds >= least
end

local Timer = {}
Timer.__index = Timer
Timer.__metatable = false

function Timer:cancel()
  core.cancel(self._id)
end

function lectern.after(seconds, fn, ...)
  if not is_time(seconds, 0) then error("after: seconds expected, at least 0", 2) end
  return setmetatable({ _id = core.after(seconds, bound("after", fn, ...)) }, Timer)
end

function lectern.every(seconds, fn, ...)
  if not is_time(seconds, 0.001) then error("every: seconds expected, at least 0.001", 2) end
  return setmetatable({ _id = core.every(seconds, bound("every", fn, ...)) }, Timer)
end

function lectern.sleep(seconds)
  if not is_time(seconds, 0) then error("sleep: seconds expected, at least 0", 2) end
  return core.sleep(seconds)
end

function lectern.spawn(fn, ...)
  if type(fn) ~= "function" then error("spawn: a function expected", 2) end
  core.spawn(fn, ...)
end

lectern.detach = core.detach
lectern.now = core.now
lectern.id = core.id
lectern.binary = core.binary

function lectern.date(seconds)
  if seconds ~= nil and type(seconds) ~= "number" then error("date: seconds since 1970 expected", 2) end
  local ms = math.floor((seconds or core.now()) * 1000 + 0.5)
  local whole = math.floor(ms / 1000)
  return os.date("!%Y-%m-%dT%H:%M:%S", whole) .. (".%03dZ"):format(ms - whole * 1000)
end

function lectern.array(t)
  if t == nil then t = {} end
  if type(t) ~= "table" then error("array: a table expected", 2) end
  return setmetatable(t, core.array_mt)
end

function lectern.is_array(t)
  return type(t) == "table" and (getmetatable(t) == core.array_mt or #t > 0)
end

local function logger(level)
  return function(message, fields) return core.log(level, message, fields) end
end

lectern.log = {
  debug = logger "debug", info = logger "info", warn = logger "warn", error = logger "error",
}

local Response = {}
Response.__index = Response
Response.__metatable = false

function Response:json()
  return core.decode(self.body)
end

local METHODS = { -- whether they have a body
  GET = false, HEAD = false, OPTIONS = false, POST = true, PUT = true, PATCH = true, DELETE = true,
}
local REQUEST = {
  method = "string", url = "string", headers = "table", body = "string", timeout = "number",
  untrusted = "boolean",
}

-- A copy of the headers with one more, unless it is there in whatever letters.
local function with_header(headers, name, value)
  local result = { [name] = value }
  for each, text in pairs(headers or {}) do
    if type(each) == "string" and each:lower() == name then result[name] = nil end
    result[each] = text
  end
  return result
end

lectern.http = {}

function lectern.http.request(request)
  if type(request) ~= "table" or request.url == nil then
    error("http.request: a request like { url = address } expected", 2)
  end
  for key, value in pairs(request) do
    if key ~= "json" and type(value) ~= REQUEST[key] then
      if not REQUEST[key] then
        error(("http.request: a request has url, method, headers, body, json, timeout and untrusted, not %s")
          :format(tostring(key)), 2)
      end
      error(("http.request: %s: a %s expected, got a %s"):format(key, REQUEST[key], type(value)), 2)
    end
  end
  local headers, body, method = request.headers, request.body, request.method
  if request.json ~= nil then
    if body then error("http.request: give body or json, not both", 2) end
    local why
    body, why = core.encode(request.json)
    if not body then error("http.request: json cannot be sent: " .. why, 2) end
    headers = with_header(headers, "content-type", "application/json")
  end
  method = method or (body and "POST" or "GET")
  if METHODS[method] == nil then error(("http.request: there is no method %q"):format(method), 2) end
  if body and not METHODS[method] then error("http.request: " .. method .. " has no body", 2) end
  local answer, message, code =
    core.http_request(method, request.url, headers, body, request.timeout, request.untrusted)
  if not answer then return nil, message, code end
  return setmetatable(answer, Response)
end

lectern.db = require "lectern.db"
lectern.response = require("lectern.response").new

lectern.json = { encode = core.encode, decode = core.decode }

return lectern
