-- A stand-in for lectern.core, the raw module that the server makes in C: sockets that write down what
-- they receive, a clock that only moves when told. Stricter than the real one where it can be: what
-- cannot travel as JSON is an error at once, and so is a failure in a timer.
--
--   core.advance(seconds)                 lets time pass, running timers and sleepers in order
--   core.connect(ns, id, user, auth)      a socket that is not let in yet; then core.accept / core.refuse
--   core.close(socket)                    takes a socket away, rooms still readable
--   core.received(socket)                 list of { event = …, … arguments } in order
--   core.logged                           list of { level, message, fields }
--   core.replies[url]                     what http requests get: { status = …, headers = …, body = … },
--                                         or { nil, message, code }
--   core.requests                         list of { method, url, headers, body, timeout }
--   core.migrations                       folders of migrations that the database is made by
--   core.database()                       the database, a new one for each core, made when it is first asked
--   core.rows(sql, …)                     what a statement finds there
--   core.db_failure                       { message, code }: what calls of lectern.db get while it is set
--   core.db_calls                         how many there were

local cjson = require "cjson"
local sql = require "support.sql"

local MAX_DEPTH = 64

local function merge(into, from)
  for key, value in pairs(from) do
    if type(value) == "table" and type(into[key]) == "table" then
      merge(into[key], value)
    else
      into[key] = value
    end
  end
  return into
end

local function defaults()
  return {
    jwt = { id_claim = "sub", role_claim = "role" },
    rooms = { default = "allow" },
    presence = { grace = 10000 },
    typing = { timeout = 5000, interval = 1000 },
    content = { max_text = 8000, max_data = 16000 },
    db = { transaction_timeout = 2000 },
    store = { notifications = 200, messages = 500, reactions = 1000, conversations = 100, total = 10000 },
    ack_timeout = 10000,
    connect_timeout = 45000,
    max_rooms = 1000,
    max_arguments = 128,
    api = { timeout = 30000, idempotency_ttl = 86400000, max_kept = 100 },
    max_room_name = 1600,
    app = {},
  }
end

