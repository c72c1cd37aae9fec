local class = require "support.class"

describe("one person's data", function()
  local school, privacy, lectern, ada, bob

  -- Something of each kind, of ada's and of others'.
  local function live()
    local discussions, messages = require "lectern.discussions", require "lectern.messages"
    local notifications, rooms = require "lectern.notifications", require "lectern.rooms"
    local announcements, marks = require "lectern.announcements", require "lectern.marks"
    for _, who in ipairs { "ada", "bob", "user-ada" } do
      require("lectern.people").seen { id = who, name = "Name of " .. who }
      notifications.create { userId = who, title = "title of " .. who, message = "m" }
      local id = discussions.send("course:1", {
        userId = who, content = "words of " .. who, discussionId = "d", userName = "Name of " .. who,
      }).id
      discussions.edit("course:1", { id = id, content = "edited words of " .. who, by = who })
      discussions.react("course:1", { userId = who, discussionId = "d", messageId = id, reaction = "+" })
      announcements.create("1", { title = "announced by " .. who, message = "m", instructorId = who })
      rooms.grant(who, "course:1")
      marks.read(who, "course:1")
    end
    local gone = discussions.send("course:1", { userId = "bob", content = "bad words" }).id
    discussions.delete("course:1", { id = gone, by = "ada" }, true)
    messages.send { from = "ada", to = "bob", content = "secret of ada" }
    messages.send { from = "bob", to = "ada", content = "secret for ada" }
    messages.send { from = "bob", to = "user-ada", content = "secret of others" }
    marks.read("bob", rooms.private("ada", "bob"))
    marks.read("user-ada", rooms.private("user-ada", "bob"))
  end

  before_each(function()
    school = class.new()
    privacy, lectern = require "lectern.privacy", school.lectern
    ada, bob = school:socket("ada", "course:1"), school:socket("bob", "course:1")
    live()
    school.core.advance(2) -- names are written together
  end)

  -- Every row of every table of ours, as one text for each table.
  local function dump()
    local tables = {}
    for _, one in ipairs(school.core.rows "SELECT name FROM sqlite_master WHERE type = 'table'") do
      local list = {}
      for _, row in ipairs(school.core.rows("SELECT * FROM " .. one.name)) do
        local fields = {}
        for field, value in pairs(row) do
          fields[#fields + 1] = field .. "=" .. tostring(value)
        end
        table.sort(fields)
        list[#list + 1] = table.concat(fields, " ")
      end
      tables[one.name] = table.concat(list, "\n")
    end
    return tables
  end

  local function names(text)
    local patterns = { "=ada%f[%s%z]", "Name of ada", "title of ada", "secret [of][fo]r? ada", "ada:bob" }
    for _, pattern in ipairs(patterns) do
      if text:find(pattern) then
        return true
      end
    end
  end

  it("is exported whole, and nobody else's with it", function()
    local told = privacy.export "ada"
    assert.equal("ada", told.person)
    local counts = {}
    for name, value in pairs(told) do
      counts[name] = type(value) == "table" and #value or nil
    end
    assert.same({
      notifications = 1, messagesWritten = 2, messagesReceived = 1, reactions = 1, announcements = 1,
      readMarks = 1, grants = 1, revocations = 0, name = 1, conversations = 1,
    }, counts)
    assert.equal("edited words of ada", told.messagesWritten[1].content)
    assert.equal("secret of ada", told.messagesWritten[2].content)
    assert.equal("secret for ada", told.messagesReceived[1].content)
    assert.is_nil(lectern.json.encode(told):find("of bob", 1, true))
    assert.is_nil(lectern.json.encode(told):find("user-ada", 1, true))
  end)

  it("is exported in parts when it is much", function()
    local discussions = require "lectern.discussions"
    local row = "INSERT INTO lectern_reactions VALUES ('course:2', 'd', 'm', 'ada', $1, 0)"
    for i = 1, 12000 do
      school.core.rows(row, ("%05d"):format(i))
    end
    discussions.react("course:3", { userId = "ada", discussionId = "d", reaction = "last" })
    local total, cursor, parts = 0, nil, 0
    repeat
      local told = privacy.export("ada", cursor)
      total, cursor, parts = total + #(told.reactions or {}), told.nextCursor, parts + 1
      assert.equal(not cursor, told.grants ~= nil)
    until not cursor
    assert.same({ 12002, 2 }, { total, parts })
    for _, wrong in ipairs { "", "x", "[]", "[0]", "[99]", "{}", 5 } do
      assert.equal("invalid", select(3, privacy.export("ada", wrong)))
    end
  end)

  it("is erased: no table names the person but the revocations, and others' stays", function()
    local before = dump()
    local result = privacy.erase "ada"
    assert.equal(1, result.disconnected)
    assert.same({
      notifications = 1, people = 1, privateMessages = 2, conversations = 2, readMarks = 2, messages = 3,
      reactions = 1, announcements = 1, grants = 1, names = 1,
    }, result.erased)
    for name, text in pairs(dump()) do
      if name ~= "lectern_revocations" then
        assert.is_nil(names(text .. "\n"), name .. "\n" .. text)
      end
    end
    local after = dump()
    for name, text in pairs(before) do
      for line in text:gmatch "[^\n]+" do
        if not names(line .. "\n") and name ~= "lectern_revocations" then
          assert.is_truthy(after[name]:find(line, 1, true), line)
        end
      end
    end
    assert.is_truthy(after.lectern_revocations:find("name=ada", 1, true))
    assert.is_false(ada.connected)
    local badges = require "lectern.badges"
    assert.same({ unreadCount = 0, rev = 0, epoch = "epoch-of-specs" }, badges.newest("ada", badges.of "ada"))

    local discussions = require "lectern.discussions"
    local first = discussions.history("course:1").messages[1]
    assert.same({ "ada", nil }, { "ada", first.userName })
    assert.equal(lectern.null, first.userId)
    assert.is_true(first.deletedUser)
    assert.equal("words of ada", (first.content:gsub("edited ", "")))
    local list = require("lectern.announcements").list("1").announcements
    assert.is_nil(list[3].instructorId)
    assert.equal("bob", list[2].instructorId)
    assert.same({}, require("lectern.messages").history("bob", "ada").messages)
    assert.same({ { room = "private:ada:bob", with = "ada" } }, school:got(bob, "conversation_deleted"))
  end)

  it("is erased in small transactions, again after a failure", function()
    for i = 1, 1200 do
      local row = "INSERT INTO lectern_reactions VALUES ('course:2', 'd', 'm', 'ada', $1, 0)"
      school.core.rows(row, tostring(i))
    end
    local calls, db_call = 0, school.core.db_call
    function school.core.db_call(...)
      calls = calls + 1
      school.core.db_failure = calls == 12 and { "away", "unavailable" } or nil
      return db_call(...)
    end
    assert.same({ nil, "away", "unavailable" }, { privacy.erase "ada" })
    assert.is_table(privacy.erase "ada")
    assert.same({ notifications = 0, reactions = 0 }, {
      notifications = privacy.erase("ada").erased.notifications,
      reactions = #school.core.rows "SELECT 1 FROM lectern_reactions WHERE person = 'ada'",
    })
  end)

  it("goes from what others were notified of, and their badges are right", function()
    local notifications, badges = require "lectern.notifications", require "lectern.badges"
    for _, who in ipairs { "bob", "user-ada" } do
      notifications.create { userId = who, title = "title of ada", message = "m", about = "ada" }
    end
    local gone = notifications.create { userId = "bob", title = "title of ada", message = "m", about = "ada" }
    notifications.delete("bob", gone.id)
    school:got(bob, "unread_count")
    assert.equal(2, badges.of("bob").unreadCount)
    assert.equal(3, privacy.erase("ada").erased.notifications) -- one is ada's own
    assert.equal(1, badges.of("bob").unreadCount)
    assert.equal(1, school:got(bob, "unread_count")[1].unreadCount)
    assert.same({}, school.core.rows "SELECT * FROM lectern_notifications WHERE about = 'ada'")
    assert.is_nil(names(dump().lectern_notifications .. "\n"))
  end)

  it("has conversations in which nobody wrote", function()
    local conversations = require "lectern.conversations"
    conversations.with("ada", "eve")
    conversations.with("dan", "ada")
    conversations.with("dan", "eve")
    local told = privacy.export("ada").conversations
    local others = {}
    for i, one in ipairs(told) do
      others[i] = one.other
    end
    assert.same({ "bob", "dan", "eve" }, others)
    privacy.erase "ada"
    assert.is_nil(names(dump().lectern_conversations .. "\n"))
    assert.equal(1, conversations.list("dan").pagination.total)
  end)

  it("of a team's own joins in", function()
    local grades = { ada = 1, bob = 2 }
    privacy.also("grades", {
      export = function(person)
        return { grades[person] }
      end,
      erase = function(person)
        local had = grades[person] and 1 or 0
        grades[person] = nil
        return had
      end,
    })
    privacy.also("notes", {
      export = function(person)
        if person == "bob" then
          return nil, "the notes are away", "unavailable"
        end
      end,
    })
    assert.same({ 1 }, privacy.export("ada").grades)
    assert.same({ nil, "notes: the notes are away", "unavailable" }, { privacy.export "bob" })
    assert.equal(1, privacy.erase("ada").erased.grades)
    assert.same({ bob = 2 }, grades)
    assert.has_error(function() privacy.also("x") end)
    local count = 0
    for _ = 1, 3 do -- loaded anew
      privacy.also("again", { erase = function() count = count + 1 end })
    end
    privacy.erase "eve"
    assert.equal(1, count)
  end)

  it("has no name that was written meanwhile", function()
    local store, people = require "lectern.store.privacy", require "lectern.people"
    privacy.erase "ada"
    people.seen { id = "ada", name = "Name of ada, changed" }
    local erase = store.erase
    store.erase = function(step, ...)
      local results = { erase(step, ...) }
      if step == 3 then -- behind what takes names
        school.core.advance(2)
      end
      return unpack(results)
    end
    privacy.erase "ada"
    assert.same({}, school.core.rows "SELECT * FROM lectern_names WHERE person = 'ada'")
  end)

  it("goes on from cursors of its own alone", function()
    for _, cursor in ipairs {
      "", "x", "[]", "[0]", "[1]", "[1.5,1]", "[99,1]", '["1",1]', "[1,{}]", "[1,null]", "[1,true]",
      "[1,1,2]", "[1,1e300]", '[3,1,"course:1"]', '{"1":1}', "null", 7, {},
    } do
      assert.equal("invalid", select(3, privacy.export("ada", cursor)), tostring(cursor))
    end
    assert.is_table(privacy.export("ada", "[1,1]").notifications)
  end)

  it("is nobody's without an id", function()
    for _, id in ipairs { "", "a\nb", {}, true } do
      assert.equal("invalid", select(3, privacy.export(id)))
      assert.equal("invalid", select(3, privacy.erase(id)))
    end
    school.core.db_failure = { "away", "unavailable" }
    assert.equal("unavailable", select(3, privacy.export "ada"))
    assert.equal("unavailable", select(3, privacy.erase "ada"))
  end)
end)
