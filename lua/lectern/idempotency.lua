-- Idempotency-Key: a call that is repeated with its key is done once, whatever died in between.
--
-- Each write transaction of such a call, the n-th, carries two statements more: the first one claims the
-- key, and each keeps the database's own answer under n (lectern_call_writes). When a call is repeated
-- whose process is gone, or that failed, the function runs again from its beginning; a write whose answer
-- is kept is not done, but answered as it was then. So what the function wrote is there exactly once,
-- and what it makes of the answers (which events it sends, what it returns) happens again.
--
-- The final answer is kept, durably, before it is sent; a call that wrote nothing is kept with its answer
-- alone. Refusals that wrote nothing are not, nor is what may go better the next time (500 and above).
-- The host sees to it that of one key one call at a time is under way in this process.

local core = require "lectern.core"

local idempotency = {}

local BATCH, STEP = 1, 3 -- enum lectern_db_kind
local SOME = 500 -- calls that are forgotten at a time
local HOUR = 3600

local START = core.id() -- of this process: the module is loaded once
local keyed = setmetatable({}, { __mode = "k" }) -- coroutine -> the call that it makes
local looked = 0 -- when it was last looked for calls that may be forgotten

local CLAIM = "INSERT INTO lectern_calls (caller, key, hash, start_id, lease, created) "
  .. "VALUES ($1, $2, $3, $4, $5, $6)"
local KEEP = "INSERT INTO lectern_call_writes (caller, key, n, behind, answer) VALUES ($1, $2, $3, $4, $5)"

local function now_ms()
  return math.floor(core.now() * 1000)
end

local Call = {}
Call.__index = Call

function Call:claim()
  local now = now_ms()
  return { CLAIM, self.caller, self.key, self.hash, START, now + 2 * core.config.api.timeout, now }
end

local FIND = "SELECT hash, start_id, lease, status, type, headers, body FROM lectern_calls "
  .. "WHERE caller = $1 AND key = $2"

-- What the statements behind the first so many were answered, as core.db_call says it.
local function own_of(single, behind, list)
  local changes = list.changes
  if single then return list[behind + 1], changes[behind + 1] end
  local own, counts = setmetatable({}, core.array_mt), {}
  for i = 1, #list - behind do own[i], counts[i] = list[behind + i], changes[behind + i] end
  own.changes = counts
  return own
end

-- A claim that failed may have come too late: another process makes this very call.
function Call:look_who_claimed()
  local rows = core.db_call(BATCH, nil, FIND, self.caller, self.key)
  self.is_lost = rows ~= nil and rows[1] ~= nil
end