local function new(config)
  local core = {
    null = cjson.null,
    version = "0.0.0",
    config = merge(defaults(), config or {}),
    array_mt = sql.array_mt(),
    db_answer = sql.answer(),
    socket_methods = {},
    socket_fields = {},
    patterns = {}, -- of namespaces, as the loader gives them
    named = {}, -- namespaces that modules have by name: set
    api = {},
    logged = {},
    replies = {},
    requests = {},
    migrations = { "lua/lectern/migrations" },
    db_calls = 0,
  }
  local clock, serial = 1800000000, 0
  local timers = {} -- id → { due, order, fn, period }
  local namespaces = { ["/"] = {} } -- name → list of socket states
  local states = setmetatable({}, { __mode = "k" }) -- handle → state

  -- Values

  local function copied(value, depth)
    local kind = type(value)
    if value == nil or value == core.null then
      return core.null
    elseif kind == "string" or kind == "number" or kind == "boolean" or kind == "userdata" then
      return value -- userdata: bytes
    elseif kind ~= "table" then
      error("a " .. kind .. " cannot be sent", 0)
    elseif depth > MAX_DEPTH then
      error("nested too deeply to be sent", 0)
    end
    local result = {}
    if getmetatable(value) == core.array_mt or #value > 0 then
      setmetatable(result, core.array_mt)
    end
    for key, each in pairs(value) do
      if type(key) ~= "string" and not (type(key) == "number" and #value > 0) then
        error("a key of type " .. type(key) .. " cannot be sent", 0)
      end
      result[key] = copied(each, depth + 1)
    end
    return result
  end

  -- What goes over the wire: the same values, but nobody else's tables.
  function core.copied(...)
    local result = { n = select("#", ...) }
    for i = 1, result.n do
      result[i] = copied((select(i, ...)), 1)
    end
    return result
  end

  local function plain(value) -- cjson knows nothing of our marks
    if type(value) ~= "table" then
      return value
    end
    if getmetatable(value) == core.array_mt and next(value) == nil then
      return cjson.empty_array or {}
    end
    local result = {}
    for key, each in pairs(value) do
      result[key] = plain(each)
    end
    return result
  end

  function core.encode(value)
    local ok, text = pcall(function()
      return cjson.encode(plain(copied(value, 1)))
    end)
    if not ok then
      return nil, text, "invalid"
    end
    return text
  end

  function core.decode(text)
    local ok, value = pcall(cjson.decode, text)
    if not ok then
      return nil, value, "invalid"
    end
    return value
  end

  core.decode_body = core.decode
  core.traceback = debug.traceback

  function core.failed(what, text)
    table.insert(core.logged, { level = "error", message = what .. " failed: " .. text })
    return "crash001"
  end

  function core.binary(bytes)
    return sql.module().binary(bytes)
  end

  -- The database

  local database, owner

  function core.database()
    database = database or sql.open(core.migrations)
    return database
  end

  function core.rows(statement, ...)
    return sql.rows(core.database(), statement, ...)
  end

  -- Here a call takes no time at all. What would wait for another task's transaction is an error.
  function core.db_call(kind, seconds, ...)
    core.db_calls = core.db_calls + 1
    if core.db_failure then
      if core.database():transaction() then core.database():rollback() end
      return nil, core.db_failure[1], core.db_failure[2]
    end
    owner = core.database():transaction() and owner or coroutine.running()
    if owner ~= coroutine.running() then error("this would wait for another task's transaction", 2) end
    return core.database():call(kind, seconds, ...)
  end

  function core.db_transaction()
    return database and owner == coroutine.running() and database:transaction() or nil
  end

  function core.db_rollback()
    if core.db_transaction() then database:rollback() end
  end

  function core.db_decode(bytes)
    return sql.module().decode(bytes)
  end

  function core.db_exclusive()
    return true
  end

  function core.db_available()
    return core.db_failure == nil
  end

  -- Time

  function core.now()
    return clock
  end

  local function run(fn, ...)
    local co = coroutine.create(fn)
    local ok, why = coroutine.resume(co, ...)
    if not ok then
      error(debug.traceback(co, tostring(why)), 0)
    end
    return co
  end
  core.run = run

  local function timer(seconds, fn, period)
    if seconds > 4e9 then -- as the real one
      error("seconds expected, at least 0", 3)
    end
    serial = serial + 1
    timers[serial] = { due = clock + seconds, order = serial, fn = fn, period = period }
    return serial
  end

  function core.after(seconds, fn)
    return timer(seconds, fn)
  end

  function core.every(seconds, fn)
    return timer(seconds, fn, seconds)
  end

  function core.cancel(id)
    timers[id] = nil
  end

  function core.timers()
    local n = 0
    for _ in pairs(timers) do
      n = n + 1
    end
    return n
  end

  function core.next_timer()
    local first, first_id
    for id, each in pairs(timers) do
      local sooner = not first or each.due < first.due or (each.due == first.due and each.order < first.order)
      if sooner then
        first, first_id = each, id
      end
    end
    return first, first_id
  end

  function core.advance(seconds)
    local target = clock + seconds
    while true do
      local due, id = core.next_timer()
      if not due or due.due > target then
        break
      end
      clock = math.max(clock, due.due)
      if due.period then
        due.due = clock + due.period
      else
        timers[id] = nil
      end
      run(due.fn)
    end
    clock = target
  end

  function core.sleep(seconds)
    local co = coroutine.running()
    if not co then
      error("sleep waits, which only works in handlers, timers and spawned functions", 2)
    end
    timer(seconds, function()
      local ok, why = coroutine.resume(co)
      if not ok then
        error(debug.traceback(co, tostring(why)), 0)
      end
    end)
    coroutine.yield()
  end

  function core.spawn(fn, ...)
    run(fn, ...)
  end

  function core.detach() end

  function core.id()
    serial = serial + 1
    return ("id%018d"):format(serial)
  end

  function core.log(level, message, fields)
    table.insert(core.logged, { level = level, message = message, fields = fields })
  end

  function core.http_request(method, url, headers, body, timeout, untrusted)
    local request = {
      method = method, url = url, headers = headers, body = body, timeout = timeout, untrusted = untrusted,
    }
    table.insert(core.requests, request)
    local reply = core.replies[url] or { nil, "nobody is there", "io" }
    if not reply.status then
      return nil, reply[2], reply[3]
    end
    return { status = reply.status, headers = reply.headers or {}, body = reply.body or "" }
  end

  -- Sockets

  local function any_of(state, rooms)
    for _, room in ipairs(rooms) do
      if state.rooms[room] or state.id == room then
        return true
      end
    end
    return false
  end

  -- The pattern of a name, and what its stars stand for.
  local function pattern_of(ns)
    for _, pattern in ipairs(core.named[ns] and {} or core.patterns) do
      local found = { ns:match("^" .. pattern:gsub("[^%w/*]", "%%%0"):gsub("%*", "([^/*%%c]+)") .. "$") }
      if found[1] then
        return pattern, found
      end
    end
  end

  core.pattern_of = pattern_of

  -- The sockets in a namespace, or in all of a pattern.
  local function sockets_of(ns)
    if not ns:find("*", 1, true) then
      return namespaces[ns] or {}
    end
    local list, known = {}, false
    for _, pattern in ipairs(core.patterns) do
      known = known or pattern == ns
    end
    if not known then
      error(("no module has the namespace %q"):format(ns), 0)
    end
    for name, states_there in pairs(namespaces) do
      if pattern_of(name) == ns then
        for _, state in ipairs(states_there) do
          list[#list + 1] = state
        end
      end
    end
    return list
  end

  local function chosen(ns, rooms, except, but)
    local list = {}
    for _, state in ipairs(sockets_of(ns)) do
      local wanted = state.connected and state.handle ~= but
      if wanted and (not rooms or any_of(state, rooms)) and not (except and any_of(state, except)) then
        list[#list + 1] = state
      end
    end
    return list
  end

  local function deliver(state, event, args)
    local message = core.copied(unpack(args, 1, args.n)) -- each receiver has tables of its own
    message.event = event
    message.at = clock
    table.insert(state.connecting and state.waiting or state.received, message)
  end

  local function check_event(event)
    if type(event) ~= "string" then
      error("emit: the name of an event expected, got " .. type(event), 3)
    end
  end

  function core.emit(ns, rooms, except, but, _, event, ...)
    check_event(event)
    local args, list = core.copied(...), chosen(ns, rooms, except, but)
    for _, state in ipairs(list) do
      deliver(state, event, args)
    end
    return #list
  end

  -- Who has no answer set times out, as in emit_with_ack_for.
  function core.emit_with_ack(ns, rooms, except, but, seconds, event, ...)
    local answers, missing = setmetatable({}, core.array_mt), setmetatable({}, core.array_mt)
    local list = chosen(ns, rooms, except, but)
    core.emit(ns, rooms, except, but, false, event, ...)
    for _, state in ipairs(list) do
      local answer = state.answers[event]
      local entry = { socket = state.handle, code = not answer and "timeout" or nil }
      if answer then
        local values = core.copied(answer(...))
        entry.value = values[1]
        entry.more = values.n > 1 and { unpack(values, 2, values.n) } or nil
      end
      table.insert(answer and answers or missing, entry)
    end
    if missing[1] then core.sleep(seconds) end
    return answers, missing
  end

  function core.sockets(ns, rooms, except, but)
    local list = {}
    for i, state in ipairs(chosen(ns, rooms, except, but)) do
      list[i] = state.handle
    end
    return list
  end

  function core.sockets_of(ns, id)
    local list = setmetatable({}, core.array_mt)
    for _, state in ipairs(chosen(ns)) do
      if state.handle.user.id == id then
        list[#list + 1] = state.handle
      end
    end
    return list
  end

  function core.users(ns)
    local list, seen = setmetatable({}, core.array_mt), {}
    for _, state in ipairs(chosen(ns)) do
      local id = state.handle.user.id
      if not seen[id] then
        list[#list + 1] = id
      end
      seen[id] = true
    end
    return list
  end

  function core.count(ns, room)
    return #chosen(ns, room and { room } or nil)
  end

  function core.rooms(ns)
    local rooms = {}
    for _, state in ipairs(chosen(ns)) do
      for room in pairs(state.rooms) do
        rooms[room] = (rooms[room] or 0) + 1
      end
    end
    return rooms
  end

  -- Closes at once what the real one closes after the turn, and remembers nothing.
  local function revoke(claim)
    return function(value)
      local gone = {}
      for handle, state in pairs(states) do
        if state.connected and state.fields.user[claim] == value then gone[#gone + 1] = handle end
      end
      for _, handle in ipairs(gone) do
        if core.on_close then handle:disconnect() else core.close(handle) end
      end
      return #gone
    end
  end

  core.revoke_user = revoke "id"
  core.revoke_token = revoke "jti"

  function core.of(ns)
    if ns:find("*", 1, true) then
      sockets_of(ns)
    elseif not pattern_of(ns) then
      namespaces[ns] = namespaces[ns] or {}
    end
  end

  function core.socket(ns, id)
    for _, state in ipairs(sockets_of(ns)) do
      if state.id == id and state.connected then
        return state.handle
      end
    end
  end

  local function closed()
    return nil, "socket is closed", "closed"
  end

  local function is_open(state)
    return state.connected or state.connecting
  end

  local function each_room(rooms, fn)
    if type(rooms) ~= "string" and type(rooms) ~= "table" then
      error("room expected: a string or a list of strings", 3)
    end
    for _, room in ipairs(type(rooms) == "table" and rooms or { rooms }) do
      local ok, why, code = fn(room)
      if not ok then
        return nil, why, code
      end
    end
    return true
  end

  local methods = core.socket_methods

  function methods.emit(socket, event, ...)
    check_event(event)
    local state = states[socket]
    if not is_open(state) then
      return closed()
    end
    deliver(state, event, core.copied(...))
    return true
  end

  methods.emit_volatile = methods.emit

  function methods.emit_with_ack_for(socket, seconds, event, ...)
    local state = states[socket]
    if not is_open(state) then
      return closed()
    end
    methods.emit(socket, event, ...)
    local answer = state.answers[event]
    if not answer then
      core.sleep(seconds)
      return nil, "no answer in time", "timeout"
    end
    return answer(...)
  end

  function methods.join(socket, rooms)
    local state = states[socket]
    if not is_open(state) then
      return closed()
    end
    return each_room(rooms, function(room)
      if #room > core.config.max_room_name then
        return nil, "the name of the room is too long", "too_big"
      elseif not state.rooms[room] and state.n_rooms >= core.config.max_rooms then
        return nil, "too many rooms", "full"
      elseif not state.rooms[room] then
        state.rooms[room] = true
        state.n_rooms = state.n_rooms + 1
      end
      return true
    end)
  end

  function methods.leave(socket, rooms)
    local state = states[socket]
    if not is_open(state) then
      return closed()
    end
    return each_room(rooms, function(room)
      if not state.rooms[room] then
        return nil, "was not in this room", "not_found"
      end
      state.rooms[room] = nil
      state.n_rooms = state.n_rooms - 1
      return true
    end)
  end

  function methods.has_joined(socket, room)
    local state = states[socket]
    if type(room) ~= "string" then
      error("has_joined: a room expected", 2)
    end
    return is_open(state) and (state.rooms[room] or room == state.id) or false
  end

  function methods.disconnect(socket)
    local state = states[socket]
    if state.connected and core.on_close then
      core.on_close(socket, "server namespace disconnect")
    end
  end

  local handle_mt = {
    __index = function(socket, key)
      local state = states[socket]
      if core.socket_fields[key] then
        return core.socket_fields[key](socket)
      elseif key == "rooms" then
        local rooms = {}
        for room in pairs(state.rooms) do
          rooms[#rooms + 1] = room
        end
        table.sort(rooms)
        table.insert(rooms, 1, state.id)
        return rooms
      elseif methods[key] then
        return methods[key]
      end
      return state.fields[key]
    end,
    __newindex = function(socket, key, value)
      if key ~= "data" then
        error(("socket.%s cannot be set"):format(tostring(key)), 2)
      end
      states[socket].fields.data = value
    end,
  }

  function core.connect(ns, user, auth)
    serial = serial + 1
    local id = ("socket%014d"):format(serial)
    local handle = setmetatable({}, handle_mt)
    local state = {
      id = id,
      handle = handle,
      rooms = {},
      n_rooms = 0,
      received = {},
      waiting = {},
      answers = {},
      connecting = true,
      connected = false,
      fields = {
        id = id,
        user = user,
        data = {},
        namespace = ns,
        namespace_match = setmetatable(select(2, pattern_of(ns)) or {}, core.array_mt),
        transport = "websocket",
        connected = false,
        recovered = false,
        handshake = {
          headers = {},
          query = {},
          auth = auth or {},
          url = "/socket.io/",
          address = "127.0.0.1",
        },
      },
    }
    states[handle] = state
    namespaces[ns] = namespaces[ns] or {}
    table.insert(namespaces[ns], state)
    return handle
  end

  function core.accept(socket)
    local state = states[socket]
    state.connecting, state.connected, state.fields.connected = false, true, true
    for _, message in ipairs(state.waiting) do
      table.insert(state.received, message)
    end
    state.waiting = {}
  end

  -- It is one that came back: rooms are as the test made it join them.
  function core.recovered(socket)
    states[socket].fields.recovered = true
  end

  -- Nothing reaches it any more; its rooms are still known until core.forget.
  function core.close(socket)
    local state = states[socket]
    state.connecting, state.connected, state.fields.connected = false, false, false
    for i, each in ipairs(namespaces[state.fields.namespace] or {}) do
      if each == state then
        table.remove(namespaces[state.fields.namespace], i)
        break
      end
    end
    if pattern_of(state.fields.namespace) and #sockets_of(state.fields.namespace) == 0 then
      namespaces[state.fields.namespace] = nil
    end
  end

  function core.forget(socket)
    states[socket].rooms, states[socket].n_rooms = {}, 0
  end

  function core.received(socket)
    return states[socket].received
  end

  function core.answers(socket)
    return states[socket].answers
  end

  return core
end

return { new = new }
