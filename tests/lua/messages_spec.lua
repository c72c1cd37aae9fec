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
    local page = messages.history("ada", "bob").messages
    assert.equal(50, #page)
    assert.equal("m11", page[1].content)
    assert.equal("m60", page[50].content)
    local older = messages.history("bob", "ada", { before = page[1].id, limit = 3 }).messages
    assert.same({ "m8", "m9", "m10" }, { older[1].content, older[2].content, older[3].content })
    assert.same({}, messages.history("ada", "eve").messages)
  end)

  it("belong to the two ids, literally", function()
    local alias = school:socket "user-bob"
    messages.send { from = "ada", to = "bob", content = "secret" }
    assert.same({}, school:got(alias, "private_message"))
    assert.same({}, messages.history("ada", "user-bob").messages)
    messages.send { from = "ada", to = "user-bob", content = "for the other" }
    assert.equal(1, #school:got(alias, "private_message"))
    assert.equal(1, #messages.history("ada", "bob").messages)
    local long = ("x"):rep(254)
    for _, pair in ipairs { { "user", "user-" }, { long .. "a", long .. "b" }, { "a ", " a" }, { 7, "8" } } do
      assert.is_table(messages.send { from = pair[1], to = pair[2], content = "hi" })
      assert.equal(1, #messages.history(pair[2], pair[1]).messages)
    end
  end)

  it("are edited and deleted by their author alone", function()
    local id = messages.send({ from = "ada", to = "bob", content = "helo" }).id
    assert.equal("hello", messages.edit({ by = "ada", with = "bob", id = id, content = "hello" }).content)
    for _, socket in ipairs { ada, phone, bob } do
      local told = school:got(socket, "message_updated")
      assert.same({ id, "hello", "ada", "bob" }, { told[1].id, told[1].content, told[1].from, told[1].to })
    end
    assert.equal("forbidden", select(3, messages.edit { by = "bob", with = "ada", id = id, content = "x" }))
    assert.equal("forbidden", select(3, messages.delete { by = "bob", with = "ada", id = id }))
    assert.equal("not_found", select(3, messages.delete { by = "eve", with = "bob", id = id }))
    assert.equal(school.lectern.null, messages.delete({ by = "ada", with = "bob", id = id }).content)
    assert.equal("ada", school:got(bob, "message_deleted")[1].deletedBy)
    assert.same({}, school:got(eve, "message_updated"))
    assert.equal("ada", messages.history("bob", "ada").messages[1].deletedBy)
  end)

  it("make conversations, the latest first, with what is unread", function()
    local marks = require "lectern.marks"
    for i = 1, 3 do
      messages.send { from = "ada", to = "bob", content = "a" .. i }
      messages.send { from = "eve", to = "bob", content = "e" .. i }
    end
    messages.send { from = "bob", to = "ada", content = "answer" }
    local list = messages.conversations("bob").conversations
    assert.same({ "ada", "eve" }, { list[1].with, list[2].with })
    assert.same({ "answer", "bob", "ada" },
      { list[1].lastMessage.content, list[1].lastMessage.from, list[1].lastMessage.to })
    assert.same({ "e3", "eve", "bob" },
      { list[2].lastMessage.content, list[2].lastMessage.from, list[2].lastMessage.to })
    assert.same({ 3, 3 }, { list[1].unreadCount, list[2].unreadCount })
    marks.read("bob", list[1].room)
    assert.equal(0, messages.conversations("bob").conversations[1].unreadCount)
    assert.equal(1, messages.conversations("ada").conversations[1].unreadCount)
    local page = messages.conversations("bob", { limit = 1 })
    assert.is_true(page.hasMore)
    assert.equal("eve", messages.conversations("bob", { cursor = page.nextCursor }).conversations[1].with)
    assert.same({ conversations = {}, hasMore = false }, messages.conversations "nobody")
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
