-- Rooms: their names, and who may join them.
--
--   user:{id}  instructor:{id}  course:{id}  discussion:{id}  live-session:{id}
--   private:{a}:{b} (ids sorted)  conversation:{id}
--
-- The id of a conversation is two people's (`rooms.conversation`), or one that a platform made itself.
-- Names of other kinds are free. One room has one name: `rooms.normalise` makes it from what a client or
-- another program wrote, and doing it twice changes nothing. `session:{id}` is `live-session:{id}`.
--
-- A person is who the token says, literally: "alice", "user-alice" and "user:alice" are three people, and
-- nothing is ever taken from or added to their ids. `user:user-alice` is the room of user-alice. What may
-- be an id is said once (`rooms.person`), and the server lets nobody in whose id may not be one. The id of
-- an instructor's room is a person's.
--
-- Ids of courses, discussions and live sessions may bear their kind already ("course-123", "course:123"),
-- in a call as in a name that a client sent ("course:course-123", "course-123"), and mean the bare id's
-- room, `course:123`.
--
-- Nothing here has state of its own, but for those who wait for the store.

local lectern = require "lectern"
local roles = require "lectern.roles"
local store = require "lectern.store.grants"

local rooms = {}

local NAME_MAX = 200 -- bytes, of rooms that are not people's
local ID_MAX = 255 -- bytes of a person's id; the server's own bound, and OpenID Connect's

-- Kinds with one id, and the words for them that names and ids may begin with.
local KINDS = {
  user = { "user" },
  instructor = { "instructor" },
  course = { "course" },
  discussion = { "discussion" },
  ["live-session"] = { "live-session", "session" },
}
local PERSONAL = { user = true, instructor = true } -- their ids are people's
local KIND_OF = {} -- by such a word
for kind, words in pairs(KINDS) do
  for _, word in ipairs(words) do
    KIND_OF[word] = kind
  end
end

-- The claim that lists the ids whose rooms a token opens.
local CLAIMS = {
  course = "courses", discussion = "discussions", instructor = "instructors", ["live-session"] = "sessions",
}

---An id as text: what a call was given, or a claim holds, may be a number.
---@return string? id nil for what cannot be an id
local function id_text(id)
  if type(id) == "number" and id % 1 == 0 and math.abs(id) <= 2 ^ 53 then
    return ("%d"):format(id)
  end
  return type(id) == "string" and id or nil
end

---A person's id as text, which is what tables are keyed by: 1 to 255 bytes without control characters,
---taken literally, or an integer, which means its digits.
---@param id any
---@return string? id
---@return string? message what is wrong with it, string? code "invalid"
function rooms.person(id)
  local text = id_text(id)
  if not text then
    return nil, "the id of a person must be a string or an integer", "invalid"
  elseif text == "" then
    return nil, "the id of a person is empty", "invalid"
  elseif #text > ID_MAX then
    return nil, ("the id of a person is longer than %d bytes"):format(ID_MAX), "invalid"
  elseif text:find("[%z\1-\31\127]") then
    return nil, "the id of a person has control characters in it", "invalid"
  end
  return text
end

---What follows a word and ':' or '-'; nil if that is not how it begins.
local function after(word, text)
  local n = #word
  local mark = text:byte(n + 1)
  if (mark == 58 or mark == 45) and text:sub(1, n) == word then -- ':' '-'
    return text:sub(n + 2)
  end
end

---An id without the kind that it already bears, however often; a person's as it is.
local function bare(kind, id)
  local rest = not PERSONAL[kind] and id or nil
  while rest do
    id, rest = rest, nil
    for _, word in ipairs(KINDS[kind]) do
      rest = rest or after(word, id)
    end
  end
  return id
end

---@return string? message what is wrong with a name's letters
local function flaw(name)
  if name == "" then
    return "is empty"
  elseif #name > NAME_MAX then
    return ("is longer than %d bytes"):format(NAME_MAX)
  elseif name:find("[%z\1-\31\127]") then
    return "has control characters in it"
  elseif name:find("^ ") or name:find(" $") then
    return "begins or ends with a space"
  end
