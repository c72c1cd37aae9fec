-- What people are called. A token's claim `name` says it; it is remembered, so that messages of somebody
-- who is not there have a name too.
--
-- Names are not worth a round trip of the database at each connection: those that are new to this process
-- wait for FLUSH seconds, and are written together. Those known stay in memory, KNOWN_MAX of them.

local lectern = require "lectern"
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

local function know(person, name)
  if not state.known[person] then
    if state.count >= KNOWN_MAX then
      state.known, state.count = {}, 0
    end
    state.count = state.count + 1
  end
  state.known[person] = name
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
  local person, name = rooms.person(user.id), user.name
  local is_name = type(name) == "string" and name ~= "" and #name <= NAME_MAX
  if not person or not is_name or state.known[person] == name then
    return
  end
  know(person, name)
  state.waiting[person] = name
  if not state.timer then
    state.timer = lectern.after(FLUSH, flush)
  end
end

---Somebody was erased.
---@param person string
function people.forget(person)
  state.waiting[person] = nil
  if state.known[person] then
    state.known[person] = nil
    state.count = state.count - 1
  end
end

---What these people are called. May wait for the store.
---@param ids (string|number)[] 100 at most
---@return table<string, string>? names by id; who has never been here is missing
---@return string? message, string? code "invalid", "too_big", and those of lectern.db
function people.names(ids)
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

return people
