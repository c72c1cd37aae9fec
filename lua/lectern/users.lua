-- Users as the platform's back end knows them: whom an account of an identity provider belongs to, and what
-- somebody is called. Asked over HTTP, when somebody comes or is written to:
--
--     GET {url}?account={what the token says}      GET {url}?id={a person's id}
--     Authorization: Bearer {key}
--     200 { "id": "42", "firstName"?, "lastName"?, "email"?, "profileImage"?, "role"? }     404 there is none
--
-- Answers stay for KEEP seconds, KNOWN_MAX of them, over reloads; that there is nobody is never remembered.
-- When a class comes back at once there are more questions than http.client_max_requests: they wait for
-- their turn.

local lectern = require "lectern"
local rooms = require "lectern.rooms"

local users = {}

local KEEP = 60 -- seconds
local KNOWN_MAX = 20000
local WAIT_MAX = 20 -- seconds for a turn
local PAUSE = 0.1 -- seconds between two tries, and up to as much again, so that not all come at once

local KEY = "lectern.users"
lectern.state[KEY] = lectern.state[KEY] or { known = {}, count = 0 }
local state = lectern.state[KEY]

---@class lectern.User
---@field id string
---@field firstName? string
---@field lastName? string
---@field email? string
---@field profileImage? string
---@field role? string

---@class lectern.users.Settings
---@field url string of the back end's own route
---@field key? string what it lets us in by

local FIELDS = { "firstName", "lastName", "email", "profileImage", "role" }

local function known(name)
  local entry = state.known[name]
  return entry and entry.until_time > lectern.now() and entry.user or nil
end

local function remember(name, user)
  if state.count >= KNOWN_MAX then
    state.known, state.count = {}, 0
  end
  if not state.known[name] then
    state.count = state.count + 1
  end
  state.known[name] = { user = user, until_time = lectern.now() + KEEP }
end

local function encoded(text)
  return (text:gsub("[^%w%-._~]", function(byte)
    return ("%%%02X"):format(byte:byte())
  end))
end

local function ask(settings, query)
  local headers = settings.key and { authorization = "Bearer " .. settings.key } or nil
  local deadline = lectern.now() + WAIT_MAX
  local response, why, code
  repeat
    response, why, code = lectern.http.request { url = settings.url .. "?" .. query, headers = headers }
    if code == "full" then
      lectern.sleep(PAUSE + math.random() * PAUSE)
    end
  until code ~= "full" or lectern.now() > deadline
  return response, why
end

---@return lectern.User? user, string? why
local function read(response)
  local body = response:json()
  local id, why = rooms.person(type(body) == "table" and body.id or nil)
  if not id then
    return nil, why
  end
  local user = { id = id }
  for _, field in ipairs(FIELDS) do
    user[field] = type(body[field]) == "string" and body[field] or nil
  end
  return user
end

local function unavailable(why)
  lectern.log.warn("the platform cannot be asked for its users: " .. why)
  return nil, "the platform cannot be asked who that is at the moment", "unavailable"
end

local function look_up(settings, by, text)
  local name = by .. "=" .. text
  local user = known(name)
  if user then
    return user
  end
  local response, why = ask(settings, by .. "=" .. encoded(text))
  if not response then
    return unavailable(why)
  elseif response.status == 404 then
    return nil, "there is no such user", "not_found"
  elseif response.status ~= 200 then
    return unavailable(("%s answers %d"):format(settings.url, response.status))
  end
  user, why = read(response)
  if not user then
    return unavailable(("what %s answers is no user: %s"):format(settings.url, why))
  end
  remember(name, user)
  return user
end

---The user whom an account belongs to. Waits.
---@param settings lectern.users.Settings
---@param account string the id that a token says
---@return lectern.User? user, string? message, string? code "not_found", "unavailable"
function users.of_account(settings, account)
  return look_up(settings, "account", account)
end

---The user of an id. Waits.
---@param settings lectern.users.Settings
---@param id string
---@return lectern.User? user, string? message, string? code "not_found", "unavailable"
function users.of_id(settings, id)
  return look_up(settings, "id", id)
end

---Gives who came, by socket or by a route's request, the platform's id in place of the token's, and the role
---that the platform knows, if it says one. For `on_connect`; for routes before they look at
---`request.user.id`; and where `socket.user` was made anew of a token: `on_token_refreshed`, `on_connected`
---of a recovered socket. The account is what the claim `jwt.id_claim` says. Without settings the token's id
---is the platform's. Waits.
---@param user table `socket.user` or `request.user`
---@param settings? lectern.users.Settings
---@return true? ok, string? message
---@return string? code "unauthorized": the platform has no such user; "unavailable"
function users.identify(user, settings)
  if not settings then
    return true
  end
  local account = rooms.person(user[lectern.config.jwt.id_claim]) or user.id
  local found, why, code = users.of_account(settings, account)
  if code == "not_found" then
    return nil, "Authentication error: user not found", "unauthorized"
  elseif not found then
    return nil, why, code
  end
  user.id = found.id
  if found.role then
    user[lectern.config.jwt.role_claim] = found.role
  end
  return true
end

return users
