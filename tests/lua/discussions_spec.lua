local class = require "support.class"

describe("discussions", function()
  local school, discussions, ada, outside

  before_each(function()
    school = class.new()
    discussions = require "lectern.discussions"
    ada, outside = school:socket("ada", "course:123"), school:socket("eve", "course:2")
  end)

  it("send the message as given, plus room", function()
    local given = {
      id = "msg-456",
      discussionId = "discussion-789",
      userId = "user-123",
      content = "Great question!",
      timestamp = "2026-01-01T00:00:00.000Z",
      mood = "happy",
    }
    discussions.send("course:course-123", given)
    assert.is_nil(given.room)
    given.room = "course:123"
    assert.same({ given }, school:got(ada, "discussion_message"))
    assert.same({}, school:got(outside, "discussion_message"))
  end)

  it("give id and timestamp where they lack", function()
    local null = school.lectern.null
    local sent = discussions.send("course:123", { userId = 5, content = "x", id = null, timestamp = null })
    assert.equal("string", type(sent.id))
    assert.equal("2027-01-15T08:00:00.000Z", sent.timestamp)
    assert.equal("5", sent.userId) -- people are known by text
  end)

  it("are in no room of one person or of two", function()
    local messages = require "lectern.messages"
    local id = messages.send({ from = "ada", to = "tina", content = "mine" }).id
    for _, room in ipairs { "private:ada:tina", "private:tina:ada", "user:ada" } do
      for _, refused in ipairs {
        { discussions.send(room, { userId = "ada", content = "x" }) },
        { discussions.edit(room, { id = id, content = "x", by = "ada" }) },
        { discussions.delete(room, { id = id, by = "tina" }, true) },
        { discussions.react(room, { discussionId = "d", userId = "ada", reaction = "+" }) },
        { discussions.history(room) },
      } do
        assert.same({ nil, "invalid" }, { refused[1], refused[3] })
      end
    end
    assert.equal("mine", messages.history("ada", "tina").messages[1].content)
  end)

  it("send reactions", function()
    discussions.react("course:123", { discussionId = "discussion-789", userId = "user-123", reaction = "👍" })
    assert.same({ {
      room = "course:123",
      discussionId = "discussion-789",
      userId = "user-123",
      reaction = "👍",
      timestamp = "2027-01-15T08:00:00.000Z",
    } }, school:got(ada, "discussion_reaction"))
    assert.same({ ["👍"] = 1 }, discussions.reactions("course-123", "discussion-789"))
  end)

  it("are read back oldest first, by discussion", function()
    for i = 1, 6 do
      local discussion = i % 2 == 0 and "d" or nil
      discussions.send("course:123", { userId = "u", content = "m" .. i, discussionId = discussion })
    end
    local function contents(filter)
      local list = {}
      for i, message in ipairs(discussions.history("course:123", filter).messages) do
        list[i] = message.content
      end
      return table.concat(list, " ")
    end
    assert.equal("m1 m2 m3 m4 m5 m6", contents())
    assert.equal("m2 m4 m6", contents { discussionId = "d" })
    assert.equal("m4 m6", contents { discussionId = "d", limit = 2 })
    local sixth = discussions.history("course:123", { limit = 1 }).messages[1]
    assert.equal("m4 m5", contents { before = sixth.id, limit = 2 })
    assert.is_true(school.lectern.is_array(discussions.history("course:9").messages))
  end)

  it("page by cursor, through what shares a millisecond and what comes meanwhile", function()
    for i = 1, 25 do
      local id = i % 3 == 0 and ("own-%02d"):format(99 - i) or nil
      discussions.send("course:1", { userId = "u", content = tostring(i), id = id })
    end
    local seen, filter = {}, { limit = 7 }
    repeat
      local page = discussions.history("course:1", filter)
      for i = #page.messages, 1, -1 do
        seen[#seen + 1] = page.messages[i].content
      end
      assert.equal(page.hasMore, page.nextCursor ~= nil)
      filter = { limit = 7, cursor = page.nextCursor }
      discussions.send("course:1", { userId = "u", content = "meanwhile" })
    until not page.hasMore
    local expected = {}
    for i = 25, 1, -1 do
      expected[#expected + 1] = tostring(i)
    end
    assert.same(expected, seen)
  end)

  it("tell who was away what came since", function()
    local ids = {}
    for i = 1, 9 do
      ids[i] = discussions.send("course:1", { userId = "u", content = "m" .. i }).id
    end
    local page = discussions.history("course:1", { after = ids[3], limit = 4 })
    local function contents()
      local list = {}
      for i, message in ipairs(page.messages) do
        list[i] = message.content
      end
      return table.concat(list, " ")
    end
    assert.equal("m4 m5 m6 m7", contents())
    assert.is_true(page.hasMore)
    page = discussions.history("course:1", { cursor = page.nextCursor })
    assert.equal("m8 m9", contents())
    assert.is_false(page.hasMore)
    assert.same({}, discussions.history("course:1", { after = ids[9] }).messages)
    assert.equal("not_found", select(3, discussions.history("course:1", { after = "gone" })))
    assert.same({}, discussions.history("course:1", { before = "gone" }).messages)
  end)

  it("keep and give back all that was given", function()
    local null = school.lectern.null
    local list = school.lectern.array {}
    local data = { list = list, empty = {}, text = "ä 👍 \1", number = 1.5, none = null }
    local sent = discussions.send("course:1", {
      userId = 7, content = "x", discussionId = 5, userName = "Ada", data = data, timestamp = 1800000000123,
    })
    assert.equal("7", sent.userId)
    assert.equal("5", sent.discussionId)
    assert.equal("2027-01-15T08:00:00.123Z", sent.timestamp)
    local kept = discussions.history("course:1", { discussionId = 5 }).messages[1]
    assert.same(sent, kept)
    assert.same(data, kept.data)
    assert.equal("Ada", kept.userName)
    local many = { userId = "u", content = "x", data = ("x"):rep(16001) }
    assert.equal("too_big", select(3, discussions.send("course:1", many)))
  end)

  it("with an id that is there already are not kept or sent twice", function()
    local first = discussions.send("course:123", { userId = "u", content = "once", id = "m1" })
    school:got(ada, "discussion_message")
    assert.same(first, discussions.send("course:123", { userId = "u", content = "again", id = "m1" }))
    assert.same({}, school:got(ada, "discussion_message"))
    local _, why, code = discussions.send("course:123", { userId = "v", content = "mine", id = "m1" })
    assert.same({ "another message has this id", "conflict" }, { why, code })
    assert.equal("mine", discussions.send("course:9", { userId = "v", content = "mine", id = "m1" }).content)
    assert.same({ first }, discussions.history("course:123").messages)
  end)

  it("are edited and deleted by their author, or by who may", function()
    local wrong = { userId = "u", content = "wrnog", discussionId = "d", extra = 1 }
    local id = discussions.send("course:123", wrong).id
    discussions.react("course:123", { discussionId = "d", messageId = id, userId = "v", reaction = "+" })
    school.core.advance(5)
    local edited = discussions.edit("course:123", { id = id, content = "right", by = "u" })
    local at = "2027-01-15T08:00:05.000Z"
    assert.same({ "right", at, "u", 1 }, { edited.content, edited.editedAt, edited.editedBy, edited.extra })
    assert.same({ {
      room = "course:123", id = id, discussionId = "d", content = "right", editedAt = at, editedBy = "u",
    } }, school:got(ada, "message_updated"))

    assert.equal("forbidden", select(3, discussions.edit("course:123", { id = id, content = "x", by = "v" })))
    assert.equal("forbidden", select(3, discussions.delete("course:123", { id = id, by = "v" })))
    local nothing = { id = "no", content = "x", by = "u" }
    assert.equal("not_found", select(3, discussions.edit("course:123", nothing)))
    assert.equal("not_found", select(3, discussions.delete("course:9", { id = id, by = "u" })))
    assert.same({}, school:got(ada, "message_deleted"))

    local tombstone = discussions.delete("course:123", { id = id, by = "tina" }, true)
    local null = school.lectern.null
    assert.same({ null, "tina", at }, { tombstone.content, tombstone.deletedBy, tombstone.deletedAt })
    assert.is_nil(tombstone.extra)
    assert.same({ {
      room = "course:123", id = id, discussionId = "d", deletedAt = at, deletedBy = "tina",
    } }, school:got(ada, "message_deleted"))
    assert.same({ tombstone }, discussions.history("course:123").messages)
    assert.same({}, discussions.reactions("course:123", "d"))
    assert.same(tombstone, discussions.delete("course:123", { id = id, by = "tina" }, true))
    assert.same({}, school:got(ada, "message_deleted"))
    assert.equal("not_found", select(3, discussions.edit("course:123", { id = id, content = "x", by = "u" })))
    assert.equal(0, #school.core.rows("SELECT 1 FROM lectern_messages WHERE content IS NOT NULL"))
  end)

  it("expire", function()
    discussions.send("course:123", { userId = "u", content = "soon gone", expiresAt = 1800000010000 })
    discussions.send("course:123", { userId = "u", content = "stays" })
    assert.equal(2, #discussions.history("course:123").messages)
    school.core.advance(10)
    assert.equal(1, #discussions.history("course:123").messages)
    local late = { userId = "u", content = "x", expiresAt = "2027-01-15T08:00:10.000Z" }
    assert.equal("invalid", select(3, discussions.send("course:123", late)))
  end)

  it("of a room are bounded: the oldest go", function()
    school = class.new { store = { messages = 20, reactions = 3 } }
    discussions = require "lectern.discussions"
    for i = 1, 50 do
      discussions.send("course:1", { userId = "u", content = "m" .. i })
      discussions.send("course:2", { userId = "u", content = "m" .. i, expiresAt = 1800000001000 })
    end
    local page = discussions.history("course:1", { limit = 100 }).messages
    assert.same({ 20, "m31", "m50" }, { #page, page[1].content, page[20].content })
    school.core.advance(2)
    discussions.send("course:1", { userId = "u", content = "sweeps" })
    assert.equal(0, #school.core.rows("SELECT 1 FROM lectern_messages WHERE room = 'course:2'"))
    for i = 1, 5 do
      discussions.react("course:1", { discussionId = "d", userId = "u" .. i, reaction = "r" .. i })
    end
    assert.same({ r3 = 1, r4 = 1, r5 = 1 }, discussions.reactions("course:1", "d"))
  end)

  it("hold a person's reaction once, until it is taken back", function()
    local reaction = { discussionId = "d", messageId = "m", userId = "u", reaction = "+" }
    for _ = 1, 3 do
      discussions.react("course:123", reaction)
    end
    discussions.react("course:123", { discussionId = "d", userId = "v", reaction = "+" })
    assert.equal(2, #school:got(ada, "discussion_reaction"))
    assert.same({ ["+"] = 2 }, discussions.reactions("course:123", "d"))
    assert.is_table(discussions.unreact("course:123", reaction))
    assert.is_table(discussions.unreact("course:123", reaction))
    local removed = school:got(ada, "discussion_reaction_removed")
    assert.same({ "u", "+", "m" }, { removed[1].userId, removed[1].reaction, removed[1].messageId })
    assert.equal(1, #removed)
    assert.same({ ["+"] = 1 }, discussions.reactions("course:123", "d"))
  end)

  it("tell that the database is away, and send nothing then", function()
    school.core.db_failure = { "the database is away", "unavailable" }
    local message = { userId = "u", content = "x", id = "m" }
    assert.equal("unavailable", select(3, discussions.send("course:123", message)))
    local edit = { id = "m", content = "x", by = "u" }
    assert.equal("unavailable", select(3, discussions.edit("course:123", edit)))
    assert.equal("unavailable", select(3, discussions.delete("course:123", { id = "m", by = "u" })))
    assert.equal("unavailable", select(3, discussions.history "course:123"))
    assert.equal("unavailable", select(3, discussions.history("course:123", { after = "m" })))
    local reaction = { discussionId = "d", userId = "u", reaction = "+" }
    assert.equal("unavailable", select(3, discussions.react("course:123", reaction)))
    assert.equal("unavailable", select(3, discussions.reactions("course:123", "d")))
    school.core.db_failure = nil
    assert.same({}, school:got(ada, "discussion_message"))
    assert.equal("x", discussions.send("course:123", message).content)
    assert.equal(1, #school:got(ada, "discussion_message"))
  end)

  it("refuse what is wrong", function()
    assert.equal("invalid", select(3, discussions.send("", { userId = "u", content = "x" })))
    assert.equal("invalid", select(3, discussions.send(nil, { userId = "u", content = "x" })))
    assert.same({ nil, "userId is missing", "invalid" }, { discussions.send("course:1", { content = "x" }) })
    assert.equal("invalid", select(3, discussions.send("course:1", "x")))
    assert.equal("invalid", select(3, discussions.react("course:1", { userId = "u", reaction = "x" })))
    assert.equal("invalid", select(3, discussions.history ""))
    assert.equal("invalid", select(3, discussions.reactions("", "d")))
    assert.same({}, discussions.history("course:1").messages)
  end)
end)
