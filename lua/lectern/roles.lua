-- Roles that a token gives a person: the claim named by `jwt.role_claim`, a word or a list of words.

local lectern = require "lectern"

local roles = {}

---The roles of a person, as a list; empty for one without.
---@param user table a socket's `user`
---@return string[]
function roles.of(user)
  if type(user) ~= "table" then
    error("roles.of: a user (a table of claims) is needed, not a " .. type(user), 2)
  end
  local claim = user[lectern.config.jwt.role_claim]
  if type(claim) == "string" then
    return { claim }
  end
  local list = {}
  if type(claim) == "table" then
    for _, role in ipairs(claim) do
      if type(role) == "string" then
        list[#list + 1] = role
      end
    end
  end
  return list
end

---Whether a person has a role, or one of several.
---@param user table a socket's `user`
---@param wanted string|string[]
---@return boolean
function roles.has(user, wanted)
  if type(wanted) ~= "string" and type(wanted) ~= "table" then
    error("roles.has: a role or a list of roles is needed, not a " .. type(wanted), 2)
  end
  local any = {}
  for _, role in ipairs(type(wanted) == "table" and wanted or { wanted }) do
    any[role] = true
  end
  for _, role in ipairs(roles.of(user)) do
    if any[role] then
      return true
    end
  end
  return false
end

return roles
