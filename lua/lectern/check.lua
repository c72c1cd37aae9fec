-- Payloads against a short description: what a client or another program sent is checked once, at the
-- entrance, and what comes out has only the fields that were asked for, each of the right type.
--
--     local request, why, code = check.fields(payload, { room = "room", note = "text?" })
--     if not request then
--         return nil, why, code
--     end
--
-- A '?' makes a field optional; null counts as absent, and no payload as an empty one. The types:
--
--     room     the name of a room; comes out as its one name (lectern.rooms)
--     person   a person's id, taken literally; an integer comes out as text (lectern.rooms)
--     conversation  a conversation's id, ours (lectern.conversations) or a platform's own: 1 to 1531 bytes
--              without control characters, or an integer; comes out as text
--     id       a string of 1 to 255 bytes without control characters, or an integer
--     line     1 to 200 bytes without control characters
--     url      1 to 2000 bytes of them
--     text     1 to config.content.max_text bytes
--     data     any JSON value whose text has at most config.content.max_data bytes
--     time     ISO 8601 with its zone, or milliseconds since 1970; comes out as these
--     integer  boolean  table

local lectern = require "lectern"
local rooms = require "lectern.rooms"
local time = require "lectern.time"

local check = {}

local LINE_MAX, ID_MAX, URL_MAX = 200, 255, 2000
local CONVERSATION_MAX = 2 * 3 * ID_MAX + 1 -- of two people's longest ids, each byte escaped
local TEXT_MAX, DATA_MAX = lectern.config.content.max_text, lectern.config.content.max_data

local function line_of(max)
  return function(value)
    local fits = type(value) == "string" and #value >= 1 and #value <= max
    if fits and not value:find("[%z\1-\31\127]") then
      return value
    end
    return nil, ("must be a string of 1 to %d bytes without control characters"):format(max)
  end
end

local line, id_line, conversation_line = line_of(LINE_MAX), line_of(ID_MAX), line_of(CONVERSATION_MAX)

local function integer(value)
  if type(value) == "number" and value % 1 == 0 and math.abs(value) <= 2 ^ 53 then
    return value
  end
  return nil, "must be an integer"
end

local function of_type(name)
  return function(value)
    if type(value) == name then
      return value
    end
    return nil, "must be a " .. name
  end
end

-- Each gives the value as it comes out, or nil and what it must be.
local TYPES = {
  line = line,
  url = line_of(URL_MAX),
  integer = integer,
  boolean = of_type "boolean",
  table = of_type "table",
  time = function(value)
    local ms = time.read(value)
    return ms, not ms and 'must be a time like "2026-11-22T19:44:05Z", or milliseconds since 1970' or nil
  end,
  data = function(value)
    local text = lectern.json.encode(value)
    if text and #text <= DATA_MAX then
      return value
    end
    return nil, ("must be a JSON value of at most %d bytes"):format(DATA_MAX)
  end,
  text = function(value)
    if type(value) == "string" and #value >= 1 and #value <= TEXT_MAX then
      return value
    end
    return nil, ("must be a string of 1 to %d bytes"):format(TEXT_MAX)
  end,
  id = function(value)
    if type(value) == "number" then
      return integer(value)
    end
    return id_line(value)
  end,
  conversation = function(value)
    if type(value) == "number" then
      local id, wrong = integer(value)
      return id and ("%d"):format(id), wrong
    end
    return conversation_line(value)
  end,
  person = function(value)
    local id, why = rooms.person(value)
    return id, why and "is wrong: " .. why
  end,
  room = function(value)
    local room, why = rooms.normalise(value)
    return room, why and "is wrong: " .. why
  end,
}

-- Descriptions are constants of modules: read once. Weak, as a reload makes new ones.
local plans = setmetatable({}, { __mode = "k" })

local function plan_of(description)
  local plan = {}
  for field, spec in pairs(description) do
    local name, mark = tostring(spec):match("^(%l+)(%??)$")
    local test = TYPES[name]
    if not test then
      error(("check.fields: %s has an unknown type, %q"):format(field, tostring(spec)), 3)
    end
    plan[#plan + 1] = { field = field, test = test, optional = mark == "?" }
  end
  table.sort(plan, function(a, b) -- so that one mistake always gives one sentence
    return a.field < b.field
  end)
  plans[description] = plan
  return plan
end

---@param payload any
---@param description table<string, string> raises for a type that does not exist
---@return table? fields a new table, only of what the description names
---@return string? message which field, and what it must be
---@return string? code "invalid"
function check.fields(payload, description)
  local plan = plans[description] or plan_of(description)
  if payload == nil or payload == lectern.null then
    payload = {}
  elseif type(payload) ~= "table" then
    return nil, "an object is needed", "invalid"
  end
  local fields = {}
  for _, step in ipairs(plan) do
    local value = payload[step.field]
    if value == nil or value == lectern.null then
      if not step.optional then
        return nil, step.field .. " is missing", "invalid"
      end
    else
      local out, wrong = step.test(value)
      if wrong then
        return nil, step.field .. " " .. wrong, "invalid"
      end
      fields[step.field] = out
    end
  end
  return fields
end

---What is meant for a room: as `fields`, with `room`, its one name, besides.
---@param name any a room's name
---@param payload any
---@param description table<string, string>
---@return table? fields, string? message, string? code "invalid"
function check.in_room(name, payload, description)
  local room, why, code = rooms.normalise(name)
  if not room then
    return nil, why, code
  end
  local fields
  fields, why, code = check.fields(payload, description)
  if fields then
    fields.room = room
  end
  return fields, why, code
end

return check