end

---An id as a part of a private room's name, where ':' separates.
local function escaped(id)
  return (id:gsub("[%%:]", { ["%"] = "%25", [":"] = "%3A" }))
end

---The id that such a part stands for; nil for one that `escaped` cannot have made.
local function unescaped(part)
  local ok = true
  local id = part:gsub("%%(.?.?)", function(code)
    ok = ok and (code == "25" or code == "3A")
    return code == "25" and "%" or ":"
  end)
  return ok and id or nil
end

---The room of an id that came from outside: what the functions below raise for is a refusal here.
---@param kind "user"|"instructor"|"course"|"discussion"|"live-session"|"session"
---@param id any
---@return string? room, string? message, string? code "invalid"
function rooms.of(kind, id)
  kind = KIND_OF[kind] or error("rooms.of: there is no kind " .. tostring(kind), 2)
  if PERSONAL[kind] then
    local person, why, code = rooms.person(id)
    return person and kind .. ":" .. person, why, code
  end
  local text = id_text(id)
  local room = text and rooms.normalise(kind .. ":" .. text)
  if not room then
    return nil, ("that is no id of a %s"):format(kind), "invalid"
  end
  return room
end

local function no_id(kind, id)
  local shown = type(id) == "string" and ("%q"):format(id) or tostring(id)
  return ("rooms: no %s has the id %s"):format(kind, shown)
end

---The room of all sockets of one person.
---@param id string|number a person's id, literally; raises if it cannot be one
---@return string
function rooms.user(id)
  return rooms.of("user", id) or error(no_id("user", id), 2)
end

---The room of an instructor and those who follow what they do.
---@param id string|number a person's id, literally; raises if it cannot be one
---@return string
function rooms.instructor(id)
  return rooms.of("instructor", id) or error(no_id("user", id), 2)
end

---@param id string|number a course id; raises if it cannot be one
---@return string
function rooms.course(id)
  return rooms.of("course", id) or error(no_id("course", id), 2)
end

---@param id string|number a discussion id; raises if it cannot be one
---@return string
function rooms.discussion(id)
  return rooms.of("discussion", id) or error(no_id("discussion", id), 2)
end

---@param id string|number a live session's id; raises if it cannot be one
---@return string
function rooms.live_session(id)
  return rooms.of("live-session", id) or error(no_id("live session", id), 2)
end

---The room of two people; the same one whoever is named first. In an id, ':' is written %3A and '%' %25.
---Any two ids that people can have make one, of 9 to 1,539 bytes.
---@param a string|number a person's id, literally; raises if it cannot be one, or if both are the same
---@param b string|number
---@return string
function rooms.private(a, b)
  local first = rooms.person(a) or error(no_id("user", a), 2)
  local second = rooms.person(b) or error(no_id("user", b), 2)
  if first == second then
    error(("rooms: %s has no private room alone"):format(first), 2)
  end
  first, second = escaped(first), escaped(second)
  return first < second and "private:" .. first .. ":" .. second or "private:" .. second .. ":" .. first
end

---The two people of a private room.
---@param room string its one name
---@return string? a, string? b their ids, literally; nil if it is no private room
function rooms.pair(room)
  local a, b = room:match("^private:([^:]+):([^:]+)$")
  a, b = a and unescaped(a), b and unescaped(b)
  if a and b then
    return a, b
  end
end

local CONVERSATION = "conversation:"

---An id as a part of a conversation's id, which may stand in URLs as it is: each byte but A-Z a-z 0-9 _ - is
---written ~XX, in hexadecimal capitals.
local function url_safe(id)
  return (id:gsub("[^%w_-]", function(byte)
    return ("~%02X"):format(byte:byte())
  end))
end

---The room of the conversation of two people; the same one whoever is named first.
---@param a string|number a person's id, literally; raises if it cannot be one, or if both are the same
---@param b string|number
---@return string room of 16 to 1,544 bytes
function rooms.conversation(a, b)
  local first, second = rooms.pair(rooms.private(a, b))
  return CONVERSATION .. url_safe(first) .. "." .. url_safe(second)
