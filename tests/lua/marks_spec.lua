local class = require "support.class"

describe("read marks", function()
  local school, marks, discussions, messages, ada, phone, bob

  before_each(function()
    school = class.new()
    marks, discussions, messages =
      require "lectern.marks", require "lectern.discussions", require "lectern.messages"
    ada, phone = school:socket("ada", "course:1"), school:socket("ada", "course:1")
    bob = school:socket("bob", "course:1")
  end)

  local function say(n)
    local ids = {}
    for i = 1, n do
      ids[i] = discussions.send("course:1", { userId = "bob", content = "m" .. i }).id
    end
    return ids
  end

  it("go forward only, and count what is left", function()
    local ids = say(5)
    assert.same({ room = "course:1", unreadCount = 5 }, marks.of("ada", "course-1"))
    local mark = marks.read("ada", "course:1", ids[3])
    local now = school.lectern.date()
    assert.same({ room = "course:1", messageId = ids[3], readAt = now, unreadCount = 2 }, mark)
    school.core.advance(1)
    assert.same(mark, marks.read("ada", "course:1", ids[2]))
    assert.same(mark, marks.of("ada", "course:1"))
    assert.equal(0, marks.read("ada", "course:1").unreadCount)
    assert.equal(ids[5], marks.of("ada", "course:1").messageId)
    assert.equal(0, marks.of("bob", "course:1").unreadCount) -- all are his own
  end)

  it("are told to the own devices, and to others only if they may hear it", function()
    local ids = say(3)
    local mark = marks.read("ada", "course:1", ids[2])
    for _, socket in ipairs { ada, phone } do
      assert.same({ mark }, school:got(socket, "read_mark"))
    end
    assert.same({}, school:got(bob, "read_mark"))
    assert.same({}, school:got(bob, "messages_read"))
    marks.read("ada", "course:1", ids[1], true) -- did not move
    assert.same({}, school:got(bob, "messages_read"))
    marks.read("ada", "course:1", ids[3], true)
    assert.same({ {
      room = "course:1", readBy = "ada", messageId = ids[3], readAt = school.lectern.date(),
    } }, school:got(bob, "messages_read"))
    assert.same({}, school:got(ada, "messages_read"))
  end)

  it("of a private room are told to the other one", function()
    local id = messages.send({ from = "bob", to = "ada", content = "hi" }).id
    assert.equal(0, marks.read("ada", "private:ada:bob", id, true).unreadCount)
    assert.equal("ada", school:got(bob, "messages_read")[1].readBy)
  end)

  it("do not count what was deleted or has expired", function()
    local ids = say(4)
    discussions.send("course:1", { userId = "bob", content = "x", expiresAt = 1800000001000 })
    assert.equal(5, marks.of("ada", "course:1").unreadCount)
    discussions.delete("course:1", { id = ids[1], by = "bob" })
    school.core.advance(2)
    assert.equal(3, marks.of("ada", "course:1").unreadCount)
  end)

  it("are refused for what is not there", function()
    say(1)
    assert.same({ nil, "there is no such message", "not_found" }, { marks.read("ada", "course:1", "nope") })
    assert.equal("invalid", select(3, marks.read("ada", "")))
    assert.equal("invalid", select(3, marks.read("", "course:1")))
    assert.equal("invalid", select(3, marks.of("ada", "private:x")))
    assert.same({ room = "course:9", unreadCount = 0 }, marks.read("ada", "course:9"))
    school.core.db_failure = { "away", "unavailable" }
    assert.same({ nil, "away", "unavailable" }, { marks.read("ada", "course:1") })
    assert.same({ nil, "away", "unavailable" }, { marks.of("ada", "course:1") })
  end)
end)
