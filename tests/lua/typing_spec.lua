local class = require "support.class"

describe("typing", function()
  local school, typing, ada, bob

  local function load(config)
    school = class.new(config)
    typing = require "lectern.typing"
    ada, bob = school:socket("ada", "course:1"), school:socket("bob", "course:1")
  end

  before_each(function()
    load { typing = { timeout = 5000, interval = 1000 } }
  end)

  -- "+d +d -d": what a socket heard since it was last asked
  local function heard(socket)
    local list = {}
    for i, payload in ipairs(school:got(socket, "typing_indicator")) do
      list[i] = (payload.isTyping and "+" or "-") .. (payload.discussionId or "")
    end
    return table.concat(list, " ")
  end

  local function advance(seconds)
    school.core.advance(seconds)
  end

  it("relays to the room with the guide's payload, but to no tab of the typist", function()
    local tab, outside = school:socket("bob", "course:1"), school:socket("eve", "course:2")
    assert.is_true(typing.start(bob, "course:1", "discussion-456"))
    assert.same({
      { room = "course:1", discussionId = "discussion-456", userId = "bob", isTyping = true },
    }, school:got(ada, "typing_indicator"))
    typing.stop(bob, "course:1", "discussion-456")
    assert.same({
      { room = "course:1", discussionId = "discussion-456", userId = "bob", isTyping = false },
    }, school:got(ada, "typing_indicator"))
    for _, socket in ipairs { bob, tab, outside } do
      assert.equal("", heard(socket))
    end
  end)

  it("is refused in rooms that the socket has not joined", function()
    assert.same({ nil, "join course:2 first", "forbidden" }, { typing.start(bob, "course:2") })
    typing.stop(bob, "course:2")
    assert.equal(0, school.core.timers())
    assert.same({}, school.lectern.state["lectern.typing"])
  end)

  it("stops by itself", function()
    typing.start(bob, "course:1", "d")
    advance(4.9)
    assert.equal("+d", heard(ada))
    advance(0.2)
    assert.equal("-d", heard(ada))
    advance(100)
    assert.equal("", heard(ada))
    assert.equal(0, school.core.timers())
    assert.same({}, school.lectern.state["lectern.typing"])
  end)

  it("goes on as long as starts come", function()
    for _ = 1, 10 do
      typing.start(bob, "course:1", "d")
      advance(4)
    end
    assert.equal(("+d "):rep(10), heard(ada) .. " ")
    advance(1.1)
    assert.equal("-d", heard(ada))
  end)

  it("thins repeats to one per interval", function()
    for _ = 1, 100 do
      typing.start(bob, "course:1", "d")
      advance(0.1)
    end
    local count = #school:got(ada, "typing_indicator")
    assert.is_true(count >= 9 and count <= 11, count)
  end)

  it("thins starting and stopping too, and ends with the truth", function()
    for _ = 1, 100 do
      typing.start(bob, "course:1", "d")
      advance(0.05)
      typing.stop(bob, "course:1", "d")
      advance(0.05)
    end
    local said = heard(ada)
    assert.is_true(#said <= 22 * 3, said)
    assert.matches("%-d$", said)
    typing.start(bob, "course:1", "d")
    advance(1.1)
    assert.matches("%+d$", heard(ada))
  end)

  it("tells a start that came too soon when the interval is over, if it still stands", function()
    typing.start(bob, "course:1", "d")
    typing.stop(bob, "course:1", "d")
    advance(0.2)
    typing.start(bob, "course:1", "d")
    assert.equal("+d -d", heard(ada))
    advance(0.9)
    assert.equal("+d", heard(ada))
    typing.stop(bob, "course:1", "d")
    typing.start(bob, "course:1", "d")
    typing.stop(bob, "course:1", "d")
    assert.equal("-d", heard(ada))
    advance(10)
    assert.equal("", heard(ada))
  end)

  it("moves from one discussion to another of the room", function()
    typing.start(bob, "course:1", "a")
    advance(1)
    typing.start(bob, "course:1", "b")
    assert.equal("+a -a +b", heard(ada))
    typing.stop(bob, "course:1", "a")
    assert.equal("", heard(ada))
    typing.stop(bob, "course:1")
    assert.equal("-b", heard(ada))
  end)

  it("thins moving between discussions", function()
    for i = 1, 100 do
      typing.start(bob, "course:1", "d" .. i % 2)
      advance(0.05)
    end
    assert.is_true(#school:got(ada, "typing_indicator") <= 13)
  end)

  it("relays every start with an interval of 0", function()
    load { typing = { timeout = 5000, interval = 0 } }
    for _ = 1, 5 do
      typing.start(bob, "course:1")
    end
    assert.equal("+ + + + +", heard(ada))
    typing.stop(bob, "course:1")
    advance(10)
    assert.equal("-", heard(ada))
    assert.same({}, school.lectern.state["lectern.typing"])
  end)

  it("stops when the typist leaves the room, once", function()
    typing.start(bob, "course:1", "d")
    typing.stop(bob, "course:1")
    bob:leave "course:1"
    assert.equal("+d -d", heard(ada))
    advance(100)
    assert.equal("", heard(ada))
  end)

  it("stops in all rooms when the typist disconnects", function()
    bob:join "course:2"
    local eve = school:socket("eve", "course:2")
    typing.start(bob, "course:1", "d")
    typing.start(bob, "course:2")
    school.core.close(bob)
    typing.disconnected(bob)
    assert.equal("+d -d", heard(ada))
    assert.equal("+ -", heard(eve))
    assert.equal(0, school.core.timers())
    assert.same({}, school.lectern.state["lectern.typing"])
    typing.disconnected(bob)
  end)

  describe("to one person", function()
    -- "+ada.bob -ada.bob": what a socket heard since it was last asked
    local function told(socket)
      local list = {}
      for _, message in ipairs(school.core.received(socket)) do
        local payload = message[1]
        if message.event == "user_typing" then
          list[#list + 1] = "+" .. payload.conversationId
        elseif message.event == "user_stopped_typing" then
          list[#list + 1] = "-" .. payload.conversationId
        end
      end
      school:got(socket, "user_typing")
      school:got(socket, "user_stopped_typing")
      return table.concat(list, " ")
    end

    local function is_quiet()
      assert.equal(0, school.core.timers())
      assert.same({}, school.lectern.state["lectern.typing"])
    end

    it("reaches all devices of the receiver, and nobody else", function()
      local tab, phone, eve = school:socket "bob", school:socket "ada", school:socket("eve", "course:1")
      assert.is_true(typing.start_to(bob, "ada.bob", "ada"))
      assert.same({ { conversationId = "ada.bob", userId = "bob" } }, school:got(ada, "user_typing"))
      assert.equal("+ada.bob", told(phone))
      typing.stop_to(bob, "ada.bob", "ada")
      assert.same({ { conversationId = "ada.bob", userId = "bob" } }, school:got(ada, "user_stopped_typing"))
      assert.equal("-ada.bob", told(phone))
      for _, socket in ipairs { bob, tab, eve } do
        assert.equal("", told(socket) .. heard(socket))
      end
      advance(10)
      is_quiet()
    end)

    it("stops by itself, and when the typist disconnects", function()
      typing.start_to(bob, "ada.bob", "ada")
      advance(5.1)
      assert.equal("+ada.bob -ada.bob", told(ada))
      typing.start_to(bob, "ada.bob", "ada")
      school.core.close(bob)
      typing.disconnected(bob)
      assert.equal("+ada.bob -ada.bob", told(ada))
      is_quiet()
    end)

    it("stops when the typist leaves the room of the conversation, and of no other", function()
      typing.start_to(bob, "ada.bob", "ada")
      typing.stop(bob, "course:1")
      assert.equal("+ada.bob", told(ada))
      typing.stop(bob, "conversation:ada.bob")
      assert.equal("-ada.bob", told(ada))
    end)

    it("is thinned, and never to many at once", function()
      local cleo = school:socket "cleo"
      for _ = 1, 100 do
        typing.start_to(bob, "ada.bob", "ada")
        typing.start_to(bob, "bob.cleo", "cleo")
        advance(0.05)
      end
      assert.is_true(#told(ada) + #told(cleo) <= 2 * 12 * #"+ada.bob ")
      typing.stop_to(bob, "ada.bob", "ada")
      typing.stop_to(bob, "bob.cleo", "ada")
      advance(1.1)
      typing.start_to(bob, "bob.cleo", "cleo")
      assert.matches("%+bob.cleo$", told(cleo))
      typing.start_to(bob, "ada.bob", "ada")
      assert.equal("-bob.cleo", told(cleo))
      advance(10)
      is_quiet()
    end)

    it("does not meddle with typing in a room", function()
      typing.start(bob, "course:1", "d")
      typing.start_to(bob, "ada.bob", "ada")
      assert.equal("+d", heard(ada))
      assert.equal("+ada.bob", told(ada))
      typing.stop_to(bob, "ada.bob", "ada")
      assert.equal("", heard(ada))
      typing.stop(bob, "course:1")
      assert.equal("-d", heard(ada))
      assert.equal("-ada.bob", told(ada))
    end)

    it("is refused in conversations of others", function()
      for _, case in ipairs {
        { "ada.bob", "cleo", "forbidden" }, { "ada.cleo", "ada", "forbidden" },
        { "ada.bob", "bob", "invalid" }, { "own", "bob", "invalid" },
        { "own", "ada", "forbidden" }, { ("x"):rep(300), "ada", "invalid" },
      } do
        assert.equal(case[3], select(3, typing.start_to(bob, case[1], case[2])), case[1])
        typing.stop_to(bob, case[1], case[2])
      end
      assert.equal("", told(ada))
      is_quiet()
    end)

    it("in a conversation with an id of a platform's own is for those who are in its room", function()
      bob:join "conversation:17"
      assert.is_true(typing.start_to(bob, "17", "ada"))
      assert.equal("", told(ada))
      is_quiet()
      ada:join "conversation:17"
      local phone = school:socket "ada"
      assert.is_true(typing.start_to(bob, "17", "ada"))
      assert.equal("+17", told(ada))
      assert.equal("+17", told(phone))
      assert.is_true(typing.start_to(bob, "17", "eve")) -- who is not there
      assert.equal("-17", told(ada))
    end)
  end)

  it("keeps tabs of one person apart, and people", function()
    local tab = school:socket("bob", "course:1")
    typing.start(bob, "course:1", "d")
    typing.start(ada, "course:1", "d")
    assert.equal("+d", heard(ada))
    assert.equal("+d", heard(bob))
    assert.equal("+d", heard(tab))
    typing.stop(ada, "course:1", "d")
    assert.equal("-d", heard(bob))
    assert.equal("", heard(ada))
  end)

  it("a repeated start makes no timer and no message", function()
    typing.start(bob, "course:1", "d")
    local timers = school.core.timers()
    for _ = 1, 50 do
      typing.start(bob, "course:1", "d")
    end
    assert.equal(timers, school.core.timers())
    assert.equal(1, timers)
    assert.equal("+d", heard(ada))
  end)

  it("bears a clock that is a little early", function()
    typing.start(bob, "course:1", "d")
    local due = school.core.next_timer()
    due.due = due.due - 0.001
    advance(6)
    assert.equal("+d -d", heard(ada))
  end)
end)
