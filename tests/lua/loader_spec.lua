local app = require "support.app"

describe("the loader", function()
  local load

  before_each(function()
    app.core()
    load = require "lectern.loader"
  end)

  local function modules(...)
    local list = {}
    for i, module in ipairs { ... } do
      list[i] = { file = ("handlers/%d.lua"):format(i), module = module }
    end
    return list
  end

  local function loaded(...)
    local result, errors = load(modules(...), app.first_parameter)
    assert.same({}, errors)
    return result
  end

  local function errors_of(...)
    return (select(2, load(modules(...), app.first_parameter)))
  end

  it("tells client events from API calls, hooks and private names", function()
    local result = loaded {
      on_join_room = function() return "joined" end,
      send_course_update = function() return "sent" end,
      on_start = print,
      on_stop = print,
      on_connect = function() end,
      on_connected = print,
      on_disconnect = print,
      on_token_refreshed = print,
      on_any = print,
      on_any_outgoing = print,
      _helper = print,
      _table = {},
    }
    assert.equal("joined", result.events["/"].join_room())
    assert.equal("sent", result.api.send_course_update())
    assert.equal("sent", result.api.sendCourseUpdate())
    for _, hook in ipairs {
      "start", "stop", "connect", "connected", "disconnect", "token_refreshed", "any", "any_outgoing",
    } do
      assert.is_nil(result.events["/"][hook], hook)
    end
    assert.is_nil(result.api._helper)
    assert.equal(1, #result.start)
    assert.equal(1, #result.stop)
    assert.equal(1, #result.connected["/"])
    assert.equal(1, #result.disconnect["/"])
    assert.equal(1, #result.token_refreshed["/"])
    assert.equal(1, #result.any["/"])
    assert.equal(1, #result.any_outgoing["/"])
    assert.equal("function", type(result.connect["/"]))
  end)

  it("lets on_any hear every event first, and refuse none", function()
    local heard = {}
    local school = app.new {
      modules = {
        { on_any = function(_, event, what) heard[#heard + 1] = event .. what return nil, "no" end },
        { on_x = function(_, what) heard[#heard + 1] = "handler" return what end },
      },
    }
    local ada = school:connect { id = "ada" }
    assert.equal(1, ada:ask("x", 1))
    ada:emit("unknown", 2)
    assert.same({ "x1", "handler", "unknown2" }, heard)
    assert.same({}, ada:got())
  end)

  it("says which handlers would never run", function()
    for name, instead in pairs {
      on_refresh_token = "on_token_refreshed", on_connection = "on_connected",
      on_disconnecting = "on_disconnect", on_disconnected = "on_disconnect", on_connect_error = "on_connect",
    } do
      local errors = errors_of { [name] = print }
      assert.equal(1, #errors)
      assert.matches("^handlers/1.lua: " .. name .. " would never run: .*" .. instead, errors[1])
    end
  end)

  it("says which handlers were written as methods", function()
    local M = {}
    function M:on_join_room(data) return self, data end
    function M:before_event(event) return self, event end
    function M.on_typing(socket, typing) return socket, typing end
    local errors = errors_of(M)
    assert.equal(2, #errors)
    assert.matches("^handlers/1.lua: before_event has a colon .*`function M.before_event`$", errors[1])
    assert.matches("^handlers/1.lua: on_join_room has a colon .*`function M.on_join_room`$", errors[2])
  end)

  it("runs several modules of one event in file order; the last answer counts", function()
    local ran = {}
    local result = loaded(
      { on_x = function(_, a) ran[#ran + 1] = "1" .. a return "first" end },
      { on_x = function(_, a) ran[#ran + 1] = "2" .. a end },
      { on_x = function(_, a) ran[#ran + 1] = "3" .. a return "third", 3 end },
      { on_x = function() end })
    assert.same({ "third", 3 }, { result.events["/"].x({}, "a") })
    assert.same({ "1a", "2a", "3a" }, ran)
  end)

  it("ends at the first refusal", function()
    local ran
    local result = loaded(
      { on_x = function() return nil, "no", "forbidden" end },
      { on_x = function() ran = true end })
    assert.same({ nil, "no", "forbidden" }, { result.events["/"].x {} })
    assert.is_nil(ran)
  end)

  it("puts before_event in front, of all modules of the namespace", function()
    local seen = {}
    local result = loaded(
      {
        before_event = function(_, event, a) seen[#seen + 1] = event .. a end,
        on_y = function() return "y" end,
      },
      { before_event = function(_, event) if event == "x" then return nil, "hush", "muted" end end },
      { on_x = function() return "x" end },
      { namespace = "/other", on_x = function() return "other" end })
    assert.same({ nil, "hush", "muted" }, { result.events["/"].x({}, "1") })
    assert.equal("y", result.events["/"].y({}, "2"))
    assert.equal("other", result.events["/other"].x({}, "3"))
    assert.same({ "x1", "y2" }, seen)
  end)

  it("a guard that returns true, or nothing, lets in; false and a refusal do not", function()
    local function connect(...)
      return { loaded(...).connect["/"]({}) }
    end
    local yes, nothing = { on_connect = function() return true end }, { on_connect = function() end }
    assert.is_nil(connect(yes, nothing)[2])
    local no = { on_connect = function() return nil, "why", "code" end }
    assert.same({ nil, "why", "code" }, connect(yes, no))
    assert.equal("string", type(connect({ on_connect = function() return false end })[2]))
  end)

  it("on_typing serves both events", function()
    local result = loaded { on_typing = function(_, typing) return typing.isTyping, typing.room end }
    assert.same({ true, "r" }, { result.events["/"].typing_start({}, { room = "r", isTyping = false }) })
    assert.same({ false, "r" }, { result.events["/"].typing_stop({}, { room = "r" }) })
    assert.is_false((result.events["/"].typing_stop({}, "nonsense")))
    assert.is_nil(result.events["/"].typing)
  end)

  it("gives namespaces their own handlers, with or without the slash", function()
    local result = loaded({ namespace = "whiteboard", on_x = function() return 1 end },
      { namespace = "/whiteboard", on_y = function() return 2 end })
    assert.equal(1, result.events["/whiteboard"].x())
    assert.equal(2, result.events["/whiteboard"].y())
    assert.is_nil(result.events["/"])
  end)

  it("takes patterns as namespaces, and puts the strongest first", function()
    local result = loaded(
      { namespace = "/*", on_x = function() return "any" end },
      { namespace = "/*-a", on_x = function() return "a" end },
      { namespace = "course-*", on_x = function() return "course" end, on_connect = function() end },
      { namespace = "/a-*" },
      { namespace = "/course-*", on_y = function() return "course, too" end },
      { namespace = "/school/*/course-*", on_x = print })
    assert.same({ "/school/*/course-*", "/course-*", "/*-a", "/a-*", "/*" }, result.patterns)
    assert.equal("course", result.events["/course-*"].x())
    assert.equal("course, too", result.events["/course-*"].y())
    assert.equal("function", type(result.connect["/course-*"]))
    assert.same({
      "handlers/1.lua (every /*)\n  events: x",
      "handlers/2.lua (every /*-a)\n  events: x",
      "handlers/3.lua (every /course-*)\n  hooks: on_connect\n  events: x",
      "handlers/4.lua (every /a-*)",
      "handlers/5.lua (every /course-*)\n  events: y",
      "handlers/6.lua (every /school/*/course-*)\n  events: x",
      "patterns, the first that matches counts: /school/*/course-*, /course-*, /*-a, /a-*, /*",
    }, result.report)
    assert.same({}, loaded({ namespace = "/x", on_x = print }).patterns)
    assert.same({ "handlers/1.lua (every /y-*)" }, loaded({ namespace = "/y-*" }).report)
  end)

  it("tells the files of what runs", function()
    local function fn() end
    local result = loaded(
      { on_x = function() end, on_y = function() end, on_connect = function() end, on_stop = fn },
      { on_x = function() end, on_typing = function() end, before_event = function() end })
    local files, events = result.files, result.events["/"]
    assert.equal("handlers/1.lua, handlers/2.lua", files[events.x])
    assert.equal("handlers/1.lua", files[events.y])
    assert.equal("handlers/2.lua", files[events.typing_stop])
    assert.equal("handlers/1.lua", files[result.connect["/"]])
    assert.equal("handlers/1.lua", files[result.stop[1]])
  end)

  it("names the file of each mistake", function()
    local cases = {
      { { "text" }, "handlers/1.lua: .*table of functions" },
      { { { on_x = 5 } }, "handlers/1.lua: .*on_x" },
      { { { send = {} } }, "handlers/1.lua: .*send" },
      { { { [1] = print } }, "handlers/1.lua: " },
      { { { namespace = 5 } }, "handlers/1.lua: .*namespace" },
      { { { namespace = "/a-*-*" } }, "handlers/1.lua: the namespace /a%-%*%-%* has two stars in one part" },
      { { { namespace = "/**" } }, "handlers/1.lua: the namespace /%*%* has two stars" },
      { { { namespace = ("/*"):rep(9) } }, "handlers/1.lua: .* has more than 8 stars" },
      { { { send = print }, { send = print } }, "handlers/2.lua: .*send .*handlers/1.lua" },
      { { { send_it = print }, { sendIt = print } }, "handlers/2.lua: sendIt .*send_it in handlers/1.lua" },
    }
    for i, case in ipairs(cases) do
      local errors = errors_of(unpack(case[1]))
      assert.equal(1, #errors, i)
      assert.matches(case[2], errors[1])
    end
    local result, errors = load { { file = "handlers/empty.lua", module = nil } }
    assert.is_table(result)
    assert.matches("handlers/empty.lua: .*nothing", errors[1])
    assert.equal(3, #errors_of("text", { on_x = 1, on_y = 2 }))
  end)
end)
