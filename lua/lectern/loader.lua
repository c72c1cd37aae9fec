-- Turns the modules of handlers/ into what the host dispatches by. Pure: it changes no module, and
-- nothing is in force until the host takes the result as a whole.
--
-- in:  a list of { file = "handlers/rooms.lua", module = what it returned }, in file order;
--      a function that tells the name of a function's first parameter
--      the functions that are built in, by name, and what describes one (lectern.describe); both may be nil
-- out: result, errors. errors is a list of "file: sentence"; the result counts if it is empty.
--   result.events[namespace][event] = function     several of one event composed into one
--   result.connect[namespace]       = function     composed likewise
--   result.connected[namespace], .disconnect[namespace], .token_refreshed[namespace],
--   .any[namespace], .any_outgoing[namespace] = list of functions, each run by itself
--   result.patterns                 = list of the namespaces that are patterns, strongest first
--   result.start, result.stop       = list of functions
--   result.api[name]                = function, under its own and its camelCase name
--   result.api_docs                 = list of { name, camel, description, parameters …, file }, by name
--   result.routes                   = list of { method, path, public, handler, label, file }
--   result.route_docs               = list of { method, path, public, label, description }
--   result.files[function]          = the file it is of, or the files, for all of the above but api
--   result.report                   = list of lines for people

local routes_of = require "lectern.routes"

-- Names that are hooks, never client events.
local ONE_BY_ONE = {
  connected = true, disconnect = true, token_refreshed = true, any = true, any_outgoing = true,
}
local ONCE = { start = true, stop = true }
-- Names that no client can send, or that are taken: a handler of one would never run.
local NEVER = {
  refresh_token = "the server itself answers that event; on_token_refreshed runs afterwards",
  connection = "on_connect decides who may come in, on_connected runs when somebody has",
  connect_error = "no client can send that event; what on_connect refuses becomes one",
  disconnecting = "no client can send that event; in on_disconnect, socket.rooms still answers",
  disconnected = "the hook is on_disconnect",
  newListener = "no client can send that event",
  removeListener = "no client can send that event",
}

local function pack(...)
  return { n = select("#", ...), ... }
end

local function is_refusal(results)
  return results[1] == nil and type(results[2]) == "string"
end

-- A guard (on_connect, before_event) also refuses by `false`, which nobody means as a yes.
local function refusal_of(results)
  if is_refusal(results) then return results[2], results[3] end
  if results.n > 0 and results[1] == false then
    return type(results[2]) == "string" and results[2] or "refused", results[3]
  end
end

-- Runs all in order; the first refusal ends it, the last results that are not empty count.
local function in_order(functions)
  if #functions == 1 then return functions[1] end
  return function(...)
    local kept = { n = 0 }
    for i = 1, #functions do
      local results = pack(functions[i](...))
      if is_refusal(results) then return unpack(results, 1, results.n) end
      if results.n > 0 then kept = results end
    end
    return unpack(kept, 1, kept.n)
  end
end

local function all_guards(functions)
  return function(...)
    for i = 1, #functions do
      local message, code = refusal_of(pack(functions[i](...)))
      if message then return nil, message, code end
    end
  end
end

