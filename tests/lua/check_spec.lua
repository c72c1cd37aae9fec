local app = require "support.app"

describe("check.fields", function()
  local check, lectern

  before_each(function()
    app.core()
    lectern = require "lectern"
    check = require "lectern.check"
  end)

  local function one(kind, value)
    local fields, why, code = check.fields({ x = value }, { x = kind })
    if fields then
      return fields.x
    end
    assert.equal("invalid", code)
    return nil, why
  end

  it("keeps only what is described", function()
    local given = { room = "course-1", secret = 1, note = "n" }
    assert.same({ room = "course:1", note = "n" }, check.fields(given, { room = "room", note = "text?" }))
    assert.equal(1, given.secret)
  end)

  it("refuses what is no object", function()
    for _, payload in ipairs { "x", 5, true, false } do
      assert.same({ nil, "an object is needed", "invalid" }, { check.fields(payload, { a = "id?" }) })
    end
  end)

  it("takes no payload for an empty one", function()
    assert.same({}, check.fields(nil, { a = "id?" }))
    assert.same({}, check.fields(lectern.null, { a = "id?" }))
    assert.same({ nil, "a is missing", "invalid" }, { check.fields(nil, { a = "id" }) })
  end)

  it("tells absent from wrong; null is absent", function()
    assert.same({ nil, "a is missing", "invalid" }, { check.fields({}, { b = "id", a = "id" }) })
    assert.same({ nil, "a is missing", "invalid" }, { check.fields({ a = lectern.null }, { a = "id" }) })
    assert.same({}, check.fields({ a = lectern.null }, { a = "id?" }))
    assert.same({ nil, "a must be a boolean", "invalid" }, { check.fields({ a = 0 }, { a = "boolean?" }) })
  end)

  it("knows its types", function()
    assert.equal("course:1", one("room", "course:1"))
    assert.equal("is wrong: the name of the room is empty", (select(2, one("room", ""))):sub(3))
    assert.equal(7, one("id", 7))
    assert.equal("a b", one("id", "a b"))
    assert.is_nil((one("id", 7.5)))
    assert.is_nil((one("id", 0 / 0)))
    assert.is_nil((one("id", 1 / 0)))
    assert.is_nil((one("id", "")))
    assert.is_nil((one("id", {})))
    assert.equal("alice.bob", one("conversation", "alice.bob"))
    assert.equal("7", one("conversation", 7))
    assert.equal(("x"):rep(1531), one("conversation", ("x"):rep(1531)))
    for _, value in ipairs { "", "a\nb", ("x"):rep(1532), 7.5, true, {} } do
      assert.is_nil((one("conversation", value)))
    end
    assert.equal("x", one("line", "x"))
    assert.is_nil((one("line", "a\nb")))
    assert.equal(("x"):rep(200), one("line", ("x"):rep(200)))
    assert.is_nil((one("line", ("x"):rep(201))))
    assert.equal("a\nb", one("text", "a\nb"))
    assert.is_nil((one("text", "")))
    assert.equal(8000, #one("text", ("x"):rep(8000)))
    assert.is_nil((one("text", ("x"):rep(8001))))
    assert.is_nil((one("text", { "x" })))
    assert.equal(5, one("integer", 5))
    assert.is_nil((one("integer", 5.5)))
    assert.is_false(one("boolean", false))
    assert.same({}, one("table", {}))
    assert.same({ a = { 1 } }, one("data", { a = { 1 } }))
    assert.equal("s", one("data", "s"))
    assert.equal(15998, #one("data", ("x"):rep(15998))) -- and two quotes
    assert.is_nil((one("data", ("x"):rep(15999))))
    assert.is_nil((one("data", { function() end })))
  end)

  it("raises for a type that does not exist", function()
    local _, why = pcall(function() return (check.fields({}, { x = "str" })) end)
    assert.matches("check_spec.lua:%d+: check.fields: x has an unknown type, \"str\"", why)
    assert.error_matches(function() return (check.fields({}, { x = 5 })) end, "unknown type")
  end)
end)
