local class = require "support.class"

describe("listeners", function()
  local school, listeners

  before_each(function()
    school = class.new()
    listeners = require("lectern.listeners").new()
  end)

  it("are called in order, the last of each name", function()
    local heard = {}
    for _, name in ipairs { "a", "b", "a" } do
      listeners:set(name, function(x, y) heard[#heard + 1] = { name, x, y } end)
    end
    listeners:call(1, 2)
    assert.same({ { "a", 1, 2 }, { "b", 1, 2 } }, heard)
    local names = {}
    for name in listeners:each() do
      names[#names + 1] = name
    end
    assert.same({ "a", "b" }, names)
  end)

  it("that fail are logged, and the others go on", function()
    local heard
    listeners:set("bad", function() error "boom" end)
    listeners:set("good", function() heard = true end)
    listeners:call()
    assert.is_true(heard)
    assert.matches('the listener "bad": .*boom', school.core.logged[1].message)
  end)

  it("have a name", function()
    assert.has_error(function() listeners:set(function() end) end)
    assert.has_error(function() listeners:set("x") end)
  end)
end)
