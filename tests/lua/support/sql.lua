-- The databases of specs: SQLite in memory, by the server's own code (tests/support/lectern_sql.c), with the
-- tables that the library's migrations make.
--
--   local database = sql.open { "lua/lectern/migrations", "examples/elearning/migrations" }
--   sql.rows(database, "SELECT * FROM lectern_people WHERE person = $1", "ada")   -- to look into it

local sql = {}

local BATCH = 1 -- enum lectern_db_kind

local build = os.getenv "LECTERN_BUILD" or "build/tests"

local function module()
  local path = package.cpath
  package.cpath = build .. "/?.so"
  local ok, found = pcall(require, "lectern_sql")
  package.cpath = path
  if not ok then
    error(("specs with a database want %s/lectern_sql.so: build the tests, or set LECTERN_BUILD\n%s")
      :format(build, found), 0)
  end
  return found
end

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end

-- The files to run, in order: NNNN_name.sqlite.sql takes the place of NNNN_name.sql, and other drivers' are
-- left out.
local function files_of(folder)
  local chosen, names = {}, {}
  local listing = assert(io.popen(("ls '%s' 2>/dev/null"):format(folder)))
  for file in listing:lines() do
    local name, driver = file:match "^(%d+_[%w_]+)%.?(%w*)%.sql$"
    if name and (driver == "" and not chosen[name] or driver == "sqlite") then
      if not chosen[name] then names[#names + 1] = name end
      chosen[name] = folder .. "/" .. file
    end
  end
  listing:close()
  table.sort(names)
  for i, name in ipairs(names) do
    names[i] = chosen[name]
  end
  return names
end

-- What the server makes before the first migration.
local OWN = [[
CREATE TABLE lectern_store (key TEXT PRIMARY KEY, value TEXT NOT NULL);
INSERT INTO lectern_store VALUES ('epoch', 'epoch-of-specs');
]]

local texts = {} -- of folders: specs open many databases

sql.module = module

---The metatable of lists; specs without a database do without the module.
function sql.array_mt()
  local ok, found = pcall(module)
  return ok and found.array_mt or { __name = "array" }
end

---What stands for the answer so far among parameters.
function sql.answer()
  local ok, found = pcall(module)
  return ok and found.answer or nil
end

---A new database with what these folders' migrations make.
function sql.open(folders)
  local database = module().open "memory:"
  assert(database:script(OWN))
  for _, folder in ipairs(folders) do
    texts[folder] = texts[folder] or files_of(folder)
    for _, file in ipairs(texts[folder]) do
      local ok, message = database:script(read(file))
      if not ok then error(("%s: %s"):format(file, message), 0) end
    end
  end
  return database
end

---For specs that look into a database.
function sql.rows(database, statement, ...)
  local rows, message = database:call(BATCH, nil, statement, ...)
  return assert(rows, message)
end

return sql
