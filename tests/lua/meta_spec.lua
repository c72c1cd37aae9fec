-- Holds lua/meta/lectern.lua, the types that editors show, against the functions that are really there,
-- in both directions: the Lua side always, and what C registers as the program api_names prints it (one name
-- a line: "core emit", "Socket emit", "Socket.id"), if the tests' build is there.

local class = require "support.class"

-- Classes of the meta file, and the words that names are listed under here.
local CLASSES = {
  ["lectern"] = "lectern",
  ["lectern.Socket"] = "Socket",
  ["lectern.Emitter"] = "Emitter",
  ["lectern.Broadcast"] = "Broadcast",
  ["lectern.Timer"] = "Timer",
  ["lectern.Log"] = "lectern.log",
  ["lectern.Json"] = "lectern.json",
  ["lectern.Http"] = "lectern.http",
  ["lectern.Response"] = "Response",
  ["lectern.Db"] = "lectern.db",
  ["lectern.Transaction"] = "Transaction",
}

-- Methods that C registers for broadcast.lua's own use.
local RAW = { emit_volatile = true, emit_with_ack_for = true }

-- "lectern emit" for functions, "Socket.id" for fields; and the functions without a comment of their own.
local function read_meta()
  local names, bare, documented, class_name = {}, {}, false, nil
  local locals = {} -- local name in the file → word
  for line in io.lines "lua/meta/lectern.lua" do
    local declared = line:match "^%-%-%-@class ([%w.]+)"
    local field = line:match "^%-%-%-@field ([%w_]+)"
    local owner, name = line:match "^function (%w+)[.:]([%w_]+)%("
    local made = line:match "^local (%w+) = {}"
    if declared then
      class_name = declared
    elseif field and CLASSES[class_name] then
      names[CLASSES[class_name] .. "." .. field] = true
    elseif made then
      locals[made] = CLASSES[class_name]
    elseif owner and locals[owner] then
      names[locals[owner] .. " " .. name] = true
      if not documented then
        bare[#bare + 1] = name
      end
    end
    documented = line:match "^%-%-%-" ~= nil
  end
  return names, bare
end

local function add(names, word, methods)
  for name, value in pairs(methods) do
    if type(value) == "function" and not RAW[name] and name:sub(1, 1) ~= "_" then
      names[word .. " " .. name] = true
    end
  end
end

local function keys_with(names, pattern)
  local list = {}
  for name in pairs(names) do
    if name:match(pattern) then
      list[#list + 1] = name
    end
  end
  table.sort(list)
  return list
end

local function api_names()
  local dir = os.getenv "LECTERN_BUILD" or "build/tests"
  local program = dir .. "/api_names"
  local file = io.open(program)
  if not file then
    return nil, program
  end
  file:close()
  local names, count = {}, 0
  local output = assert(io.popen(("'%s'"):format(program:gsub("'", ""))))
  for line in output:lines() do
    names[line] = true
    count = count + 1
  end
  output:close()
  assert(count > 0, program .. " prints nothing")
  return names
end

describe("lua/meta/lectern.lua", function()
  local meta, bare = read_meta()
  local school, lectern, socket

  before_each(function()
    school = class.new()
    lectern = school.lectern
    socket = school:socket "ada"
  end)

  local function methods_of(object)
    return debug.getmetatable(object).__index
  end

  it("is read at all", function()
    assert.is_true(#keys_with(meta, "^lectern ") > 15)
    assert.is_true(#keys_with(meta, "^Socket%.") > 5)
    assert.is_true(#keys_with(meta, "^Broadcast ") > 5)
    assert.same({}, bare)
  end)

  it("names the functions of the Lua side, and no others", function()
    local real = {}
    add(real, "lectern", lectern)
    add(real, "lectern.log", lectern.log)
    add(real, "lectern.json", lectern.json)
    add(real, "lectern.http", lectern.http)
    add(real, "lectern.db", lectern.db)
    lectern.db.transaction(function(tx) add(real, "Transaction", methods_of(tx)) end)
    school.core.replies["https://x"] = { status = 200 }
    add(real, "Response", methods_of(lectern.http.request { url = "https://x" }))
    add(real, "Socket", school.core.socket_methods)
    add(real, "Emitter", methods_of(socket:timeout(1)))
    add(real, "Broadcast", methods_of(lectern.to "x"))
    add(real, "Timer", methods_of(lectern.after(1, function() end)))
    assert.same(keys_with(meta, " "), keys_with(real, " "))
  end)

  it("names the values of lectern, and no others", function()
    local real = {}
    for name, value in pairs(lectern) do
      if type(value) ~= "function" then
        real["lectern." .. name] = true
      end
    end
    assert.same(keys_with(meta, "^lectern%.[%w_]+$"), keys_with(real, "^lectern%.[%w_]+$"))
  end)

  it("names the fields of sockets that the stand-in has", function()
    for _, name in ipairs(keys_with(meta, "^Socket%.")) do
      if name ~= "Socket.recovery_failed" then -- the only one that may be nil
        assert.is_not_nil(socket[name:match "%.(.*)"], name)
      end
    end
  end)

  describe("against what C registers", function()
    local registered, missing = api_names()
    if not registered then
      pending("there is no " .. missing)
      return
    end

    it("has the same methods and fields of sockets", function()
      local methods = {}
      for _, name in ipairs(keys_with(registered, "^Socket ")) do
        if not RAW[name:match " (.*)"] then
          methods[name] = true
        end
      end
      assert.same(keys_with(meta, "^Socket "), keys_with(methods, "^Socket "))
      assert.same(keys_with(meta, "^Socket%."), keys_with(registered, "^Socket%."))
    end)

    it("has the same functions and values of lectern", function()
      for _, word in ipairs { "^lectern%.log ", "^lectern%.json ", "^lectern%.http ", "^lectern%.db " } do
        assert.same(keys_with(meta, word), keys_with(registered, word))
      end
      local all = {} -- the program lists values like functions: "lectern config"
      for _, name in ipairs(keys_with(meta, "^lectern[. ][%w_]+$")) do
        all["lectern " .. name:match "[%w_]+$"] = true
      end
      assert.same(keys_with(all, "."), keys_with(registered, "^lectern "))
    end)

    it("the stand-in has the same functions and raw methods as the core", function()
      local controls = {} -- what only a spec may do
      for _, name in ipairs {
        "accept", "advance", "answers", "close", "connect", "copied", "database", "forget", "next_timer",
        "pattern_of", "received", "recovered", "rows", "run", "timers",
      } do
        controls[name] = true
      end
      local real = {}
      for name, value in pairs(school.core) do
        if type(value) == "function" and not controls[name] then
          real["core " .. name] = true
        end
      end
      assert.same(keys_with(registered, "^core "), keys_with(real, "^core "))
      for raw in pairs(RAW) do
        assert.is_true(registered["Socket " .. raw], raw)
        assert.is_function(school.core.socket_methods[raw])
      end
    end)
  end)
end)
