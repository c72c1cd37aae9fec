-- What a request over HTTP gets back: a status, a content type, header lines and a body, in this order,
-- as core/script/requests.c wants them.

local core = require "lectern.core"

local answer = {}

local NO_STORE = "Cache-Control: no-store\r\n"

-- By the code of a refusal; of any other word it is 422: the request was understood, and not done.
local STATUS = {
  invalid = 400, bad_request = 400, unauthorized = 401, forbidden = 403, not_found = 404,
  method_not_allowed = 405, conflict = 409, exists = 409, too_big = 413, rate_limited = 429,
  internal_error = 500, busy = 503, full = 503, unavailable = 503, timeout = 504,
}

---The status that goes with the code of a refusal.
---@param code string
---@return integer
function answer.status_of(code)
  return STATUS[code] or 422
end

---Encodes a value. Raises for what JSON cannot say.
---@param status integer
---@param value any
---@param lines? string further header lines, each with its line end
function answer.json(status, value, lines)
  local text, why = core.encode(value)
  if not text then error("the answer cannot be sent: " .. why, 0) end
  return status, "application/json", NO_STORE .. (lines or ""), text
end

---@param id string the request's
---@param message string
---@param code? string
---@return table
function answer.error_of(id, message, code)
  return { error = { code = code or "refused", message = message, id = id } }
end

---A refusal: `nil, message, code` of a function.
---@param request table
---@param message string
---@param code? string
---@param lines? string
function answer.refusal(request, message, code, lines)
  return answer.json(STATUS[code] or 422, answer.error_of(request.id, message, code), lines)
end

---Whether results are a refusal.
function answer.is_refusal(value, message)
  return value == nil and type(message) == "string"
end

return answer
