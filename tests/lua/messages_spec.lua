local class = require "support.class"

describe("private messages", function()
  local school, messages, ada, phone, bob, eve

  before_each(function()
    school = class.new()
    messages = require "lectern.messages"
    ada, phone, bob, eve = school:socket "ada", school:socket "ada", school:socket "bob", school:socket "eve"
  end)

  it("go to every tab of both people, with the guide's payload", function()
    local sent = messages.send { from = "ada", to = "bob", content = "Hello" }
    local expected = { {
      id = sent.id, from = "ada", to = "bob", content = "Hello", timestamp = "2027-01-15T08:00:00.000Z",
    } }
    for _, socket in ipairs { ada, phone, bob } do
      assert.same(expected, school:got(socket, "private_message"))
    end
    assert.same({}, school:got(eve, "private_message"))
  end)

  it("are kept for both, oldest first", function()
    for i = 1, 60 do
      local from, to = "ada", "bob"
      if i % 2 == 0 then
        from, to = "bob", "ada"
      end
      messages.send { from = from, to = to, content = "m" .. i }
    end
    local page = messages.history("ada", "bob")
    assert.equal(50, #page)
    assert.equal("m11", page[1].content)
    assert.equal("m60", page[50].content)
    local older = messages.history("bob", "ada", { before = page[1].id, limit = 3 })
    assert.same({ "m8", "m9", "m10" }, { older[1].content, older[2].content, older[3].content })
    assert.same({}, messages.history("ada", "eve"))
  end)

  it("belong to the two ids, literally", function()
    local alias = school:socket "user-bob"
    messages.send { from = "ada", to = "bob", content = "secret" }
    assert.same({}, school:got(alias, "private_message"))
    assert.same({}, messages.history("ada", "user-bob"))
    messages.send { from = "ada", to = "user-bob", content = "for the other" }
    assert.equal(1, #school:got(alias, "private_message"))
    assert.equal(1, #messages.history("ada", "bob"))
    local long = ("x"):rep(254)
    for _, pair in ipairs { { "user", "user-" }, { long .. "a", long .. "b" }, { "a ", " a" }, { 7, "8" } } do
      assert.is_table(messages.send { from = pair[1], to = pair[2], content = "hi" })
      assert.equal(1, #messages.history(pair[2], pair[1]))
    end
  end)

  it("are refused when they go nowhere", function()
    local why = "a private message goes from one person to another"
    assert.same({ nil, why, "invalid" }, { messages.send { from = "ada", to = "ada", content = "x" } })
    assert.equal("invalid", select(3, messages.send { from = "ada", to = "a\nb", content = "x" }))
    assert.same({ nil, why, "invalid" }, { messages.history("ada", "ada") })
    assert.same({ nil, "content is missing", "invalid" }, { messages.send { from = "ada", to = "bob" } })
    assert.equal("invalid", select(3, messages.send { from = "ada", to = "bob", content = ("x"):rep(8001) }))
    assert.equal("invalid", select(3, messages.send "hello"))
    assert.same({}, school:got(ada, "private_message"))
  end)
end)
