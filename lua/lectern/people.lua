-- What people are called. A token's claims `name`, `given_name` and `family_name` say it; it is remembered,
-- so that messages of somebody who is not there have a name too. A platform that knows its users better is
-- asked by `people.source`, and whose an account of a token is by `people.accounts`: lectern.users does both.
--
-- Names are not worth a round trip of the database at each connection: those that are new to this process
-- wait for FLUSH seconds, and are written together. Those known stay in memory, KNOWN_MAX of them.

local lectern = require "lectern"
local listeners = require "lectern.listeners"
local revocations = require "lectern.store.revocations"
local rooms = require "lectern.rooms"
local store = require "lectern.store.names"

local people = {}

local FLUSH = 1 -- seconds
local PIECE = 500 -- names in one transaction
local KNOWN_MAX = 20000
local NAME_MAX = 200 -- bytes
local ASK_MAX = 100

local KEY = "lectern.people"
lectern.state[KEY] = lectern.state[KEY] or { known = {}, count = 0, waiting = {} }
local state = lectern.state[KEY]

local source, accounts, renewed -- of people.source, people.accounts
local forgotten = listeners.new()
local asking = setmetatable({}, { __mode = "k" }) -- each `request.user` whose person is known already

-- state.known: by person { name, given?, family?, profile? }, the last as the source says.
local function know(person, name)
  if not state.known[person] then
    if state.count >= KNOWN_MAX then
      state.known, state.count = {}, 0
    end
    state.count = state.count + 1
  end
  state.known[person] = name
end

---@return string? text a claim that can be a name
local function text_of(claim)
  local is_name = type(claim) == "string" and claim:find "%S" and #claim <= NAME_MAX
  return is_name and claim or nil
end

---@return lectern.store.Name? name as the claims of a token say it
local function name_of(user)
  local given, family = text_of(user.given_name), text_of(user.family_name)
  local name = text_of(user.name) or text_of(given and family and given .. " " .. family) or given or family
  return name and { name = name, given = given, family = family }
end

