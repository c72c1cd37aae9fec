local app = require "support.app"

describe("rooms", function()
  local core, rooms, lectern

  local function load(config)
    core = app.core(config)
    lectern = require "lectern"
    rooms = require "lectern.rooms"
  end

  local function may_join(id, room)
    return (rooms.may_join({ id = id }, room))
  end

  before_each(function()
    load()
  end)

  describe("names", function()
    it("are made of kind and id", function()
      assert.equal("user:7", rooms.user(7))
      assert.equal("user:ada", rooms.user "ada")
      assert.equal("course:123", rooms.course "123")
      assert.equal("discussion:9", rooms.discussion(9))
      assert.equal("live-session:456", rooms.live_session "456")
      assert.equal("user:9007199254740992", rooms.user(2 ^ 53))
    end)

    it("are the same for an id that bears its kind", function()
      for _, id in ipairs {
        "123", 123, "course-123", "course:123", "course:course-123", "course-course-123",
      } do
        assert.equal("course:123", rooms.course(id))
      end
      assert.equal("live-session:456", rooms.live_session "live-session-456")
      assert.equal("live-session:456", rooms.live_session "live-session:456")
      local ids = { "session-456", "session:456", "session:live-session-456", "live-session:session-456" }
      for _, id in ipairs(ids) do
        assert.equal("live-session:456", rooms.live_session(id))
        assert.equal("live-session:456", rooms.of("session", id))
      end
      -- what only looks like it stays
      assert.equal("course:courses-1", rooms.course "courses-1")
      assert.equal("course:user-1", rooms.course "user-1")
    end)

    it("of private rooms have their ids sorted", function()
      assert.equal("private:ada:bob", rooms.private("bob", "ada"))
      assert.equal("private:ada:user-bob", rooms.private("user-bob", "ada"))
      assert.equal("private:10:9", rooms.private(9, 10))
      assert.equal("private:google%3A1:lti%25", rooms.private("lti%", "google:1"))
    end)

    it("of people hold the id literally", function()
      local ids = { "user", "user-1", "user:1", "user:user-1", " a", "a ", "%", "a:b", ("x"):rep(255) }
      for _, id in ipairs(ids) do
        assert.equal("user:" .. id, rooms.user(id))
        assert.equal("instructor:" .. id, rooms.instructor(id))
        assert.equal(id, rooms.person(id))
      end
      for _, id in ipairs { "", "a\nb", "\127", "\0", ("x"):rep(256), 1.5, 2 ^ 60, {}, true, 0 / 0 } do
        assert.equal("invalid", select(3, rooms.person(id)))
        assert.has_error(function() return (rooms.user(id)) end)
        assert.has_error(function() return (rooms.instructor(id)) end)
      end
      assert.equal("7", rooms.person(7))
    end)

    it("of private rooms hold any two people, and give them back", function()
      local long = ("%:"):rep(127)
      local pairs_of = { { "user", "user-" }, { "a:b", "a%3Ab" }, { "a ", " a" }, { long .. 1, long .. 2 } }
      for _, pair in ipairs(pairs_of) do
        local name = rooms.private(pair[1], pair[2])
        assert.equal(name, rooms.private(pair[2], pair[1]))
        assert.equal(name, rooms.normalise(name))
        assert.is_true(#name <= 1539)
        local a, b = rooms.pair(name)
        assert.is_true(a == pair[1] and b == pair[2] or a == pair[2] and b == pair[1])
      end
      assert.is_nil((rooms.pair "course:1"))
      assert.is_nil((rooms.pair "private:a:b%"))
    end)

    it("raise for what is no id, at the caller's line", function()
      local ids = { "", "course-", "a\nb", (" "):rep(3), ("x"):rep(300), 1.5, 2 ^ 60, {}, true, 0 / 0 }
      for _, id in ipairs(ids) do
        local ok, why = pcall(function() return (rooms.course(id)) end)
        assert.is_false(ok, tostring(id))
        assert.matches("rooms_spec.lua:%d+: rooms: no course has the id", why)
      end
      assert.has_error(function() return (rooms.user(nil)) end)
      assert.has_error(function() return (rooms.private("7", 7)) end)
      assert.has_error(function() return (rooms.private("a")) end)
    end)
  end)

  describe("of conversations", function()
    it("have one name, however long the ids are", function()
      local long = ("%:"):rep(127)
      for _, pair in ipairs { { "ada", "bob" }, { "user:1", "é" }, { long .. 1, long .. 2 } } do
        local room = rooms.conversation(pair[1], pair[2])
        assert.equal(room, rooms.normalise(room))
        assert.equal("conversation", (rooms.parse(room)))
      end
      assert.equal("conversation:x1", rooms.normalise "conversation:x1")
      assert.equal("invalid", select(3, rooms.normalise("conversation:" .. ("x"):rep(300))))
      assert.has_error(function() return (rooms.conversation("ada", "ada")) end)
    end)

    it("are for their two people, and nobody else", function()
      for _, default in ipairs { "allow", "deny" } do
        load { rooms = { default = default } }
        assert.equal("conversation:ada.bob", may_join("ada", "conversation:ada.bob"))
        assert.equal("conversation:ada.bob", may_join("bob", "conversation:ada.bob"))
        assert.is_nil(may_join("eve", "conversation:ada.bob"))
        local admin = { id = "root", role = "admin" }
        assert.equal("forbidden", select(3, rooms.may_join(admin, "conversation:ada.bob")))
        assert.equal("invalid", select(3, rooms.grant("eve", "conversation:ada.bob")))
      end
    end)

    it("that a platform keeps itself open by grants alone", function()
      for _, default in ipairs { "allow", "deny" } do
        load { rooms = { default = default } }
        assert.is_nil(may_join("ada", "conversation:clx81"))
        assert.is_nil((rooms.may_join({ id = "root", role = "admin" }, "conversation:clx81")))
        assert.equal("conversation:clx81", rooms.grant("ada", "conversation:clx81"))
        assert.equal("conversation:clx81", may_join("ada", "conversation:clx81"))
        assert.is_nil(may_join("bob", "conversation:clx81"))
        rooms.revoke("ada", "conversation:clx81")
        assert.is_nil(may_join("ada", "conversation:clx81"))
      end
    end)
  end)

  it("of ids from outside are refused, not raised", function()
    assert.equal("course:7", rooms.of("course", 7))
    assert.equal("user:user-ada", rooms.of("user", "user-ada"))
    assert.equal("user:1000000000000000", rooms.of("user", 1e15))
    for _, id in ipairs { "", "course-", 1.5, {}, true, lectern.null } do
      assert.same({ nil, "that is no id of a course", "invalid" }, { rooms.of("course", id) })
    end
    assert.equal("invalid", select(3, rooms.of("course", nil)))
    assert.has_error(function() return (rooms.of("club", "1")) end)
    assert.has_error(function() return (rooms.of("private", "a:b")) end)
  end)

  describe("normalise", function()
    local cases = {
      -- what a client sends, the room
      { "course:123", "course:123" },
      { "course:course-123", "course:123" },
      { "course:course:123", "course:123" },
      { "course-123", "course:123" },
      { "live-session:live-session-456", "live-session:456" },
      { "live-session-456", "live-session:456" },
      { "discussion:discussion-789", "discussion:789" },
      { "session:456", "live-session:456" }, -- the other word for it
      { "session-456", "live-session:456" },
      { "session:session:456", "live-session:456" },
      { "session:live-session-456", "live-session:456" },
      { "live-session:session-456", "live-session:456" },
      { "session:" .. ("x"):rep(187), "live-session:" .. ("x"):rep(187) },
      { "sessions:456", "sessions:456" },
      { "session-notes:7", "session-notes:7" },
      { "instructor:7", "instructor:7" }, -- a person's, literally
      { "instructor:instructor-7", "instructor:instructor-7" },
      { "instructor:user:7", "instructor:user:7" },
      { "instructor: a ", "instructor: a " },
      { "instructor-7", "instructor:7" },
      { "user:user-1", "user:user-1" }, -- the person user-1
      { "user:user:1", "user:user:1" },
      { "user-1", "user:1" }, -- a name without a kind, not an id
      { "user-user-1", "user:user-1" },
      { "user: a ", "user: a " },
      { "user:google:1", "user:google:1" },
      { "private:b:a", "private:a:b" },
      { "private:user-2:user-1", "private:user-1:user-2" },
      { "private:user%3A2:user%3A1", "private:user%3A1:user%3A2" },
      { "lobby", "lobby" },
      { "quiz:7", "quiz:7" },
      { "course-notes:7", "course-notes:7" },
      { "courses", "courses" },
      { "private-lounge", "private-lounge" },
      { "Course:1", "Course:1" },
      { ":", ":" },
      { "raum:größe", "raum:größe" },
    }
    for _, case in ipairs(cases) do
      it("takes " .. case[1] .. " for " .. case[2], function()
        assert.equal(case[2], rooms.normalise(case[1]))
        assert.equal(case[2], rooms.normalise(rooms.normalise(case[1])))
      end)
    end

    local no_pair = "a private room is named private:{id}:{id}, of two people; in an id, "
      .. "':' is written %3A and '%' %25"
    local refused = {
      { "", "the name of the room is empty" },
      { " course:1", "the name of the room begins or ends with a space" },
      { "course:1 ", "the name of the room begins or ends with a space" },
      { "course:\0001", "the name of the room has control characters in it" },
      { "a\127", "the name of the room has control characters in it" },
      { ("x"):rep(201), "the name of the room is longer than 200 bytes" },
      { "course:", "the room lacks an id: course:{id}" },
      { "course-", "the room lacks an id: course:{id}" },
      { "session:", "the room lacks an id: live-session:{id}" },
      { "session:live-session-", "the room lacks an id: live-session:{id}" },
      { "session:" .. ("x"):rep(188), "the name of the room is longer than 200 bytes" },
      { "instructor:", "the room lacks an id: instructor:{id}" },
      { "instructor:a\nb", "the id of a person has control characters in it" },
      { "user:", "the room lacks an id: user:{id}" },
      { "user:a\nb", "the id of a person has control characters in it" },
      { "user:" .. ("x"):rep(256), "the id of a person is longer than 255 bytes" },
      { "course: 1", "the name of the room begins or ends with a space" },
      { "private:a", no_pair },
      { "private:a:a", no_pair },
      { "private:a:b:c", no_pair },
      { "private:user:2:user:1", no_pair },
      { "private:a%:b", no_pair },
      { "private:a%2:b", no_pair },
      { "private:a%3a:b", no_pair },
      { "private:a\0:b", no_pair },
      { "private:a:" .. ("x"):rep(256), no_pair },
      { "private::b", no_pair },
      { 5, "the name of a room must be a string" },
      { { "course:1" }, "the name of a room must be a string" },
    }
    for i, case in ipairs(refused) do
      it(("refuses case %d: %s"):format(i, case[2]), function()
        assert.same({ nil, case[2], "invalid" }, { rooms.normalise(case[1]) })
      end)
    end

    it("refuses nil and null", function()
      assert.is_nil((rooms.normalise(nil)))
      assert.is_nil((rooms.normalise(lectern.null)))
    end)
  end)

  it("parse gives kind and id", function()
    assert.same({ "course", "1" }, { rooms.parse "course:1" })
    assert.same({ "live-session", "a:b" }, { rooms.parse "live-session:a:b" })
    assert.same({ "instructor", "a:b" }, { rooms.parse "instructor:a:b" })
    assert.same({ "private", "a:b" }, { rooms.parse "private:a:b" })
    assert.same({ nil, "quiz:7" }, { rooms.parse "quiz:7" })
    assert.same({ nil, "lobby" }, { rooms.parse "lobby" })
    assert.has_error(function() return (rooms.parse(nil)) end)
  end)

  describe("may_join", function()
    local ada = { id = "ada", role = "student" }

    local function may(user, room)
      local allowed, _, code = rooms.may_join(user, room)
      return allowed or code
    end

    it("opens the own user room, and no other, not even to an admin", function()
      assert.equal("user:ada", may(ada, "user:ada"))
      assert.equal("user:ada", may(ada, "user-ada"))
      assert.equal("forbidden", may({ id = "user-ada" }, "user:ada"))
      assert.equal("forbidden", may({ id = "user-ada" }, "user-ada"))
      assert.equal("user:user-ada", may({ id = "user-ada" }, "user:user-ada"))
      assert.equal("forbidden", may(ada, "user:user-ada"))
      assert.equal("forbidden", may(ada, "user:bob"))
      assert.equal("forbidden", may(ada, "user-bob"))
      assert.equal("forbidden", may({ id = "eve", role = "admin" }, "user:ada"))
      assert.equal("user:7", may({ id = 7 }, "user:7"))
    end)

    it("opens a private room to its two people only", function()
      assert.equal("private:ada:bob", may(ada, "private:bob:ada"))
      assert.equal("private:ada:bob", may({ id = "bob" }, "private:ada:bob"))
      assert.equal("forbidden", may({ id = "eve", role = "admin" }, "private:ada:bob"))
      assert.equal("forbidden", may({ id = "ad" }, "private:ada:bob"))
      assert.equal("invalid", may(ada, "private:ada"))
      local odd = { id = "lti:7" }
      assert.equal("private:ada:lti%3A7", may(odd, rooms.private("ada", "lti:7")))
      assert.equal("forbidden", may({ id = "lti" }, "private:ada:lti%3A7"))
    end)

    it("follows rooms.default for rooms that nothing else opens", function()
      assert.equal("course:1", may(ada, "course:course-1"))
      assert.equal("lobby", may(ada, "lobby"))
      load { rooms = { default = "deny" } }
      assert.same({ nil, "no access to course:1", "forbidden" }, { rooms.may_join(ada, "course:1") })
      assert.equal("forbidden", may(ada, "lobby"))
    end)

    it("opens by role admin, then by claims, with the default deny", function()
      load { rooms = { default = "deny" } }
      assert.equal("course:1", may({ id = "eve", role = { "x", "admin" } }, "course:1"))
      assert.equal("lobby", may({ id = "eve", role = "admin" }, "lobby"))
      local user = {
        id = "ada",
        courses = { "course-1", 2 },
        sessions = { "live-session:9", "session-10" },
        discussions = "d",
      }
      assert.equal("course:1", may(user, "course:1"))
      assert.equal("course:2", may(user, "course-2"))
      assert.equal("live-session:9", may(user, "live-session:9"))
      assert.equal("live-session:9", may(user, "session:9"))
      assert.equal("live-session:10", may(user, "live-session:10"))
      assert.equal("discussion:d", may(user, "discussion:discussion-d"))
      assert.equal("forbidden", may(user, "course:9"))
      assert.equal("forbidden", may(user, "live-session:1"))
      assert.equal("forbidden", may(user, "courses:1"))
    end)

    it("opens an instructor's room to that person, and to whoever is named, by the very id", function()
      load { rooms = { default = "deny" } }
      assert.equal("instructor:ada", may(ada, "instructor:ada"))
      assert.equal("instructor:7", may({ id = 7 }, "instructor:7"))
      assert.equal("forbidden", may(ada, "instructor:bob"))
      assert.equal("forbidden", may(ada, "instructor:instructor-ada"))
      assert.equal("instructor:bob", may({ id = "eve", role = "admin" }, "instructor:bob"))
      local user = { id = "eve", instructors = { "bob", 7, "instructor-cleo" } }
      assert.equal("instructor:bob", may(user, "instructor-bob"))
      assert.equal("instructor:7", may(user, "instructor:7"))
      assert.equal("instructor:instructor-cleo", may(user, "instructor:instructor-cleo"))
      assert.equal("forbidden", may(user, "instructor:cleo"))
      rooms.grant("eve", "instructor:cleo")
      assert.equal("instructor:cleo", may(user, "instructor:cleo"))
      load { rooms = { default = "allow" } }
      assert.equal("instructor:bob", may(ada, "instructor:bob"))
    end)

    it("is not opened by claims of odd types", function()
      load { rooms = { default = "deny" } }
      for _, claim in ipairs { true, 1.5, { {} }, { true }, lectern.null, { [1] = lectern.null } } do
        assert.equal("forbidden", may({ id = "ada", courses = claim }, "course:1"))
      end
    end)

    it("is not opened by what is taken back while it is looked up", function()
      load { rooms = { default = "deny" } }
      rooms.grant("ada", "course:1")
      local store = require "lectern.store.grants"
      local get, calls = store.get, 0
      function store.get(...)
        calls = calls + 1
        local said = get(...)
        if calls == 1 then -- the answer comes behind those of others
          rooms.revoke("ada", "course:1")
          rooms.grant("bob", "course:1")
        end
        return said
      end
      assert.equal("forbidden", may(ada, "course:1"))
      assert.equal(2, calls)
    end)

    it("opens by a grant, and closes by revoke, whatever the default", function()
      load { rooms = { default = "deny" } }
      assert.equal("course:1", rooms.grant("ada", "course-1"))
      assert.equal("course:1", may(ada, "course:1"))
      assert.equal("forbidden", may({ id = "bob" }, "course:1"))
      assert.equal("course:1", rooms.revoke("ada", "course:1"))
      assert.equal("forbidden", may(ada, "course:1"))

      load { rooms = { default = "allow" } }
      assert.equal("course:1", may(ada, "course:1"))
      rooms.revoke("ada", "course:1")
      assert.equal("forbidden", may(ada, "course:1"))
      assert.equal("course:1", may({ id = "ada", courses = { "1" } }, "course:1"))
      rooms.grant("ada", "course:1")
      assert.equal("course:1", may(ada, "course:1"))
    end)

    it("lets nobody in by default, or by a grant, while the database is away", function()
      rooms.grant("ada", "course:1")
      core.db_failure = { "the database is away", "unavailable" }
      assert.equal("unavailable", may(ada, "course:1"))
      assert.equal("unavailable", may(ada, "lobby"))
      assert.equal("user:ada", may(ada, "user:ada"))
      assert.equal("private:ada:bob", may(ada, "private:ada:bob"))
      assert.equal("course:1", may({ id = "bob", courses = { "1" } }, "course:1"))
      assert.equal("unavailable", select(3, rooms.grant("bob", "course:1")))
      assert.equal("unavailable", select(3, rooms.revoke("ada", "course:1")))
    end)

    it("refuses the room that a socket is by itself", function()
      local socket = core.connect("/", { id = "bob" })
      core.accept(socket)
      assert.equal("forbidden", may(ada, socket.id))
    end)

    it("raises for a user without id", function()
      assert.has_error(function() return (rooms.may_join({}, "course:1")) end)
      assert.has_error(function() return (rooms.may_join(nil, "course:1")) end)
    end)
  end)

  -- What people find to call themselves, or somebody finds to be taken for another.
  it("of two people never meet, whatever their ids are", function()
    math.randomseed(9)
    local parts = { "user", "private", ":", "-", "%", "%25", "%3A", " ", "a", "b", "7", "é", "\\", "'" }
    local function any_id()
      local id = {}
      for i = 1, math.random(1, 5) do
        id[i] = parts[math.random(#parts)]
      end
      return table.concat(id)
    end
    for _ = 1, 20000 do
      local a, b, c = any_id(), any_id(), any_id()
      if a ~= b then
        assert.are_not.equal(rooms.user(a), rooms.user(b))
        assert.equal(rooms.user(a), rooms.normalise(rooms.user(a)))
        assert.equal(rooms.user(a), may_join(a, rooms.user(a)))
        assert.is_nil(may_join(a, rooms.user(b)))
        local between = rooms.private(a, b)
        assert.equal(between, rooms.normalise(between))
        assert.equal(between, may_join(a, between))
        assert.equal(between, may_join(b, between))
        if c ~= a and c ~= b then
          assert.is_nil(may_join(c, between))
          assert.are_not.equal(between, rooms.private(a, c))
          assert.are_not.equal(between, rooms.private(b, c))
        end
        -- Whatever a client makes of it, a name leads to the room of its own or to none.
        local name = any_id() .. b
        local room = may_join(a, name)
        local kind = room and rooms.parse(room)
        if kind == "user" then
          assert.equal(rooms.user(a), room)
        elseif kind == "private" then
          local one, other = rooms.pair(room)
          assert.is_true(one == a or other == a)
        end
      end
    end
  end)

  it("have one name, whatever was written", function()
    math.randomseed(5)
    local long = ("x"):rep(180)
    local parts = { "session", "live-session", "course", "instructor", "user", ":", "-", " ", "a", long }
    for _ = 1, 20000 do
      local name = {}
      for i = 1, math.random(1, 6) do
        name[i] = parts[math.random(#parts)]
      end
      local room = rooms.normalise(table.concat(name))
      if room then
        assert.equal(room, rooms.normalise(room))
        local kind, id = rooms.parse(room)
        assert.are_not.equal("session", kind or id:match "^(.-):")
        assert.equal(room, kind and rooms.of(kind, id) or id)
      end
    end
  end)

  it("revoke makes that person's sockets leave, and nobody else's", function()
    local mine, other = core.connect("/", { id = "ada" }), core.connect("/", { id = "bob" })
    for _, socket in ipairs { mine, other } do
      core.accept(socket)
      socket:join { rooms.user(socket.user.id), "course:1", "course:2" }
    end
    rooms.revoke("ada", "course:1")
    assert.is_false(mine:has_joined "course:1")
    assert.is_true(mine:has_joined "course:2")
    assert.is_true(other:has_joined "course:1")
  end)

  it("never grants user or private rooms", function()
    local why = "a room of kind user is never granted"
    assert.same({ nil, why, "invalid" }, { rooms.grant("ada", "user:bob") })
    assert.equal("invalid", select(3, rooms.grant("ada", "private:bob:eve")))
    assert.equal("invalid", select(3, rooms.revoke("ada", "user:ada")))
    assert.equal("invalid", select(3, rooms.grant("ada", "")))
    assert.has_error(function() return (rooms.grant(nil, "course:1")) end)
  end)

  it("inside tells who has not joined", function()
    local socket = core.connect("/", { id = "ada" })
    core.accept(socket)
    assert.same({ nil, "join course:1 first", "forbidden" }, { rooms.inside(socket, "course:1") })
    socket:join "course:1"
    assert.is_true(rooms.inside(socket, "course:1"))
  end)
end)
