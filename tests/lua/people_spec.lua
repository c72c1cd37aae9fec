-- What people are called, in memory and on real SQL.

local class = require "support.class"

describe("lectern.people", function()
  local school, people, calls

  before_each(function()
    school = class.new()
    people = require "lectern.people"
    calls = 0
    local db_call = school.core.db_call
    function school.core.db_call(...)
      calls = calls + 1
      return db_call(...)
    end
  end)

  -- A process that knows nothing yet.
  local function forget()
    school.lectern.state["lectern.people"] = nil
    package.loaded["lectern.people"] = nil
    people = require "lectern.people"
  end

  it("are known as soon as they were here, and later", function()
    people.seen { id = "ada", name = "Ada Lovelace" }
    people.seen { id = 7, name = "Seven" }
    assert.same({ ada = "Ada Lovelace", ["7"] = "Seven" }, people.names { "ada", 7 })
    school.core.advance(2)
    forget()
    assert.same({ ada = "Ada Lovelace", ["7"] = "Seven" }, people.names { "ada", "7", "nobody" })
  end)

  it("are written together, and not again", function()
    for i = 1, 1200 do
      people.seen { id = "p" .. i, name = "Name " .. i }
    end
    assert.equal(0, calls)
    school.core.advance(2)
    assert.equal(3, calls)
    for i = 1, 1200 do
      people.seen { id = "p" .. i, name = "Name " .. i }
    end
    school.core.advance(2)
    assert.equal(3, calls)
    people.seen { id = "p1", name = "Another" }
    school.core.advance(2)
    forget()
    assert.same({ p1 = "Another", p1200 = "Name 1200" }, people.names { "p1", "p1200" })
  end)

  it("without a name, or with a strange one, have none", function()
    for _, name in ipairs { "", ("x"):rep(201), 5, true, {} } do
      people.seen { id = "ada", name = name }
    end
    people.seen { id = "ada" }
    school.core.advance(2)
    assert.same({}, people.names { "ada" })
  end)

  it("that are asked for are checked", function()
    assert.equal("invalid", select(3, people.names "ada"))
    assert.equal("invalid", select(3, people.names { "a\nb" }))
    local many = {}
    for i = 1, 101 do
      many[i] = i
    end
    assert.equal("too_big", select(3, people.names(many)))
  end)

  it("that are erased are forgotten", function()
    people.seen { id = "ada", name = "Ada" }
    people.forget "ada"
    school.core.advance(2)
    assert.same({}, people.names { "ada" })
  end)
end)