end

---The two people of a conversation's room.
---@param room string
---@return string? a, string? b their ids, literally; nil if `rooms.conversation` cannot have made the name
function rooms.conversation_pair(room)
  local a, b = room:match("^conversation:([%w_~-]+)%.([%w_~-]+)$")
  if not a then
    return nil
  end
  local function byte(code)
    return string.char(tonumber(code, 16))
  end
  a, b = rooms.person((a:gsub("~(%x%x)", byte))), rooms.person((b:gsub("~(%x%x)", byte)))
  if a and b and a ~= b and rooms.conversation(a, b) == room then
    return a, b
  end
end

local function private_room(name)
  local a, b = rooms.pair(name)
  if not a or not rooms.person(a) or not rooms.person(b) or a == b then
    return nil, "a private room is named private:{id}:{id}, of two people; in an id, ':' is written %3A and "
      .. "'%' %25", "invalid"
  end
  return rooms.private(a, b)
end

---The one name of a room, from a name as a client or another program wrote it.
---@param name any
---@return string? room, string? message, string? code "invalid"
function rooms.normalise(name)
  if type(name) ~= "string" then
    return nil, "the name of a room must be a string", "invalid"
  end
  local word, id = name:match("^(.-):(.*)$")
  if not word then -- "course-123"; with a ':' further on, "course-notes:7" is a kind of its own
    for known in pairs(KIND_OF) do
      local rest = after(known, name)
      if rest then
        word, id = known, rest
      end
    end
  end
  local kind = KIND_OF[word]
  if PERSONAL[kind] and id ~= "" then
    return rooms.of(kind, id)
  elseif word == "private" then
    return private_room(name)
  elseif rooms.conversation_pair(name) then
    return name
  end
  local wrong = flaw(name)
  if kind and not wrong then
    id = bare(kind, id)
    if id == "" then
      return nil, ("the room lacks an id: %s:{id}"):format(kind), "invalid"
    end
    name = kind .. ":" .. id -- longer than what was written, if that was a shorter word
    wrong = flaw(id) or flaw(name) -- "course: 1" as "course:1 "
  end
  if wrong then
    return nil, "the name of the room " .. wrong, "invalid"
  end
  return name
end

---What a room's name says. Rooms of free names have no kind: nil and the whole name.
---@param room string as `normalise` gives it
---@return "user"|"instructor"|"course"|"discussion"|"live-session"|"private"|"conversation"|nil kind
---@return string id for a private room "a:b", as `rooms.pair` takes it apart
function rooms.parse(room)
  if type(room) ~= "string" then
    error("rooms.parse: a room's name is needed, not a " .. type(room), 2)
  end
  local kind, id = room:match("^(.-):(.*)$")
  if kind == "private" or kind == "conversation" or KINDS[kind] then
    return kind, id
  end
  return nil, room
end

---Whether a claim (a list of ids, or one) holds the id.
local function claimed(claim, kind, id)
  for _, each in ipairs(type(claim) == "table" and claim or { claim }) do
    local text = id_text(each)
    if text and bare(kind, text) == id then
      return true
    end
  end
  return false
end

-- Who is being looked up. What is said of them meanwhile may have come too late for the answer: without
-- this, somebody whose grant is taken back while they join would be in the room after all had left it.
-- Each is { person, room, is_stale }; weak, as tasks may be cancelled.
local looks = setmetatable({}, { __mode = "k" })

local function said_of(person, room)
  local look, said, why, code
  repeat
    look = { person = person, room = room }
    looks[look] = true
    said, why, code = store.get(person, room)
    looks[look] = nil
  until not look.is_stale or said == nil
  return said, why, code
end

