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
      for i, message in ipairs(discussions.history("course:123", filter)) do
        list[i] = message.content
      end
      return table.concat(list, " ")
    end
    assert.equal("m1 m2 m3 m4 m5 m6", contents())
    assert.equal("m2 m4 m6", contents { discussionId = "d" })
    assert.equal("m4 m6", contents { discussionId = "d", limit = 2 })
    local sixth = discussions.history("course:123", { limit = 1 })[1]
    assert.equal("m4 m5", contents { before = sixth.id, limit = 2 })
    assert.is_true(school.lectern.is_array(discussions.history "course:9"))
  end)

  it("refuse what is wrong", function()
    assert.equal("invalid", select(3, discussions.send("", { userId = "u", content = "x" })))
    assert.equal("invalid", select(3, discussions.send(nil, { userId = "u", content = "x" })))
    assert.same({ nil, "userId is missing", "invalid" }, { discussions.send("course:1", { content = "x" }) })
    assert.equal("invalid", select(3, discussions.send("course:1", "x")))
    assert.equal("invalid", select(3, discussions.react("course:1", { userId = "u", reaction = "x" })))
    assert.equal("invalid", select(3, discussions.history ""))
    assert.equal("invalid", select(3, discussions.reactions("", "d")))
    assert.same({}, discussions.history "course:1")
  end)
end)
