local app = require "support.app"

describe("roles", function()
  local roles

  local function load(config)
    app.core(config)
    roles = require "lectern.roles"
  end

  before_each(function()
    load()
  end)

  it("reads the configured claim: a word or a list", function()
    assert.same({ "student" }, roles.of { id = "1", role = "student" })
    assert.same({ "a", "b" }, roles.of { id = "1", role = { "a", "b" } })
    assert.same({}, roles.of { id = "1" })
    load { jwt = { role_claim = "https://lms/roles" } }
    assert.same({ "teacher" }, roles.of { id = "1", role = "student", ["https://lms/roles"] = { "teacher" } })
  end)

  it("ignores claims of other types", function()
    assert.same({}, roles.of { id = "1", role = 7 })
    assert.same({ "x" }, roles.of { id = "1", role = { "x", 7, {} } })
    assert.same({}, roles.of { id = "1", role = require("lectern").null })
  end)

  it("tells whether one of several is there", function()
    local user = { id = "1", role = { "student", "tutor" } }
    assert.is_true(roles.has(user, "tutor"))
    assert.is_true(roles.has(user, { "admin", "student" }))
    assert.is_false(roles.has(user, "admin"))
    assert.is_false(roles.has(user, {}))
    assert.is_false(roles.has({ id = "1", role = "administrator" }, "admin"))
  end)

  it("raises for wrong use, at the caller's line", function()
    assert.has_error(function() local _ = roles.of "ada" end)
    local ok, why = pcall(function() return (roles.has({}, 5)) end)
    assert.is_false(ok)
    assert.matches("^tests/lua/roles_spec.lua:%d+:", (why:gsub("^%./", "")))
  end)
end)
