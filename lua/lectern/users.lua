-- Users as the platform's back end knows them: whom an account of an identity provider belongs to, and what
-- somebody is called. Asked over HTTP, when somebody comes or is written to:
--
--     GET {url}?account={what the token says}     200 { "id": "42", "firstName"?, "lastName"?, "email"?,
--                                                       "profileImage"?, "role"? }, 404 there is none
--     GET {url}?id={a person's id}&id={…}         200 [ … ], without those who do not exist
--
-- with `Authorization: Bearer {key}`.
-- Answers stay for KEEP seconds, KNOWN_MAX of them, over reloads; that there is nobody is never remembered.
-- When a class comes back at once there are more questions than http.client_max_requests: they wait for
-- their turn.

local lectern = require "lectern"
local people = require "lectern.people"
local rooms = require "lectern.rooms"

local users = {}

local KEEP = 60 -- seconds
local KNOWN_MAX = 20000
local QUERY_MAX = 2000 -- bytes after which no further id is asked for at once
local WAIT_MAX = 20 -- seconds for a turn
local TEXT_MAX = 2000 -- bytes of what is said of a user: each message of theirs bears it
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
local function read(body)
  local id, why = rooms.person(type(body) == "table" and body.id or nil)
  if not id then
    return nil, why
  end
  local user = { id = id }
  for _, field in ipairs(people.FIELDS) do
    local value = body[field]
    user[field] = type(value) == "string" and #value <= TEXT_MAX and value or nil
  end
  return user
end

local function unavailable(why)
  lectern.log.warn("the platform cannot be asked for its users: " .. why)
  return nil, "the platform cannot be asked who that is at the moment", "unavailable"
end

---Asks, if it must.
---@param names string[] of the query's parameters, like "id=7", as they are remembered
---@return any answer decoded; nil if it cannot be had, false for 404
local function answer_of(settings, names)
  local response, why = ask(settings, table.concat(names, "&"))
  if not response then
    return unavailable(why)
  elseif response.status == 404 then
    return false
  elseif response.status ~= 200 then
    return unavailable(("%s answers %d"):format(settings.url, response.status))
  end
  local value
  value, why = response:json()
  if type(value) ~= "table" then
    return unavailable(("what %s answers is no user: %s"):format(settings.url, why or "it is no object"))
  end
  return value
end

---The user whom an account belongs to. Waits.
---@param settings lectern.users.Settings
---@param account string the id that a token says
---@return lectern.User? user, string? message, string? code "not_found", "unavailable"
function users.of_account(settings, account)
  local name = "account=" .. encoded(account)
  local user = known(name)
  if user then
    return user
  end
  local answer, why, code = answer_of(settings, { name })
  if answer == false then
    return nil, "there is no such user", "not_found"
  elseif not answer then
    return nil, why, code
  end
  user, why = read(answer)
  if not user then
    return unavailable(("what %s answers is no user: %s"):format(settings.url, why))
  end
  remember(name, user)
  return user
end

-- Asks for those that are not known, as many as one URL holds, and puts them into `found`.
local function fill(settings, names, found)
  local list, why, code = answer_of(settings, names)
  if list == nil then
    return nil, why, code
  end
  for _, each in ipairs(list or {}) do
    local user = read(each)
    if user then
      found[user.id] = user
      remember("id=" .. encoded(user.id), user)
    end
  end
  return true
end

---The users of these ids. Waits.
---@param settings lectern.users.Settings
---@param ids string[]
---@return table<string, lectern.User>? users by id, without those who do not exist
---@return string? message, string? code "unavailable"
function users.of_ids(settings, ids)
  local found, names, bytes = {}, {}, 0
  for i, id in ipairs(ids) do
    local name = "id=" .. encoded(id)
    found[id] = known(name)
    if not found[id] then
      names[#names + 1] = name
      bytes = bytes + #name
    end
    if #names > 0 and (i == #ids or bytes > QUERY_MAX) then
      local ok, why, code = fill(settings, names, found)
      if not ok then
        return nil, why, code
      end
      names, bytes = {}, 0
    end
  end
  return found
end

-- What else the platform says of a person: the role; the name, if the token has none.
local function complete(user, found)
  if found.role then
    user[lectern.config.jwt.role_claim] = found.role
  end
  user.name = user.name or people.name(found)
  return true
end

---Gives who came the platform's id in place of the token's; the role that it says; and its name, if the token
---has none. Waits.
---@param user table of a token: `socket.user` in on_connect, or `request.user`
---@param settings lectern.users.Settings
---@return true? ok, string? message
---@return string? code "unauthorized": the platform has no such user; "unavailable"
function users.identify(user, settings)
  local found, why, code = users.of_account(settings, user.id)
  if code == "not_found" then
    return nil, "Authentication error: user not found", "unauthorized"
  elseif not found then
    return nil, why, code
  end
  user.id = found.id
  return complete(user, found)
end

---The same for a socket whose person is known and whose claims are those of another token: by that person's
---id, which stays. Waits.
---@param user table `socket.user`
---@param settings lectern.users.Settings
---@return true? ok, string? message, string? code "not_found", "unavailable"
function users.renew(user, settings)
  local found, why, code = users.of_ids(settings, { user.id })
  if not found then
    return nil, why, code
  elseif not found[user.id] then
    return nil, "there is no such user", "not_found"
  end
  return complete(user, found[user.id])
end

---Somebody was erased: what is remembered of them goes, and whose their accounts are is asked anew.
---@param person string
function users.forget(person)
  for name, entry in pairs(state.known) do
    if entry.user.id == person then
      state.known[name] = nil
      state.count = state.count - 1
    end
  end
end

---From now on the platform is asked who comes, and what people are called (lectern.people). Call it while
---files load.
---@param settings? lectern.users.Settings nil: it is asked no more; raises for what is none
function users.use(settings)
  local is_good = type(settings) == "table" and type(settings.url) == "string"
    and (settings.key == nil or type(settings.key) == "string")
  if settings and not is_good then
    error('users.use: { url = "https://…", key = "…" } expected', 2)
  end
  people.accounts(settings and function(user)
    return users.identify(user, settings)
  end, settings and function(user)
    return users.renew(user, settings)
  end)
  people.when_forgotten("users", users.forget)
  people.source(settings and function(ids)
    return users.of_ids(settings, ids)
  end)
end

return users
