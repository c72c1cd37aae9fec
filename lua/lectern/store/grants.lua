-- Who may join which room, beside what tokens say, in the database. Every function is one transaction;
-- all wait, and answer nil, message, code when the database does not do it.

local lectern = require "lectern"

local grants = {}

local SET = [[
INSERT INTO lectern_grants (person, room, allowed, created) VALUES ($1, $2, $3, $4)
ON CONFLICT (person, room) DO UPDATE SET allowed = excluded.allowed, created = excluded.created]]

local GET = "SELECT allowed FROM lectern_grants WHERE person = $1 AND room = $2"

---@param person string
---@param room string
---@param allowed boolean
---@param now integer
---@return true? done, string? message, string? code
function grants.set(person, room, allowed, now)
  local rows, why, code = lectern.db.query(SET, person, room, allowed and 1 or 0, now)
  if not rows then
    return nil, why, code
  end
  return true
end

---What was said last of a person and a room.
---@param person string
---@param room string
---@return "allowed"|"denied"|"unsaid"|nil state, string? message, string? code
function grants.get(person, room)
  local rows, why, code = lectern.db.query(GET, person, room)
  if not rows then
    return nil, why, code
  elseif not rows[1] then
    return "unsaid"
  end
  return rows[1].allowed == 1 and "allowed" or "denied"
end

return grants