---Whether a person may join a room. In this order: nobody joins another's user room, a private room or
---conversation of others, or the room that a socket is by itself; conversations with ids of a platform's own
---open by grants alone; an admin joins all others, and an instructor the own; then the token's claims
---(`courses`, `sessions`, `discussions`, `instructors`); then grants; then `rooms.default`.
---Waits for the store where grants count: when it does not answer, nobody is let in by default.
---@param user table a socket's `user`
---@param name any a room's name as the client sent it
---@return string? room its one name, to join it by; nil if not
---@return string? message, string? code "forbidden", "invalid", or what the database says
function rooms.may_join(user, name)
  local own = type(user) == "table" and rooms.person(user.id)
  if not own then
    error("rooms.may_join: a user with an id is needed", 2)
  end
  local room, why, code = rooms.normalise(name)
  if not room then
    return nil, why, code
  end
  local kind, id = rooms.parse(room)
  if kind == "user" then
    if id == own then
      return room
    end
    return nil, "nobody joins another's user room", "forbidden"
  elseif kind == "private" then
    local a, b = rooms.pair(room)
    if own == a or own == b then
      return room
    end
    return nil, "a private room is only for its two people", "forbidden"
  elseif kind == "conversation" and rooms.conversation_pair(room) then
    local a, b = rooms.conversation_pair(room)
    if own == a or own == b then
      return room
    end
    return nil, "a conversation is only for its two people", "forbidden"
  elseif kind == nil and lectern.socket(room) then
    return nil, "nobody joins the room of a socket", "forbidden"
  end

  local by_grant = kind == "conversation" -- only the platform knows whose it is
  local opens = roles.has(user, "admin") or (kind == "instructor" and id == own)
    or (kind and claimed(user[CLAIMS[kind]], kind, id))
  if opens and not by_grant then
    return room
  end
  local said
  said, why, code = said_of(own, room)
  if said == nil then
    return nil, why, code
  elseif said == "allowed" then
    return room
  elseif said == "unsaid" and not by_grant and lectern.config.rooms.default == "allow" then
    return room
  end
  return nil, "no access to " .. room, "forbidden"
end

---Whether a socket is in a room, with the sentence for one that is not.
---@param socket lectern.Socket
---@param room string its one name
---@return true? ok, string? message, string? code "forbidden"
function rooms.inside(socket, room)
  if socket:has_joined(room) then
    return true
  end
  return nil, ("join %s first"):format(room), "forbidden"
end

---A room that can be granted.
---@return string? room, string? message, string? code
local function grantable(name)
  local room, why, code = rooms.normalise(name)
  if not room then
    return nil, why, code
  end
  local kind = rooms.parse(room)
  if kind == "user" or kind == "private" or rooms.conversation_pair(room) then
    return nil, ("a room of kind %s is never granted"):format(kind), "invalid"
  end
  return room
end

-- Says once and for all who may join.
local function say(user_id, name, allowed)
  local person = rooms.person(user_id) or error(no_id("user", user_id), 3)
  local room, why, code = grantable(name)
  if not room then
    return nil, why, code
  end
  lectern.detach()
  local done
  done, why, code = store.set(person, room, allowed, math.floor(lectern.now() * 1000))
  if not done then
    return nil, why, code
  end
  for look in pairs(looks) do
    look.is_stale = look.is_stale or (look.person == person and look.room == room)
  end
  return room
end

---Lets a person join a room from now on. Waits for the store.
---@param user_id string|number raises if it cannot be an id
---@param name string
---@return string? room, string? message, string? code "invalid", or what the database says
function rooms.grant(user_id, name)
  local room, why, code = say(user_id, name, true) -- no tail call: errors are told of the caller's line
  return room, why, code
end

---Takes a grant back: the person's sockets leave the room, and join it again only as an admin or by
---a claim of the token, whatever `rooms.default` says. Waits for the store.
---@param user_id string|number raises if it cannot be an id
---@param name string
---@param leaving? fun(socket: lectern.Socket, room: string) called for each that leaves, before it does
---@return string? room, string? message, string? code "invalid", or what the database says
function rooms.revoke(user_id, name, leaving)
  local room, why, code = say(user_id, name, false)
  if not room then
    return nil, why, code
  end
  for _, socket in ipairs(lectern.sockets { room = rooms.user(user_id) }) do
    if socket:has_joined(room) then
      if leaving then
        leaving(socket, room)
      end
      socket:leave(room)
    end
  end
  return room
end

return rooms
