local app = require "support.app"

describe("lectern.db", function()
  local core, lectern, db

  before_each(function()
    core = app.core()
    core.migrations = {}
    lectern = require "lectern"
    db = lectern.db
    assert(db.query "CREATE TABLE pets (id INTEGER PRIMARY KEY, name TEXT UNIQUE, legs BIGINT)")
  end)

  it("writes and reads", function()
    local rows, changes = db.query("INSERT INTO pets (name, legs) VALUES ($1, $2), ($3, $4)", "rex", 4,
      "joe", nil)
    assert.same({}, rows)
    assert.equal(2, changes)
    rows = db.query "SELECT name, legs FROM pets ORDER BY id"
    assert.same({ { name = "rex", legs = 4 }, { name = "joe", legs = lectern.null } }, rows)
    assert.is_true(lectern.is_array(rows))
    assert.is_true(lectern.is_array(db.query "SELECT 1 WHERE 1 = 0"))
  end)

  it("returns what a statement says it returns", function()
    local rows, changes = db.query("INSERT INTO pets (name) VALUES ($1) RETURNING id, name", "rex")
    assert.same({ { id = 1, name = "rex" } }, rows)
    assert.equal(1, changes)
  end)

  it("keeps every kind of value", function()
    local row = db.query("SELECT $1 AS a, $2 AS b, $3 AS c, $4 AS d, $5 AS e, $6 AS f, $7 AS g", "zoë\0x",
      2 ^ 53, 0.5, true, lectern.null, lectern.binary "\255\0", -7)[1]
    assert.equal("zoë\0x", row.a)
    assert.equal(2 ^ 53, row.b)
    assert.equal(0.5, row.c)
    assert.equal(1, row.d) -- SQLite has no booleans
    assert.equal(lectern.null, row.e)
    assert.equal("\255\0", tostring(row.f))
    assert.equal(-7, row.g)
    assert.equal("real", db.query("SELECT typeof($1) AS t", 0.5)[1].t)
    assert.equal("integer", db.query("SELECT typeof($1) AS t", 3)[1].t)
    assert.equal("blob", db.query("SELECT typeof($1) AS t", lectern.binary "")[1].t)
  end)

  it("asks for an answer in time", function()
    local asked, call = {}, core.db_call
    function core.db_call(kind, seconds, ...)
      asked[#asked + 1] = seconds or "as the setting says"
      return call(kind, seconds, ...)
    end
    local quick = db.timeout(0.5)
    local rows, changes = quick.query("INSERT INTO pets (name) VALUES ($1)", "rex")
    assert.same({ {}, 1 }, { rows, changes })
    assert.equal("rex", quick.batch { { "SELECT name FROM pets" } }[1][1].name)
    assert.equal("rex", db.query("SELECT name FROM pets")[1].name)
    assert.same({ 0.5, 0.5, "as the setting says" }, asked)
    for _, seconds in ipairs { 0, -1, 3601, 0 / 0, "2", {} } do
      local ok, why = pcall(function() return (db.timeout(seconds)) end)
      assert.is_false(ok)
      assert.matches("db_spec.lua:%d+: db.timeout: seconds expected, at least 0.001 and at most 3600", why)
    end
    local ok, why = pcall(function() return (quick.query(5)) end)
    assert.is_false(ok)
    assert.matches("db_spec.lua:%d+: db.query: a statement", why)
    ok, why = pcall(function() return (db.batch {}) end)
    assert.is_false(ok)
    assert.matches("db_spec.lua:%d+: db.batch: a list of statements", why)
  end)

  it("says what the database says", function()
    db.query("INSERT INTO pets (name) VALUES ($1)", "rex")
    local rows, message, code = db.query("INSERT INTO pets (name) VALUES ($1)", "rex")
    assert.is_nil(rows)
    assert.matches("UNIQUE constraint failed: pets.name", message)
    assert.equal("conflict", code)
    assert.equal("invalid", select(3, db.query "SELEC"))
    assert.equal("invalid", select(3, db.query("SELECT $1, $2", 1)))
    message = select(2, db.query "SELECT 9007199254740993 AS big")
    assert.matches("column big holds an integer beyond 2^53", message, 1, true)
    core.db_failure = { "the database is away", "unavailable" }
    assert.equal("unavailable", select(3, db.query "SELECT 1"))
    assert.is_false(db.available())
    core.db_failure = nil
    assert.is_true(db.available())
  end)

  it("raises for the caller's mistakes", function()
    local function raises(text, ...)
      local ok, message = pcall(...)
      assert.is_false(ok)
      assert.matches(text, message, 1, true)
    end
    raises("a statement, which is a text, was expected, got a table", db.query, {})
    raises("parameter 2 is a table; encode it", db.query, "SELECT $1, $2", 1, {})
    raises("parameter 1 is a function", db.query, "SELECT $1", print)
    raises("parameter 1 is no UTF-8", db.query, "SELECT $1", "\255")
    raises("parameter 1 is no finite number", db.query, "SELECT $1", 0 / 0)
    raises("a list of statements", db.batch, {})
    raises("entry 2: { sql, parameters… } expected", db.batch, { { "SELECT 1" }, "SELECT 2" })
    raises("a function expected", db.transaction, 5)
    raises("seconds expected", db.transaction, print, { timeout = 0 })
    raises("seconds expected", db.transaction, print, { timeout = 1e9 })
  end)

  it("does several statements wholly or not at all", function()
    local list = db.batch {
      { "INSERT INTO pets (name, legs) VALUES ($1, $2)", "rex", 4 },
      { "INSERT INTO pets (name, legs) VALUES ($1, $2)", "joe", n = 2 },
      { "SELECT count(*) AS n FROM pets" },
    }
    assert.same({ 1, 1, 0 }, { list.changes[1], list.changes[2], list.changes[3] })
    assert.same({ { n = 2 } }, list[3])
    local none, message, code = db.batch {
      { "DELETE FROM pets" }, { "INSERT INTO pets (id) VALUES ($1), ($1)", 7 },
    }
    assert.is_nil(none)
    assert.matches("^statement 2: ", message)
    assert.equal("conflict", code)
    assert.equal(2, db.query("SELECT count(*) AS n FROM pets")[1].n)
  end)

  describe("transaction", function()
    local function count()
      return db.query("SELECT count(*) AS n FROM pets")[1].n
    end

    it("commits what its function returns from", function()
      local a, b = db.transaction(function(tx)
        local rows, changes = tx:query("INSERT INTO pets (name) VALUES ($1) RETURNING id", "rex")
        assert.equal(1, changes)
        tx:query("INSERT INTO pets (name) VALUES ($1)", "joe")
        return rows[1].id, "done"
      end)
      assert.equal(1, a)
      assert.equal("done", b)
      assert.equal(2, count())
      assert.equal(0, select("#", db.transaction(function(tx) tx:query "DELETE FROM pets" end)))
      assert.equal(0, count())
    end)

    it("is rolled back by an error, which goes on", function()
      local mark = {}
      local ok, why = pcall(db.transaction, function(tx)
        tx:query("INSERT INTO pets (name) VALUES ('rex')")
        error(mark)
      end)
      assert.is_false(ok)
      assert.equal(mark, why)
      assert.equal(0, count())
    end)

    it("is rolled back by a refusal", function()
      assert.same({ nil, "not now", "busy" }, { db.transaction(function(tx)
        tx:query("INSERT INTO pets (name) VALUES ('rex')")
        return nil, "not now", "busy"
      end) })
      assert.equal(0, count())
    end)

    it("is over when a statement fails", function()
      local later
      local ok, message, code = db.transaction(function(tx)
        tx:query("INSERT INTO pets (name) VALUES ('rex')")
        tx:query("INSERT INTO pets (name) VALUES ('rex')")
        later = { tx:query "SELECT 1" }
        return "all is well"
      end)
      assert.is_nil(ok)
      assert.matches("UNIQUE", message)
      assert.equal("conflict", code)
      assert.same({ nil, message, code }, later)
      assert.equal(0, count())
    end)

    it("ends at its timeout", function()
      local ok, _, code = db.transaction(function(tx)
        tx:query("INSERT INTO pets (name) VALUES ('rex')")
        core.advance(3)
        return true
      end)
      assert.is_nil(ok)
      assert.equal("timeout", code)
      ok, _, code = db.transaction(function(tx)
        tx:query("INSERT INTO pets (name) VALUES ('rex')")
        core.advance(3)
        assert(tx:query("INSERT INTO pets (name) VALUES ('joe')"))
        return true
      end, { timeout = 10 })
      assert.is_true(ok)
      assert.is_nil(code)
      assert.equal(2, count())
    end)

    it("asks nothing when it does nothing", function()
      local before = core.db_calls
      assert.equal(5, db.transaction(function() return 5 end))
      assert.equal(before, core.db_calls)
    end)

    it("is the only one, and used where it is", function()
      local kept
      db.transaction(function(tx)
        kept = tx
        tx:query "SELECT 1"
        assert.error_matches(function() db.query "SELECT 1" end, "a transaction is open")
        assert.error_matches(function() db.batch { { "SELECT 1" } } end, "a transaction is open")
        assert.error_matches(function() db.transaction(print) end, "a transaction is open already")
        coroutine.wrap(function()
          assert.error_matches(function() tx:query "SELECT 1" end, "of another task")
        end)()
      end)
      assert.error_matches(function() kept:query "SELECT 1" end, "the transaction is over")
    end)
  end)
end)