local function flush()
  state.timer = nil
  local list = {}
  for person, name in pairs(state.waiting) do
    list[#list + 1] = { person = person, name = name }
    if #list == PIECE then
      break
    end
  end
  for _, entry in ipairs(list) do
    state.waiting[entry.person] = nil
  end
  local done, why = true, nil
  if #list > 0 then -- they may have been erased meanwhile
    done, why = store.save(list)
  end
  if not done then -- they are remembered at the next connection
    lectern.log.warn("names could not be written: " .. why)
    state.known, state.count = {}, 0
  end
  if next(state.waiting) then
    state.timer = lectern.after(0, flush)
  end
end

---Somebody is here: remembers the name that the token gives. Never waits.
---@param user table a socket's `user`
function people.seen(user)
  local person, name = rooms.person(user.id), name_of(user)
  local known = person and state.known[person]
  local is_same = known and name and known.name == name.name and known.given == name.given
    and known.family == name.family
  if not person or not name or is_same then
    return
  end
  name.profile = known and known.profile
  know(person, name)
  state.waiting[person] = name
  if not state.timer then
    state.timer = lectern.after(FLUSH, flush)
  end
end

---Says how to find out who somebody is whose token holds an account of an identity provider. Call it while
---files load.
---@param fn? fun(user: table): true?, string?, string? may wait; sets `user.id`, or refuses. nil: the token
--- says it
---@param renew? fun(user: table): true?, string?, string? may wait; sets what else the token does not say, of
--- a person whose `user.id` is right
function people.accounts(fn, renew)
  accounts, renewed = fn, fn and renew
end

---Makes `user.id` the platform's, if `people.accounts` says how; else it is the token's. May wait. For
---`on_connect`: it takes `user.id` for the account.
---@param user table `socket.user` or `request.user`
---@return true? ok, string? message, string? code
function people.identify(user)
  if not accounts then
    return true
  end
  return accounts(user)
end

---Where `socket.user` was made anew of a token (`on_token_refreshed`, `on_connected` of a recovered socket):
---gives it what else `people.accounts` sets. The person stays who it is. May wait.
---@param user table `socket.user`
---@return true? ok, string? message, string? code
function people.renew(user)
  if not renewed then
    return true
  end
  return renewed(user)
end

---Who asks over HTTP, with a token of their own. May wait, as `identify`. The server has looked whether the
---account was revoked; here it is the person.
---@param request table
---@return string? person
---@return string? message, string? code "forbidden": it is a back end; "unauthorized": the person was revoked
--- after the token was issued; those of `people.accounts`, and of the database
function people.asking(request)
  if not request.user then
    return nil, "this is for people, with a token of their own", "forbidden"
  end
  local account = request.user.id
  if asking[request.user] then
    return account
  end
  local known, why, code = people.identify(request.user)
  if not known then
    return nil, why, code
  end
  local person = request.user.id
  if person ~= account then
    local revoked
    revoked, why, code = revocations.of_person(person, request.user.iat)
    if revoked == nil then
      return nil, why, code
    elseif revoked then
      return nil, "Authentication error: the token was revoked", "unauthorized"
    end
  end
  asking[request.user] = true
  return person
end

---Has fn called with each person who is erased, by whoever keeps something of people in memory. Call it
---while files load.
---@param name string of who listens: given again, it takes the place of the one before
---@param fn fun(person: string)
function people.when_forgotten(name, fn)
  forgotten:set(name, fn)
end

---Somebody was erased.
---@param person string
function people.forget(person)
  forgotten:call(person)
  state.waiting[person] = nil
  if state.known[person] then
    state.known[person] = nil
    state.count = state.count - 1
  end
end

-- Names by person, of ids that are good; who has never been here is missing.
local function known_of(ids)
  if type(ids) ~= "table" then
    return nil, "a list of ids is needed", "invalid"
  elseif #ids > ASK_MAX then
    return nil, ("%d people at once, %d at most"):format(#ids, ASK_MAX), "too_big"
  end
  local found, unknown = {}, {}
  for _, id in ipairs(ids) do
    local person, why = rooms.person(id)
    if not person then
      return nil, why, "invalid"
    end
    found[person] = state.known[person]
    if not found[person] then
      unknown[#unknown + 1] = person
    end
  end
  if #unknown > 0 then
    local more, why, code = store.of(unknown)
    if not more then
      return nil, why, code
    end
    for person, name in pairs(more) do
      found[person] = name
      know(person, name)
    end
  end
  return found
end

---What these people are called. May wait for the store.
---@param ids (string|number)[] 100 at most
---@return table<string, string>? names by id; who has never been here is missing
---@return string? message, string? code "invalid", "too_big", and those of lectern.db
function people.names(ids)
  local found, why, code = known_of(ids)
  if not found then
    return nil, why, code
  end
  local names = {}
  for person, known in pairs(found) do
    names[person] = known.name
  end
  return names
end

---@class lectern.Profile what nobody knows is lectern.null
---@field id string
---@field firstName string the whole name, where no part of it is known
---@field lastName string
---@field email string
---@field profileImage string
---@field role string

-- Of a profile beside its id.
people.FIELDS = { "firstName", "lastName", "email", "profileImage", "role" }

local function shown(person, known)
  local profile = { id = person }
  known = known or {}
  for _, field in ipairs(people.FIELDS) do
    profile[field] = known.profile and known.profile[field]
  end
  if profile.firstName == nil and profile.lastName == nil then
    profile.firstName, profile.lastName = known.given, known.family
    if not known.given and not known.family then
      profile.firstName = known.name
    end
  end
  for _, field in ipairs(people.FIELDS) do
    if profile[field] == nil then
      profile[field] = lectern.null
    end
  end
  return profile
end

---Says whom to ask about people, instead of what their tokens said: the platform's own table of users. Call
---it while files load.
---@param fn? fun(ids: string[]): table<string, table>?, string?, string? may wait; gives by id firstName,
--- lastName, email, profileImage, role, what it knows of them, without whoever does not exist; or nil,
--- message, code
function people.source(fn)
  source = fn
end

---What is known of people. May wait for the store, and the source.
---@param ids (string|number)[] 100 at most
---@return table<string, lectern.Profile>? profiles by id; who has never been here, and, where there is a
--- source, who does not exist, is missing
---@return string? message, string? code "invalid", "too_big", those of lectern.db and of the source
function people.profiles(ids)
  local found, why, code = known_of(ids)
  if not found then
    return nil, why, code
  end
  if source then
    local list = {}
    for i, id in ipairs(ids) do
      list[i] = rooms.person(id)
    end
    local given
    given, why, code = source(list)
    if not given then
      return nil, why, code
    end
    for _, person in ipairs(list) do
      local known = given[person] and (found[person] or {})
      found[person] = known or nil
      if known then
        known.profile = given[person]
        know(person, known)
      end
    end
  end
  local profiles = {}
  for person, known in pairs(found) do
    profiles[person] = shown(person, known)
  end
  return profiles
end

---Whether there is such a person: as the source says or, without one, who is connected, has been here with a
---name, or was ever notified. May wait for the store, and the source.
---@param id string|number
---@return boolean? known, string? message, string? code as of `profiles`
function people.is_known(id)
  local person, wrong, refusal = rooms.person(id)
  if not person then
    return nil, wrong, refusal
  end
  if not source then
    if state.known[person] or #lectern.sockets { room = rooms.user(person) } > 0 then
      return true
    end
    return store.is_known(person)
  end
  local profiles, why, code = people.profiles { person }
  if not profiles then
    return nil, why, code
  end
  return profiles[person] ~= nil
end

---What is known of somebody without waiting: maybe nothing.
---@param person string
---@return lectern.Profile
function people.profile(person)
  return shown(person, state.known[person])
end

---A profile's name in one piece.
---@param profile lectern.Profile|lectern.User
---@return string? name nil if none is known
function people.name(profile)
  local names = {}
  for _, field in ipairs { "firstName", "lastName" } do
    names[#names + 1] = type(profile[field]) == "string" and profile[field] or nil
  end
  local name = table.concat(names, " "):match "^%s*(.-)%s*$"
  return name ~= "" and name or nil
end

return people
