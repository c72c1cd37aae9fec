-- Notifications in the database: every function is one transaction. What changes a person's notifications
-- expires the overdue ones too, and answers with the badge after it (lectern.store.people).
--
-- All wait, and answer nil, message, code when the database does not do it. `person` is the id as text,
-- times are milliseconds. A row is as in lua/lectern/migrations/0001_store.sql.

local lectern = require "lectern"
local people = require "lectern.store.people"

local notifications = {}

local COLUMNS = "id, born, created, type, title, message, data, priority, action_url, read_at, expires_at"

-- Of the person $1 at $2, `%d` revs before the newest: the rows that meet a condition become mere ids.
local REMOVE = [[
UPDATE lectern_notifications SET gone = $2, title = '', message = '', data = '', action_url = NULL,
  about = NULL,
  rev = (SELECT rev FROM lectern_people WHERE person = $1) - $3
WHERE person = $1 AND gone IS NULL AND %s RETURNING id]]

local EXPIRE = REMOVE:format "expires_at <= $2"
local PRUNE = REMOVE:format [[born <= (SELECT born FROM lectern_notifications
  WHERE person = $1 AND gone IS NULL ORDER BY born DESC LIMIT 1 OFFSET $4)]]
local DELETE = REMOVE:format "id = $4"

local INSERT = [[
INSERT INTO lectern_notifications (person, born, rev, id, created, type, title, message, data, priority,
  action_url, expires_at, about)
VALUES ($1, (SELECT rev FROM lectern_people WHERE person = $1) - $2,
  (SELECT rev FROM lectern_people WHERE person = $1) - $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
RETURNING id, born, created]]

local READ = [[
UPDATE lectern_notifications SET read_at = $2, rev = (SELECT rev FROM lectern_people WHERE person = $1)
WHERE person = $1 AND gone IS NULL AND read_at IS NULL AND id = $3 RETURNING id]]

local READ_ALL = [[
UPDATE lectern_notifications SET read_at = $2, rev = (SELECT rev FROM lectern_people WHERE person = $1)
WHERE person = $1 AND gone IS NULL AND read_at IS NULL RETURNING id]]

local IS_KEPT = "EXISTS (SELECT 1 FROM lectern_notifications WHERE person = $1 AND gone IS NULL AND id = $3)"
local IS_UNREAD = "EXISTS (SELECT 1 FROM lectern_notifications "
  .. "WHERE person = $1 AND gone IS NULL AND read_at IS NULL AND id = $3)"
local ANY_UNREAD = "EXISTS (SELECT 1 FROM lectern_notifications "
  .. "WHERE person = $1 AND gone IS NULL AND read_at IS NULL)"

local FOUND = "SELECT count(*) AS found FROM lectern_notifications "
  .. "WHERE id = $1 AND person = $2 AND gone IS NULL"

local LIST = "SELECT " .. COLUMNS .. [[ FROM lectern_notifications
WHERE person = $1 AND gone IS NULL %s ORDER BY born DESC LIMIT $2]]
local UNREAD = "AND read_at IS NULL "
local OLDER = "AND born < $3"
local BEFORE = "AND born < (SELECT born FROM lectern_notifications WHERE id = $3 AND person = $1)"

local PAGE = LIST:format "" .. " OFFSET $3"
local TOTAL = "SELECT count(*) AS total FROM lectern_notifications WHERE person = $1 AND gone IS NULL"

-- Nothing is looked through for who has seen the last change.
local CHANGED = "SELECT " .. COLUMNS .. [[ FROM lectern_notifications
WHERE person = $1 AND gone IS NULL AND rev > $2
  AND EXISTS (SELECT 1 FROM lectern_people WHERE person = $1 AND rev > $2)
ORDER BY born LIMIT $3]]
local REMOVED = [[
SELECT id FROM lectern_notifications WHERE person = $1 AND gone IS NOT NULL AND rev > $2 LIMIT $3]]

local NEXT_DUE = "SELECT min(expires_at) AS due FROM lectern_notifications "
  .. "WHERE gone IS NULL AND expires_at IS NOT NULL"
local PEOPLE_DUE = "SELECT DISTINCT person FROM lectern_notifications "
  .. "WHERE gone IS NULL AND expires_at <= $1 LIMIT $2"
local PEOPLE_OLD = "SELECT DISTINCT person FROM lectern_notifications WHERE gone <= $1 LIMIT $2"

local ABOUT = "SELECT id, person FROM lectern_notifications WHERE about = $1 AND gone IS NULL "
  .. "ORDER BY person, id LIMIT $2"

local FORGET = [[
DELETE FROM lectern_notifications WHERE person = $1 AND gone IS NOT NULL
  AND rev <= (SELECT forgotten FROM lectern_people WHERE person = $1)]]

local function ids(rows)
  local list = lectern.array()
  for i, row in ipairs(rows) do
    list[i] = row.id
  end
  return list
end

-- Statements whose results are wanted: `add` gives the place of the result.
local function batch()
  local statements = {}
  return statements, function(statement)
    statements[#statements + 1] = statement
    return #statements
  end
end

---@param person string
---@param now integer
---@param seconds? number longest that it may take; `db.timeout` unless given
---@return table? badge { rev, unread, epoch, due, forgotten }, string? message, string? code
function notifications.badge(person, now, seconds)
  local db = seconds and lectern.db.timeout(seconds) or lectern.db
  local rows, why, code = db.query(unpack(people.badge(person, now)))
  if not rows then
    return nil, why, code
  end
  return rows[1]
end

---Keeps new ones. Each is one change, in the given order; what expires or is one too many goes with a
---person's first one.
---@param entries { person: string, id: string, type: string, title: string, message: string, data: string,
---  priority: string, action_url?: string, expires_at?: integer, about?: string }[] data as JSON
---@param now integer
---@param keep integer how many of a person's are kept; the oldest go. No more entries for one than that.
---@return table[]? added in the order of entries: { id, created, rev, unread, removed: ids }
---@return string? message, string? code
function notifications.add(entries, now, keep)
  local statements, add = batch()
  local order, of = {}, {} -- people in their order; entries' numbers by person
  for i, entry in ipairs(entries) do
    if not of[entry.person] then
      of[entry.person] = {}
      order[#order + 1] = entry.person
    end
    table.insert(of[entry.person], i)
  end
  local places = {}
  for _, person in ipairs(order) do
    local numbers, at = of[person], { inserted = {} }
    local n = #numbers
    add(people.advance_by(person, now, n))
    for i, number in ipairs(numbers) do
      local e = entries[number]
      at.inserted[i] = add {
        INSERT, n = 12, person, n - i, e.id, now, e.type, e.title, e.message, e.data, e.priority,
        e.action_url, e.expires_at, e.about,
      }
    end
    at.expired = add { EXPIRE, person, now, n - 1 }
    at.pruned = add { PRUNE, person, now, n - 1, keep }
    at.badge = add(people.badge(person, now))
    places[person] = at
  end
  local results, why, code = lectern.db.batch(statements)
  if not results then
    return nil, why, code
  end
  local added = {}
  for _, person in ipairs(order) do
    local at, n = places[person], #of[person]
    local badge = results[at.badge][1]
    for i, number in ipairs(of[person]) do
      local row = results[at.inserted[i]][1]
      added[number] = {
        id = row.id, created = row.created, rev = row.born, removed = lectern.array(),
        unread = badge.unread - (n - i), epoch = badge.epoch,
      }
    end
    local first = added[of[person][1]]
    for _, rows in ipairs { results[at.expired], results[at.pruned] } do
      for _, row in ipairs(rows) do
        table.insert(first.removed, row.id)
      end
    end
  end
  return added
end

-- Adds one change of a person's, if there is something to change; the places of the results.
-- `id`: whether that one is kept is asked too.
local function change(add, person, now, condition, statement, id)
  local place = {}
  add(people.advance_if(person, now, condition, id))
  place.expired = add { EXPIRE, person, now, 0 }
  place.changed = statement and add(statement)
  place.found = id and add { FOUND, id, person }
  place.badge = add(people.badge(person, now))
  return place
end

local function changed(results, place)
  return {
    badge = results[place.badge][1],
    changed = ids(place.changed and results[place.changed] or {}),
    expired = ids(results[place.expired]),
    found = place.found and results[place.found][1].found > 0,
  }
end

-- Such a change alone.
local function apply(...)
  local statements, add = batch()
  local place = change(add, ...)
  local results, why, code = lectern.db.batch(statements)
  if not results then
    return nil, why, code
  end
  return changed(results, place)
end

---@class lectern.store.Change
---@field badge table after it
---@field changed string[] ids that were read, or deleted
---@field expired string[] ids of those that had expired
---@field found boolean whether one of that id is kept

---@param person string
---@param id string
---@param now integer
---@return lectern.store.Change?, string? message, string? code
function notifications.mark_read(person, id, now)
  return apply(person, now, IS_UNREAD, { READ, person, now, id }, id)
end

---@param person string
---@param now integer
---@return lectern.store.Change?, string? message, string? code
function notifications.mark_all_read(person, now)
  return apply(person, now, ANY_UNREAD, { READ_ALL, person, now })
end

---@param person string
---@param id string
---@param now integer
---@return lectern.store.Change?, string? message, string? code
function notifications.delete(person, id, now)
  return apply(person, now, IS_KEPT, { DELETE, person, now, 0, id }, id)
end

---Removes what has expired, of several people in one transaction.
---@param persons string[]
---@param now integer
---@return table<string, lectern.store.Change>? by person, string? message, string? code
function notifications.expire(persons, now)
  local statements, add = batch()
  local places, changes = {}, {}
  for _, person in ipairs(persons) do
    places[person] = change(add, person, now)
  end
  local results, why, code = lectern.db.batch(statements)
  if not results then
    return nil, why, code
  end
  for person, place in pairs(places) do
    changes[person] = changed(results, place)
  end
  return changes
end

---Newest first.
---@param person string
---@param now integer
---@param limit integer
---@param filter { born?: integer, before?: string, unread?: boolean } only older ones than of this `born`, or
---  than this id; only unread ones
---@return table[]? rows, table|string badge or message, string? code
function notifications.list(person, now, limit, filter)
  local older = filter.born and OLDER or filter.before and BEFORE or ""
  local condition = (filter.unread and UNREAD or "") .. older
  local results, why, code = lectern.db.batch {
    { LIST:format(condition), person, limit, filter.born or filter.before },
    people.badge(person, now),
  }
  if not results then
    return nil, why, code
  end
  return results[1], results[2][1]
end

---@param person string
---@param now integer
---@param limit integer
---@param offset integer
---@return table[]? rows newest first, table|string badge or message, string|integer|nil code or total
function notifications.page(person, now, limit, offset)
  local results, why, code = lectern.db.batch {
    { PAGE, person, limit, offset }, people.badge(person, now), { TOTAL, person },
  }
  if not results then
    return nil, why, code
  end
  return results[1], results[2][1], results[3][1].total
end

---What changed after a rev.
---@param person string
---@param now integer
---@param rev integer
---@param max_rows integer
---@param max_removed integer
---@return { badge: table, rows: table[], removed: string[] }?, string? message, string? code
function notifications.since(person, now, rev, max_rows, max_removed)
  local results, why, code = lectern.db.batch {
    { CHANGED, person, rev, max_rows }, { REMOVED, person, rev, max_removed }, people.badge(person, now),
  }
  if not results then
    return nil, why, code
  end
  return { rows = results[1], removed = ids(results[2]), badge = results[3][1] }
end

---Those of others that name a person.
---@param person string
---@param limit integer
---@return { id: string, person: string }[]? rows, string? message, string? code
function notifications.about(person, limit)
  return lectern.db.query(ABOUT, person, limit)
end

---@return integer|false|nil time when the next one expires, false if none does
---@return string? message, string? code
function notifications.next_due()
  local rows, why, code = lectern.db.query(NEXT_DUE)
  if not rows then
    return nil, why, code
  end
  return rows[1].due ~= lectern.null and rows[1].due
end

local function persons(sql, time, limit)
  local rows, why, code = lectern.db.query(sql, time, limit)
  if not rows then
    return nil, why, code
  end
  local list = {}
  for i, row in ipairs(rows) do
    list[i] = row.person
  end
  return list
end

---People of whose notifications some have expired.
---@param now integer
---@param limit integer
---@return string[]? persons, string? message, string? code
function notifications.people_due(now, limit)
  return persons(PEOPLE_DUE, now, limit)
end

---Forgets all but the newest `keep` removed ones.
---@param person string
---@param keep integer
---@return true?, string? message, string? code
function notifications.trim(person, keep)
  local results, why, code = lectern.db.batch { people.forget_to(person, keep), { FORGET, person } }
  return results and true, why, code
end

---Forgets what was removed until `time`, of so many people at most.
---@param time integer
---@param limit integer
---@return boolean? more whether there may be others, string? message, string? code
function notifications.sweep(time, limit)
  local list, why, code = persons(PEOPLE_OLD, time, limit)
  if not list or #list == 0 then
    return list and false, why, code
  end
  local statements, add = batch()
  for _, person in ipairs(list) do
    add(people.forget_old(person, time))
    add { FORGET, person }
  end
  local results
  results, why, code = lectern.db.batch(statements)
  return results and #list == limit, why, code
end

return notifications
