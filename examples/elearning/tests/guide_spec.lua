-- The integration guide, call by call: what a client sends, what the back end calls, who gets what.

local app = require "support.app"

describe("the guide", function()
  local school, ada, bob, outside

  before_each(function()
    school = app.new { dir = "examples/elearning" }
    ada = school:connect { id = "user-123", role = "student" }
    bob = school:connect { id = "bob", role = "student" }
    outside = school:connect { id = "eve" }
  end)

  -- What a client got of one event since the start; the timestamps and ids that differ are checked apart.
  local function only(client, event)
    local list = client:got(event)
    assert.equal(1, #list, event)
    return list[1]
  end

  local function join(room, ...)
    for _, client in ipairs { ... } do
      local ack = client:ask("join_room", { room = room, type = "discussion" })
      assert.is_true(ack.ok)
    end
  end

  it("connected is the first event", function()
    local got = ada:got()[1]
    assert.same({ "connected", {
      message = "Connected to the classroom",
      userId = "user-123",
      socketId = ada.socket.id,
      unreadCount = 0,
      rev = 0,
      epoch = got[2].epoch,
    } }, got)
    assert.equal("string", type(got[2].epoch))
  end)

  it("join_room, leave_room", function()
    local ack = ada:ask("join_room", { room = "course:123", type = "discussion" })
    assert.same({ ok = true, room = "course:123", online = { "user-123" }, onlineCount = 1 }, ack)
    assert.is_true(ada.socket:has_joined "course:123")
    assert.same({ ok = true, room = "course:123" }, ada:ask("leave_room", { room = "course:123" }))
    assert.is_false(ada.socket:has_joined "course:123")
    ada:emit("join_room", { room = "live-session:456", type = "live_session" })
    assert.is_true(ada.socket:has_joined "live-session:456")
    assert.same({}, ada:got "error")
  end)

  it("typing_start, typing_stop", function()
    join("course:123", ada, bob)
    ada:emit("typing_start", { room = "course:123", discussionId = "discussion-456" })
    ada:emit("typing_stop", { room = "course:123", discussionId = "discussion-456" })
    local payload = { room = "course:123", discussionId = "discussion-456", userId = "user-123" }
    payload.isTyping = true
    assert.same(payload, bob:got("typing_indicator")[1])
    payload.isTyping = false
    assert.same(payload, bob:got("typing_indicator")[2])
    assert.same({}, ada:got "typing_indicator")
  end)

  it("user_presence", function()
    join("course:123", ada, bob)
    local gone = school.lectern.date()
    assert.same({ userId = "bob", status = "online", lastSeen = gone }, only(ada, "user_presence"))
    ada:clear()
    bob:disconnect()
    school:advance(10)
    assert.same({ userId = "bob", status = "offline", lastSeen = gone }, only(ada, "user_presence"))
    assert.same({}, outside:got "user_presence")
  end)

  it("createNotification", function()
    school.api.createNotification {
      userId = "user-123",
      type = "COURSE_UPDATE",
      title = "New Lesson Available",
      message = "A new lesson has been added to your course",
      data = { courseId = "course-456" },
    }
    local got = only(ada, "notification")
    assert.equal("COURSE_UPDATE", got.type)
    assert.equal("course-456", got.data.courseId)
    assert.is_false(got.isRead)
    assert.same({}, bob:got "notification")
    local again = school:connect { id = "user-123" }
    assert.equal(1, again:got("connected")[1].unreadCount)
  end)

  it("createBulkNotifications", function()
    school.api.createBulkNotifications {
      { userId = "user-123", type = "ANNOUNCEMENT", title = "System Maintenance", message = "tonight" },
      { userId = "bob", type = "ANNOUNCEMENT", title = "System Maintenance", message = "tonight" },
    }
    assert.equal("System Maintenance", only(ada, "notification").title)
    assert.equal("System Maintenance", only(bob, "notification").title)
    assert.same({}, outside:got "notification")
  end)

  it("createRoomNotification", function()
    join("course:123", ada)
    school.api.createRoomNotification("course:123", {
      type = "COURSE_ANNOUNCEMENT",
      title = "Important Update",
      message = "Please check the new assignment",
    })
    assert.is_true(only(ada, "notification").isRoomNotification)
    assert.same({}, bob:got "notification")
  end)

  it("sendDiscussionMessage, sendDiscussionReaction", function()
    join("course:123", ada)
    school.api.sendDiscussionMessage("course:123", {
      id = "msg-456",
      discussionId = "discussion-789",
      userId = "user-123",
      content = "Great question!",
      timestamp = "2026-01-01T00:00:00.000Z",
    })
    assert.same({
      id = "msg-456",
      discussionId = "discussion-789",
      userId = "user-123",
      content = "Great question!",
      timestamp = "2026-01-01T00:00:00.000Z",
      room = "course:123",
    }, only(ada, "discussion_message"))
    school.api.sendDiscussionReaction("course:123", "discussion-789", "user-123", "👍")
    assert.same({
      room = "course:123",
      discussionId = "discussion-789",
      userId = "user-123",
      reaction = "👍",
      timestamp = school.lectern.date(),
    }, only(ada, "discussion_reaction"))
    assert.same({}, bob:got "discussion_message")
  end)

  it("sendLiveSessionEvent", function()
    join("live-session:456", ada)
    school.api.sendLiveSessionEvent("live-session:456", {
      sessionId = "live-session-456",
      type = "user_joined",
      userId = "user-123",
      data = { userName = "John Doe" },
    })
    assert.same({
      sessionId = "live-session-456",
      type = "user_joined",
      userId = "user-123",
      data = { userName = "John Doe" },
      timestamp = school.lectern.date(),
    }, only(ada, "live_session_event"))
  end)

  it("sendCourseAnnouncement, sendCourseUpdate: course-123 is course:123", function()
    join("course:123", ada)
    school.api.sendCourseAnnouncement("course-123", {
      title = "New Assignment Posted",
      message = "Check out the new assignment in Module 3",
      instructorId = "instructor-456",
    })
    local announced = only(ada, "course_announcement")
    assert.same({
      id = announced.id,
      courseId = "course-123",
      title = "New Assignment Posted",
      message = "Check out the new assignment in Module 3",
      instructorId = "instructor-456",
      timestamp = school.lectern.date(),
    }, announced)
    school.api.sendCourseUpdate("course-123", {
      type = "new_lesson",
      title = "New Lesson Available",
      message = "Module 4: Advanced Topics is now available",
      data = { lessonId = "lesson-789" },
    })
    assert.same({
      courseId = "course-123",
      type = "new_lesson",
      title = "New Lesson Available",
      message = "Module 4: Advanced Topics is now available",
      data = { lessonId = "lesson-789" },
      timestamp = school.lectern.date(),
    }, only(ada, "course_update"))
    assert.same({}, bob:got "course_update")
  end)

  it("private_message, system_announcement", function()
    local phone = school:connect { id = "user-123" }
    school.api.send_private_message { from = "bob", to = "user-123", content = "Hello" }
    for _, client in ipairs { ada, phone, bob } do
      assert.equal("Hello", only(client, "private_message").content)
    end
    assert.same({}, outside:got "private_message")
    school.api.create_system_announcement { type = "MAINTENANCE", title = "Tonight", message = "We update" }
    for _, client in ipairs { ada, phone, bob, outside } do
      assert.equal("Tonight", only(client, "system_announcement").title)
    end
  end)
end)
