local app = require "support.app"

local function school_with(default)
  return app.new { dir = "examples/elearning", config = { rooms = { default = default } } }
end

describe("rooms", function()
  it("are open with a warning, unless the default is deny", function()
    local open = school_with "allow"
    assert.equal("warn", open.core.logged[1].level)
    assert.matches("rooms.default", open.core.logged[1].message)
    assert.is_true(open:connect({ id = "ada" }):ask("join_room", { room = "course:1" }).ok)
    local closed = school_with "deny"
    assert.same({}, closed.core.logged)
  end)

  it("refuse with the reason, as an ack or as the event error", function()
    local ada = school_with("deny"):connect { id = "ada" }
    local refusal = { code = "forbidden", message = "no access to course:1" }
    assert.same({ ok = false, error = refusal }, ada:ask("join_room", { room = "course:1" }))
    ada:emit("join_room", { room = "course:1" })
    refusal.event = "join_room"
    assert.same({ refusal }, ada:got "error")
    assert.is_false(ada.socket:has_joined "course:1")
  end)

  it("refuse payloads that are no requests", function()
    local ada = school_with("allow"):connect { id = "ada" }
    for _, event in ipairs { "join_room", "leave_room", "who_is_online" } do
      for _, payload in ipairs { "", "course:", 5, true, {}, { room = 5 }, { room = "" }, { room = {} },
        { room = "course:" }, { room = ("x"):rep(500) }, { room = "course:1", type = {} }, { "course:1" } } do
        local ack = ada:ask(event, payload)
        assert.equal("invalid", ack.error and ack.error.code, event)
      end
      assert.equal("invalid", ada:ask(event).error.code)
    end
  end)

  it("are joined and left by a bare name or an object, and the socket that asked is told", function()
    local school = school_with "allow"
    local ada, tab = school:connect { id = "ada" }, school:connect { id = "ada" }
    for _, name in ipairs { "course-1", "session:5", "live-session:6", "lobby" } do
      for _, payload in ipairs { name, { room = name, type = "discussion" } } do
        ada:clear()
        local room = ada:ask("join_room", payload).room
        assert.is_true(ada.socket:has_joined(room))
        assert.same({ { room = name } }, ada:got "joined_room")
        ada:emit("join_room", payload)
        assert.equal(2, #ada:got "joined_room")
        assert.same({ ok = true, room = room }, ada:ask("leave_room", payload))
        assert.same({ { room = name } }, ada:got "left_room")
        assert.is_false(ada.socket:has_joined(room))
      end
    end
    assert.equal("user:ada", ada:ask("join_room", "user:ada").room)
    assert.same({}, tab:got "joined_room")
    assert.same({}, tab:got "left_room")
  end)

  it("tell nothing where they refuse", function()
    local ada = school_with("deny"):connect { id = "ada" }
    ada:emit("join_room", "course:1")
    ada:emit("leave_room", "user:ada")
    assert.same({}, ada:got "joined_room")
    assert.same({}, ada:got "left_room")
    assert.equal(2, #ada:got "error")
    ada:emit("leave_room", "course:1") -- where nobody is, nobody need be refused
    assert.same({ { room = "course:1" } }, ada:got "left_room")
  end)

  it("let nobody into others' rooms", function()
    local school = school_with "allow"
    local ada, bob = school:connect { id = "ada" }, school:connect { id = "bob" }
    for _, room in ipairs { "user:bob", "user-bob", "private:bob:eve", bob.socket.id } do
      assert.equal("forbidden", ada:ask("join_room", { room = room }).error.code, room)
    end
    assert.equal("private:ada:bob", ada:ask("join_room", { room = "private:bob:ada" }).room)
  end)

  it("open by claims of the token", function()
    local ada = school_with("deny"):connect { id = "ada", courses = { "course-1" } }
    assert.is_true(ada:ask("join_room", { room = "course:1" }).ok)
    assert.is_false(ada:ask("join_room", { room = "course:2" }).ok)
  end)

  it("open and close by grant_room and revoke_room", function()
    local school = school_with "deny"
    local ada = school:connect { id = "ada" }
    local bob = school:connect { id = "bob", courses = { "1" } }
    bob:ask("join_room", { room = "course:1" })
    assert.equal("course:1", school.api.grant_room("ada", "course-1"))
    assert.is_true(ada:ask("join_room", { room = "course:1" }).ok)
    ada:emit("typing_start", { room = "course:1" })
    assert.equal("course:1", school.api.revokeRoom("ada", "course:1"))
    assert.is_false(ada.socket:has_joined "course:1")
    assert.is_true(bob.socket:has_joined "course:1")
    assert.same({ { room = "course:1" } }, ada:got "room_revoked")
    assert.is_false(bob:got("typing_indicator")[2].isTyping)
    assert.same({ "bob" }, bob:ask("who_is_online", { room = "course:1" }).online)
    assert.equal("forbidden", ada:ask("join_room", { room = "course:1" }).error.code)
    assert.equal("invalid", select(3, school.api.grant_room("ada", "user:bob")))
    assert.equal("invalid", select(3, school.api.grant_room(nil, "course:1")))
    assert.equal("invalid", select(3, school.api.revoke_room("ada")))
    assert.equal("invalid", select(3, school.api.revoke_room({}, "course:1")))
  end)

  it("tell a newcomer who is there", function()
    local school = school_with "allow"
    local ada, bob = school:connect { id = "ada" }, school:connect { id = "bob" }
    ada:ask("join_room", { room = "course:1" })
    local ack = bob:ask("join_room", { room = "course:1" })
    table.sort(ack.online)
    assert.same({ "ada", "bob" }, ack.online)
    assert.equal(2, ack.onlineCount)
    assert.equal("forbidden", ada:ask("who_is_online", { room = "course:2" }).error.code)
  end)

  it("are bounded in number, by the server", function()
    local school = app.new { dir = "examples/elearning", config = { max_rooms = 2 } }
    local ada = school:connect { id = "ada" }
    assert.is_true(ada:ask("join_room", { room = "course:1" }).ok)
    assert.equal("full", ada:ask("join_room", { room = "course:2" }).error.code)
    assert.same({}, ada:got "user_presence")
  end)

  it("are left with the person's typing, but never the own one", function()
    local school = school_with "allow"
    local ada, bob = school:connect { id = "ada" }, school:connect { id = "bob" }
    for _, client in ipairs { ada, bob } do
      client:ask("join_room", { room = "course:1" })
    end
    ada:emit("typing_start", { room = "course:1" })
    ada:emit("leave_room", { room = "course-1" })
    assert.is_false(bob:got("typing_indicator")[2].isTyping)
    assert.is_true(ada:ask("leave_room", { room = "course:1" }).ok)
    assert.equal("forbidden", ada:ask("leave_room", { room = "user:ada" }).error.code)
    assert.is_true(ada.socket:has_joined "user:ada")
  end)
end)
