-- Idempotency-Key on real SQL, with processes that die at every single call of the database.
local app = require "support.app"

local DIED = setmetatable({}, { __tostring = function() return "the process has died" end })

describe("lectern.idempotency", function()
  local core, db, idempotency, dies_at, real_call

  -- A new process on the same database.
  local function restart()
    for name in pairs(package.loaded) do
      local is_ours = name == "lectern" or name:find "^lectern%." ~= nil
      if is_ours and name ~= "lectern.core" then package.loaded[name] = nil end
    end
    idempotency = require "lectern.idempotency"
    db = require("lectern").db
    dies_at = nil
  end

  before_each(function()
    core = app.core()
    core.migrations = { "lua/lectern/migrations" }
    core.spawn = function() end
    real_call = core.db_call
    local calls = 0
    function core.db_call(...)
      calls = calls + 1
      if dies_at and dies_at.before and calls == dies_at.n then error(DIED, 0) end
      local function answered(...)
        if dies_at and not dies_at.before and calls == dies_at.n then error(DIED, 0) end
        return ...
      end
      return answered(real_call(...))
    end
    core.reset_calls = function() calls = 0 end
    restart()
    assert(db.query "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT UNIQUE)")
  end)

  local function request(key, more)
    local r = { method = "POST", id = "r1", caller = "service:x", idempotency_key = key, hash = "h" }
    for name, value in pairs(more or {}) do r[name] = value end
    return r
  end

  -- Runs a call in a coroutine of its own. "died", or its answer.
  local function run(r, fn)
    local answer
    local co = coroutine.create(function()
      answer = { idempotency.run(r, function()
        return 200, "application/json", "A: b\r\n", core.encode(fn())
      end) }
    end)
    core.reset_calls()
    local ok, why = coroutine.resume(co)
    if not ok and why ~= DIED then error(why, 0) end
    if not ok and core.database():transaction() then core.database():rollback() end
    return ok and answer or "died"
  end

  local function texts()
    local list = {}
    for i, row in ipairs(core.rows "SELECT text FROM notes ORDER BY id") do list[i] = row.text end
    return table.concat(list, " ")
  end

  local function note(text)
    local rows, changes, code = db.query("INSERT INTO notes (text) VALUES ($1) RETURNING id", text)
    if not rows then return { code = code } end
    return { id = rows[1].id, changes = changes }
  end

  it("makes a call once, and answers the repetition the same", function()
    local first = run(request "k", function() return { note "a", note "b" } end)
    assert.same({ 200, "application/json", "A: b\r\n" }, { first[1], first[2], first[3] })
    restart()
    local again = run(request "k", function() error "it must not run" end)
    assert.same({ 200, "application/json", "A: b\r\nIdempotency-Replayed: true\r\n", first[4] }, again)
    assert.equal("a b", texts())
    assert.same({}, core.rows "SELECT n FROM lectern_call_writes")
  end)

  -- What a library does beside, like sweeping, may be due one time and not the other.
  it("answers a repetition that gives more or fewer statements what was answered then", function()
    for _, change in ipairs { 1, -1 } do
      local key, extra = "k" .. change, 1
      local function call()
        local statements = { { "INSERT INTO notes (text) VALUES ($1) RETURNING text", key } }
        for i = 1, extra do statements[i + 1] = { "DELETE FROM notes WHERE id = $1", -i } end
        local list = assert(db.batch(statements))
        return { text = list[1][1].text, n = #list, changes = #list.changes }
      end
      dies_at = { n = 2, before = false } -- it has looked, and written
      assert.equal("died", run(request(key), call))
      assert.equal(1, #core.rows "SELECT n FROM lectern_call_writes")
      restart()
      extra = extra + change
      local again = run(request(key), call)
      assert.same({ text = key, n = 2, changes = 2 }, core.decode(again[4]))
    end
    assert.equal("k1 k-1", texts())
  end)

  it("keeps callers and keys apart, and refuses another body", function()
    run(request "k", function() return note "a" end)
    run(request("k", { caller = "service:y" }), function() return note "b" end)
    run(request "l", function() return note "c" end)
    assert.equal("a b c", texts())
    local refused = run(request("k", { hash = "other" }), function() error "it must not run" end)
    assert.equal(409, refused[1])
    assert.equal("conflict", core.decode(refused[4]).error.code)
  end)

  it("keeps the answer of a call that wrote nothing", function()
    local n = 0
    for _ = 1, 2 do
      run(request "k", function()
        n = n + 1
        return { n = n }
      end)
    end
    assert.equal(1, n)
  end)

  it("lets a call without a key, a caller, or an effect run each time", function()
    local n = 0
    for _, r in ipairs { request(nil), request("k", { caller = false }), request("k", { method = "GET" }) } do
      if r.caller == false then r.caller = nil end
      for _ = 1, 2 do
        run(r, function()
          n = n + 1
          note("n" .. n)
          return n
        end)
      end
    end
    assert.equal(6, n)
    assert.same({}, core.rows "SELECT key FROM lectern_calls")
  end)

  local function answer_with(status, may_fail_less)
    return function() return status, "text/plain", nil, "x", may_fail_less end
  end

  it("keeps refusals that wrote something, and no failures", function()
    local kept = {}
    for name, case in pairs {
      refused = { answer_with(404) }, failed = { answer_with(500) }, away = { answer_with(503) },
      refused_late = { answer_with(404), true }, failed_late = { answer_with(500), true },
      some_failed = { answer_with(200, true), true },
    } do
      core.run(function()
        idempotency.run(request(name), function()
          if case[2] then note(name) end
          return case[1]()
        end)
      end)
      local row = core.rows("SELECT status FROM lectern_calls WHERE key = $1", name)[1]
      kept[name] = row and (row.status == core.null and "claimed" or row.status) or "nothing"
    end
    assert.same({ refused = "nothing", failed = "nothing", away = "nothing", refused_late = 404,
      failed_late = "claimed", some_failed = "claimed" }, kept)
  end)

  it("answers unavailable while the database is away", function()
    core.db_failure = { "the database is away", "unavailable" }
    local answer = run(request "k", function() error "it must not run" end)
    assert.equal(503, answer[1])
  end)

  -- Several kinds of writes, one of which the database refuses.
  local function busy_call()
    local list = { note "a", note "a", note "b" }
    local batch = db.batch {
      { "INSERT INTO notes (text) VALUES ($1) RETURNING id", "c" }, { "SELECT count(*) AS n FROM notes" },
    }
    list[4] = { id = batch[1][1].id, n = batch[2][1].n, changes = batch.changes[1] }
    list[5] = db.query("SELECT count(*) AS n FROM notes")[1].n
    local sum, nothing, text = db.transaction(function(tx)
      tx:query("INSERT INTO notes (text) VALUES ($1)", "d")
      return tx:query("SELECT count(*) AS n FROM notes")[1].n, nil, "ü"
    end)
    list[6] = { sum = sum, nothing = nothing == nil, text = text }
    list[7] = db.transaction(function() return "nothing done" end)
    list[8] = note "e"
    return list
  end

  it("does each write once, whichever call of the database the process dies at", function()
    local whole = run(request "whole", busy_call)
    local expected, n = whole[4], 0
    assert.equal("a b c d e", texts())
    for _, before in ipairs { true, false } do
      for at = 1, 40 do
        core.rows "DELETE FROM notes"
        local key = ("%s %d"):format(tostring(before), at)
        dies_at = { n = at, before = before }
        local answer = run(request(key), busy_call)
        if answer == "died" then
          n = n + 1
          -- and once more, a little later
          restart()
          dies_at = { n = at % 7 + 3, before = before }
          run(request(key), busy_call)
          restart()
          answer = run(request(key), busy_call)
        end
        assert.equal("a b c d e", texts(), key)
        assert.equal(200, answer[1], key)
        local got, want = core.decode(answer[4]), core.decode(expected)
        -- ids go on counting; what was read meanwhile may be more than the first time
        for i = 1, 8 do
          if type(want[i]) == "table" then want[i].id, got[i].id = nil, nil end
        end
        want[5], got[5] = nil, nil
        assert.same(want, got, key)
        dies_at = nil
      end
    end
    assert.is_true(n > 20)
    assert.same({}, core.rows "SELECT n FROM lectern_call_writes")
  end)

  it("says what cannot be kept of a transaction, and leaves none open", function()
    assert.has_error(function()
      run(request "k", function()
        return db.transaction(function(tx)
          tx:query("INSERT INTO notes (text) VALUES ($1)", "a")
          return print
        end)
      end)
    end)
    assert.is_nil(core.database():transaction())
    assert.equal("", texts())
  end)

  it("forgets calls whose time is over", function()
    core.spawn = function(fn) fn() end
    for i = 1, 3 do run(request("k" .. i), function() return note("n" .. i) end) end
    core.advance(86000)
    run(request "young", function() return 1 end)
    core.advance(3601)
    run(request "now", function() return 1 end)
    local keys = {}
    for i, row in ipairs(core.rows "SELECT key FROM lectern_calls ORDER BY key") do keys[i] = row.key end
    assert.same({ "now", "young" }, keys)
    core.advance(90000)
    local bare = request "none"
    bare.idempotency_key = nil
    run(bare, function() return 1 end)
    assert.same({}, core.rows "SELECT key FROM lectern_calls")
  end)
end)
