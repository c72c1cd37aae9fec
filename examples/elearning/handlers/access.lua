-- Ending access at once, before a token expires by itself.

local check = require "lectern.check"
local lectern = require "lectern"

local M = {}

local function disconnected(count, why, code)
  if not count then
    return nil, why, code
  end
  return { disconnected = count }
end

-- All of a person's tokens that were issued until now: an account was closed, a password changed.
function M.revoke_user(user_id)
  local request, why, code = check.fields({ userId = user_id }, { userId = "person" })
  if not request then
    return nil, why, code
  end
  return disconnected(lectern.revoke_user(request.userId))
end

-- One token, by its claim jti: a lost device, a log-out everywhere but here.
function M.revoke_token(jti)
  local request, why, code = check.fields({ jti = jti }, { jti = "id" })
  if not request then
    return nil, why, code
  end
  return disconnected(lectern.revoke_token(request.jti))
end

return M
