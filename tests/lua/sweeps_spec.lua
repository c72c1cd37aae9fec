-- When lists in the database are looked at for what is one too many.

local class = require "support.class"

describe("lectern.store.sweeps", function()
  local function looks(keep, entries)
    class.new()
    local sweeps, n = require "lectern.store.sweeps", 0
    for _ = 1, entries do
      sweeps.added("messages", "room", keep, function(list, kept)
        assert.same({ "room", keep }, { list, kept })
        n = n + 1
      end)
    end
    return n
  end

  it("looks at the first entry, and after each hundredth part of what is kept", function()
    assert.equal(1, looks(10000, 100))
    assert.equal(2, looks(10000, 101))
    assert.equal(10, looks(50, 10))
  end)

  it("looks before there are more than one look takes away, however many are kept", function()
    assert.equal(1 + 4, looks(1000000, 1 + 4 * 250))
  end)
end)
