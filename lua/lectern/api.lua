-- The server API over HTTP: from a verified call to the function that it names, and to its answer.
--
--     POST /api/NAME            a list of arguments, or one object  ->  { result = … }
--     POST /api                 a list of { call = NAME, args = … } ->  { result = { { result = … }, … } }
--     GET  /api                 what there is, with what comments say
--     GET  /api/openapi.json    the same as OpenAPI 3.1
--
-- Functions are those of handlers and of lectern.builtin, as lua/lectern/loader.lua has put them
-- together: core.api by name, core.api_docs in order. Refusals are { error = { code, message, id } }.

local answer = require "lectern.answer"
local core = require "lectern.core"
local idempotency = require "lectern.idempotency"
local openapi = require "lectern.openapi"

local MAX_ARGUMENTS = core.config.max_arguments

local function is_list(value)
  return type(value) == "table" and getmetatable(value) == core.array_mt
end

local function camel_case(name)
  return (name:gsub("(%w)_+(%w)", function(a, b) return a .. b:upper() end))
end

-- Names

-- How many letters must change to make one word of the other; as core/server/suggest.c counts.
local function distance(a, b)
  local row = {}
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    local diagonal = row[0]
    row[0] = i
    for j = 1, #b do
      local above = row[j]
      local same = a:byte(i) == b:byte(j)
      row[j] = math.min(above + 1, row[j - 1] + 1, diagonal + (same and 0 or 1))
      diagonal = above
    end
  end
  return row[#b]
end

local MAX_NAME = 100 -- bytes of a name that is worth a suggestion

local function nearest(name, docs)
  local best, least
  if #name > MAX_NAME then return nil end
  for _, doc in ipairs(docs) do
    for _, known in ipairs { doc.name, doc.camel } do
      local d = distance(name:lower(), known:lower())
      if (not least or d < least) and d <= math.max(2, math.floor(#known / 3)) then best, least = known, d end
    end
  end
  return best
end

-- The functions that this caller may call: { [name] = true }, or nil for all.
local function allowed_of(request)
  if not request.functions then return nil end
  local allowed = {}
  for _, name in ipairs(core.decode(request.functions) or {}) do
    allowed[name], allowed[camel_case(name)] = true, true
  end
  return allowed
end

local function docs_for(allowed)
  if not allowed then return core.api_docs end
  local docs = {}
  for _, doc in ipairs(core.api_docs) do
    if allowed[doc.name] or allowed[doc.camel] then docs[#docs + 1] = doc end
  end
  return docs
end

-- The function of a name, or nil, message, code.
local function find(name, allowed)
  local fn = core.api[name] or core.api[camel_case(name)]
  if not fn then
    local near = nearest(name, docs_for(allowed))
    return nil, ("there is no function %q%s"):format(name, near and ("; did you mean " .. near .. "?") or ""),
      "not_found"
  end
  if allowed and not allowed[name] and not allowed[camel_case(name)] then
    return nil, ("this API key may not call %s"):format(name), "forbidden"
  end
  return fn
end

-- Calls

-- Calls fn with a list, or with one object; its results.
local function call(fn, args)
  if args == nil then return fn() end
  if not is_list(args) then return fn(args) end
  if #args > MAX_ARGUMENTS then
    return nil, ("more than %d arguments"):format(MAX_ARGUMENTS), "too_big"
  end
  return fn(unpack(args, 1, #args))
end

local function are_arguments(args)
  return args == nil or type(args) == "table"
end

local ARGUMENTS = "arguments are a JSON array, or one object"

local function call_one(request, name, args)
  local fn, message, code = find(name, allowed_of(request))
  if not fn then return answer.refusal(request, message, code) end
  if not are_arguments(args) then return answer.refusal(request, ARGUMENTS, "invalid") end
  local value
  value, message, code = call(fn, args)
  if answer.is_refusal(value, message) then return answer.refusal(request, message, code) end
  if value == nil then value = core.null end
  return answer.json(200, { result = value })
end

-- One of a list, which must not keep the others from being called: what it raises becomes its error.
local function call_of_list(request, entry, allowed)
  if type(entry) ~= "table" or type(entry.call) ~= "string" or not are_arguments(entry.args) then
    return answer.error_of(request.id, "each of the list is { \"call\": name, \"args\": [ … ] }", "invalid")
  end
  local fn, message, code = find(entry.call, allowed)
  if not fn then return answer.error_of(request.id, message, code) end
  local ok, value
  ok, value, message, code = xpcall(function() return call(fn, entry.args) end, core.traceback)
  if not ok then
    if type(value) ~= "string" then error(value, 0) end -- cancelled
    return answer.error_of(core.failed("API call " .. entry.call, value), "internal error", "internal_error")
  end
  if answer.is_refusal(value, message) then return answer.error_of(request.id, message, code) end
  if value == nil then value = core.null end
  local encodable, why = core.encode(value)
  if encodable then return { result = value } end
  local id = core.failed("API call " .. entry.call, "the answer cannot be sent: " .. why)
  return answer.error_of(id, "internal error", "internal_error")
end

-- 200 whatever became of each. The last result: one may do better when it is called again, so that all
-- are worth a repetition with the same key.
local function call_list(request, list)
  local results, failed, allowed = setmetatable({}, core.array_mt), false, allowed_of(request)
  for i, entry in ipairs(list) do
    results[i] = call_of_list(request, entry, allowed)
    local failure = results[i].error
    failed = failed or failure ~= nil and answer.status_of(failure.code) >= 500
  end
  local status, kind, lines, text = answer.json(200, { result = results })
  return status, kind, lines, text, failed
end

-- What there is

local function list(request)
  local functions = setmetatable({}, core.array_mt)
  for i, doc in ipairs(docs_for(allowed_of(request))) do
    local parameters = setmetatable({}, core.array_mt)
    for k, parameter in ipairs(doc.parameters) do parameters[k] = parameter end
    functions[i] = {
      name = doc.name, camelCase = doc.camel, description = doc.description, parameters = parameters,
      more = doc.more, returns = doc.returns, file = doc.file,
    }
  end
  return answer.json(200, { result = { version = core.version, functions = functions } })
end

local function describe(request)
  return answer.json(200, openapi.document(docs_for(allowed_of(request)), core.route_docs))
end

local function wrong_method(request, allow)
  return answer.refusal(request, ("this address has %s"):format(allow), "method_not_allowed",
    "Allow: " .. allow .. "\r\n")
end

---Answers one call.
---@param request table method, name, body, id, functions, caller, idempotency_key, hash
---@return integer status, string? type, string? headers, string? body
local function serve(request)
  local name, is_read = request.name, request.method == "GET" or request.method == "HEAD"
  if name == "openapi.json" then
    if not is_read then return wrong_method(request, "GET, HEAD") end
    return describe(request)
  end
  if name == "" and is_read then return list(request) end
  if request.method ~= "POST" then
    return wrong_method(request, name == "" and "GET, HEAD, POST" or "POST")
  end
  local body, message, code
  if request.body:find("%S") then
    body, message, code = core.decode_body(request.body)
    if body == nil then return answer.refusal(request, message, code) end
  end
  if name == "" and not is_list(body) then
    return answer.refusal(request, "POST /api takes a list of { \"call\": name, \"args\": [ … ] }; "
      .. "one function is called by POST /api/NAME", "invalid")
  end
  return idempotency.run(request, function()
    if name == "" then return call_list(request, body) end
    return call_one(request, name, body)
  end)
end

return { serve = serve }