-- The files of several functions, each once.
local function joined(files, functions)
  local names, seen = {}, {}
  for _, fn in ipairs(functions) do
    local name = files[fn]
    if not seen[name] then names[#names + 1] = name end
    seen[name] = true
  end
  return table.concat(names, ", ")
end

local function guarded(before, event, handler)
  return function(socket, ...)
    local _, message, code = before(socket, event, ...)
    if message then return nil, message, code end
    return handler(socket, ...)
  end
end

-- on_typing serves two events, told apart by typing.isTyping.
local function typing(handler, is_typing)
  return function(socket, what, ...)
    if type(what) ~= "table" then what = {} end
    what.isTyping = is_typing
    return handler(socket, what, ...)
  end
end

local function camel_case(name)
  return (name:gsub("(%w)_+(%w)", function(a, b) return a .. b:upper() end))
end

local function append(lists, key, value)
  local list = lists[key]
  if not list then
    list = {}
    lists[key] = list
  end
  list[#list + 1] = value
end

local function sorted_keys(t)
  local keys = {}
  for key in pairs(t) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  return keys
end

local function complain(errors, file, text, ...)
  errors[#errors + 1] = file .. ": " .. text:format(...)
end

local MAX_STARS = 8 -- as in core/socketio/pattern.h

-- What is wrong with a namespace's name, or nil.
local function fault_of(namespace)
  local _, stars = namespace:gsub("%*", "")
  if stars > MAX_STARS then
    return ("has more than %d stars"):format(MAX_STARS)
  elseif namespace:find("%*[^/]*%*") then
    return "has two stars in one part between slashes, so that it is not clear what each stands for"
  end
end

-- The more of a pattern stands for itself the stronger it is; else the first one in file order.
local function by_strength(patterns)
  local literal, place = {}, {}
  for i, pattern in ipairs(patterns) do
    literal[pattern], place[pattern] = #(pattern:gsub("%*", "")), i
  end
  table.sort(patterns, function(a, b)
    if literal[a] ~= literal[b] then return literal[a] > literal[b] end
    return place[a] < place[b]
  end)
end

return function(modules, first_parameter, builtin, describe)
  local errors = {}
  local events, before, connect = {}, {}, {}
  local one_by_one, once = {}, { start = {}, stop = {} }
  for name in pairs(ONE_BY_ONE) do one_by_one[name] = {} end
  local api, defined_in, report = {}, {}, {}
  local files, patterns, is_listed = {}, {}, {}
  local routes, routes_seen = {}, {}
  local function complain_of(file, ...) complain(errors, file, ...) end

  local function event_handler(namespace, event, fn, file)
    files[fn] = file
    events[namespace] = events[namespace] or {}
    append(events[namespace], event, fn)
  end

  local function hook(namespace, name, fn, file)
    files[fn] = file
    if name == "connect" then
      append(connect, namespace, fn)
    elseif ONE_BY_ONE[name] then
      append(one_by_one[name], namespace, fn)
    elseif ONCE[name] then
      append(once, name, fn)
    elseif name == "typing" then
      event_handler(namespace, "typing_start", typing(fn, true), file)
      event_handler(namespace, "typing_stop", typing(fn, false), file)
    else
      event_handler(namespace, name, fn, file)
    end
  end

  local function take(file, namespace, key, value, told)
    if type(key) ~= "string" then
      complain(errors, file, "a handler's name must be a string, not a %s", type(key))
    elseif key == "namespace" or key:sub(1, 1) == "_" then
      return
    elseif key == "routes" then
      local before_these = #routes
      routes_of.read(file, value, routes, complain_of, routes_seen)
      for i = before_these + 1, #routes do told.routes[#told.routes + 1] = routes[i].label end
    elseif type(value) ~= "function" then
      complain(errors, file, "%s is a %s, but on_* and API calls are functions (begin private names with _)",
        key, type(value))
    elseif first_parameter(value) == "self" then
      complain(errors, file, "%s has a colon before its name, so that its first argument would be self: "
        .. "write `function M.%s`", key, key)
    elseif key == "before_event" then
      append(before, namespace, value)
      told.hooks[#told.hooks + 1] = key
    elseif key:sub(1, 3) == "on_" and NEVER[key:sub(4)] then
      complain(errors, file, "%s would never run: %s", key, NEVER[key:sub(4)])
    elseif key:sub(1, 3) == "on_" and #key > 3 then
      local event = key:sub(4)
      hook(namespace, event, value, file)
      if event == "connect" or ONE_BY_ONE[event] or ONCE[event] then
        told.hooks[#told.hooks + 1] = key
      elseif event == "typing" then
        told.events[#told.events + 1] = "typing_start, typing_stop"
      else
        told.events[#told.events + 1] = event
      end
    elseif defined_in[key] then
      complain(errors, file, "the API call %s is already defined in %s", key, defined_in[key])
    else
      defined_in[key] = file
      api[key] = value
      told.calls[#told.calls + 1] = key
    end
  end

  for _, entry in ipairs(modules) do
    local file, module = entry.file, entry.module
    if type(module) ~= "table" then
      complain(errors, file, "must return a table of functions, but returned %s",
        module == nil and "nothing (is `return M` missing at its end?)" or "a " .. type(module))
    elseif module.namespace ~= nil and (type(module.namespace) ~= "string" or module.namespace == "") then
      complain(errors, file, "namespace must be a name like \"/whiteboard\"")
    else
      local namespace = module.namespace or "/"
      if namespace:sub(1, 1) ~= "/" then namespace = "/" .. namespace end
      local is_pattern, fault = namespace:find("*", 1, true) ~= nil, fault_of(namespace)
      if fault then complain(errors, file, "the namespace %s %s", namespace, fault) end
      if is_pattern and not is_listed[namespace] then
        is_listed[namespace] = true
        patterns[#patterns + 1] = namespace
      end
      local told = { hooks = {}, events = {}, calls = {}, routes = {} }
      for _, key in ipairs(sorted_keys(module)) do take(file, namespace, key, module[key], told) end
      local line = file
      if namespace ~= "/" then line = line .. (is_pattern and " (every " or " (") .. namespace .. ")" end
      if #told.hooks > 0 then line = line .. "\n  hooks: " .. table.concat(told.hooks, ", ") end
      if #told.events > 0 then line = line .. "\n  events: " .. table.concat(told.events, ", ") end
      if #told.calls > 0 then line = line .. "\n  API calls: " .. table.concat(told.calls, ", ") end
      if #told.routes > 0 then line = line .. "\n  routes: " .. table.concat(told.routes, ", ") end
      report[#report + 1] = line
    end
  end

  local replaced = {}
  for _, name in ipairs(sorted_keys(builtin or {})) do
    if api[name] or api[camel_case(name)] then
      replaced[#replaced + 1] = name
    else
      api[name], defined_in[name] = builtin[name], "lectern"
    end
  end
  if #replaced > 0 then
    report[#report + 1] = "handlers take the place of built-in API calls: " .. table.concat(replaced, ", ")
  end

  local api_docs = {}
  for _, name in ipairs(sorted_keys(api)) do
    local alias = camel_case(name)
    if not api[alias] then
      api[alias] = api[name]
    elseif alias ~= name then
      complain(errors, defined_in[alias] or defined_in[name], "%s is the other name of the API call %s in %s",
        alias, name, defined_in[name])
    end
    local doc = describe and describe(api[name]) or { parameters = {} }
    doc.name, doc.camel, doc.file = name, alias, defined_in[name]
    api_docs[#api_docs + 1] = doc
  end

  by_strength(patterns)
  if #patterns > 1 then
    report[#report + 1] = "patterns, the first that matches counts: " .. table.concat(patterns, ", ")
  end

  local route_docs = {}
  for i, route in ipairs(routes) do
    local doc = describe and describe(route.handler) or {}
    route_docs[i] = { method = route.method, path = route.path, public = route.public, label = route.label,
      description = doc.description }
    -- one function may serve several routes, of which each has a name of its own in the log
    local handler = route.handler
    route.handler = function(request) return handler(request) end
    files[route.handler] = route.file
  end

  local result = {
    events = {}, connect = {}, connected = one_by_one.connected, disconnect = one_by_one.disconnect,
    token_refreshed = one_by_one.token_refreshed, any = one_by_one.any,
    any_outgoing = one_by_one.any_outgoing,
    start = once.start, stop = once.stop, api = api, files = files, report = report,
    patterns = patterns, api_docs = api_docs, routes = routes, route_docs = route_docs,
  }
  for namespace, by_name in pairs(events) do
    local guard = before[namespace] and all_guards(before[namespace])
    result.events[namespace] = {}
    for event, functions in pairs(by_name) do
      local handler = in_order(functions)
      if guard then handler = guarded(guard, event, handler) end
      result.events[namespace][event] = handler
      files[handler] = joined(files, functions)
    end
  end
  for namespace, functions in pairs(connect) do
    local handler = all_guards(functions)
    result.connect[namespace] = handler
    files[handler] = joined(files, functions)
  end
  return result, errors
end
