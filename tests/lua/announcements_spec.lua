local class = require "support.class"

describe("announcements", function()
  local school, announcements, ada, outside

  before_each(function()
    school = class.new { store = { messages = 30 } }
    announcements = require "lectern.announcements"
    ada, outside = school:socket("ada", "course:1"), school:socket "bob"
  end)

  it("go to the course, and stay for who comes later", function()
    local sent = announcements.create("course-1", {
      title = "Exam", message = "On Monday", instructorId = "tina", data = { list = school.lectern.array {} },
    })
    assert.same({
      id = sent.id, courseId = "course-1", title = "Exam", message = "On Monday", instructorId = "tina",
      data = { list = {} }, timestamp = school.lectern.date(),
    }, sent)
    assert.same({ sent }, school:got(ada, "course_announcement"))
    assert.same({}, school:got(outside, "course_announcement"))
    local page = announcements.list "course-1"
    assert.same({ announcements = { sent }, hasMore = false }, page)
    assert.same({}, announcements.list("2").announcements)
  end)

  it("page newest first, and the oldest go", function()
    for i = 1, 40 do
      announcements.create("1", { title = "t" .. i, message = "m" })
    end
    local titles, cursor = {}, nil
    repeat
      local page = announcements.list("1", { limit = 8, cursor = cursor })
      for _, one in ipairs(page.announcements) do
        titles[#titles + 1] = one.title
      end
      cursor = page.nextCursor
    until not cursor
    assert.same({ 30, "t40", "t11" }, { #titles, titles[1], titles[30] })
  end)

  it("expire, and may be taken back", function()
    announcements.create("1", { title = "a", message = "m", expiresAt = "2027-01-15T08:00:05Z" })
    local id = announcements.create("1", { title = "b", message = "m" }).id
    assert.equal("2027-01-15T08:00:05.000Z", announcements.list("1").announcements[2].expiresAt)
    school.core.advance(5)
    assert.equal(1, #announcements.list("1").announcements)
    assert.is_true(announcements.delete("1", id))
    assert.same({ { courseId = "1", id = id } }, school:got(ada, "course_announcement_deleted"))
    assert.equal("not_found", select(3, announcements.delete("1", id)))
    assert.same({}, announcements.list("1").announcements)
  end)

  it("with an id that is there are not sent twice", function()
    local first = announcements.create("1", { id = "a1", title = "once", message = "m" })
    assert.same(first, announcements.create("1", { id = "a1", title = "twice", message = "m" }))
    assert.equal(1, #school:got(ada, "course_announcement"))
  end)

  it("are refused when they are wrong", function()
    assert.equal("invalid", select(3, announcements.create("", { title = "t" })))
    assert.equal("invalid", select(3, announcements.create("1", "x")))
    assert.equal("invalid", select(3, announcements.create("1", { expiresAt = 5 })))
    assert.equal("too_big", select(3, announcements.create("1", { message = ("x"):rep(30000) })))
    assert.equal("invalid", select(3, announcements.list("1", { cursor = "x" })))
    school.core.db_failure = { "away", "unavailable" }
    assert.equal("unavailable", select(3, announcements.create("1", { title = "t" })))
    assert.equal("unavailable", select(3, announcements.list "1"))
    assert.same({}, school:got(ada, "course_announcement"))
  end)
end)
