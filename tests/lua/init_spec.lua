local app = require "support.app"

describe("lectern", function()
  local core, lectern

  before_each(function()
    core = app.core { app = { note = "mine" } }
    lectern = require "lectern"
  end)

  it("shows settings, and lets nobody set them", function()
    assert.equal("allow", lectern.config.rooms.default)
    assert.equal("mine", lectern.config.app.note)
    assert.error_matches(function() lectern.config.port = 1 end, "cannot be set")
    assert.error_matches(function() lectern.config.rooms.default = "deny" end, "lectern.config.rooms.default")
  end)

  it("runs later, again and again, until cancelled", function()
    local ran = {}
    lectern.after(1, function(...) ran[#ran + 1] = table.concat({ ... }, ",") end, "a", "b")
    local timer = lectern.every(1, function() ran[#ran + 1] = "tick" end)
    lectern.after(0.5, function() ran[#ran + 1] = "never" end):cancel()
    core.advance(2)
    timer:cancel()
    timer:cancel()
    core.advance(5)
    assert.same({ "a,b", "tick", "tick" }, ran)
  end)

  it("looks a named API call up anew each time", function()
    local ran = {}
    core.api = { tick = function(x) ran[#ran + 1] = "old " .. x end }
    lectern.every(1, "tick", 7)
    core.advance(1)
    core.api = { tick = function(x) ran[#ran + 1] = "new " .. x end }
    core.advance(1)
    assert.same({ "old 7", "new 7" }, ran)
    assert.error_matches(function() return lectern.api.nothing() end, "no API call")
    assert.error_matches(function() lectern.after(1, "tock") end, "after: there is no API call \"tock\"")
    assert.has_error(function() lectern.api.mine = print end)
  end)

  it("refuses times that are none", function()
    for _, seconds in ipairs { -1, 0 / 0, "1", {} } do
      assert.has_error(function() lectern.after(seconds, print) end)
      assert.has_error(function() lectern.every(seconds, print) end)
      assert.has_error(function() lectern.sleep(seconds) end)
    end
    assert.has_error(function() lectern.every(0, print) end)
    assert.has_error(function() lectern.after(1) end)
    assert.has_error(function() lectern.spawn "x" end)
  end)

  it("sleeps in a coroutine", function()
    local woke
    lectern.spawn(function()
      lectern.sleep(2)
      woke = lectern.now()
    end)
    local began = lectern.now()
    core.advance(3)
    assert.equal(began + 2, woke)
  end)

  it("writes dates as clients expect them", function()
    assert.equal("2027-01-15T08:00:00.000Z", lectern.date())
    assert.equal("1970-01-01T00:00:00.000Z", lectern.date(0))
    assert.equal("2026-11-22T19:44:05.123Z", lectern.date(1795376645.123))
    assert.equal("2026-11-22T19:44:06.000Z", lectern.date(1795376645.9996))
  end)

  it("marks arrays", function()
    assert.is_true(lectern.is_array(lectern.array()))
    assert.is_true(lectern.is_array(lectern.array {}))
    assert.is_true(lectern.is_array { 1 })
    assert.is_false(lectern.is_array {})
    assert.is_false(lectern.is_array { a = 1 })
    assert.is_false(lectern.is_array "x")
    assert.has_error(function() lectern.array "x" end)
  end)

  it("finds sockets, rooms and counts", function()
    local a, b = core.connect("/", { id = "a" }), core.connect("/x", { id = "b" })
    core.accept(a)
    core.accept(b)
    a:join { "r", "s" }
    b:join "r"
    assert.same({ a }, lectern.sockets())
    assert.same({ a }, lectern.sockets { room = "r" })
    assert.same({}, lectern.sockets { room = "r", except = "s" })
    assert.same({ b }, lectern.sockets { room = "r", namespace = "/x" })
    assert.equal(a, lectern.socket(a.id))
    assert.is_nil(lectern.socket(b.id))
    assert.equal(b, lectern.socket(b.id, "/x"))
    assert.equal(1, lectern.count())
    assert.equal(1, lectern.count "s")
    assert.equal(0, lectern.count("s", "/x"))
    assert.same({ r = 1, s = 1 }, lectern.rooms())
    assert.has_error(function() lectern.sockets "r" end)
    assert.error_matches(function() lectern.sockets { rooms = "r" } end, "not rooms")
    assert.has_error(function() lectern.of(5) end)
  end)

  it("means all namespaces of a pattern by its text, and makes none", function()
    core.patterns = { "/course-*" }
    local a, b = core.connect("/course-1", { id = "a" }), core.connect("/course-2", { id = "b" })
    core.accept(a)
    core.accept(b)
    b:join "r"
    local courses = lectern.of "course-*"
    assert.equal(2, courses:emit("x"))
    assert.equal(1, courses:to("r"):emit("y"))
    assert.equal(2, courses:count())
    assert.equal(2, #courses:sockets())
    assert.equal(1, lectern.count("r", "/course-*"))
    assert.equal(b, lectern.socket(b.id, "/course-*"))
    assert.same({ r = 1 }, lectern.rooms "/course-*")
    assert.same({ "2" }, b.namespace_match)
    assert.equal(0, lectern.of("/course-3"):emit("x"))
    core.close(b)
    assert.equal(1, courses:count())
    assert.error_matches(function() lectern.of "/corse-*" end, "no module has the namespace")
  end)

  it("names the same room for a user as lectern.rooms", function()
    local socket = core.connect("/", { id = "7" })
    core.accept(socket)
    socket:join "user:7"
    for _, id in ipairs { 7, "7" } do
      assert.equal(1, lectern.user(id):count())
    end
    for _, id in ipairs { "user-7", "user:7", " 7" } do -- others
      assert.equal(0, lectern.user(id):count())
    end
    assert.error_matches(function() lectern.user(nil) end, "user: no user has the id nil")
  end)

  it("revokes by id, which may be a number", function()
    local a = core.connect("/", { id = "7", jti = "x" })
    local b = core.connect("/x", { id = "7", jti = "8" })
    core.accept(a)
    core.accept(b)
    assert.equal(0, lectern.revoke_user "8")
    assert.equal(1, lectern.revoke_token(8))
    assert.is_false(b.connected)
    assert.equal(1, lectern.revoke_user(7))
    assert.is_false(a.connected)
    for _, id in ipairs { "", 1.5, {}, true } do
      assert.has_error(function() lectern.revoke_user(id) end, "revoke_user: an id expected")
      assert.has_error(function() lectern.revoke_token(id) end, "revoke_token: an id expected")
    end
    assert.has_error(function() lectern.revoke_user() end)

    assert.equal(3, #core.rows "SELECT 1 FROM lectern_revocations")
    core.db_failure = { "away", "unavailable" }
    local why = "it is in force until a restart, but could not be kept: away"
    assert.same({ nil, why, "unavailable" }, { lectern.revoke_token "y" })
  end)

  it("asks other servers", function()
    core.replies["https://a"] = { status = 201, headers = { etag = "x" }, body = '{"n":[1,2]}' }
    core.replies["https://b"] = { nil, "too slow", "timeout" }
    local response = lectern.http.request {
      url = "https://a", json = { x = 1 }, headers = { ["X-A"] = "b" }, timeout = 2,
    }
    assert.equal(201, response.status)
    assert.equal("x", response.headers.etag)
    assert.same({ n = { 1, 2 } }, response:json())
    assert.same({ nil, "too slow", "timeout" }, { lectern.http.request { url = "https://b" } })
    local headers = { ["Content-Type"] = "text/x" }
    lectern.http.request { url = "https://a", json = 1, headers = headers, method = "PUT" }
    lectern.http.request { url = "https://a", body = "" }
    lectern.http.request { url = "https://a", untrusted = true }
    assert.same({
      { method = "POST", url = "https://a", body = '{"x":1}', timeout = 2,
        headers = { ["X-A"] = "b", ["content-type"] = "application/json" } },
      { method = "GET", url = "https://b" },
      { method = "PUT", url = "https://a", body = "1", headers = headers },
      { method = "POST", url = "https://a", body = "" },
      { method = "GET", url = "https://a", untrusted = true },
    }, core.requests)
  end)

  it("says what is wrong with a request", function()
    for message, request in pairs {
      ["a request like"] = "https://a",
      ["url = address"] = {},
      ["url: a string expected, got a number"] = { url = 5 },
      ["not urll"] = { url = "x", urll = "y" },
      ["not 1"] = { "x", url = "x" },
      ["body or json"] = { url = "x", body = "a", json = "b" },
      ["no method \"get\""] = { url = "x", method = "get" },
      ["GET has no body"] = { url = "x", method = "GET", body = "a" },
      ["json cannot be sent"] = { url = "x", json = print },
      ["timeout: a number expected"] = { url = "x", timeout = "1" },
      ["untrusted: a boolean expected"] = { url = "x", untrusted = "yes" },
      ["headers: a table expected"] = { url = "x", headers = "a: b" },
    } do
      assert.error_matches(function() lectern.http.request(request) end, message, 1, true)
    end
    assert.same({}, core.requests)
  end)

  it("logs with a level", function()
    lectern.log.warn("careful", { room = "r" })
    assert.same({ { level = "warn", message = "careful", fields = { room = "r" } } }, core.logged)
  end)
end)
