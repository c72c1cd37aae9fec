-- Live sessions: what late comers are told.

local class = require "support.class"

describe("lectern.live", function()
  local room, live, presence, ada, bob
  local ROOM = "live-session:9"

  before_each(function()
    room = class.new { presence = { grace = 5000 } }
    live, presence = require "lectern.live", require "lectern.presence"
    ada, bob = room:socket("ada", ROOM), room:socket("bob", ROOM)
    for _, socket in ipairs { ada, bob } do
      presence.connected(socket)
      presence.joined(socket, ROOM)
    end
  end)

  local function ids(list)
    local names = {}
    for i, entry in ipairs(list) do
      names[i] = entry.userId
    end
    return table.concat(names, " ")
  end

  local function hands()
    return ids(live.snapshot(ROOM).hands)
  end

  it("knows of nothing before something happens", function()
    assert.same({ live = false, hands = {}, screens = {} }, live.snapshot(ROOM))
    live.apply(ROOM, { type = "mute_all", userId = "tina" })
    assert.is_nil(next(room.lectern.state["lectern.live"].sessions))
  end)

  it("keeps hands in the order in which they went up", function()
    live.apply(ROOM, { type = "hand_raised", userId = "bob", data = { up = true } })
    live.apply(ROOM, { type = "hand_raised", userId = "ada" })
    live.apply(ROOM, { type = "hand_raised", userId = "bob", data = { up = true } })
    assert.equal("bob ada", hands())
    assert.equal(room.lectern.date(), live.snapshot(ROOM).hands[1].since)
    live.apply(ROOM, { type = "hand_raised", userId = "bob", data = { up = false } })
    assert.equal("ada", hands())
  end)

  it("says since when it is on, and forgets all at its end", function()
    local start = room.lectern.date()
    live.apply(ROOM, { type = "session_started", userId = "tina" })
    room.core.advance(60)
    live.apply(ROOM, { type = "session_started", userId = "tina" })
    live.apply(ROOM, { type = "screen_share", userId = "tina", data = { isSharing = true } })
    local session = live.snapshot(ROOM)
    assert.is_true(session.live)
    assert.equal(start, session.startedAt)
    assert.equal("tina", ids(session.screens))
    live.apply(ROOM, { type = "session_ended", userId = "tina" })
    assert.is_false(live.snapshot(ROOM).live)
    assert.equal(0, room.lectern.state["lectern.live"].count)
  end)

  it("takes the hand of who leaves down, and tells the others", function()
    live.apply(ROOM, { type = "hand_raised", userId = "ada" })
    live.apply(ROOM, { type = "screen_share", userId = "ada" })
    presence.left(ada, ROOM)
    ada:leave(ROOM)
    local got = room:got(bob, "live_session_event")
    assert.equal(2, #got)
    assert.same({ "hand_raised", { up = false } }, { got[1].type, got[1].data })
    assert.same({ "screen_share", { isSharing = false } }, { got[2].type, got[2].data })
    assert.equal("9", got[1].sessionId)
    assert.equal("", hands())
    assert.equal(0, room.lectern.state["lectern.live"].count)
  end)

  it("leaves it up while somebody may come back", function()
    live.apply(ROOM, { type = "hand_raised", userId = "ada" })
    room.core.close(ada)
    presence.disconnected(ada)
    room.core.advance(4)
    assert.equal("ada", hands())
    room.core.advance(2)
    assert.equal("", hands())
    assert.equal(1, #room:got(bob, "live_session_event"))
  end)

  it("says goodbye once: who said it leaves nothing to tell", function()
    live.apply(ROOM, { type = "hand_raised", userId = "ada" })
    live.apply(ROOM, { type = "user_left", userId = "ada" })
    presence.left(ada, ROOM)
    assert.equal(0, #room:got(bob, "live_session_event"))
  end)

  it("takes odd payloads", function()
    for _, data in ipairs { 1, "x", true, {} } do
      live.apply(ROOM, { type = "hand_raised", userId = "ada", data = data })
      assert.equal("ada", hands())
    end
    live.apply(ROOM, { type = "hand_raised", data = { up = true } })
    assert.equal("ada", hands())
  end)

  it("knows people by text, as tokens do", function()
    live.apply(ROOM, { type = "hand_raised", userId = 7 })
    live.apply(ROOM, { type = "hand_raised", userId = "7" })
    live.apply(ROOM, { type = "hand_raised", userId = {} })
    assert.equal("7", hands())
    live.apply(ROOM, { type = "hand_raised", userId = 7, data = { up = false } })
    assert.equal("", hands())
  end)

  it("forgets no session for an event that changes nothing", function()
    for i = 1, 10000 do
      live.apply("live-session:" .. i, { type = "session_started" })
    end
    for _, event in ipairs {
      { type = "mute_all" }, { type = "hand_raised" }, { type = "user_left", userId = "ada" },
      { type = "hand_raised", userId = "ada", data = { up = false } },
      { type = "screen_share", userId = "ada", data = { isSharing = false } },
    } do
      live.apply("live-session:other", event)
    end
    assert.is_true(live.snapshot("live-session:1").live)
  end)

  it("remembers a bounded number of sessions, and hands", function()
    for i = 1, 10001 do
      live.apply("live-session:" .. i, { type = "session_started" })
    end
    assert.equal(10000, room.lectern.state["lectern.live"].count)
    assert.is_false(live.snapshot("live-session:1").live)
    assert.is_true(live.snapshot("live-session:10001").live)
    for i = 1, 501 do
      live.apply(ROOM, { type = "hand_raised", userId = "u" .. i })
    end
    assert.equal(500, #live.snapshot(ROOM).hands)
  end)
end)
