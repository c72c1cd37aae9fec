local class = require "support.class"

describe("conversations", function()
  local school, conversations, messages, marks, people, null

  before_each(function()
    school = class.new { store = { conversations = 3 } }
    conversations, messages = require "lectern.conversations", require "lectern.messages"
    marks, people, null = require "lectern.marks", require "lectern.people", school.lectern.null
  end)

  local function say(from, to, ...)
    local last
    for _, content in ipairs { ... } do
      last = assert(messages.send { from = from, to = to, content = content })
    end
    return last
  end

  local function contents(page)
    local list = {}
    for i, message in ipairs(page.messages) do
      list[i] = message.content
    end
    return list
  end

  describe("have an id", function()
    it("that is the same whoever is named first, and may stand in a URL", function()
      assert.equal("alice.bob", conversations.id("bob", "alice"))
      assert.equal("10.9", conversations.id(9, 10))
      assert.equal("user~3A1.~C3~A9", conversations.id("é", "user:1"))
      assert.equal("a~2Eb.a~7E2Eb", conversations.id("a~2Eb", "a.b"))
    end)

    it("that says whose it is, of any two people", function()
      local long = ("%:"):rep(127)
      local pairs_of = {
        { "user", "user-" }, { "a:b", "a%3Ab" }, { "a ", " a" }, { long .. 1, long .. 2 }, { "a.b", "a" },
        { "~41", "A" }, { "é", "e\204\129" }, { "\255", "\254" }, { "👩‍🏫", "0" }, { ".", "~" }, { "/", "?" },
      }
      local seen = {}
      for _, pair in ipairs(pairs_of) do
        local id = conversations.id(pair[1], pair[2])
        assert.equal(id, conversations.id(pair[2], pair[1]))
        assert.matches("^[%w_~.-]+$", id)
        assert.is_nil(seen[id])
        seen[id] = true
        local a, b = conversations.pair(id)
        assert.is_true(a == pair[1] and b == pair[2] or a == pair[2] and b == pair[1], id)
        assert.is_true(#"conversation:" + #id <= 1544)
      end
    end)

    it("unless they are not two people", function()
      assert.equal("invalid", select(3, conversations.id("ada", "ada")))
      assert.equal("invalid", select(3, conversations.id(7, "7")))
      for _, nobody in ipairs { "", "a\nb", ("x"):rep(256), {}, true, 1.5 } do
        assert.equal("invalid", select(3, conversations.id("ada", nobody)))
        assert.equal("invalid", select(3, conversations.id(nobody, "ada")))
      end
    end)

    it("that nothing else is taken for", function()
      local others = {
        "", ".", "alice", "alice.", ".bob", "bob.alice", "alice.alice", "alice.bob.eve", "alice.bob ",
        " alice.bob", "alice:bob", "alice.b~6Fb", "~c3~a9.user", "alice.~", "alice.~4", "alice.~GG",
        "alice.~00", "alice.b~0Ab", "alice.bob\n", "é.user", "0190f3a2-7c11-7d4e", ("a"):rep(256) .. ".b",
        5, {}, true,
      }
      for _, other in ipairs(others) do
        assert.is_nil((conversations.pair(other)), tostring(other))
      end
      assert.is_nil((conversations.pair(nil)))
    end)
  end)

  it("are listed with the last message first, page by page", function()
    people.seen { id = "bob", name = "Bob B." }
    people.seen { id = "eve", given_name = "Eve", family_name = "Ève" }
    say("ada", "bob", "one", "two")
    school.core.advance(1)
    local last = say("eve", "ada", "hello")
    school.core.advance(1)
    conversations.with("ada", "dan")
    local page = conversations.list("ada", 1, 2)
    assert.same({ total = 3, page = 1, limit = 2, totalPages = 2 }, page.pagination)
    local empty, newest = page.conversations[1], page.conversations[2]
    assert.same({ "ada.dan", null, null, null, 0 }, {
      empty.id, empty.lastMessage, empty.lastMessageAt, empty.lastMessagePreview, empty.unreadCount,
    })
    assert.equal("2027-01-15T08:00:02.000Z", empty.createdAt)
    local sent = conversations.message(last)
    assert.same({
      id = "ada.eve", participant1Id = "ada", participant2Id = "eve", isActive = true, isBlocked = false,
      blockedBy = null, lastMessageAt = "2027-01-15T08:00:01.000Z", lastMessagePreview = "hello",
      createdAt = "2027-01-15T08:00:01.000Z", updatedAt = "2027-01-15T08:00:01.000Z", unreadCount = 1,
      lastMessage = sent,
      otherUser = {
        id = "eve", firstName = "Eve", lastName = "Ève", email = null, profileImage = null, role = null,
      },
    }, newest)
    local bob = conversations.list("ada", 2, 2).conversations
    assert.equal(1, #bob)
    assert.same({ "ada.bob", "two", "Bob B.", null, 0 }, {
      bob[1].id, bob[1].lastMessage.content, bob[1].otherUser.firstName, bob[1].otherUser.lastName,
      bob[1].unreadCount,
    })
    assert.same({ conversations = {}, pagination = { total = 3, page = 9, limit = 20, totalPages = 1 } },
      conversations.list("ada", 9))
    assert.same({ total = 0, page = 1, limit = 20, totalPages = 0 }, conversations.list("nobody").pagination)
    assert.equal(100, conversations.list("ada", 0, 5000).pagination.limit)
    local people_of = conversations.list("user:1").conversations
    assert.same({}, people_of)
  end)

  it("show people by their ids in order, whatever sign stands in them", function()
    say("b:", "b%", "x")
    local one = conversations.list("b:").conversations[1]
    assert.same({ "b%", "b:" }, { one.participant1Id, one.participant2Id })
    assert.equal("b%", one.otherUser.id)
    assert.same(conversations.list("b%").conversations[1].id, one.id)
  end)

  it("begin once, for both, and messages go on in them", function()
    local one = conversations.with("bob", "ada")
    school.core.advance(5)
    assert.same(one, conversations.with("bob", "ada"))
    assert.equal("ada.bob", conversations.with("ada", "bob").id)
    assert.equal(1, conversations.list("ada").pagination.total)
    assert.same({}, messages.conversations("ada").conversations) -- nobody has written
    say("ada", "bob", "hi")
    local list = conversations.list("bob")
    assert.equal(1, list.pagination.total)
    assert.same({ one.createdAt, "hi", 1 }, {
      list.conversations[1].createdAt, list.conversations[1].lastMessage.content,
      list.conversations[1].unreadCount,
    })
    assert.equal("invalid", select(3, conversations.with("ada", "ada")))
    assert.equal("invalid", select(3, conversations.with("ada", "")))
  end)

  it("take the first message whatever the clock said at their begin", function()
    conversations.with("ada", "bob")
    school.core.rows "UPDATE lectern_conversations SET created = created + 1000000"
    local sent = say("bob", "ada", "hi")
    assert.equal(sent.id, conversations.list("ada").conversations[1].lastMessage.id)
    assert.equal(1, conversations.unread "ada")
  end)

  it("without a message are so many for each person, and no other goes", function()
    say("ada", "bob", "stays")
    for i = 1, 12 do
      conversations.with("ada", "p" .. i)
      school.core.advance(1)
    end
    conversations.with("eve", "p1")
    local list = conversations.list("ada", 1, 100)
    assert.equal(4, list.pagination.total)
    local ids = {}
    for i, each in ipairs(list.conversations) do
      ids[i] = each.otherUser.id
    end
    assert.same({ "p12", "p11", "p10", "bob" }, ids)
    local rows = school.core.rows "SELECT person, other FROM lectern_conversations"
    assert.equal(10, #rows)
    assert.equal("eve.p1", conversations.list("p1").conversations[1].id)
    assert.equal(0, conversations.list("p2").pagination.total)
  end)

  it("have pages of messages: the newest first, each oldest first", function()
    for i = 1, 12 do
      say(i % 2 == 0 and "ada" or "bob", i % 2 == 0 and "bob" or "ada", "m" .. i)
    end
    local page = conversations.messages("ada", "ada.bob", 1, 5)
    assert.same({ "m8", "m9", "m10", "m11", "m12" }, contents(page))
    assert.same({ total = 12, page = 1, limit = 5, totalPages = 3 }, page.pagination)
    assert.same({ "m1", "m2" }, contents(conversations.messages("bob", "ada.bob", 3, 5)))
    assert.same({}, contents(conversations.messages("bob", "ada.bob", 4, 5)))
    assert.equal(50, conversations.messages("ada", "ada.bob").pagination.limit)
    assert.same({ "bob", "ada" }, { page.messages[4].sender.id, page.messages[4].receiver.id })
    assert.same({}, contents(conversations.messages("ada", "ada.eve")))
    for _, other in ipairs { "ada.bob", "eve.eve", "clx1", "", 5, "ada.bob.eve" } do
      assert.equal("not_found", select(3, conversations.messages("eve", other)))
      assert.equal("not_found", select(3, conversations.read("eve", other)))
    end
  end)

  it("do without a look-up for each message", function()
    for i = 1, 30 do
      say("ada", "bob", "m" .. i)
      say("p" .. i, "ada", "hi")
    end
    local function calls(fn, ...)
      local before = school.core.db_calls
      fn(...)
      return school.core.db_calls - before
    end
    assert.is_true(calls(conversations.messages, "ada", "ada.bob", 1, 30) <= 3)
    assert.is_true(calls(conversations.list, "ada", 1, 30) <= 3)
  end)

  it("say what kind a message is, and what is attached", function()
    local file = { url = "https://files.example/1", size = 5 }
    local sent = conversations.send {
      from = "ada", to = "bob", content = "look", messageType = "IMAGE", attachments = { file },
    }
    assert.same({ "IMAGE", { file } }, { sent.messageType, sent.attachments })
    local kept = messages.history("ada", "bob").messages[1]
    assert.same({ "IMAGE", { file } }, { kept.messageType, kept.attachments })
    local plain = conversations.send { from = "ada", to = "bob", content = "x" }
    assert.equal("TEXT", plain.messageType)
    assert.is_true(school.lectern.is_array(plain.attachments)) -- [] on the wire
    assert.is_nil(messages.history("ada", "bob").messages[2].messageType)
    for _, wrong in ipairs {
      { messageType = "text" }, { messageType = "PDF" }, { messageType = 5 }, { attachments = "x" },
      { attachments = { a = 1 } }, { attachments = { ("x"):rep(16001) } },
    } do
      wrong.from, wrong.to, wrong.content = "ada", "bob", "x"
      assert.equal("invalid", select(3, conversations.send(wrong)))
    end
    assert.equal(2, conversations.messages("ada", "ada.bob").pagination.total)
  end)

  it("have previews of a hundred characters", function()
    say("ada", "bob", ("é"):rep(99) .. "👩‍🏫" .. "end")
    assert.equal(("é"):rep(99), conversations.list("bob").conversations[1].lastMessagePreview)
  end)

  it("say of each message whether its receiver has read it", function()
    say("ada", "bob", "one", "two")
    say("bob", "ada", "answer")
    school.core.advance(60)
    assert.equal(2, conversations.read("bob", "ada.bob"))
    local now = school.lectern.date()
    local page = conversations.messages("ada", "ada.bob").messages
    assert.same({ true, now, true, now, false, null },
      { page[1].isRead, page[1].readAt, page[2].isRead, page[2].readAt, page[3].isRead, page[3].readAt })
    assert.equal(0, conversations.read("bob", "ada.bob"))
    say("ada", "bob", "three")
    assert.is_false(conversations.messages("bob", "ada.bob").messages[4].isRead)
    assert.is_false(conversations.list("ada").conversations[1].lastMessage.isRead)
    assert.is_true(conversations.read("bob", "ada.bob") == 1)
    assert.is_true(conversations.list("ada").conversations[1].lastMessage.isRead)
  end)

  it("count what is unread alike, in the list, in all, by marks, and by what becomes read", function()
    local dice = 7
    local function roll(n)
      dice = (dice * 16807) % 2147483647
      return dice % n + 1
    end
    local others, kept = { "bob", "eve", "dan" }, {}
    for _ = 1, 150 do
      local other = others[roll(3)]
      local what = roll(8)
      local room = school.rooms.private("ada", other)
      if what <= 4 then
        kept[#kept + 1] = say(other, "ada", "x")
      elseif what == 5 then
        say("ada", other, "y")
      elseif what == 6 and #kept > 0 then
        local one = table.remove(kept, roll(#kept))
        messages.delete { by = one.from, with = "ada", id = one.id }
      elseif what == 7 then
        local before = marks.of("ada", room).unreadCount
        assert.equal(before, conversations.read("ada", conversations.id("ada", other)))
      elseif what == 8 and #kept > 0 then
        local one = kept[roll(#kept)]
        marks.read("ada", school.rooms.private("ada", one.from), one.id)
      end
      local sum = 0
      for _, each in ipairs(conversations.list("ada").conversations) do
        sum = sum + each.unreadCount
        local mark = marks.of("ada", school.rooms.private("ada", each.otherUser.id))
        assert.equal(mark.unreadCount, each.unreadCount)
      end
      assert.equal(sum, conversations.unread("ada"))
    end
  end)

  it("count each one that becomes read, also past the thousand that others are told", function()
    local row = "INSERT INTO lectern_messages (room, id, created, author, recipient, sent, content) "
      .. "VALUES ('private:ada:bob', $1, $2, 'bob', 'ada', '', 'x')"
    for i = 1, 1200 do
      school.core.rows(row, ("m%05d"):format(i), i)
    end
    assert.equal(1000, marks.of("ada", "private:ada:bob").unreadCount)
    assert.equal(1200, conversations.read("ada", "ada.bob"))
    assert.equal(0, conversations.read("ada", "ada.bob"))
  end)

  it("leave tombstones of what its sender deletes", function()
    local phone, bob = school:socket "ada", school:socket "bob"
    local id = say("ada", "bob", "regret").id
    conversations.read("bob", "ada.bob")
    assert.equal("invalid", select(3, conversations.delete("bob", id)))
    assert.equal("not_found", select(3, conversations.delete("eve", id)))
    assert.equal("not_found", select(3, conversations.delete("ada", "none")))
    local gone = conversations.delete("ada", id)
    assert.same({ "", true, "ada", true, school.lectern.date(), "TEXT", {} }, {
      gone.content, gone.isDeleted, gone.sender.id, gone.isRead, gone.deletedAt, gone.messageType,
      gone.attachments,
    })
    assert.same(gone, conversations.delete("ada", id))
    for _, socket in ipairs { phone, bob } do
      local told = school:got(socket, "message_deleted")
      assert.same({ 1, id }, { #told, told[1].id })
    end
    local last = conversations.list("bob").conversations[1]
    assert.same({ "", true }, { last.lastMessagePreview, last.lastMessage.isDeleted })
  end)

  it("delete only what an id means", function()
    messages.send { from = "ada", to = "bob", content = "x", id = "same" }
    messages.send { from = "eve", to = "ada", content = "y", id = "same" }
    assert.equal("bob", conversations.delete("ada", "same").receiverId)
    assert.equal("y", messages.history("ada", "eve").messages[1].content)
    messages.send { from = "ada", to = "dan", content = "z", id = "same" }
    assert.equal("conflict", select(3, conversations.delete("ada", "same")))
    require("lectern.discussions").send("course:1", { userId = "ada", content = "c", id = "in-a-course" })
    assert.equal("not_found", select(3, conversations.delete("ada", "in-a-course")))
  end)

  it("are told of, however something was written or read", function()
    messages.when_sent("chat", function() error "one of before" end)
    messages.when_sent("chat", conversations.tell_sent)
    marks.when_read("chat", conversations.tell_read)
    people.seen { id = "ada", name = "Ada" }
    local ada, phone = school:socket "ada", school:socket("ada", "conversation:ada.bob")
    local bob, tab = school:socket("bob", "conversation:ada.bob"), school:socket "bob"
    local eve = school:socket "eve"
    local sent = say("ada", "bob", "hi")
    for _, socket in ipairs { bob, tab } do
      local told = school:got(socket, "new_message")
      assert.same({ 1, "ada.bob", sent.id, "Ada", "bob" }, {
        #told, told[1].conversationId, told[1].message.id, told[1].message.sender.firstName,
        told[1].message.receiver.id,
      })
      assert.same({}, school:got(socket, "message_sent"))
      assert.equal(1, #school:got(socket, "private_message"))
    end
    for _, socket in ipairs { ada, phone } do
      assert.equal(sent.id, school:got(socket, "message_sent")[1].message.id)
      assert.same({}, school:got(socket, "new_message"))
    end
    messages.send { from = "ada", to = "bob", content = "hi", id = sent.id } -- a repetition
    assert.same({}, school:got(bob, "new_message"))

    marks.read("bob", "private:ada:bob")
    conversations.read("bob", "ada.bob")
    say("ada", "bob", "1", "2")
    assert.equal(2, conversations.read("bob", "ada.bob"))
    marks.read("ada", "private:ada:bob") -- nothing of bob's
    local told = { { conversationId = "ada.bob", readBy = "bob", count = 1 },
      { conversationId = "ada.bob", readBy = "bob", count = 2 } }
    assert.same(told, school:got(phone, "messages_read"))
    assert.same(told, school:got(bob, "messages_read"))
    assert.same({}, school:got(ada, "messages_read"))
    assert.same({}, school:got(eve))
  end)

  it("go on without what the platform knows of people", function()
    say("ada", "bob", "hi")
    people.seen { id = "bob", name = "Bob" }
    people.source(function()
      return nil, "the platform is away", "unavailable"
    end)
    assert.equal("Bob", conversations.list("ada").conversations[1].otherUser.firstName)
    school.core.db_failure = { "away", "unavailable" }
    for _, refused in ipairs {
      { conversations.list "ada" }, { conversations.messages("ada", "ada.bob") },
      { conversations.read("ada", "ada.bob") }, { conversations.unread "ada" },
      { conversations.delete("ada", "x") }, { conversations.with("ada", "bob") },
    } do
      assert.same({ nil, "away", "unavailable" }, refused)
    end
  end)

  it("have unread messages only, where one has gone", function()
    local store = require "lectern.store.conversations"
    assert.is_false(store.read_at("private:ada:bob", "gone"))
    assert.is_false(store.read_at("private:ada:bob", say("ada", "bob", "hi").id))
  end)

  it("of before have the time of their first message as their begin", function()
    local sql = require "support.sql"
    local database = sql.module().open "memory:"
    for _, file in ipairs { "0001_store", "0002_messages", "0003_calls", "0004_names" } do
      local text = assert(io.open("lua/lectern/migrations/" .. file .. ".sql")):read "*a"
      assert(database:script(text))
    end
    assert(database:script [[
      INSERT INTO lectern_messages (room, id, created, author, recipient, sent, content) VALUES
        ('private:a:b', 'm1', 5, 'a', 'b', '', 'x'), ('private:a:b', 'm2', 9, 'b', 'a', '', 'y');
      INSERT INTO lectern_conversations VALUES ('a', 'b', 'private:a:b', 9, 'm2'),
        ('b', 'a', 'private:a:b', 9, 'm2'), ('a', 'c', 'private:a:c', 7, 'gone'),
        ('c', 'a', 'private:a:c', 7, 'gone');]])
    assert(database:script(assert(io.open "lua/lectern/migrations/0005_conversations.sql"):read "*a"))
    local begun = {}
    local rows = sql.rows(database, "SELECT begun FROM lectern_conversations ORDER BY person, other")
    for i, row in ipairs(rows) do
      begun[i] = row.begun
    end
    assert.same({ 5, 7, 5, 7 }, begun)
  end)
end)
