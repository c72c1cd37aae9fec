-- Names of people in the database.

local lectern = require "lectern"

local names = {}

local SAVE = [[
  INSERT INTO lectern_names (person, name, changed) VALUES ($1, $2, $3)
  ON CONFLICT (person) DO UPDATE SET name = excluded.name, changed = excluded.changed
    WHERE lectern_names.name <> excluded.name]]

---@param list { person: string, name: string }[]
---@return table? done, string? message, string? code
function names.save(list)
  local now, statements = math.floor(lectern.now() * 1000), {}
  for i, entry in ipairs(list) do
    statements[i] = { SAVE, entry.person, entry.name, now }
  end
  return lectern.db.batch(statements)
end

---@param people string[]
---@return table<string, string>? names by person; those that nobody knows are missing
---@return string? message, string? code
function names.of(people)
  local places = {}
  for i = 1, #people do
    places[i] = "$" .. i
  end
  local sql = "SELECT person, name FROM lectern_names WHERE person IN (" .. table.concat(places, ", ") .. ")"
  local rows, why, code = lectern.db.query(sql, unpack(people))
  if not rows then
    return nil, why, code
  end
  local found = {}
  for _, row in ipairs(rows) do
    found[row.person] = row.name
  end
  return found
end

return names
