-- Revocations in the database. The server itself reads them, before it lets people in (core/server/
-- revocations.c); here they are only entered. Waits, and answers nil, message, code when the database does
-- not do it.

local lectern = require "lectern"

local revocations = {}

local ADD = [[
INSERT INTO lectern_revocations (kind, name, time, created) VALUES ($1, $2, $3, $4)
ON CONFLICT (kind, name) DO UPDATE SET time = excluded.time, created = excluded.created
WHERE excluded.time > lectern_revocations.time]]

---@param kind "person"|"token" a person's tokens of until now, or the token whose jti is the name
---@param name string
---@param now number seconds
---@return true? kept, string? message, string? code
function revocations.add(kind, name, now)
  local rows, why, code = lectern.db.query(ADD, kind, name, math.floor(now), math.floor(now * 1000))
  if not rows then
    return nil, why, code
  end
  return true
end

return revocations