-- As core.db_call(BATCH, seconds, sql, …), or of a list: the call's next write.
function Call:write(seconds, sql, ...)
  local single, statements = type(sql) == "string", sql
  if single then statements = { { sql, n = select("#", ...), ... } } end
  self.n = self.n + 1
  local n = self.n
  local done = self.writes[n]
  if done then
    local list, message, code = core.db_decode(done.answer)
    if not list then return nil, message, code end
    return own_of(single, done.behind, list) -- as it was then, even if other statements are given now
  end
  local all = {}
  if not self.is_claimed then all[1] = self:claim() end
  local behind = #all
  for _, statement in ipairs(statements) do all[#all + 1] = statement end
  all[#all + 1] = { KEEP, self.caller, self.key, n, behind, core.db_answer }
  local list, message, code = core.db_call(BATCH, seconds, all)
  if not list then
    if code == "conflict" and behind == 1 then self:look_who_claimed() end
    return nil, message, code
  end
  self.is_claimed = true
  list[#list], list.changes[#list.changes] = nil, nil -- of KEEP
  return own_of(single, behind, list)
end

-- Transactions that end by themselves are kept with what their function returned, as JSON.

local function packed(...)
  local values = setmetatable({}, core.array_mt)
  for i = 1, select("#", ...) do
    local value = select(i, ...)
    values[i] = value == nil and {} or { v = value }
  end
  return core.encode(values)
end

local function unpacked(text)
  local values = core.decode(tostring(text))
  local list = {}
  for i = 1, #values do list[i] = values[i].v end
  return unpack(list, 1, #values)
end

-- Begins the next: whether it was done before.
function Call:was_done()
  self.n = self.n + 1
  return self.writes[self.n] ~= nil
end

-- What it returned then.
function Call:returned()
  return unpacked(self.writes[self.n].answer)
end

-- Before it is committed: true, or nil, message, code. Raises for what cannot be kept.
function Call:keep(...)
  local text, why = packed(...)
  if not text then
    core.db_rollback()
    error("db.transaction: in a call with an Idempotency-Key it returns JSON: " .. why, 0)
  end
  if not self.is_claimed then
    local ok, message, code = core.db_call(STEP, nil, unpack(self:claim()))
    if not ok then return nil, message, code end
  end
  local ok, message, code = core.db_call(STEP, nil, KEEP, self.caller, self.key, self.n, 0, core.binary(text))
  if not ok then return nil, message, code end
  return true
end

function Call:committed()
  self.is_claimed = true
end

---The call with an Idempotency-Key that the running task makes, or nil.
function idempotency.current()
  return keyed[coroutine.running()]
end

-- Finding what there is of a key

local TAKE = "UPDATE lectern_calls SET start_id = $3, lease = $4 "
  .. "WHERE caller = $1 AND key = $2 AND start_id = $5 AND status IS NULL"
local WRITES = "SELECT n, behind, answer FROM lectern_call_writes WHERE caller = $1 AND key = $2"

local function text_of(value)
  return value ~= nil and value ~= core.null and tostring(value) or nil
end

local UNDER_WAY = "a call with this Idempotency-Key is under way"
local REPLAYED = "Idempotency-Replayed: true\r\n"

local function take_over(call, row)
  local taken, changes, code = core.db_call(BATCH, nil, TAKE, call.caller, call.key, START,
    now_ms() + 2 * core.config.api.timeout, row.start_id)
  if not taken then return nil, changes, code end
  if changes == 0 then return nil, UNDER_WAY, "conflict" end
  local rows, message
  rows, message, code = core.db_call(BATCH, nil, WRITES, call.caller, call.key)
  if not rows then return nil, message, code end
  for _, write in ipairs(rows) do
    call.writes[write.n] = write
  end
  return true
end

-- Forgets calls whose time is over, some at a time. Any call, with a key or without, begins it.
local OLD = "SELECT caller, key FROM lectern_calls WHERE created < $1 LIMIT $2"

local function forget_old()
  local limit = now_ms() - core.config.api.idempotency_ttl
  repeat
    local old = core.db_call(BATCH, nil, OLD, limit, SOME)
    local statements = {}
    for _, row in ipairs(old or {}) do
      for _, name in ipairs { "lectern_calls", "lectern_call_writes" } do
        statements[#statements + 1] =
          { ("DELETE FROM %s WHERE caller = $1 AND key = $2"):format(name), row.caller, row.key }
      end
    end
    local done = #statements > 0 and core.db_call(BATCH, nil, statements)
  until not done or #old < SOME
end

local function tidy()
  if core.now() - looked < HOUR then return end
  looked = core.now()
  core.spawn(forget_old)
end

-- Keeping the answer

local ANSWERED = "UPDATE lectern_calls SET status = $3, type = $4, headers = $5, body = $6 "
  .. "WHERE caller = $1 AND key = $2 AND start_id = $7"
local FORGET = "DELETE FROM lectern_call_writes WHERE caller = $1 AND key = $2"
local WHOLE = "INSERT INTO lectern_calls "
  .. "(caller, key, hash, start_id, lease, created, status, type, headers, body) "
  .. "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"

-- A person may have a key for everything, so only the newest answers of one stay.
local ONE_TOO_MANY = "DELETE FROM lectern_calls WHERE caller = $1 AND status IS NOT NULL AND created < "
  .. "(SELECT created FROM lectern_calls WHERE caller = $1 ORDER BY created DESC LIMIT 1 OFFSET $2)"

local function bound(caller)
  if caller:sub(1, 5) ~= "user:" then return end
  require("lectern.store.sweeps").added("calls", caller, core.config.api.max_kept, function(list, most)
    core.db_call(BATCH, nil, ONE_TOO_MANY, list, most - 1)
  end)
end

local function keep(call, status, kind, lines, body)
  bound(call.caller)
  body = body and core.binary(body)
  if call.is_claimed then
    return core.db_call(BATCH, nil, {
      { ANSWERED, call.caller, call.key, status, kind, lines, body, START, n = 7 },
      { FORGET, call.caller, call.key },
    })
  end
  local now = now_ms()
  return core.db_call(BATCH, nil, WHOLE, call.caller, call.key, call.hash, START, now, now, status, kind,
    lines, body)
end

-- What is under way may be asked for again, unlike other conflicts.
local function refusal(request, message, code)
  local lines = message == UNDER_WAY and "Retry-After: 1\r\n" or nil
  return require("lectern.answer").refusal(request, message, code, lines)
end

local function finish(request, call, status, kind, lines, body, may_fail_less)
  keyed[coroutine.running()] = nil
  if call.is_lost then return refusal(request, UNDER_WAY, "conflict") end
  if status >= 500 or may_fail_less or (status >= 400 and not call.is_claimed) then
    return status, kind, lines, body
  end
  local kept, message, code = keep(call, status, kind, lines, body)
  if not kept then return refusal(request, message, code) end
  return status, kind, lines, body
end

local SAFE = { GET = true, HEAD = true }

---Makes a call; with a key, unless its answer is there already.
---@param request table caller, idempotency_key, hash, method, id
---@param fn fun(): integer, string?, string?, string?, boolean? the answer; last: a repetition may do better
function idempotency.run(request, fn)
  tidy()
  if not request.idempotency_key or not request.caller or SAFE[request.method] then
    keyed[coroutine.running()] = nil
    return fn()
  end
  local call = setmetatable({ caller = request.caller, key = request.idempotency_key, hash = request.hash,
    n = 0, writes = {}, is_claimed = false }, Call)
  local rows, message, code = core.db_call(BATCH, nil, FIND, call.caller, call.key)
  if not rows then return refusal(request, message, code) end
  local row = rows[1]
  if row and row.hash ~= call.hash then
    return refusal(request, "this Idempotency-Key is that of another call", "conflict")
  end
  if row and row.status ~= core.null then
    return row.status, text_of(row.type), (text_of(row.headers) or "") .. REPLAYED, text_of(row.body)
  end
  if row then
    if row.start_id ~= START and not core.db_exclusive() and row.lease > now_ms() then
      return refusal(request, UNDER_WAY, "conflict")
    end
    local taken
    taken, message, code = take_over(call, row)
    if not taken then return refusal(request, message, code) end
    call.is_claimed = true
  end
  keyed[coroutine.running()] = call
  return finish(request, call, fn())
end

return idempotency
