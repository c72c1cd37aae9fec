-- `lectern.db`: SQL in handlers, timers, spawned functions and API calls. Statements go to the server's
-- database (setting `database`) with $1, $2 … for parameters; the coroutine waits for the answer.
--
-- What the caller got wrong raises where he can be told; what the database says is nil, message, code.

local core = require "lectern.core"
local idempotency = require "lectern.idempotency"

local BATCH, BEGIN, STEP, COMMIT = 1, 2, 3, 4 -- enum lectern_db_kind

local MAX_SECONDS = 3600 -- of a call, and of a transaction, which keeps everybody else from writing

local db = {}

-- Whether it only reads: then a call with a key need not keep its answer. Unsure is no.
local function looks_reading(sql)
  local word = sql:match("^%s*(%a+)")
  word = word and word:lower()
  if word == "select" or word == "values" or word == "explain" then return true end
  if word ~= "with" then return false end
  local text = sql:lower()
  return not (text:find("insert", 1, true) or text:find("update", 1, true)
    or text:find("delete", 1, true) or text:find("replace", 1, true))
end

local known, n_known = {}, 0 -- by the statement: as a rule they are few, and come again and again

local function reads(sql)
  local answer = known[sql]
  if answer ~= nil then return answer end
  if n_known == 1000 then known, n_known = {}, 0 end
  n_known = n_known + 1
  known[sql] = looks_reading(sql)
  return known[sql]
end

local function no_transaction(who)
  if core.db_transaction() then
    error(who .. ": a transaction is open, which this would wait for; use tx:query", 3)
  end
end

local function check_sql(who, sql)
  if type(sql) ~= "string" then
    error(("%s: a statement, which is a text, was expected, got a %s"):format(who, type(sql)), 3)
  end
end

local function check_seconds(who, seconds)
  if type(seconds) ~= "number" or seconds < 0.001 or seconds > MAX_SECONDS or seconds ~= seconds then
    error(("%s: seconds expected, at least 0.001 and at most %d"):format(who, MAX_SECONDS), 3)
  end
end

-- Both take the place of who calls them (a tail call), so that an error is told of the line in a handler.

local function query(seconds, sql, ...)
  check_sql("db.query", sql)
  no_transaction("db.query")
  local call = idempotency.current()
  if call and not reads(sql) then return call:write(seconds, sql, ...) end
  return core.db_call(BATCH, seconds, sql, ...)
end

local function batch(seconds, statements)
  if type(statements) ~= "table" or #statements == 0 then
    error("db.batch: a list of statements like { { sql, parameter }, … } expected", 2)
  end
  no_transaction("db.batch")
  local call = idempotency.current()
  local keeps = false
  for i, statement in ipairs(statements) do
    if type(statement) ~= "table" or type(statement[1]) ~= "string" then
      error(("db.batch: entry %d: { sql, parameters… } expected"):format(i), 2)
    end
    keeps = keeps or (call and not reads(statement[1]))
  end
  if keeps then return call:write(seconds, statements) end
  return core.db_call(BATCH, seconds, statements)
end

function db.query(sql, ...)
  return query(nil, sql, ...)
end

function db.batch(statements)
  return batch(nil, statements)
end

function db.timeout(seconds)
  check_seconds("db.timeout", seconds)
  return {
    query = function(sql, ...) return query(seconds, sql, ...) end,
    batch = function(statements) return batch(seconds, statements) end,
  }
end

local Transaction = {}
Transaction.__index = Transaction
Transaction.__metatable = false


local function fail(tx, message, code)
  tx._failure = { message, code }
  core.db_rollback()
  return nil, message, code
end

local function is_late(tx)
  return core.now() > tx._until
end

local LATE = "the transaction took longer than its timeout, and was rolled back"

-- What a call in the transaction came to; a failure is the end of it.
local function came(tx, first, ...)
  if first == nil then
    local message, code = ...
    return fail(tx, message, code)
  end
  tx._begun = true
  return first, ...
end

function Transaction:query(sql, ...)
  check_sql("tx:query", sql)
  if self._failure then return nil, self._failure[1], self._failure[2] end
  if self._over or self._task ~= coroutine.running() then
    error("tx:query: the transaction is over, or of another task", 2)
  end
  if is_late(self) then return fail(self, LATE, "timeout") end
  -- The first statement begins it, so that nobody waits for us before there is something to do.
  if self._begun then return came(self, core.db_call(STEP, nil, sql, ...)) end
  return came(self, core.db_call(BEGIN, self._seconds, sql, ...))
end

local function finish(tx, ok, ...)
  tx._over = true
  if not ok then
    core.db_rollback()
    error((...), 0)
  end
  if tx._failure then return nil, tx._failure[1], tx._failure[2] end
  if (...) == nil and type((select(2, ...))) == "string" then
    core.db_rollback()
    return ...
  end
  if not tx._begun then return ... end -- it has done nothing
  if is_late(tx) then return fail(tx, LATE, "timeout") end
  if tx._call then
    local kept, message, code = tx._call:keep(...)
    if not kept then return fail(tx, message, code) end
  end
  local done, message, code = core.db_call(COMMIT)
  if not done then return nil, message, code end
  if tx._call then tx._call:committed() end
  return ...
end

function db.transaction(fn, options)
  if type(fn) ~= "function" then error("db.transaction: a function expected", 2) end
  local seconds = type(options) == "table" and options.timeout
    or core.config.db.transaction_timeout / 1000
  check_seconds("db.transaction: timeout", seconds)
  if core.db_transaction() then error("db.transaction: a transaction is open already", 2) end
  local tx = setmetatable({ _task = coroutine.running(), _seconds = seconds, _until = core.now() + seconds },
    Transaction)
  tx._call = idempotency.current()
  if tx._call and tx._call:was_done() then return tx._call:returned() end
  return finish(tx, pcall(fn, tx))
end

function db.available()
  return core.db_available()
end

return db
