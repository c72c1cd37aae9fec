-- `lectern.response`: an answer of a route that is more than a table of JSON.

local core = require "lectern.core"

local response = {}

local Response = {}

local function header_lines(headers)
  local lines = {}
  for name, value in pairs(headers) do lines[#lines + 1] = name .. ": " .. value .. "\r\n" end
  table.sort(lines)
  return table.concat(lines)
end

local FORBIDDEN = { -- the server's own
  ["content-length"] = true, ["transfer-encoding"] = true, connection = true, date = true,
  ["keep-alive"] = true, ["x-request-id"] = true, upgrade = true,
}

local function check_header(name, value, level)
  local is_name = type(name) == "string" and name:find("^[%w!#$%%&'*+%-.^_`|~]+$") ~= nil
  if not is_name or FORBIDDEN[name:lower()] then
    error(("response: the header %q cannot be set"):format(tostring(name)), level + 1)
  end
  if type(value) == "number" then value = tostring(value) end
  if type(value) ~= "string" or value:find("[%z\1-\8\10-\31\127]") then
    error(("response: the header %q must be a text without control characters"):format(name), level + 1)
  end
  return value
end

local FIELDS = { status = "number", headers = "table", body = "string" }

---@param given table status, headers, and body or json
function response.new(given)
  if type(given) ~= "table" then error("response: a table like { status = 201, json = … } expected", 2) end
  for key, value in pairs(given) do
    if key ~= "json" and type(value) ~= FIELDS[key] then
      error(("response: %s"):format(FIELDS[key] and ("%s: a %s expected"):format(key, FIELDS[key])
        or ("it has status, headers, body and json, not " .. tostring(key))), 2)
    end
  end
  local status = given.status or 200
  if status % 1 ~= 0 or status < 200 or status > 599 then
    error("response: status: 200 to 599 expected", 2)
  end
  if given.json ~= nil and given.body then error("response: give body or json, not both", 2) end
  local headers, type_of = {}, nil
  for name, value in pairs(given.headers or {}) do
    value = check_header(name, value, 2)
    if name:lower() == "content-type" then type_of = value else headers[name] = value end
  end
  local body = given.body
  if given.json ~= nil then
    local why
    body, why = core.encode(given.json)
    if not body then error("response: json cannot be sent: " .. why, 2) end
    type_of = type_of or "application/json"
  elseif body and not type_of then
    type_of = "text/plain; charset=utf-8"
  end
  return setmetatable({ status = status, headers = headers, body = body, type = type_of }, Response)
end

---Whether a value is one.
function response.is(value)
  return type(value) == "table" and getmetatable(value) == Response
end

local function has_header(headers, wanted)
  for name in pairs(headers) do
    if name:lower() == wanted then return true end
  end
end

---Status, type, header lines and body, as lua/lectern/answer.lua has them.
function response.parts(value)
  local lines = header_lines(value.headers)
  if not has_header(value.headers, "cache-control") then lines = lines .. "Cache-Control: no-store\r\n" end
  return value.status, value.type, lines, value.body
end

return response
