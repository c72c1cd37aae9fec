local app = require "support.app"

describe("pages", function()
  local pages, core

  before_each(function()
    core = app.core()
    pages = require "lectern.pages"
  end)

  it("take what a filter asks for, within bounds", function()
    assert.same({ limit = 50, newer = false }, pages.wanted(nil, 50, 100))
    local many = { limit = 1000, before = "x" }
    assert.same({ limit = 100, newer = false, id = "x" }, pages.wanted(many, 50, 100))
    assert.same({ limit = 1, newer = true, id = "x" }, pages.wanted({ limit = -5, after = "x" }, 50, 100))
    assert.equal("invalid", select(3, pages.wanted({ before = "a", after = "b" }, 50, 100)))
  end)

  it("go on by cursors, and take no others", function()
    local rows = { { created = 1, id = "a" }, { created = 2, id = "b.c" }, { created = 3, id = "d" } }
    local cursor, more = pages.next({ limit = 2, newer = false }, rows)
    assert.is_true(more)
    assert.equal(2, #rows)
    local wanted = { limit = 2, newer = false, created = 2, id = "b.c" }
    assert.same(wanted, pages.wanted({ cursor = cursor }, 2, 9))
    assert.same({ nil, false }, { pages.next({ limit = 2 }, rows) })
    for _, wrong in ipairs { "", "x", "<1", "<.a", "<1.", "<99999999999999999999.a", "<1.a\0", 5, true } do
      assert.equal("invalid", select(3, pages.wanted({ cursor = wrong }, 2, 9)))
    end
  end)

  it("stamp what comes in its order, whatever ids and clocks say", function()
    local last, created = "", 0
    for _, id in ipairs { "z", "a", "b", "b", "y", "a", "zz" } do
      local stamp = pages.stamp(id)
      assert.is_true(stamp > created or stamp == created and id > last)
      last, created = id, stamp
    end
    core.advance(10)
    assert.equal(core.now() * 1000, pages.stamp "a")
  end)
end)
