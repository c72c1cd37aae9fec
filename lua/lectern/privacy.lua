-- Export and erasure of one person: everything that is kept about somebody, told or taken away by one call.
--
-- What becomes of each table is in the README ("One person's data") and, as SQL, in
-- lua/lectern/store/privacy.lua. What a team keeps in tables of its own joins in by `privacy.also`.

local lectern = require "lectern"
local listeners = require "lectern.listeners"
local badges = require "lectern.badges"
local notifications = require "lectern.notifications"
local people = require "lectern.people"
local rooms = require "lectern.rooms"
local notices = require "lectern.store.notifications"
local store = require "lectern.store.privacy"

local privacy = {}

local ROWS = 500 -- in one transaction
local EXPORT_ROWS = 10000 -- in one answer; then there is a cursor
local PURGES = 10 -- attempts
local ROUNDS = 5 -- of erasing, should something be written meanwhile

local others = listeners.new() -- of each name { export, erase }

---What a team or a plugin keeps about people itself. Call it where the file is loaded.
---@param name string what export calls it; given again, it takes the place of the one before
---@param fns { export?: fun(person: string), erase?: fun(person: string) } may wait, and answer
--- nil, message, code; erase gives how many rows it changed, and may be called again
function privacy.also(name, fns)
  if type(name) ~= "string" or type(fns) ~= "table" then
    error("privacy.also: a name and { export = fn, erase = fn } expected", 2)
  end
  others:set(name, fns)
end

-- A cursor is JSON: the part, and the key of the last row told.
local function place(cursor)
  if cursor == nil then
    return 1
  end
  local at = type(cursor) == "string" and lectern.json.decode(cursor)
  local part = type(at) == "table" and at[1]
  local good = type(part) == "number" and part % 1 == 0 and part >= 1 and part <= store.parts
  if not good or not store.is_key(part, { unpack(at, 2) }) then
    return nil, "that is no cursor: give nextCursor of the answer before", "invalid"
  end
  return part, { unpack(at, 2) }
end

---Everything that is kept about a person: lists of rows by what they are. More than 10,000 rows come in
---several answers, each with the `nextCursor` for the next.
---@param user_id string|number
---@param cursor? string
---@return table? export { person, exportedAt, notifications, messagesWritten …, nextCursor? }
---@return string? message, string? code "invalid", or what the database says
function privacy.export(user_id, cursor)
  local person, why, code = rooms.person(user_id)
  if not person then
    return nil, why, code
  end
  local first, after
  first, after, code = place(cursor)
  if not first then
    return nil, after, code
  end
  local told, total = { person = person, exportedAt = lectern.date() }, 0
  for part = first, store.parts do
    local name, rows
    repeat
      name, rows, why, code = store.told(part, person, after, ROWS)
      if not rows then
        return nil, why, code
      end
      told[name] = told[name] or lectern.array()
      for _, row in ipairs(rows) do
        table.insert(told[name], row)
      end
      total = total + #rows
      after = rows[1] and store.key(part, rows[#rows]) or after
      if total >= EXPORT_ROWS and #rows == ROWS then
        told.nextCursor = lectern.json.encode(lectern.array { part, unpack(after) })
        return told
      end
    until #rows < ROWS
    after = nil
  end
  for name, other in others:each() do
    if other.export then
      local value
      value, why, code = other.export(person)
      if value == nil and why then
        return nil, ("%s: %s"):format(name, why), code
      end
      told[name] = value
    end
  end
  return told
end

-- What others were notified of names the person: it goes as if they had deleted it, so that their badges are
-- right.
local function erase_about(person, erased)
  local changed = 0
  repeat
    local rows, why, code = notices.about(person, ROWS)
    if not rows then
      return nil, why, code
    end
    for _, row in ipairs(rows) do
      local done
      done, why, code = notifications.delete(row.person, row.id)
      if not done and code ~= "not_found" then
        return nil, why, code
      end
      changed = changed + (done and 1 or 0)
    end
  until #rows < ROWS
  erased.notifications = (erased.notifications or 0) + changed
  return changed
end

-- All steps until they find nothing: erased counts by name what they changed.
local function erase_round(person, erased)
  local changed, failure, refusal = erase_about(person, erased)
  if not changed then
    return nil, failure, refusal
  end
  for step = 1, store.steps do
    local name, count, why, code
    repeat
      name, count, why, code = store.erase(step, person, ROWS)
      if not count then
        return nil, why, code
      end
      erased[name] = (erased[name] or 0) + count
      changed = changed + count
    until count < ROWS
  end
  for name, other in others:each() do
    if other.erase then
      local count, why, code = other.erase(person)
      if count == nil and why then
        return nil, ("%s: %s"):format(name, why), code
      end
      erased[name] = (erased[name] or 0) + (count or 0)
    end
  end
  return changed
end

-- Those who wrote with the person; what they see of it is no more.
local function partners_of(person)
  local partners, after = {}, ""
  repeat
    local rows, why, code = store.partners(person, after, ROWS)
    if not rows then
      return nil, why, code
    end
    for _, row in ipairs(rows) do
      partners[#partners + 1] = row
      after = row.other
    end
  until #rows < ROWS
  return partners
end

-- The bytes go, too. Where something reads on for seconds they go with the next that is written.
local function purge()
  for _ = 1, PURGES do
    local done, why, code = store.purge()
    if done then
      return true
    elseif code ~= "busy" then
      return nil, why, code
    end
    lectern.sleep(1)
  end
  lectern.log.warn("what was erased is gone from the tables, but not from the database's log yet")
  return true
end

---Takes away what is kept about a person: their tokens of until now are revoked and their sockets end;
---private messages go, for both; what they wrote in rooms stays, of nobody ("deleted user"). Those who wrote
---with them hear `conversation_deleted` {room, with}. Many transactions, each small: after a failure call it
---again.
---@param user_id string|number
---@return { person: string, erased: table<string, integer>, disconnected: integer }? result rows by name
---@return string? message, string? code "invalid", or what the database says
function privacy.erase(user_id)
  local person, why, code = rooms.person(user_id)
  if not person then
    return nil, why, code
  end
  lectern.detach()
  local disconnected
  disconnected, why, code = lectern.revoke_user(person)
  if not disconnected then
    return nil, why, code
  end
  people.forget(person) -- a name that waits to be written would come after the round that takes it
  local partners
  partners, why, code = partners_of(person)
  if not partners then
    return nil, why, code
  end
  local erased = {}
  for _ = 1, ROUNDS do
    local changed
    changed, why, code = erase_round(person, erased)
    if not changed then
      return nil, why, code
    elseif changed == 0 then
      break
    end
  end
  badges.forget(person)
  people.forget(person)
  local purged
  purged, why, code = purge()
  if not purged then
    return nil, why, code
  end
  for _, partner in ipairs(partners) do
    lectern.to(rooms.user(partner.other)):emit("conversation_deleted", { room = partner.room, with = person })
  end
  lectern.log.info("a person was erased", { person = person })
  return { person = person, erased = erased, disconnected = disconnected }
end

return privacy
