-- The server API and the routes of handlers as OpenAPI 3.1.

local core = require "lectern.core"

local openapi = {}

local function array(list)
  return setmetatable(list, core.array_mt)
end

local function json(schema)
  return { ["application/json"] = { schema = schema } }
end

local function reference(name)
  return { ["$ref"] = "#/components/" .. name }
end

local function fails(description)
  return { description = description, content = json(reference "schemas/Failure") }
end

-- What every call may be answered but 200.
local function failures()
  return {
    ["400"] = reference "responses/Invalid", ["401"] = reference "responses/Unauthorized",
    ["403"] = reference "responses/Forbidden", ["404"] = reference "responses/NotFound",
    ["409"] = reference "responses/Conflict", ["413"] = reference "responses/TooBig",
    ["422"] = reference "responses/Refused", ["429"] = reference "responses/TooMany",
    ["500"] = reference "responses/Failed", ["503"] = reference "responses/Unavailable",
    ["504"] = reference "responses/Late",
  }
end

local function schema_of(parameter)
  return { type = parameter.type, description = parameter.description, title = parameter.name }
end

-- The arguments: by place, or one object.
local function body_of(doc)
  local items = array {}
  local required = 0
  for i, parameter in ipairs(doc.parameters) do
    items[i] = schema_of(parameter)
    if parameter.type and not parameter.optional then required = i end
  end
  local list = { type = "array", minItems = required }
  if #items > 0 then list.prefixItems = items end
  if not doc.more then list.maxItems = #items end
  local content = json { anyOf = array { list, { type = "object" } } }
  return { content = content, required = required > 0 }
end

local function first_sentence(text)
  return text and (text:match("^(.-[%.!%?])%s") or text:match("^[^\n]*"))
end

local function call_of(doc)
  local responses = failures()
  responses["200"] = {
    description = doc.returns or "what the function returns",
    headers = { ["X-Request-Id"] = reference "headers/RequestId",
      ["Idempotency-Replayed"] = reference "headers/Replayed" },
    content = json { type = "object", required = array { "result" }, properties = { result = {} } },
  }
  return {
    post = {
      operationId = doc.name, summary = first_sentence(doc.description), description = doc.description,
      tags = array { doc.file == "lectern" and "built in" or "handlers" },
      parameters = array { reference "parameters/IdempotencyKey", reference "parameters/RequestId" },
      requestBody = body_of(doc), responses = responses,
    },
  }
end

local function operation_of(route)
  local parameters = array {}
  for name in route.path:gmatch(":([^/]+)") do
    parameters[#parameters + 1] =
      { name = name, ["in"] = "path", required = true, schema = { type = "string" } }
  end
  local responses = failures()
  responses["200"] = { description = "the answer", content = json {} }
  local operation = {
    operationId = route.label, summary = first_sentence(route.description), description = route.description,
    tags = array { "routes" }, parameters = parameters, responses = responses,
  }
  if route.public then operation.security = array { {} } end
  return operation
end

local COMPONENTS = {
  securitySchemes = {
    token = { type = "http", scheme = "bearer",
      description = "a JSON Web Token, or an API key: lk_…" },
    key = { type = "apiKey", ["in"] = "header", name = "X-API-Key" },
  },
  parameters = {
    IdempotencyKey = { name = "Idempotency-Key", ["in"] = "header",
      description = "makes a repetition safe: the same key and body get the same answer, done once",
      schema = { type = "string", maxLength = 256 } },
    RequestId = { name = "X-Request-Id", ["in"] = "header", description = "is in the log, and comes back",
      schema = { type = "string", maxLength = 128 } },
  },
  headers = {
    RequestId = { schema = { type = "string" } },
    Replayed = { description = "true: this is the stored answer", schema = { type = "string" } },
  },
  schemas = {
    Failure = {
      type = "object", required = array { "error" },
      properties = { error = {
        type = "object", required = array { "code", "message", "id" },
        properties = { code = { type = "string" }, message = { type = "string" },
          id = { type = "string", description = "stands in the log" } },
      } },
    },
  },
  responses = {
    Invalid = fails "the arguments are wrong", Unauthorized = fails "no good token or key",
    Forbidden = fails "not for this caller", NotFound = fails "there is no such function or thing",
    Conflict = fails "it is there already, or the Idempotency-Key is another call's",
    TooBig = fails "the body is too large", Refused = fails "the function refused",
    TooMany = fails "too many calls a second", Failed = fails "the function failed",
    Unavailable = fails "not now: come again after Retry-After", Late = fails "it took too long",
  },
}

local function batch()
  local responses = failures()
  local results = { type = "array", items = { type = "object" } }
  responses["200"] = { description = "an answer for each call, in order",
    content = json { type = "object", properties = { result = results } } }
  return {
    operationId = "call several", tags = array { "calls" }, responses = responses,
    summary = "Calls several functions, in order.",
    parameters = array { reference "parameters/IdempotencyKey", reference "parameters/RequestId" },
    requestBody = { required = true, content = json {
      type = "array", items = { type = "object", required = array { "call" }, properties = {
        call = { type = "string" },
        args = { anyOf = array { { type = "array" }, { type = "object" } } },
      } },
    } },
  }
end

local function catalogue(id, summary)
  local responses = failures()
  responses["200"] = { description = "the list", content = json { type = "object" } }
  return { operationId = id, summary = summary, tags = array { "calls" }, responses = responses }
end

---@param functions table[] as lua/lectern/loader.lua describes them
---@param routes table[] likewise
---@return table document
function openapi.document(functions, routes)
  local paths = {
    ["/api"] = { get = catalogue("list functions", "Lists the functions."), post = batch() },
    ["/api/openapi.json"] = { get = catalogue("this document", "This document.") },
  }
  for _, doc in ipairs(functions) do paths["/api/" .. doc.name] = call_of(doc) end
  for _, route in ipairs(routes or {}) do
    local path = route.path:gsub(":([^/]+)", "{%1}")
    paths[path] = paths[path] or {}
    paths[path][route.method:lower()] = operation_of(route)
  end
  return {
    openapi = "3.1.0",
    info = { title = "Lectern", version = core.version,
      description = "The server API: functions of handlers, and those that are built in." },
    servers = array { { url = "/" } },
    security = array { { token = array {} }, { key = array {} } },
    paths = paths, components = COMPONENTS,
  }
end

return openapi
