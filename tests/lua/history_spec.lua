local app = require "support.app"

describe("history", function()
  local history

  before_each(function()
    app.core()
    history = require "lectern.history"
  end)

  local function ids(entries)
    local list = {}
    for i, entry in ipairs(entries) do
      list[i] = entry.id
    end
    return table.concat(list, " ")
  end

  it("pages newest first, before an entry, with a filter", function()
    local h = history.new(10, 100)
    for i = 1, 6 do
      history.add(h, "a", { id = "a" .. i, odd = i % 2 == 1 })
    end
    assert.equal("a6 a5 a4", ids(history.page(h, "a", 3)))
    assert.equal("a3 a2 a1", ids(history.page(h, "a", 5, "a4")))
    assert.equal("", ids(history.page(h, "a", 5, "gone")))
    assert.equal("", ids(history.page(h, "b", 5)))
    assert.equal("a5 a3", ids(history.page(h, "a", 2, nil, function(entry) return entry.odd end)))
    assert.equal("a2", history.get(h, "a", "a2").id)
    assert.is_nil(history.get(h, "b", "a2"))
  end)

  it("drops the oldest of a list past its bound", function()
    local h = history.new(2, 100)
    for i = 1, 5 do
      history.add(h, "a", { id = "a" .. i })
    end
    assert.equal("a5 a4", ids(history.page(h, "a", 9)))
    assert.is_nil(history.get(h, "a", "a3"))
    assert.equal(2, h.count)
  end)

  it("drops the oldest of all past the bound of all", function()
    local h = history.new(10, 4)
    history.add(h, "a", { id = "a1" })
    history.add(h, "b", { id = "b1" })
    history.add(h, "a", { id = "a2" })
    history.add(h, "b", { id = "b2" })
    history.add(h, "b", { id = "b3" })
    assert.equal("a2", ids(history.page(h, "a", 9)))
    history.add(h, "b", { id = "b4" })
    history.add(h, "b", { id = "b5" })
    assert.equal("", ids(history.page(h, "a", 9)))
    assert.is_nil(h.lists.a)
    assert.equal("b5 b4 b3 b2", ids(history.page(h, "b", 9)))
  end)

  it("puts an entry of the same id in the old one's place", function()
    local h = history.new(10, 10)
    history.add(h, "a", { id = "x", v = 1 })
    history.add(h, "a", { id = "y" })
    history.add(h, "a", { id = "x", v = 2 })
    assert.equal("y x", ids(history.page(h, "a", 9)))
    assert.equal(2, history.get(h, "a", "x").v)
  end)

  it("agrees with a plain model over many random steps, and keeps nothing beside", function()
    local per_list, total = 5, 23
    local h, model = history.new(per_list, total), {} -- model: all entries in order
    local seed = 7
    local function random(n)
      seed = (seed * 1103515245 + 12345) % 2147483648
      return math.floor(seed / 65536) % n + 1
    end
    for step = 1, 3000 do
      local name, id = "l" .. random(9), "i" .. random(40)
      history.add(h, name, { id = id, step = step })
      local of_list, replaced = 0, false
      for _, each in ipairs(model) do
        if each.name == name then
          of_list = of_list + 1
          if each.id == id then
            each.step, replaced = step, true
          end
        end
      end
      if not replaced then
        model[#model + 1] = { name = name, id = id, step = step }
        if of_list == per_list then
          for i, each in ipairs(model) do
            if each.name == name then
              table.remove(model, i)
              break
            end
          end
        end
        if #model > total then
          table.remove(model, 1)
        end
      end
      assert.equal(#model, h.count)
      local expected = {}
      for i = #model, 1, -1 do
        if model[i].name == name then
          expected[#expected + 1] = model[i].id .. "@" .. model[i].step
        end
      end
      local found = {}
      for i, entry in ipairs(history.page(h, name, 99)) do
        found[i] = entry.id .. "@" .. entry.step
      end
      assert.same(expected, found)
    end
    local owners = 0
    for _ in pairs(h.owners) do
      owners = owners + 1
    end
    assert.equal(h.count, owners)
  end)
end)
