local class = require "support.class"

describe("presence", function()
  local school, presence

  local function load(config)
    school = class.new(config)
    presence = require "lectern.presence"
  end

  before_each(function()
    load()
  end)

  local function arrive(id, ...)
    local socket = school:socket(id)
    presence.connected(socket)
    for _, room in ipairs { ... } do
      socket:join(room)
      presence.joined(socket, room)
    end
    return socket
  end

  local function leave(socket, room)
    presence.left(socket, room)
    socket:leave(room)
  end

  local function go(socket)
    school.core.close(socket)
    presence.disconnected(socket)
    school.core.forget(socket)
  end

  -- "bob online, eve offline": what a socket heard since it was last asked
  local function heard(socket)
    local list = {}
    for i, payload in ipairs(school:got(socket, "user_presence")) do
      list[i] = payload.userId .. " " .. payload.status
    end
    return table.concat(list, ", ")
  end

  local function online(room)
    local ids, count = presence.online(room)
    table.sort(ids)
    assert.equal(#ids, count)
    return table.concat(ids, " ")
  end

  it("counts all, and names some", function()
    local people = {}
    for i = 1, 5 do
      people[i] = arrive("p" .. i, "course:1")
    end
    presence.joined(people[1], "course:1")
    local ids, count = presence.online("course:1", 3)
    assert.equal(3, #ids)
    assert.equal(5, count)
    leave(people[1], "course:1")
    presence.left(people[1], "course:1")
    go(people[2])
    school.core.advance(60)
    assert.equal("p3 p4 p5", online "course:1")
    for i = 3, 5 do
      leave(people[i], "course:1")
    end
    ids, count = presence.online("course:1")
    assert.same({}, ids)
    assert.equal(0, count)
  end)

  describe("of a socket that is recovered", function()
    local function come_back(id, ...)
      local socket = school:socket(id, ...)
      school.core.recovered(socket)
      presence.connected(socket)
      return socket
    end

    it("shows nowhere within the grace", function()
      local ada = arrive("ada", "course:1")
      local bob = arrive("bob", "course:1")
      heard(ada)
      go(bob)
      school.core.advance(5)
      come_back("bob", "course:1")
      school.core.advance(60)
      assert.equal("", heard(ada))
      assert.equal("ada bob", online "course:1")
    end)

    it("says online again after the grace, in the rooms that came back with it", function()
      local ada = arrive("ada", "course:1")
      local bob = arrive("bob", "course:1")
      heard(ada)
      go(bob)
      school.core.advance(60)
      assert.equal("ada", online "course:1")
      come_back("bob", "course:1")
      assert.equal("bob offline, bob online", heard(ada))
      assert.equal("ada bob", online "course:1")
    end)
  end)

  it("tells a room who comes in, with the guide's payload", function()
    local ada = arrive("ada", "course:1")
    local bob = arrive("bob", "course:1")
    assert.same({ { userId = "bob", status = "online", lastSeen = "2027-01-15T08:00:00.000Z" } },
      school:got(ada, "user_presence"))
    assert.equal("", heard(bob))
    assert.equal("ada bob", online "course:1")
  end)

  it("tells nobody of rooms that are not shared", function()
    local ada = arrive("ada", "course:1")
    arrive("bob", "course:2")
    assert.equal("", heard(ada))
    assert.equal("bob", online "course:2")
    assert.equal("", online "course:3")
  end)

  it("counts people, not tabs", function()
    local ada = arrive("ada", "course:1")
    local first = arrive("bob", "course:1")
    local second = arrive("bob", "course:1")
    assert.equal("bob online", heard(ada))
    assert.equal("", heard(first))
    assert.equal("ada bob", online "course:1")
    go(first)
    school.core.advance(60)
    assert.equal("", heard(ada))
    assert.is_true(presence.is_online "bob")
    go(second)
    school.core.advance(60)
    assert.equal("bob offline", heard(ada))
    assert.is_false(presence.is_online "bob")
    assert.equal("ada", online "course:1")
  end)

  it("says offline when the grace is over, with the time of leaving", function()
    local ada = arrive("ada", "course:1")
    local bob = arrive("bob", "course:1")
    heard(ada)
    school.core.advance(5)
    go(bob)
    school.core.advance(9.9)
    assert.equal("", heard(ada))
    assert.equal("ada bob", online "course:1")
    school.core.advance(0.1)
    assert.same({ { userId = "bob", status = "offline", lastSeen = "2027-01-15T08:00:05.000Z" } },
      school:got(ada, "user_presence"))
    assert.equal(0, school.core.timers())
  end)

  it("shows nothing of somebody who is back within the grace", function()
    local ada = arrive("ada", "course:1")
    go(arrive("bob", "course:1"))
    heard(ada)
    school.core.advance(9)
    arrive("bob", "course:1")
    school.core.advance(100)
    assert.equal("", heard(ada))
    assert.equal("ada bob", online "course:1")
  end)

  it("forgets the rooms that somebody who is back does not join again", function()
    go(arrive("bob", "course:1", "course:2"))
    school.core.advance(9)
    arrive("bob", "course:2")
    assert.equal("bob", online "course:1")
    school.core.advance(11)
    assert.equal("", online "course:1")
    assert.equal("bob", online "course:2")
    assert.is_true(presence.is_online "bob")
  end)

  it("starts the grace anew at each going", function()
    local ada = arrive("ada", "course:1")
    go(arrive("bob", "course:1"))
    school.core.advance(9)
    go(arrive("bob", "course:1"))
    heard(ada)
    school.core.advance(9)
    assert.equal("", heard(ada))
    school.core.advance(1)
    assert.equal("bob offline", heard(ada))
  end)

  it("tells each other person once, whatever rooms they share", function()
    local ada = arrive("ada", "course:1", "course:2", "lobby")
    local bob = arrive("bob", "course:1", "course:2", "lobby")
    assert.equal("bob online", heard(ada))
    go(bob)
    school.core.advance(10)
    assert.equal("bob offline", heard(ada))
  end)

  it("says offline also where the person only has been", function()
    local ada, eve = arrive("ada", "course:1"), arrive("eve", "course:2")
    local bob = arrive("bob", "course:1")
    leave(bob, "course:1")
    assert.equal("ada", online "course:1")
    bob:join "course:2"
    presence.joined(bob, "course:2")
    heard(ada)
    heard(eve)
    go(bob)
    school.core.advance(10)
    assert.equal("bob offline", heard(ada))
    assert.equal("bob offline", heard(eve))
  end)

  it("says online again to a room that was left and joined again", function()
    local ada = arrive("ada", "course:1")
    local bob = arrive("bob", "course:1")
    leave(bob, "course:1")
    bob:join "course:1"
    presence.joined(bob, "course:1")
    assert.equal("bob online, bob online", heard(ada))
  end)

  it("a tab that leaves a room does not take the person's other tabs along", function()
    local first = arrive("bob", "course:1")
    local second = arrive("bob", "course:1")
    leave(first, "course:1")
    assert.equal("bob", online "course:1")
    leave(second, "course:1")
    assert.equal("", online "course:1")
  end)

  it("a tab that goes takes the person out of the rooms that only it was in", function()
    local tab = arrive("bob", "course:1", "course:2")
    arrive("bob", "course:2")
    go(tab)
    assert.equal("", online "course:1")
    assert.equal("bob", online "course:2")
  end)

  it("is at once offline with a grace of 0", function()
    load { presence = { grace = 0 } }
    local ada = arrive("ada", "course:1")
    local bob = arrive("bob", "course:1")
    heard(ada)
    go(bob)
    school.core.advance(0)
    assert.equal("bob offline", heard(ada))
  end)

  it("names 100 people of a large class, and counts all", function()
    for i = 1, 150 do
      arrive("s" .. i, "course:1")
    end
    local ids, count = presence.online "course:1"
    assert.equal(100, #ids)
    assert.equal(150, count)
    ids, count = presence.online("course:1", 3)
    assert.equal(3, #ids)
    assert.equal(150, count)
  end)

  it("forgets everything of who has gone, and keeps no more rooms than it says", function()
    local state = school.lectern.state["lectern.presence"]
    local bob = arrive "bob"
    for i = 1, 2000 do
      bob:join("room" .. i)
      presence.joined(bob, "room" .. i)
      leave(bob, "room" .. i)
    end
    local n = 0
    for _ in pairs(state.people["user:bob"].rooms) do
      n = n + 1
    end
    assert.is_true(n <= 500)
    assert.equal(n, state.people["user:bob"].known)
    go(bob)
    school.core.advance(10)
    assert.same({ people = {}, members = {} }, state)
  end)

  it("is harmless for sockets that it has not seen come", function()
    local socket = school:socket("ada", "course:1")
    presence.joined(socket, "course:1")
    presence.left(socket, "course:1")
    presence.disconnected(socket)
    assert.equal(0, school.core.timers())
    assert.equal("", online "course:1")
  end)

  it("ignores the own user room and joining twice", function()
    local ada = arrive("ada", "course:1")
    local bob = arrive("bob", "user:bob", "course:1", "course:1")
    assert.equal("bob online", heard(ada))
    assert.equal("", heard(bob))
    assert.equal("", online "user:bob")
  end)
end)
