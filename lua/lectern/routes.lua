-- Routes of handlers: `M.routes = { ["GET /reports/:id"] = function(request) … end }`.
--
-- `read` checks what a module gives, while it loads; `serve` answers a request, which the host has
-- matched (core/script/routes.c), and whose caller is verified.

local answer = require "lectern.answer"
local core = require "lectern.core"
local idempotency = require "lectern.idempotency"
local response = require "lectern.response"

local routes = {}

-- Reading

local METHODS = { GET = true, HEAD = true, POST = true, PUT = true, PATCH = true, DELETE = true }
local MAX_PARTS, MAX_PATH = 32, 1000

-- What is wrong with a path, or nil.
local function fault_of(path)
  if path:sub(1, 1) ~= "/" then return "a path begins with a slash" end
  if #path > MAX_PATH then return "the path is too long" end
  if path:find("[%z\1-\32?#\127]") then return "a path has no spaces, '?' or '#'" end
  if path == "/api" or path:sub(1, 5) == "/api/" then return "/api is the server API's" end
  if path == "/healthz" or path == "/readyz" then return "the server itself answers " .. path end
  local n, seen = 0, {}
  for part in path:gmatch("/([^/]*)") do
    local name = part:match("^:(.*)$")
    n = n + 1
    if name then
      if not name:find("^[%a_][%w_]*$") then return (":%s is no name for a parameter"):format(name) end
      if seen[name] then return (":%s stands in it twice"):format(name) end
      seen[name] = true
    end
  end
  if n > MAX_PARTS then return ("more than %d parts"):format(MAX_PARTS) end
end

-- "GET /reports/:id" and what it leads to -> a route, or nil and what is wrong with it.
local function read_one(key, value)
  local method, path = tostring(key):match("^(%u+) (.*)$")
  if not method or not METHODS[method] then
    return nil, "a route begins with its method, like \"GET /reports/:id\""
  end
  local fault = fault_of(path)
  if fault then return nil, fault end
  local handler, public = value, false
  if type(value) == "table" then
    for name in pairs(value) do
      if name ~= "handler" and name ~= "public" then
        return nil, ("a route has handler and public, not %s"):format(tostring(name))
      end
    end
    handler, public = value.handler, value.public == true
  end
  if type(handler) ~= "function" then return nil, "a function, or { handler = function } expected" end
  return { method = method, path = path, public = public, handler = handler, label = key }
end

---@param file string
---@param given any a module's `routes`
---@param list table[] gets what is right
---@param complain fun(file: string, text: string, ...)
---@param seen table<string, string> the files of routes that are in the list, by method and shape
function routes.read(file, given, list, complain, seen)
  if type(given) ~= "table" then
    complain(file, "routes is a %s, but must be a table like { [\"GET /reports/:id\"] = function }",
      type(given))
    return
  end
  local keys = {}
  for key in pairs(given) do keys[#keys + 1] = tostring(key) end
  table.sort(keys)
  for _, key in ipairs(keys) do
    local route, fault = read_one(key, given[key])
    local shape = key:gsub(":[^/]+", ":")
    if not route then
      complain(file, "the route %q: %s", key, fault)
    elseif seen[shape] then
      complain(file, "the route %q is already defined in %s", key, seen[shape])
    else
      seen[shape] = file
      route.file = file
      list[#list + 1] = route
    end
  end
end

-- Answering

local Request = {}
Request.__index = Request
Request.__metatable = false

-- The body's JSON; nil, message, code without one.
function Request:json()
  if not self.body:find("%S") then return nil, "a JSON body is needed", "invalid" end
  return core.decode_body(self.body)
end

local function answer_of(request, value, message, code)
  if answer.is_refusal(value, message) then return answer.refusal(request, message, code) end
  if response.is(value) then return response.parts(value) end
  if value == nil then return 204 end
  return answer.json(200, value)
end

---Answers a request.
---@param request table
---@param handler fun(request: table): any
function routes.serve(request, handler)
  if request.fault then return answer.refusal(request, request.fault, "invalid") end
  setmetatable(request, Request)
  return idempotency.run(request, function() return answer_of(request, handler(request)) end)
end

return routes
