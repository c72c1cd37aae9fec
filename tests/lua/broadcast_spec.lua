local class = require "support.class"

describe("a broadcast", function()
  local school, lectern, ada, bob, eve

  before_each(function()
    school = class.new()
    lectern = school.lectern
    ada = school:socket("ada", "a", "both")
    bob = school:socket("bob", "b", "both")
    eve = school:socket "eve"
  end)

  -- who got the event since the last call
  local function reached()
    local names = {}
    for _, socket in ipairs { ada, bob, eve } do
      for _ = 1, #school:got(socket, "e") do
        names[#names + 1] = socket.user.id
      end
    end
    return table.concat(names, " ")
  end

  it("reaches all, rooms, and all but rooms; each socket once", function()
    local cases = {
      { function() return lectern.emit "e" end, "ada bob eve" },
      { function() return lectern.to("a"):emit "e" end, "ada" },
      { function() return lectern.to({ "a", "b", "both" }):emit "e" end, "ada bob" },
      { function() return lectern.to("a"):to("b"):emit "e" end, "ada bob" },
      { function() return lectern.except("a"):emit "e" end, "bob eve" },
      { function() return lectern.to("both"):except("b"):emit "e" end, "ada" },
      { function() return lectern.to("both"):except("a"):except({ "b" }):emit "e" end, "" },
      { function() return lectern.to("none"):emit "e" end, "" },
      { function() return lectern.to(eve.id):emit "e" end, "eve" },
      { function() return lectern.user("bob"):emit "e" end, "bob" },
      { function() return lectern.to("both"):volatile():emit "e" end, "ada bob" },
      { function() return ada:to("both"):emit "e" end, "bob" },
      { function() return ada:except("b"):emit "e" end, "eve" },
      { function() return ada.broadcast:emit "e" end, "bob eve" },
      { function() return lectern.of("/other"):emit "e" end, "" },
      { function() return lectern.to({}):emit "e" end, "" },
      { function() return ada:to({}):emit "e" end, "" },
      { function() return lectern.to({}):to("a"):emit "e" end, "ada" },
    }
    for i, case in ipairs(cases) do
      local count = case[1]()
      assert.equal(case[2], reached(), i)
      assert.equal(select(2, case[2]:gsub("%a+", "")), count, i)
    end
  end)

  it("counts and finds whom it would reach", function()
    assert.equal(3, lectern.except({}):count())
    assert.equal(2, lectern.to("both"):count())
    assert.equal(1, lectern.to("both"):except("a"):count())
    assert.equal(1, ada:to("both"):count())
    assert.equal(0, lectern.to({}):count())
    assert.same({}, lectern.to({}):sockets())
  end)

  it("tells a table that is no list of rooms", function()
    assert.error_matches(function() lectern:to("a") end, "with a dot")
    assert.error_matches(function() lectern.to({ room = "a" }) end, "named entries")
  end)

  it("never changes", function()
    local to_a = lectern.to "a"
    to_a:to "b"
    to_a:except "a"
    to_a:emit "e"
    assert.equal("ada", reached())
    assert.has_error(function() to_a.x = 1 end)
  end)

  it("keeps its own list of rooms", function()
    local list = { "a" }
    local to_a = lectern.to(list)
    list[2] = "b"
    to_a:emit "e"
    assert.equal("ada", reached())
  end)

  it("asks and moves its sockets", function()
    assert.equal(2, lectern.to("both"):count())
    assert.equal(3, lectern.of("/"):count())
    assert.equal(2, lectern.to("both"):join { "x", "y" })
    assert.is_true(ada:has_joined "x" and bob:has_joined "y")
    assert.equal(1, lectern.to("both"):except("a"):leave "x")
    assert.is_true(ada:has_joined "x")
    assert.is_false(bob:has_joined "x")
    assert.equal(1, lectern.to("both"):leave "x") -- of those that were in it
    assert.equal(bob, lectern.to("b"):sockets()[1])
    assert.equal(0, lectern.to({}):join "x")
    assert.equal(2, lectern.to("both"):disconnect())
  end)

  it("asks all whom it reaches, and says who is missing", function()
    for _, socket in ipairs { ada, bob } do
      school.core.answers(socket).ask = function(n) return socket.user.id .. n, "more" end
    end
    local answers, missing
    local function ask(target, ...)
      answers, missing = nil, nil
      lectern.spawn(function(...) answers, missing = target:emit_with_ack("ask", ...) end, ...)
    end
    ask(lectern.to "both", 1)
    assert.same({ "ada1", "bob1" }, { answers[1].value, answers[2].value })
    assert.equal(bob, answers[2].socket)
    assert.same({ "more" }, answers[1].more)
    assert.same({}, missing)
    for _, target in ipairs {
      lectern.of("/"):timeout(2), lectern.timeout(2), lectern.to(eve.id):timeout(2), ada.broadcast:timeout(2),
      lectern.timeout(2):to("both"):to(eve.id), lectern.timeout(2):except("a"), lectern.timeout(2):volatile(),
      ada:to({ eve.id }):timeout(2),
    } do
      ask(target, 1)
      school.core.advance(1.9)
      assert.is_nil(answers)
      school.core.advance(0.1)
      assert.same({ { socket = eve, code = "timeout" } }, missing)
    end
    ask({ emit_with_ack = function(_, ...) return lectern.emit_with_ack(...) end }, 1)
    school.core.advance(9.9)
    assert.is_nil(answers)
    school.core.advance(0.1)
    assert.equal(2, #answers)
    ask(lectern.to {})
    assert.same({ {}, {} }, { answers, missing })
    for _, bad in ipairs { 0, -1, "5", 0 / 0 } do
      assert.error_matches(function() lectern.to("a"):timeout(bad) end, "^timeout: seconds expected")
    end
  end)

  it("raises for what is no room, at the caller's line", function()
    for _, bad in ipairs { 5, true, { 5 }, { "a", {} } } do
      local ok, why = pcall(function()
        local chosen = lectern.to(bad)
        return chosen
      end)
      assert.is_false(ok)
      assert.matches("broadcast_spec.lua:%d+: room", why)
    end
    assert.has_error(function() local _ = lectern.to() end)
  end)

  it("an emitter of a socket waits as long as it is told", function()
    school.core.answers(ada).ask = function(n) return n + 1 end
    local answer
    lectern.spawn(function() answer = { ada:emit_with_ack("ask", 1) } end)
    assert.same({ 2 }, answer)
    answer = nil
    lectern.spawn(function() answer = { bob:timeout(2):emit_with_ack("ask", 1) } end)
    school.core.advance(1.9)
    assert.is_nil(answer)
    school.core.advance(0.1)
    assert.equal("timeout", answer[3])
    assert.has_error(function() ada:timeout(0) end)
    assert.is_true(ada:volatile():emit "e")
    assert.is_true(ada:send("hello"))
    assert.same({ "hello" }, school:got(ada, "message"))
  end)

  it("methods of a socket that has gone answer nil, why, closed", function()
    school.core.close(ada)
    for _, call in ipairs {
      function() return ada:emit "e" end,
      function() return ada:join "x" end,
      function() return ada:leave "a" end,
    } do
      assert.same({ nil, "socket is closed", "closed" }, { call() })
    end
    assert.is_false(ada.connected)
    assert.equal("ada", ada.user.id)
  end)
end)
