local class = require "support.class"

describe("notifications", function()
  local school, notifications, tab, other_tab, bob

  before_each(function()
    school = class.new()
    notifications = require "lectern.notifications"
    tab, other_tab, bob = school:socket "user-123", school:socket "user-123", school:socket "bob"
  end)

  local function unread_told(socket)
    local told = {}
    for i, payload in ipairs(school:got(socket, "unread_count")) do
      told[i] = payload.unreadCount
    end
    return told
  end

  local REQUEST = {
    userId = "user-123",
    type = "COURSE_UPDATE",
    title = "New Lesson Available",
    message = "A new lesson has been added to your course",
    data = { courseId = "course-456" },
  }

  it("create pushes to every tab of the person, with the guide's payload", function()
    local sent = notifications.create(REQUEST)
    assert.equal("string", type(sent.id))
    local expected = {
      id = sent.id,
      type = "COURSE_UPDATE",
      title = "New Lesson Available",
      message = "A new lesson has been added to your course",
      data = { courseId = "course-456" },
      priority = "normal",
      isRead = false,
      createdAt = "2027-01-15T08:00:00.000Z",
    }
    assert.same(expected, sent)
    assert.same({ expected }, school:got(tab, "notification"))
    assert.same({ expected }, school:got(other_tab, "notification"))
    assert.same({ 1 }, unread_told(tab))
    assert.same({}, school:got(bob, "notification"))
    assert.same({}, unread_told(bob))
    assert.equal(1, notifications.unread_count "user-123")
  end)

  it("create takes priority and actionUrl, and has defaults", function()
    local sent = notifications.create {
      userId = 5, title = "t", message = "m", priority = "high", actionUrl = "/courses/1",
    }
    assert.equal("high", sent.priority)
    assert.equal("/courses/1", sent.actionUrl)
    assert.equal("INFO", sent.type)
    assert.equal(1, notifications.unread_count(5))
  end)

  it("create refuses what is wrong, and nothing is kept", function()
    local function code(change)
      local request = {}
      for key, value in pairs(REQUEST) do
        request[key] = value
      end
      for key, value in pairs(change) do
        request[key] = value
      end
      return select(3, notifications.create(request))
    end
    for _, change in ipairs {
      { userId = {} }, { userId = "a\nb" }, { userId = "" },
      { title = "" }, { title = 5 }, { title = ("x"):rep(201) },
      { message = ("x"):rep(8001) }, { priority = {} }, { data = ("x"):rep(16001) }, { actionUrl = "a\nb" },
      { actionUrl = ("x"):rep(2001) },
    } do
      assert.equal("invalid", code(change))
    end
    assert.equal("invalid", select(3, notifications.create(nil)))
    assert.equal("invalid", select(3, notifications.create "hello"))
    assert.equal(0, notifications.unread_count "user-123")
    assert.same({}, school:got(tab, "notification"))
  end)

  it("bulk notifies all in order, or nobody", function()
    local sent = notifications.bulk {
      { userId = "user-123", type = "ANNOUNCEMENT", title = "System Maintenance", message = "tonight" },
      { userId = "bob", type = "ANNOUNCEMENT", title = "System Maintenance", message = "tonight" },
    }
    assert.equal(2, #sent)
    assert.equal(sent[1].id, school:got(tab, "notification")[1].id)
    assert.equal(sent[2].id, school:got(bob, "notification")[1].id)

    local list, why, code = notifications.bulk { REQUEST, { userId = "bob" } }
    assert.same({ nil, "notification 2: message is missing", "invalid" }, { list, why, code })
    assert.same({}, school:got(tab, "notification"))
    assert.equal("invalid", select(3, notifications.bulk(REQUEST)))
    assert.equal("invalid", select(3, notifications.bulk(nil)))
    assert.same({}, notifications.bulk {})
  end)

  it("bulk lets others have their turn", function()
    local many = {}
    for i = 1, 350 do
      many[i] = { userId = i, title = "t", message = "m" }
    end
    local sent, turns = nil, 0
    school.lectern.every(0.001, function() turns = turns + 1 end)
    school.core.run(function()
      sent = notifications.bulk(many)
    end)
    assert.is_nil(sent)
    school.core.advance(0.01)
    assert.equal(350, #sent)
    many = {}
    for i = 1, 10001 do
      many[i] = true
    end
    assert.equal("too_big", select(3, notifications.bulk(many)))
  end)

  it("room notifies who is in the room, and keeps nothing", function()
    bob:join "course:123"
    local sent = notifications.room("course:course-123", {
      type = "COURSE_ANNOUNCEMENT",
      title = "Important Update",
      message = "Please check the new assignment",
    })
    local expected = {
      id = sent.id,
      type = "COURSE_ANNOUNCEMENT",
      title = "Important Update",
      message = "Please check the new assignment",
      priority = "normal",
      isRoomNotification = true,
      createdAt = "2027-01-15T08:00:00.000Z",
    }
    assert.same({ expected }, school:got(bob, "notification"))
    assert.same({}, school:got(tab, "notification"))
    assert.equal(0, notifications.unread_count "bob")
    assert.equal("invalid", select(3, notifications.room("", { title = "t", message = "m" })))
    assert.equal("invalid", select(3, notifications.room("course:1", { title = "t" })))
  end)

  it("system tells everybody", function()
    local sent = { type = "MAINTENANCE", title = "t", message = "m", data = { at = 5 }, priority = "high" }
    notifications.system(sent)
    for _, socket in ipairs { tab, other_tab, bob } do
      assert.same({ sent }, school:got(socket, "system_announcement"))
    end
    assert.equal("invalid", select(3, notifications.system { title = "t" }))
  end)

  it("mark_read tells the number to all tabs, once", function()
    local first, second = notifications.create(REQUEST), notifications.create(REQUEST)
    unread_told(tab)
    assert.equal(1, notifications.mark_read("user-123", first.id))
    for _, socket in ipairs { tab, other_tab } do
      local told = school:got(socket, "unread_count")
      assert.same({ unreadCount = 1, readIds = { first.id } }, told[#told])
    end
    assert.equal(1, notifications.mark_read("user-123", first.id))
    assert.same({}, unread_told(tab))
    assert.equal(0, notifications.mark_read("user-123", second.id))
    assert.same({ nil, "there is no such notification", "not_found" },
      { notifications.mark_read("user-123", "nope") })
    assert.equal("not_found", select(3, notifications.mark_read("bob", first.id)))
  end)

  it("mark_all_read tells it once", function()
    notifications.create(REQUEST)
    notifications.create(REQUEST)
    unread_told(tab)
    assert.equal(0, notifications.mark_all_read "user-123")
    assert.same({ { unreadCount = 0, allRead = true } }, school:got(tab, "unread_count"))
    assert.equal(0, notifications.mark_all_read "user-123")
    assert.same({}, unread_told(tab))
  end)

  it("list pages newest first", function()
    local sent = {}
    for i = 1, 30 do
      sent[i] = notifications.create { userId = "bob", title = "t" .. i, message = "m" }
    end
    local page = notifications.list "bob"
    assert.equal(20, #page)
    assert.equal("t30", page[1].title)
    local rest = notifications.list("bob", { before = page[20].id, limit = 500 })
    assert.equal(10, #rest)
    assert.equal("t1", rest[10].title)
    assert.equal(1, #notifications.list("bob", { limit = -5 }))
    notifications.mark_read("bob", sent[30].id)
    assert.equal("t29", notifications.list("bob", { unread = true })[1].title)
    assert.is_true(notifications.list("bob")[1].isRead)
    assert.is_true(school.lectern.is_array(notifications.list "nobody"))
  end)

  -- Whatever is done, in whatever order, the last number that a tab was told is the server's.
  it("keeps the badge right through random steps", function()
    local ids, seed, badge = {}, 3, 0
    local function random(n)
      seed = (seed * 1103515245 + 12345) % 2147483648
      return math.floor(seed / 65536) % n + 1
    end
    for _ = 1, 1000 do
      local what = random(10)
      if what <= 5 then
        ids[#ids + 1] = notifications.create(REQUEST).id
      elseif what <= 9 and #ids > 0 then
        notifications.mark_read("user-123", ids[random(#ids)])
      elseif what == 10 then
        notifications.mark_all_read "user-123"
      end
      for _, socket in ipairs { tab, other_tab } do
        local told = unread_told(socket)
        badge = told[#told] or badge
        assert.equal(notifications.unread_count "user-123", badge)
      end
    end
  end)
end)
