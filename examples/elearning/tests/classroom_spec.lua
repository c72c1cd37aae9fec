-- What people do to each other from their pages, and what only staff may.

local app = require "support.app"

describe("the classroom", function()
  local school, ada, bob, teacher

  local function open(config)
    school = app.new { dir = "examples/elearning", config = config }
    ada = school:connect { id = "ada", role = "student" }
    bob = school:connect { id = "bob", role = "student" }
    teacher = school:connect { id = "tina", role = { "teacher" } }
    for _, client in ipairs { ada, bob, teacher } do
      client:ask("join_room", { room = "course:1" })
      client:ask("join_room", { room = "live-session:9" })
    end
    for _, client in ipairs { ada, bob, teacher } do
      client:clear()
    end
  end

  before_each(function()
    open()
  end)

  local function code(ack)
    return ack.error and ack.error.code
  end

  it("refuses a token whose id cannot name a room", function()
    for _, id in ipairs { "", ("x"):rep(256), "a\nb" } do
      local client, message, why = school:connect { id = id }
      assert.is_nil(client)
      assert.matches("^the id of a person ", message)
      assert.equal("invalid", why)
    end
    assert.is_truthy(school:connect { id = 7 })
  end)

  describe("discussions", function()
    it("carry messages to all in the room, the sender included", function()
      local ack = ada:ask("discussion_message", { room = "course-1", discussionId = "d", content = "Why?" })
      assert.is_true(ack.ok)
      local message = {
        id = ack.message.id,
        room = "course:1",
        discussionId = "d",
        userId = "ada",
        content = "Why?",
        timestamp = school.lectern.date(),
      }
      assert.same(message, ack.message)
      for _, client in ipairs { ada, bob, teacher } do
        assert.same({ message }, client:got "discussion_message")
      end
    end)

    it("take the sender from the token, whatever the payload says", function()
      ada:emit("discussion_message", { room = "course:1", content = "x", userId = "tina", timestamp = 0 })
      local got = bob:got("discussion_message")[1]
      assert.equal("ada", got.userId)
      assert.equal(school.lectern.date(), got.timestamp)
    end)

    it("that a page sends again, with the same id, come once; nobody takes another's id", function()
      local message = { room = "course:1", content = "x", id = "page-1" }
      local first = ada:ask("discussion_message", message)
      assert.same(first, ada:ask("discussion_message", message))
      assert.equal("conflict", code(bob:ask("discussion_message", message)))
      assert.equal(1, #bob:got "discussion_message")
    end)

    it("are edited by who wrote them, and deleted by staff as well", function()
      local id = ada:ask("discussion_message", { room = "course:1", content = "one" }).message.id
      local edit = { room = "course:1", id = id, content = "two" }
      assert.equal("forbidden", code(bob:ask("edit_message", edit)))
      assert.equal("forbidden", code(teacher:ask("edit_message", edit)))
      assert.equal("two", ada:ask("edit_message", edit).message.content)
      assert.equal("forbidden", code(bob:ask("delete_message", { room = "course:1", id = id })))
      assert.equal("tina", teacher:ask("delete_message", { room = "course:1", id = id }).message.deletedBy)
      assert.equal("two", bob:got("message_updated")[1].content)
      assert.equal("tina", bob:got("message_deleted")[1].deletedBy)
      assert.equal("forbidden", code(ada:ask("edit_message", { room = "course:2", id = id, content = "x" })))
    end)

    it("have read marks, for members", function()
      ada:emit("discussion_message", { room = "course:1", content = "one" })
      assert.equal(1, bob:ask("room_unread", { room = "course:1" }).unreadCount)
      assert.equal(0, bob:ask("mark_room_read", { room = "course:1" }).unreadCount)
      assert.equal(0, bob:got("read_mark")[1].unreadCount)
      assert.same({}, ada:got "messages_read")
      assert.equal("forbidden", code(bob:ask("room_unread", { room = "private:ada:tina" })))
    end)

    it("carry reactions", function()
      local reaction = { room = "course:1", discussionId = "d", messageId = "m", reaction = "👍" }
      assert.same({ ok = true }, ada:ask("discussion_reaction", reaction))
      reaction.userId, reaction.timestamp = "ada", school.lectern.date()
      assert.same({ reaction }, bob:got "discussion_reaction")
    end)

    it("are read back", function()
      ada:emit("discussion_message", { room = "course:1", discussionId = "d", content = "one" })
      bob:emit("discussion_message", { room = "course:1", content = "two" })
      bob:emit("discussion_reaction", { room = "course:1", discussionId = "d", reaction = "+" })
      local ack = teacher:ask("discussion_history", { room = "course:1" })
      assert.equal("one", ack.messages[1].content)
      assert.equal("two", ack.messages[2].content)
      ack = teacher:ask("discussion_history", { room = "course:1", discussionId = "d", limit = 5 })
      assert.equal(1, #ack.messages)
      assert.same({ ["+"] = 1 }, ack.reactions)
    end)

    it("are only for who is in the room, with whole payloads", function()
      local cases = {
        { "discussion_message", { room = "course:2", content = "x" }, "forbidden" },
        { "discussion_message", { room = "course:1" }, "invalid" },
        { "discussion_message", { room = "course:1", content = "" }, "invalid" },
        { "discussion_message", { room = "course:1", content = ("x"):rep(8001) }, "invalid" },
        { "discussion_message", { room = "course:1", content = { "x" } }, "invalid" },
        { "discussion_message", "hello", "invalid" },
        { "discussion_reaction", { room = "course:2", discussionId = "d", reaction = "x" }, "forbidden" },
        { "discussion_reaction", { room = "course:1", reaction = "x" }, "invalid" },
        { "discussion_reaction", { room = "course:1", discussionId = "d", reaction = "a\nb" }, "invalid" },
        { "discussion_history", { room = "course:2" }, "forbidden" },
        { "discussion_history", { room = "course:1", limit = "all" }, "invalid" },
      }
      for i, case in ipairs(cases) do
        assert.equal(case[3], code(ada:ask(case[1], case[2])), i)
      end
      assert.same({}, bob:got())
    end)
  end)

  describe("typing", function()
    it("is checked and acknowledged", function()
      assert.same({ ok = true }, ada:ask("typing_start", { room = "course:1" }))
      assert.same({ ok = true }, ada:ask("typing_stop", { room = "course:1" }))
      assert.equal("forbidden", code(ada:ask("typing_start", { room = "course:2" })))
      assert.equal("invalid", code(ada:ask("typing_start", { discussionId = "d" })))
      local long = ("x"):rep(999)
      assert.equal("invalid", code(ada:ask("typing_start", { room = "course:1", discussionId = long })))
      assert.equal("invalid", code(ada:ask("typing_stop", "course:1")))
    end)

    it("to one person is for that person, in a conversation of both", function()
      local payload = { conversationId = "ada.bob", receiverId = "bob" }
      assert.same({ ok = true }, ada:ask("typing_start", payload))
      assert.same({ { conversationId = "ada.bob", userId = "ada" } }, bob:got "user_typing")
      assert.same({ ok = true }, ada:ask("typing_stop", payload))
      assert.same({ { conversationId = "ada.bob", userId = "ada" } }, bob:got "user_stopped_typing")
      assert.same({}, bob:got "typing_indicator")
      assert.equal("invalid", code(ada:ask("typing_start", { conversationId = "ada.bob" })))
      assert.equal("invalid", code(ada:ask("typing_start", { receiverId = "bob" })))
      local others = { conversationId = "bob.eve", receiverId = "bob" }
      assert.equal("forbidden", code(ada:ask("typing_start", others)))
      school:advance(2)
      payload.room = school.lectern.null
      assert.same({ ok = true }, ada:ask("typing_start", payload))
      payload.room = "course:1" -- which counts, then
      assert.same({ ok = true }, ada:ask("typing_start", payload))
      assert.equal(1, #bob:got "typing_indicator")
      ada:disconnect()
      assert.equal(2, #bob:got "user_stopped_typing")
    end)

    it("to one person is off where private messages are, but in conversations of the platform's", function()
      school.lectern.config.app.private_messages = false
      local why = code(ada:ask("typing_start", { conversationId = "ada.bob", receiverId = "bob" }))
      assert.equal("forbidden", why)
      school.api.grant_room("ada", "conversation:c1")
      ada:ask("join_room", "conversation:c1")
      assert.same({ ok = true }, ada:ask("typing_start", { conversationId = "c1", receiverId = "bob" }))
    end)

    it("cannot be claimed by the payload", function()
      ada:emit("typing_start", { room = "course:1", isTyping = false, userId = "bob" })
      local got = bob:got "typing_indicator"
      assert.equal(1, #got)
      assert.is_true(got[1].isTyping)
      assert.equal("ada", got[1].userId)
    end)

    it("ends when the typist disconnects", function()
      ada:emit("typing_start", { room = "course:1" })
      ada:disconnect()
      assert.is_false(bob:got("typing_indicator")[2].isTyping)
      school:advance(60)
      assert.equal(2, #bob:got "typing_indicator")
    end)
  end)

  describe("live sessions", function()
    it("carry events of all who are there", function()
      assert.same({ ok = true }, ada:ask("live_session_event", {
        sessionId = "live-session-9", type = "raise_hand", data = { since = 5 }, userId = "bob",
      }))
      assert.same({ {
        sessionId = "live-session-9",
        type = "raise_hand",
        userId = "ada",
        data = { since = 5 },
        timestamp = school.lectern.date(),
      } }, bob:got "live_session_event")
    end)

    it("keep some for staff, and all for members", function()
      for _, kind in ipairs { "session_started", "session_ended", "mute_all", "recording" } do
        assert.equal("forbidden", code(ada:ask("live_session_event", { sessionId = "9", type = kind })))
      end
      assert.is_true(teacher:ask("live_session_event", { sessionId = "9", type = "mute_all" }).ok)
      assert.equal("forbidden", code(ada:ask("live_session_event", { sessionId = "8", type = "raise_hand" })))
      assert.equal("invalid", code(ada:ask("live_session_event", { sessionId = "9" })))
      assert.equal("invalid", code(ada:ask("live_session_event", { sessionId = "session\n", type = "x" })))
      local nameless = { sessionId = "live-session-", type = "x" }
      assert.equal("invalid", code(ada:ask("live_session_event", nameless)))
      assert.equal("invalid", code(ada:ask("live_session_event", { sessionId = "session-", type = 5 })))
      assert.equal("invalid", code(ada:ask("live_session_event", {
        sessionId = "9", type = "x", data = ("x"):rep(20000),
      })))
    end)

    it("are named by room or by id in the API", function()
      assert.equal("9", school.api.send_live_session_event("9", { type = "x" }).sessionId)
      assert.equal("9", school.api.send_live_session_event(9, { type = "x" }).sessionId)
      assert.equal(2, #ada:got "live_session_event")
      assert.equal("invalid", select(3, school.api.send_live_session_event("", { type = "x" })))
      assert.equal("invalid", select(3, school.api.send_live_session_event("9", "x")))
    end)
  end)

  describe("private messages", function()
    it("go to both people's tabs", function()
      local ack = ada:ask("private_message", { to = "bob", content = "psst", from = "tina" })
      assert.is_true(ack.ok)
      assert.equal("ada", ack.message.from)
      assert.same({ ack.message }, bob:got "private_message")
      assert.same({ ack.message }, ada:got "private_message")
      assert.same({}, teacher:got "private_message")
      assert.same({ ack.message }, bob:ask("private_history", { with = "ada" }).messages)
      local own = teacher:ask("private_history", { with = "ada" })
      assert.same({ ok = true, messages = {}, hasMore = false }, own)
    end)

    it("are refused when they are wrong, or switched off", function()
      assert.equal("invalid", code(ada:ask("private_message", { to = "ada", content = "x" })))
      assert.equal("invalid", code(ada:ask("private_message", { to = "bob" })))
      assert.equal("invalid", code(ada:ask("private_message", { to = {}, content = "x" })))
      assert.equal("invalid", code(ada:ask("private_history", {})))
      assert.equal("invalid", code(ada:ask("private_history", { with = "ada" })))
      open { app = { staff = { "teacher" }, private_messages = false } }
      assert.equal("forbidden", code(ada:ask("private_message", { to = "bob", content = "x" })))
      local sent = school.api.send_private_message { from = "ada", to = "bob", content = "x" }
      local edit = { with = "bob", id = sent.id, content = "y" }
      assert.equal("forbidden", code(ada:ask("edit_private_message", edit)))
      assert.is_true(ada:ask("delete_private_message", { with = "bob", id = sent.id }).ok)
    end)
  end)

  describe("staff", function()
    it("announce to a course, in three ways", function()
      local content = { courseId = "course-1", title = "Exam", message = "On Monday" }
      assert.same({ ok = true }, teacher:ask("announce", content))
      local announced = ada:got "course_announcement"
      assert.same({ {
        id = announced[1].id,
        courseId = "course-1",
        title = "Exam",
        message = "On Monday",
        instructorId = "tina",
        timestamp = school.lectern.date(),
      } }, announced)
      assert.same(announced, bob:ask("list_announcements", { courseId = "course-1" }).announcements)
      content.as, content.type, content.data = "update", "new_lesson", { lessonId = 1 }
      assert.is_true(teacher:ask("announce", content).ok)
      assert.equal("new_lesson", ada:got("course_update")[1].type)
      assert.is_nil(ada:got("course_update")[1].instructorId)
      content.as = "notification"
      assert.is_true(teacher:ask("announce", content).ok)
      assert.is_true(ada:got("notification")[1].isRoomNotification)
    end)

    it("announce only whole things, to courses they may enter", function()
      assert.equal("invalid", code(teacher:ask("announce", { courseId = "1", title = "Exam" })))
      assert.equal("invalid", code(teacher:ask("announce", {
        courseId = "course-", title = "t", message = "m",
      })))
      assert.equal("invalid", code(teacher:ask("announce", {
        courseId = "1", title = "t", message = "m", as = "song",
      })))
      open { rooms = { default = "deny" } }
      assert.equal("forbidden", code(teacher:ask("announce", { courseId = "1", title = "t", message = "m" })))
    end)

    it("notify people", function()
      local ack = teacher:ask("notify", { userId = "ada", title = "Well done", message = "An A" })
      assert.is_true(ack.ok)
      assert.same({ ack.notification }, ada:got "notification")
      assert.equal("invalid", code(teacher:ask("notify", { userId = "ada" })))
    end)

    it("are known by role: a learner is refused", function()
      assert.equal("forbidden", code(ada:ask("announce", { courseId = "1", title = "t", message = "m" })))
      assert.equal("forbidden", code(ada:ask("notify", { userId = "bob", title = "t", message = "m" })))
      for _, client in ipairs { ada, teacher } do
        assert.equal("forbidden", code(client:ask("announce_system", { title = "t", message = "m" })))
      end
      assert.same({}, bob:got())
      local admin = school:connect { id = "root", role = "admin" }
      assert.is_true(admin:ask("announce_system", { title = "t", message = "m" }).ok)
      assert.equal("t", bob:got("system_announcement")[1].title)
      assert.equal("invalid", code(admin:ask("announce_system", { title = "t" })))
    end)
  end)

  describe("notifications", function()
    local R = 1800000000000 -- where revs of a new person begin

    it("are listed and marked read, in all tabs", function()
      local phone = school:connect { id = "ada" }
      local first = school.api.create_notification { userId = "ada", title = "one", message = "m" }
      school.api.create_notification { userId = "ada", title = "two", message = "m" }
      local ack = ada:ask("list_notifications", { limit = 1 })
      assert.equal("two", ack.notifications[1].title)
      assert.equal(2, ack.unreadCount)
      assert.equal(2, #ada:ask("list_notifications").notifications)
      assert.equal(2, #ada:ask("list_notifications", school.lectern.null).notifications)
      ack = ada:ask("mark_notification_read", { id = first.id })
      assert.same({ true, 1, R + 3 }, { ack.ok, ack.unreadCount, ack.rev })
      local told = phone:got "unread_count"
      assert.same({ { unreadCount = 1, rev = R + 3, readIds = { first.id } } }, told)
      assert.equal("two", ada:ask("list_notifications", { unread = true }).notifications[1].title)
      assert.equal(0, phone:ask("mark_all_notifications_read").unreadCount)
      assert.equal(0, ada:ask("list_notifications", {}).unreadCount)
    end)

    it("are deleted in all tabs", function()
      local phone = school:connect { id = "ada" }
      local note = school.api.create_notification { userId = "ada", title = "one", message = "m" }
      assert.equal(0, ada:ask("delete_notification", { id = note.id }).unreadCount)
      assert.same({ { unreadCount = 0, rev = R + 2, removedIds = { note.id } } }, phone:got "unread_count")
      assert.equal("not_found", code(phone:ask("delete_notification", { id = note.id })))
      assert.equal("invalid", code(phone:ask("delete_notification", {})))
    end)

    it("come in pages by a cursor", function()
      for i = 1, 5 do
        school.api.create_notification { userId = "ada", title = "t" .. i, message = "m" }
      end
      local ack = ada:ask("list_notifications", { limit = 3 })
      assert.same({ 3, true }, { #ack.notifications, ack.hasMore })
      ack = ada:ask("list_notifications", { limit = 3, cursor = ack.nextCursor })
      local rest = ack.notifications
      assert.same({ "t2", "t1", false }, { rest[1].title, rest[2].title, ack.hasMore })
      assert.equal("invalid", code(ada:ask("list_notifications", { cursor = "2" })))
    end)

    it("are told to who was away", function()
      local badge = ada:got("connected")[1] or school:connect({ id = "ada" }):got("connected")[1]
      assert.same({ 0, 0, "string" }, { badge.unreadCount, badge.rev, type(badge.epoch) })
      local note = school.api.create_notification { userId = "ada", title = "one", message = "m" }
      local ack = ada:ask("notifications_since", { rev = badge.rev, epoch = badge.epoch })
      assert.same({ 1, R + 1, note.id }, { ack.unreadCount, ack.rev, ack.notifications[1].id })
      assert.is_true(ada:ask("notifications_since", { rev = 0, epoch = "another" }).reset)
      assert.equal("invalid", code(ada:ask("notifications_since", { rev = 0 })))
    end)

    it("are read and marked by a back end too", function()
      local ids = {}
      for i = 1, 3 do
        ids[i] = school.api.create_notification({ userId = "ada", title = "t" .. i, message = "m" }).id
      end
      local page = school.api.get_user_notifications("ada", 2, 2)
      assert.same({ page = 2, limit = 2, total = 3, pages = 2 }, page.pagination)
      assert.equal("t1", page.notifications[1].title)
      assert.equal(3, school.api.get_unread_count "ada")
      assert.equal(1, school.api.mark_as_read(ids[1], "ada").count)
      assert.equal(2, school.api.get_unread_count "ada")
      assert.equal(0, school.api.mark_as_read(ids[1], "ada").count)
      assert.equal(0, school.api.markAsRead(ids[2], "bob").count)
      assert.equal(0, school.api.delete_notification("nope", "ada").count)
      assert.equal(1, school.api.delete_notification(ids[3], "ada").count)
      assert.equal(1, school.api.mark_all_as_read("ada").count)
      assert.equal(0, school.api.get_unread_count "ada")
      for _, name in ipairs {
        "get_user_notifications", "get_unread_count", "mark_all_as_read", "mark_as_read",
        "delete_notification",
      } do
        assert.equal("invalid", select(3, school.api[name]({}, {})))
      end
    end)

    it("do not keep anybody out while the database is away", function()
      school.core.db_failure = { "the database is away", "unavailable" }
      local client = school:connect { id = "carl" }
      local connected = client:got("connected")[1]
      assert.equal("carl", connected.userId)
      assert.is_nil(connected.unreadCount)
      assert.equal("unavailable", code(client:ask("list_notifications")))
      assert.equal("unavailable", code(client:ask("notifications_since", { rev = 0, epoch = "e" })))
    end)

    -- The badge of who is being let in was asked for before this came.
    it("that come while somebody is let in are counted in the first event", function()
      local modules = { { namespace = "/", on_connect = function()
        school.api.create_notification { userId = "dora", title = "one", message = "m" }
      end } }
      school = app.new { dir = "examples/elearning", modules = modules }
      local got = school:connect({ id = "dora" }):got()
      assert.equal("connected", got[1][1])
      assert.same({ 1, 1, R + 1 }, { #got, got[1][2].unreadCount, got[1][2].rev })
    end)

    it("are one's own", function()
      local note = school.api.create_notification { userId = "ada", title = "one", message = "m" }
      assert.equal("not_found", code(bob:ask("mark_notification_read", { id = note.id })))
      assert.same({}, bob:ask("list_notifications").notifications)
      assert.equal("invalid", code(ada:ask("mark_notification_read", {})))
      assert.equal("invalid", code(ada:ask("list_notifications", { limit = "all" })))
    end)
  end)

  it("courses check what the API is given", function()
    for _, name in ipairs { "send_course_update", "send_course_announcement" } do
      assert.equal("invalid", select(3, school.api[name](nil, { title = "t" })))
      assert.equal("invalid", select(3, school.api[name]("1", "t")))
      assert.equal("invalid", select(3, school.api[name]("course-", { title = "t" })))
    end
    local sent = school.api.send_course_update(1, { title = "t", timestamp = school.lectern.null })
    assert.equal(school.lectern.date(), sent.timestamp)
    assert.same({ sent }, ada:got "course_update")
  end)
end)
