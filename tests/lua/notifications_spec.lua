local class = require "support.class"

local NOT_FOUND = { nil, "there is no such notification", "not_found" }
local AWAY = { "the database is away", "unavailable" }
local R = 1800000000000 -- where revs of a new person begin
local EPOCH = "epoch-of-specs"
local NOW = "2027-01-15T08:00:00.000Z" -- of the stand-in's clock, 1800000000

describe("notifications", function()
  local school, badges, notifications, tab, other_tab, bob

  local function open(config)
    school = class.new(config)
    badges, notifications = require "lectern.badges", require "lectern.notifications"
    tab, other_tab, bob = school:socket "ada", school:socket "ada", school:socket "bob"
  end

  before_each(function()
    open()
  end)

  local REQUEST = {
    userId = "ada",
    type = "COURSE_UPDATE",
    title = "New Lesson Available",
    message = "A new lesson has been added to your course",
    data = { courseId = "course-456" },
  }

  local function request(change)
    local fields = {}
    for key, value in pairs(REQUEST) do
      fields[key] = value
    end
    for key, value in pairs(change) do
      fields[key] = value
    end
    return fields
  end

  local function titles(list)
    local found = {}
    for i, each in ipairs(list) do
      found[i] = each.title
    end
    return table.concat(found, " ")
  end

  describe("create", function()
    it("pushes to every tab of the person, with the guide's payload and the badge", function()
      local sent = notifications.create(REQUEST)
      assert.equal("string", type(sent.id))
      local expected = {
        id = sent.id,
        type = "COURSE_UPDATE",
        title = "New Lesson Available",
        message = "A new lesson has been added to your course",
        data = { courseId = "course-456" },
        priority = "NORMAL",
        isRead = false,
        createdAt = NOW,
        unreadCount = 1,
        rev = R + 1,
      }
      assert.same(expected, sent)
      assert.same({ expected }, school:got(tab, "notification"))
      assert.same({ expected }, school:got(other_tab, "notification"))
      assert.same({}, school:got(tab, "unread_count"))
      assert.same({}, school:got(bob, "notification"))
      assert.equal(1, notifications.unread_count "ada")
      assert.equal(0, notifications.unread_count "bob")
    end)

    it("takes a person's id literally", function()
      notifications.create(request { userId = "user-ada" })
      assert.equal(0, notifications.unread_count "ada")
      notifications.create(request { userId = 5 })
      assert.equal(1, notifications.unread_count "5")
      assert.equal(1, notifications.unread_count(5))
    end)

    it("has defaults, and the platform's priorities in its letters", function()
      local sent = notifications.create { userId = 5, title = "t", message = "m", actionUrl = "/courses/1" }
      assert.same({ "INFO", "NORMAL", "/courses/1" }, { sent.type, sent.priority, sent.actionUrl })
      assert.same({}, sent.data)
      for given, priority in pairs { high = "HIGH", Urgent = "URGENT", LOW = "LOW", ["so so"] = "so so" } do
        assert.equal(priority, notifications.create(request { priority = given }).priority)
      end
    end)

    it("brings any data back unchanged", function()
      local lectern = school.lectern
      for _, data in ipairs {
        "text", 0, -1.5, 2 ^ 53, -2 ^ 53, true, false, lectern.null, "👩‍🏫 \0 \"",
        lectern.array(), {}, { { a = lectern.array() }, { b = {} }, { c = lectern.null } },
        { { 1 }, lectern.null },
      } do
        local text = lectern.json.encode(data) -- one key an object: their order is chance
        local sent = notifications.create(request { data = data })
        assert.equal(text, lectern.json.encode(sent.data))
        local listed = notifications.list("ada", { limit = 1 }).notifications[1]
        assert.equal(text, lectern.json.encode(listed.data))
      end
    end)

    it("refuses what is wrong, and nothing is kept", function()
      for _, change in ipairs {
        { userId = {} }, { userId = "" }, { userId = "a\nb" },
        { title = "" }, { title = 5 }, { title = ("x"):rep(201) },
        { message = ("x"):rep(8001) }, { priority = {} }, { data = ("x"):rep(16001) }, { actionUrl = "a\nb" },
        { actionUrl = ("x"):rep(2001) }, { expiresAt = "soon" }, { expiresAt = NOW }, { expiresAt = -1 },
      } do
        assert.equal("invalid", select(3, notifications.create(request(change))))
      end
      assert.equal("invalid", select(3, notifications.create(nil)))
      assert.equal("invalid", select(3, notifications.create "hello"))
      assert.equal(0, notifications.unread_count "ada")
      assert.same({}, school:got(tab, "notification"))
    end)

    it("is one call of the database", function()
      notifications.create(REQUEST)
      local before = school.core.db_calls
      notifications.create(REQUEST)
      assert.equal(before + 1, school.core.db_calls)
    end)

    it("keeps so many of a person, and tells which one goes", function()
      open { store = { notifications = 3 } }
      local ids = {}
      for i = 1, 5 do
        ids[i] = notifications.create(request { title = "t" .. i }).id
      end
      local got = school:got(tab, "notification")
      assert.is_nil(got[3].removedIds)
      assert.same({ { ids[1] }, { ids[2] } }, { got[4].removedIds, got[5].removedIds })
      assert.same({ 3, 3 }, { got[4].unreadCount, got[5].unreadCount })
      assert.equal("t5 t4 t3", titles(notifications.list("ada").notifications))
      notifications.create(request { userId = "bob" })
      assert.equal(1, notifications.unread_count "bob")
    end)
  end)

  describe("bulk", function()
    it("notifies all in order, or nobody", function()
      local sent = notifications.bulk {
        { userId = "ada", type = "ANNOUNCEMENT", title = "System Maintenance", message = "tonight" },
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

    it("goes in pieces, one call of the database each", function()
      local many = {}
      for i = 1, 450 do
        many[i] = { userId = i, title = "t", message = "m" }
      end
      notifications.create(REQUEST)
      local before = school.core.db_calls
      assert.equal(450, #notifications.bulk(many))
      assert.equal(before + 3, school.core.db_calls)
      many = {}
      for i = 1, 10001 do
        many[i] = true
      end
      assert.equal("too_big", select(3, notifications.bulk(many)))
    end)

    it("gives one person's each a rev and the count at it", function()
      open { store = { notifications = 4 } }
      local list = {}
      for i = 1, 11 do
        list[i] = request { title = "t" .. i, userId = i % 2 == 0 and "bob" or "ada" }
      end
      local sent = notifications.bulk(list)
      local got = school:got(tab, "notification")
      assert.equal("t1 t3 t5 t7 t9 t11", titles(got))
      for i, each in ipairs(got) do
        assert.same({ R + i, ({ 1, 2, 3, 4, 3, 4 })[i] }, { each.rev, each.unreadCount })
      end
      assert.same({ sent[1].id, sent[3].id }, got[5].removedIds) -- those that went with its transaction
      assert.equal("t11 t9 t7 t5", titles(notifications.list("ada").notifications))
    end)

    it("says how far it came when the database goes away", function()
      local calls, db_call = 0, school.core.db_call
      function school.core.db_call(...)
        calls = calls + 1
        school.core.db_failure = calls > 1 and AWAY or nil
        return db_call(...)
      end
      local many = {}
      for i = 1, 300 do
        many[i] = { userId = i, title = "t", message = "m" }
      end
      local list, why, code = notifications.bulk(many)
      assert.is_nil(list)
      assert.matches("^200 of 300 notifications are sent, then: ", why)
      assert.equal("unavailable", code)
    end)
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
      data = {},
      priority = "NORMAL",
      isRoomNotification = true,
      createdAt = NOW,
    }
    assert.same({ expected }, school:got(bob, "notification"))
    assert.same({}, school:got(tab, "notification"))
    assert.equal(0, notifications.unread_count "bob")
    assert.equal("invalid", select(3, notifications.room("", { title = "t", message = "m" })))
    assert.equal("invalid", select(3, notifications.room("course:1", { title = "t" })))
  end)

  it("system tells everybody", function()
    local sent = { type = "MAINTENANCE", title = "t", message = "m", data = { at = 5 }, priority = "high",
      actionUrl = "/status" }
    notifications.system(sent)
    sent.priority, sent.isSystemAnnouncement = "HIGH", true
    for _, socket in ipairs { tab, other_tab, bob } do
      assert.same({ sent }, school:got(socket, "system_announcement"))
    end
    assert.equal("invalid", select(3, notifications.system { title = "t" }))
  end)

  describe("marks", function()
    it("one as read, and tells all tabs once", function()
      local first, second = notifications.create(REQUEST), notifications.create(REQUEST)
      local result = { count = 1, unreadCount = 1, rev = R + 3, epoch = EPOCH }
      assert.same(result, notifications.mark_read("ada", first.id))
      for _, socket in ipairs { tab, other_tab } do
        local told = { unreadCount = 1, rev = R + 3, readIds = { first.id } }
        assert.same({ told }, school:got(socket, "unread_count"))
      end
      result.count = 0
      assert.same(result, notifications.mark_read("ada", first.id))
      assert.same({}, school:got(tab, "unread_count"))
      assert.equal(0, notifications.mark_read("ada", second.id).unreadCount)
      assert.same(NOT_FOUND, { notifications.mark_read("ada", "nope") })
      assert.equal("not_found", select(3, notifications.mark_read("bob", first.id)))
      local list = notifications.list("ada").notifications
      assert.same({ true, NOW }, { list[1].isRead, list[1].readAt })
    end)

    it("all as read, and tells it once", function()
      notifications.create(REQUEST)
      notifications.create(REQUEST)
      local result = { count = 2, unreadCount = 0, rev = R + 3, epoch = EPOCH }
      assert.same(result, notifications.mark_all_read "ada")
      assert.same({ { unreadCount = 0, rev = R + 3, allRead = true } }, school:got(tab, "unread_count"))
      result.count = 0
      assert.same(result, notifications.mark_all_read "ada")
      assert.same({}, school:got(tab, "unread_count"))
      assert.equal(0, notifications.mark_all_read("nobody").rev)
    end)
  end)

  it("delete takes one away, and tells all tabs", function()
    local first, second = notifications.create(REQUEST), notifications.create(REQUEST)
    local result = { count = 1, unreadCount = 1, rev = R + 3, epoch = EPOCH }
    assert.same(result, notifications.delete("ada", first.id))
    local told = { unreadCount = 1, rev = R + 3, removedIds = { first.id } }
    assert.same({ told }, school:got(tab, "unread_count"))
    assert.same(NOT_FOUND, { notifications.delete("ada", first.id) })
    assert.equal("not_found", select(3, notifications.delete("bob", second.id)))
    assert.equal("not_found", select(3, notifications.mark_read("ada", first.id)))
    notifications.mark_read("ada", second.id)
    assert.equal(0, notifications.delete("ada", second.id).unreadCount)
    assert.same({}, notifications.list("ada").notifications)
  end)

  it("badge is one call of the database", function()
    notifications.create(REQUEST)
    local before = school.core.db_calls
    assert.same({ unreadCount = 1, rev = R + 1, epoch = EPOCH }, badges.of "ada")
    assert.equal(before + 1, school.core.db_calls)
    assert.same({ unreadCount = 0, rev = 0, epoch = EPOCH }, badges.of "nobody")
  end)

  it("soon comes in two seconds, or not at all", function()
    local store = require "lectern.store.notifications"
    local real, given = store.badge, nil
    function store.badge(person, now, seconds)
      given = seconds
      return real(person, now, seconds)
    end
    assert.same({ unreadCount = 0, rev = 0, epoch = EPOCH }, badges.soon "ada")
    assert.equal(2, given)
    badges.of "ada"
    assert.is_nil(given)
    school.core.db_failure = { "the database did not answer in time", "timeout" }
    assert.equal("timeout", select(3, badges.soon "ada"))
  end)

  it("soon is told before what has expired is written down, if that hangs", function()
    local store = require "lectern.store.notifications"
    notifications.create(request { expiresAt = 1800000001000 })
    function store.expire()
      school.lectern.sleep(60)
      return {}
    end
    school.core.advance(2)
    local badge, came
    school.core.run(function()
      badge = badges.soon "ada"
      came = school.lectern.now()
    end)
    local began = school.lectern.now()
    school.core.advance(3)
    assert.same({ unreadCount = 1, rev = R + 1, epoch = EPOCH }, badge)
    assert.is_true(came >= began + 2 and came < began + 2.1)
  end)

  it("newest knows what was pushed since the badge was asked for", function()
    local asked = badges.of "ada"
    assert.equal(asked, badges.newest("ada", asked))
    assert.is_nil(badges.newest "ada")
    notifications.create(REQUEST)
    assert.same({ unreadCount = 1, rev = R + 1, epoch = EPOCH }, badges.newest("ada", asked))
    assert.same({ unreadCount = 1, rev = R + 1, epoch = EPOCH }, badges.newest "ada")
    asked = badges.of "ada"
    assert.equal(asked, badges.newest("ada", asked))
    school.core.advance(46)
    notifications.create(request { userId = "bob" })
    school.core.advance(46)
    notifications.create(request { userId = "bob" })
    assert.is_nil(badges.newest "ada") -- forgotten
  end)

  describe("list", function()
    it("pages newest first, whatever comes or goes meanwhile", function()
      local ids = {}
      for i = 1, 30 do
        ids[i] = notifications.create(request { userId = "bob", title = "t" .. i }).id
      end
      local page = notifications.list("bob", { limit = 12 })
      assert.same({ 12, true, 30, 30, EPOCH },
        { #page.notifications, page.hasMore, page.unreadCount, page.rev - R, page.epoch })
      assert.equal("t30", page.notifications[1].title)
      notifications.create(request { userId = "bob" })
      notifications.delete("bob", ids[19]) -- the one whose cursor it is
      notifications.delete("bob", ids[18])
      local rest = notifications.list("bob", { cursor = page.nextCursor, limit = 500 })
      assert.equal("t17", rest.notifications[1].title)
      assert.equal("t1", rest.notifications[17].title)
      assert.same({ 17, false }, { #rest.notifications, rest.hasMore })
      assert.is_nil(rest.nextCursor)
      assert.equal("t1", notifications.list("bob", { before = ids[2] }).notifications[1].title)
      assert.equal(1, #notifications.list("bob", { limit = -5 }).notifications)
    end)

    it("gives exactly a page without more", function()
      for _ = 1, 20 do
        notifications.create(REQUEST)
      end
      local page = notifications.list "ada"
      assert.same({ 20, false }, { #page.notifications, page.hasMore })
    end)

    it("gives only unread ones if asked", function()
      notifications.create(request { title = "t1" })
      notifications.mark_read("ada", notifications.create(request { title = "t2" }).id)
      notifications.create(request { title = "t3" })
      local page = notifications.list("ada", { unread = true, limit = 1 })
      assert.equal("t3", titles(page.notifications))
      page = notifications.list("ada", { unread = true, cursor = page.nextCursor })
      assert.equal("t1", titles(page.notifications))
    end)

    it("is an array even when empty, and refuses a cursor that is none", function()
      assert.is_true(school.lectern.is_array(notifications.list("nobody").notifications))
      for _, cursor in ipairs { "", "5", "n", "nx", "n" .. ("f"):rep(20) } do
        assert.equal("invalid", select(3, notifications.list("ada", { cursor = cursor })))
      end
    end)
  end)

  it("page counts pages as the platform's REST does", function()
    for i = 1, 45 do
      notifications.create(request { title = "t" .. i })
    end
    local page = notifications.page("ada", 3, 20)
    assert.same({ page = 3, limit = 20, total = 45, pages = 3 }, page.pagination)
    assert.equal("t5 t4 t3 t2 t1", titles(page.notifications))
    assert.equal(45, page.unreadCount)
    assert.same({ page = 1, limit = 20, total = 0, pages = 0 }, notifications.page("nobody").pagination)
    assert.same({}, notifications.page("ada", 99).notifications)
  end)

  describe("since", function()
    it("tells what came, changed and went", function()
      local first = notifications.create(request { title = "t1" })
      local second = notifications.create(request { title = "t2" })
      local third = notifications.create(request { title = "t3" })
      local same = { notifications = {}, removedIds = {}, unreadCount = 3, rev = R + 3, epoch = EPOCH }
      assert.same(same, notifications.since("ada", R + 3, EPOCH))
      notifications.mark_read("ada", first.id)
      notifications.delete("ada", second.id)
      notifications.create(request { title = "t4" })
      local changes = notifications.since("ada", R + 3, EPOCH)
      assert.equal("t1 t4", titles(changes.notifications))
      assert.is_true(changes.notifications[1].isRead)
      assert.same({ { second.id }, 2, 6 }, { changes.removedIds, changes.unreadCount, changes.rev - R })
      assert.is_nil(changes.reset)
      assert.equal("t4", titles(notifications.since("ada", R + 5, EPOCH).notifications))
      assert.equal("t1 t3 t4", titles(notifications.since("ada", R, EPOCH).notifications))
      assert.equal(third.id, notifications.since("ada", R + 2, EPOCH).notifications[2].id)
    end)

    it("begins anew for another store, a rev that never was, and too much", function()
      for i = 1, 3 do
        notifications.create(request { title = "t" .. i })
      end
      for _, asked in ipairs { { R + 3, "e0" }, { R + 4, EPOCH }, { 0, EPOCH } } do
        local answer = notifications.since("ada", unpack(asked))
        assert.is_true(answer.reset)
        assert.equal("t3 t2 t1", titles(answer.notifications))
        assert.same({ false, 3, R + 3 }, { answer.hasMore, answer.unreadCount, answer.rev })
        assert.equal(EPOCH, answer.epoch)
      end
      for i = 4, 104 do
        notifications.create(request { title = "t" .. i })
      end
      local answer = notifications.since("ada", R + 3, EPOCH)
      assert.same({ true, 20, true }, { answer.reset, #answer.notifications, answer.hasMore })
      assert.equal(100, #notifications.since("ada", R + 4, EPOCH).notifications)
    end)

    it("begins anew when the removed ones are not remembered any more", function()
      open { store = { notifications = 10 } }
      for _ = 1, 64 do
        notifications.create(REQUEST) -- 54 go; at rev 64 the newest 10 of these are remembered
      end
      assert.is_true(notifications.since("ada", R + 53, EPOCH).reset)
      local answer = notifications.since("ada", R + 54, EPOCH)
      assert.is_nil(answer.reset)
      assert.equal(10, #answer.removedIds)
    end)

    it("begins anew for who was erased meanwhile, whatever came since", function()
      for _ = 1, 3 do
        notifications.create(REQUEST)
      end
      for _, each in ipairs { "lectern_people", "lectern_notifications" } do
        school.core.rows(("DELETE FROM %s WHERE person = $1"):format(each), "ada")
      end
      assert.is_true(notifications.since("ada", R + 3, EPOCH).reset)
      school.core.advance(1)
      for i = 1, 3 do
        notifications.create(request { title = "t" .. i })
        local answer = notifications.since("ada", R + 3, EPOCH)
        assert.same({ true, i }, { answer.reset, #answer.notifications })
      end
    end)

    it("forgets what was removed a month ago", function()
      local first = notifications.create(REQUEST)
      notifications.delete("ada", first.id)
      notifications.create(REQUEST)
      assert.same({ first.id }, notifications.since("ada", R + 1, EPOCH).removedIds)
      school.core.advance(30 * 24 * 3600 + 3601)
      assert.is_true(notifications.since("ada", R + 1, EPOCH).reset)
      assert.same({ unreadCount = 1, rev = R + 3, epoch = EPOCH }, badges.of "ada")
      assert.is_nil(notifications.since("ada", R + 2, EPOCH).reset)
    end)
  end)

  describe("expiry", function()
    it("takes it from list and count in time, and tells", function()
      local going = notifications.create(request { title = "t1", expiresAt = "2027-01-15T08:00:10Z" })
      assert.equal("2027-01-15T08:00:10.000Z", going.expiresAt)
      notifications.create(request { title = "t2", expiresAt = 1800000005000 })
      notifications.create(request { title = "t3" })
      school.core.advance(4.9)
      assert.equal(3, notifications.unread_count "ada")
      assert.same({}, school:got(tab, "unread_count"))
      school.core.advance(0.2)
      local told = school:got(tab, "unread_count")
      assert.same({ 1, 2, 4 }, { #told, told[1].unreadCount, told[1].rev - R })
      school.core.advance(5)
      told = school:got(tab, "unread_count")
      assert.same({ { unreadCount = 1, rev = R + 5, removedIds = { going.id } } }, told)
      assert.equal("t3", titles(notifications.list("ada").notifications))
    end)

    it("may be as far away as a time can be written, and comes after days", function()
      local far = notifications.create(request { title = "t1", expiresAt = "9999-12-31T23:59:59.999Z" })
      assert.equal("9999-12-31T23:59:59.999Z", far.expiresAt)
      notifications.create(request { title = "t2", expiresAt = "2027-01-18T08:00:00Z" })
      school:got(tab, "notification")
      school.core.advance(3 * 86400 - 1)
      assert.same({}, school:got(tab, "unread_count"))
      school.core.advance(2)
      assert.equal(1, school:got(tab, "unread_count")[1].unreadCount)
      assert.equal("t1", titles(notifications.list("ada").notifications))
    end)

    it("of one that has expired while a bulk took long comes after it, as a change", function()
      local store = require "lectern.store.notifications"
      local add = store.add
      store.add = function(...)
        local added = add(...)
        school.core.advance(2) -- a slow database
        return added
      end
      local list = {}
      for i = 1, 202 do
        list[i] = { userId = i <= 200 and i or "ada", title = "t" .. i, message = "m" }
      end
      list[201].expiresAt = 1800000001000
      local sent = notifications.bulk(list)
      store.add = add
      local pushed = school:got(tab, "notification")
      assert.same({ 1, 2 }, { pushed[1].unreadCount, pushed[2].unreadCount })
      assert.is_nil(pushed[1].removedIds)
      school.core.advance(1)
      local told = school:got(tab, "unread_count")
      assert.same({ { unreadCount = 1, rev = pushed[2].rev + 1, removedIds = { sent[201].id } } }, told)
      assert.equal("t202", titles(notifications.list("ada").notifications))
    end)

    -- The timer is late, or was never set, as the process is another one.
    local function overdue(fn)
      notifications.create(request { title = "t1", expiresAt = 1800000005000 })
      notifications.create(request { title = "t2" })
      local now = school.lectern.now
      function school.lectern.now()
        return now() + 6
      end
      fn()
    end

    it("goes with whatever is changed next", function()
      overdue(function()
        notifications.create(request { title = "t3" })
        local got = school:got(tab, "notification")
        assert.same({ 2, 3, 1 }, { got[3].unreadCount, got[3].rev - R, #got[3].removedIds })
        assert.equal("t3 t2", titles(notifications.list("ada").notifications))
      end)
    end)

    it("goes before what is read next", function()
      for _, read in ipairs {
        function() return badges.of "ada" end,
        function() return notifications.list "ada" end,
        function() return notifications.page "ada" end,
        function() return notifications.since("ada", R + 2, EPOCH) end,
      } do
        open()
        overdue(function()
          local answer = read()
          assert.same({ 1, 3 }, { answer.unreadCount, answer.rev - R })
          local told = school:got(tab, "unread_count")
          assert.same({ 1, 1, 3 }, { #told, told[1].unreadCount, told[1].rev - R })
        end)
      end
    end)

    it("is no longer there to be read or deleted", function()
      for _, act in ipairs { "mark_read", "delete" } do
        open()
        overdue(function()
          local id = school:got(tab, "notification")[1].id
          assert.equal("not_found", select(3, notifications[act]("ada", id)))
          assert.equal(1, #school:got(tab, "unread_count"))
          assert.equal(1, notifications.unread_count "ada")
        end)
      end
      open()
      overdue(function()
        notifications.mark_all_read "ada"
        local told = school:got(tab, "unread_count")[1]
        assert.same({ 0, 3, true, 1 }, { told.unreadCount, told.rev - R, told.allRead, #told.removedIds })
      end)
    end)

    it("of many people is done in one transaction each hundred", function()
      local list = {}
      for i = 1, 250 do
        list[i] = { userId = i, title = "t", message = "m", expiresAt = 1800000005000 }
      end
      notifications.bulk(list)
      local before = school.core.db_calls
      school.core.advance(6)
      assert.equal(before + 4 + 3 + 1, school.core.db_calls) -- looks, transactions, and when the next is due
      assert.equal(0, notifications.unread_count(250))
    end)

    it("is tried again when the database was away", function()
      notifications.create(request { expiresAt = 1800000005000 })
      school.core.db_failure = AWAY
      school.core.advance(6)
      school.core.db_failure = nil
      assert.same({}, school:got(tab, "unread_count"))
      school.core.advance(5)
      assert.equal(0, school:got(tab, "unread_count")[1].unreadCount)
    end)
  end)

  it("answers unavailable when the database is away, and pushes nothing", function()
    school.core.db_failure = AWAY
    for _, act in ipairs {
      function() return notifications.create(REQUEST) end,
      function() return badges.of "ada" end,
      function() return notifications.unread_count "ada" end,
      function() return notifications.list "ada" end,
      function() return notifications.page "ada" end,
      function() return notifications.since("ada", R, EPOCH) end,
      function() return notifications.mark_read("ada", "x") end,
      function() return notifications.mark_all_read "ada" end,
      function() return notifications.delete("ada", "x") end,
    } do
      assert.equal("unavailable", select(3, act()))
    end
    assert.same({}, school:got(tab))
  end)

  -- Whatever is done, in whatever order: who applies the pushes, each rev once, knows what the server says;
  -- and so does who was told nothing and asks since any rev.
  it("keeps every tab right through random steps", function()
    open { store = { notifications = 12 } }
    local ids, seed, seen = {}, 3, { { rev = R, ids = {} } }
    local function random(n)
      seed = (seed * 1103515245 + 12345) % 2147483648
      return math.floor(seed / 65536) % n + 1
    end
    local first = notifications.create(REQUEST)
    local known, rev, count = { [first.id] = false }, R + 1, 1
    school:got(tab, "notification")
    local function apply(push)
      assert.equal(rev + 1, push.rev)
      rev, count = push.rev, push.unreadCount
      for id in pairs(push.allRead and known or {}) do
        known[id] = true
      end
      for _, id in ipairs(push.readIds or {}) do
        known[id] = true
      end
      for _, id in ipairs(push.removedIds or {}) do
        known[id] = nil
      end
    end
    for _ = 1, 600 do
      local what, now = random(12), school.core.now()
      if what <= 5 then
        local soon = (now + random(9)) * 1000
        ids[#ids + 1] = notifications.create(request { expiresAt = random(4) == 1 and soon or nil }).id
      elseif what == 6 then
        notifications.bulk { REQUEST, request { userId = "bob" }, REQUEST, REQUEST }
      elseif what <= 9 and #ids > 0 then
        notifications.mark_read("ada", ids[random(#ids)])
      elseif what == 10 and random(4) == 1 then
        notifications.mark_all_read "ada"
      elseif what == 11 and #ids > 0 then
        notifications.delete("ada", ids[random(#ids)])
      elseif what == 12 then
        school.core.advance(random(3))
      end
      for _, message in ipairs(school.core.received(tab)) do
        local push = message[1]
        if message.event == "notification" then
          known[push.id] = false
        end
        apply(push)
      end
      school:got(tab, "notification")
      school:got(tab, "unread_count")
      local list = notifications.list("ada", { limit = 100 })
      local listed, unread = {}, 0
      for _, each in ipairs(list.notifications) do
        listed[each.id] = each.isRead
        unread = unread + (each.isRead and 0 or 1)
      end
      assert.same(listed, known)
      assert.same({ list.unreadCount, list.rev, unread }, { count, rev, count })
      seen[#seen + 1] = { rev = rev, ids = listed }
      local before = seen[random(#seen)]
      local changes, then_known = notifications.since("ada", before.rev, EPOCH), {}
      for id, read in pairs(changes.reset and {} or before.ids) do
        then_known[id] = read
      end
      for _, each in ipairs(changes.notifications) do
        then_known[each.id] = each.isRead
      end
      for _, id in ipairs(changes.removedIds or {}) do
        then_known[id] = nil
      end
      assert.same(listed, then_known)
    end
    assert.is_true(rev > R + 300)
  end)
end)
