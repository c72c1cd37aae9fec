-- Revocations in the database. The server itself reads them, before it lets people in (core/server/
-- revocations.c); here they are entered, and asked for where only a handler knows whose a token is. All wait,
-- and answer nil, message, code when the database does not do it.

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

local OF_PERSON = "SELECT 1 AS revoked FROM lectern_revocations "
  .. "WHERE kind = 'person' AND name = $1 AND time >= $2"

---Whether a person's tokens were revoked after one of them was issued.
---@param person string
---@param issued any the token's `iat`, seconds; one without counts as old
---@return boolean? revoked, string? message, string? code
function revocations.of_person(person, issued)
  local time = type(issued) == "number" and issued == issued and math.floor(issued) or 0
  local rows, why, code = lectern.db.query(OF_PERSON, person, math.max(0, math.min(time, 2 ^ 53)))
  if not rows then
    return nil, why, code
  end
  return #rows > 0
end

return revocations
