-- Names of people in the database.

local lectern = require "lectern"

local names = {}

local SAVE = [[
  INSERT INTO lectern_names (person, name, changed, given, family) VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (person) DO UPDATE SET name = excluded.name, changed = excluded.changed,
    given = excluded.given, family = excluded.family
    WHERE lectern_names.name <> excluded.name
      OR COALESCE(lectern_names.given, '') <> COALESCE(excluded.given, '')
      OR COALESCE(lectern_names.family, '') <> COALESCE(excluded.family, '')]]

---@class lectern.store.Name
---@field name string
---@field given? string
---@field family? string

---@param list { person: string, name: lectern.store.Name }[]
---@return table? done, string? message, string? code
function names.save(list)
  local now, statements = math.floor(lectern.now() * 1000), {}
  for i, entry in ipairs(list) do
    local name = entry.name
    statements[i] = { SAVE, n = 5, entry.person, name.name, now, name.given, name.family }
  end
  return lectern.db.batch(statements)
end

local KNOWN = "SELECT 1 AS known WHERE EXISTS (SELECT 1 FROM lectern_names WHERE person = $1) "
  .. "OR EXISTS (SELECT 1 FROM lectern_people WHERE person = $1)"

---Whether somebody has a name, or was ever sent a notification.
---@param person string
---@return boolean? known, string? message, string? code
function names.is_known(person)
  local rows, why, code = lectern.db.query(KNOWN, person)
  if not rows then
    return nil, why, code
  end
  return #rows > 0
end

---@param people string[]
---@return table<string, lectern.store.Name>? names by person; those that nobody knows are missing
---@return string? message, string? code
function names.of(people)
  local places = {}
  for i = 1, #people do
    places[i] = "$" .. i
  end
  local sql = ("SELECT person, name, given, family FROM lectern_names WHERE person IN (%s)")
    :format(table.concat(places, ", "))
  local rows, why, code = lectern.db.query(sql, unpack(people))
  if not rows then
    return nil, why, code
  end
  local found, null = {}, lectern.null
  for _, row in ipairs(rows) do
    found[row.person] = {
      name = row.name, given = row.given ~= null and row.given or nil,
      family = row.family ~= null and row.family or nil,
    }
  end
  return found
end

return names
