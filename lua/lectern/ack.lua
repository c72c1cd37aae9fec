-- Acks of handlers: what a client is answered after a function of the library has done something. Each takes
-- what the function returned; a refusal, `nil, message, code`, goes through as it is.
--
--     return ack.done(notifications.system(given))          { ok = true }
--     return ack.with("message", messages.send(given))      { ok = true, message = … }
--     return ack.of(messages.conversations(id, given))      its own fields, and ok = true

local ack = {}

---That it is done, and no more.
---@return table? ack, string? message, string? code
function ack.done(result, why, code)
  if not result then
    return nil, why, code
  end
  return { ok = true }
end

---What came of it, as one field.
---@param name string
---@return table? ack, string? message, string? code
function ack.with(name, result, why, code)
  if not result then
    return nil, why, code
  end
  return { ok = true, [name] = result }
end

---The result itself, which gets `ok`.
---@param result? table
---@return table? ack, string? message, string? code
function ack.of(result, why, code)
  if not result then
    return nil, why, code
  end
  result.ok = true
  return result
end

return ack
