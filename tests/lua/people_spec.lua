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

  it("have the parts of a name that the token says, here and later", function()
    local null = school.lectern.null
    people.seen { id = "ada", name = "Ada L.", given_name = "Ada", family_name = "Lovelace" }
    people.seen { id = "bob", given_name = "Bob", family_name = "Builder" }
    people.seen { id = "eve", name = "Eve of Nowhere" }
    people.seen { id = "dan", family_name = "Dandy" }
    for _ = 1, 2 do
      local found = people.profiles { "ada", "bob", "eve", "dan", "nobody" }
      assert.same({
        id = "ada", firstName = "Ada", lastName = "Lovelace", email = null, profileImage = null, role = null,
      }, found.ada)
      assert.same({ "Bob", "Builder" }, { found.bob.firstName, found.bob.lastName })
      assert.same({ "Eve of Nowhere", null }, { found.eve.firstName, found.eve.lastName })
      assert.same({ null, "Dandy" }, { found.dan.firstName, found.dan.lastName })
      assert.is_nil(found.nobody)
      assert.same({ "Bob Builder", "Dandy" }, { people.name(found.bob), people.name(found.dan) })
      local names = { ada = "Ada L.", bob = "Bob Builder", dan = "Dandy" }
      assert.same(names, people.names { "ada", "bob", "dan" })
      school.core.advance(2)
      forget()
    end
    assert.is_nil(people.name(people.profile "nobody"))
    people.seen { id = "bob", given_name = "Robert", family_name = "Builder" }
    school.core.advance(2)
    forget()
    assert.equal("Robert", people.profiles({ "bob" }).bob.firstName)
  end)

  it("are known who have a name, a notification, or a connection", function()
    people.seen { id = "ada", name = "Ada" }
    school.core.advance(2)
    forget()
    require("lectern.notifications").create { userId = "bob", title = "t", message = "m" }
    school:socket "eve"
    for _, who in ipairs { "ada", "bob", "eve" } do
      assert.is_true(people.is_known(who))
    end
    assert.is_false(people.is_known "nobody")
    assert.equal("invalid", select(3, people.is_known ""))
    school.core.db_failure = { "away", "unavailable" }
    assert.same({ nil, "away", "unavailable" }, { people.is_known "nobody" })
  end)

  it("are as a source says, if there is one", function()
    people.seen { id = "ada", name = "Ada as the token says" }
    people.seen { id = "gone", name = "Somebody of before" }
    local asked
    people.source(function(ids)
      asked = ids
      return { ada = { firstName = "Ada", lastName = "L", email = "a@x", role = "TEACHER" }, bob = {} }
    end)
    local found = people.profiles { "ada", "bob", "gone", 7 }
    assert.same({ "ada", "bob", "gone", "7" }, asked)
    local null = school.lectern.null
    assert.same({
      id = "ada", firstName = "Ada", lastName = "L", email = "a@x", role = "TEACHER", profileImage = null,
    }, found.ada)
    assert.same(found.ada, people.profile "ada")
    assert.same({ null, nil }, { found.bob.firstName, found.gone })
    assert.is_false(people.is_known "gone")
    assert.is_true(people.is_known "bob")
    people.seen { id = "ada", name = "Ada with another token" } -- says nothing of what the source said
    assert.equal("a@x", people.profile("ada").email)
    people.source(function() return nil, "away", "unavailable" end)
    assert.same({ nil, "away", "unavailable" }, { people.profiles { "ada" } })
    assert.same({ nil, "away", "unavailable" }, { people.is_known "ada" })
  end)

  it("that are erased are forgotten", function()
    people.seen { id = "ada", name = "Ada" }
    people.forget "ada"
    school.core.advance(2)
    assert.same({}, people.names { "ada" })
  end)
end)
