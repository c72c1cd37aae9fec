-- Presence: people, not tabs. A person is online with the first socket, and offline when the last one has
-- been gone for `presence.grace`, so that a reload of a page or a short loss of the network shows nowhere.
--
--   nobody --first socket--> online --last socket gone--> leaving --grace over--> nobody, others are told
--                                   <------socket back---
--
-- `user_presence` {userId, status, lastSeen} goes to those who share a room with the person, each once:
-- "online" when the person comes into a room, to those in it who did not share another room with the
-- person already; "offline" to all rooms that the person was in since coming online. So everybody who
-- was told "online" is told "offline" too. Who comes later asks `online`.
--
-- A socket that is recovered comes back into its rooms: `connected` sees to that.
--
-- Main namespace only. The handlers call: connected (in on_connected), joined, left, disconnected.
-- Invariant: members[room].keys[key] exists exactly while people[key].rooms[room] is true, and
-- members[room].count is the number of these.

local lectern = require "lectern"
local rooms = require "lectern.rooms"

local presence = {}

local ONLINE_MAX = 100 -- names in a list; a class of 1,000 wants the number, and some names
local ROOMS_MAX = 500 -- a person's rooms remembered; past it, those left are forgotten

local KEY = "lectern.presence"
lectern.state[KEY] = lectern.state[KEY] or { people = {}, members = {} }
local people = lectern.state[KEY].people
local members = lectern.state[KEY].members

local listeners = {} -- of when_left

local function person_of(socket)
  return people[rooms.user(socket.user.id)]
end

---Whether a socket of the person is in a room, other than this one.
local function elsewhere(person, socket, room)
  for _, other in pairs(person.sockets) do
    if other ~= socket and other:has_joined(room) then
      return true
    end
  end
  return false
end

local function tell(person, where, except, status, seconds)
  lectern.to(where):except(except):emit("user_presence", {
    userId = person.id,
    status = status,
    lastSeen = lectern.date(seconds),
  })
end

local function remember(person, room, inside)
  if person.rooms[room] == nil then
    person.known = person.known + 1
  end
  local here = members[room]
  if inside and not person.rooms[room] then
    here = here or { keys = {}, count = 0 }
    members[room] = here
    here.keys[person.key] = true
    here.count = here.count + 1
  elseif not inside and person.rooms[room] then
    here.keys[person.key] = nil
    here.count = here.count - 1
    if here.count == 0 then
      members[room] = nil
    end
  end
  local had_left = person.rooms[room] and not inside
  person.rooms[room] = inside
  if had_left then
    for _, fn in ipairs(listeners) do
      fn(person.id, room)
    end
  end
  if person.known > ROOMS_MAX then
    for name, there in pairs(person.rooms) do
      if not there then
        person.rooms[name] = nil
        person.known = person.known - 1
      end
    end
  end
end

---Takes the person out of the rooms that none of their sockets is in.
local function settle(person)
  for room, inside in pairs(person.rooms) do
    if inside and not elsewhere(person, nil, room) then
      remember(person, room, false)
    end
  end
end

---Calls fn(person) when the grace is over, unless something else is asked for before.
local function after_grace(person, fn)
  if person.timer then
    person.timer:cancel()
  end
  person.timer = lectern.after(lectern.config.presence.grace / 1000, function()
    person.timer = nil
    fn(person)
  end)
end

---Forgets a person who did not come back, and tells those who knew.
local function gone(person)
  people[person.key] = nil
  local told = {}
  for room, inside in pairs(person.rooms) do
    told[#told + 1] = room
    if inside then
      remember(person, room, false)
    end
  end
  if #told > 0 then
    tell(person, told, person.key, "offline", person.last_seen)
  end
end

---A socket was let in, with the rooms that it is in already. Call it once per socket, in `on_connected`.
---@param socket lectern.Socket
---@return boolean first whether the person was offline before
function presence.connected(socket)
  local key = rooms.user(socket.user.id)
  local person = people[key]
  local first = person == nil
  if first then
    person = { key = key, id = socket.user.id, sockets = {}, tabs = 0, rooms = {}, known = 0 }
    people[key] = person
  end
  if person.timer then -- back: in the rooms of before, as long as it may take to join them again
    after_grace(person, settle)
  end
  if not person.sockets[socket.id] then
    person.sockets[socket.id] = socket
    person.tabs = person.tabs + 1
  end
  if socket.recovered then
    for _, room in ipairs(socket.rooms) do
      if room ~= socket.id then
        presence.joined(socket, room)
      end
    end
  end
  return first
end

---A socket has gone. Call it in `on_disconnect`; harmless for one that `connected` did not see.
---@param socket lectern.Socket
function presence.disconnected(socket)
  local person = person_of(socket)
  if not person or not person.sockets[socket.id] then
    return
  end
  person.sockets[socket.id] = nil
  person.tabs = person.tabs - 1
  if person.tabs > 0 then
    settle(person)
    return
  end
  person.last_seen = lectern.now()
  after_grace(person, gone)
end

---A socket has joined a room, with `socket:join`. Joining again changes nothing.
---@param socket lectern.Socket
---@param room string its one name, as `rooms.may_join` gives it
function presence.joined(socket, room)
  local person = person_of(socket)
  if not person or room == person.key or person.rooms[room] then
    return
  end
  local knowing = { person.key }
  for name, inside in pairs(person.rooms) do
    if inside then
      knowing[#knowing + 1] = name
    end
  end
  remember(person, room, true)
  tell(person, room, knowing, "online")
end

---A socket has left a room. The person stays online; those in the room are told when not any more.
---@param socket lectern.Socket
---@param room string its one name
function presence.left(socket, room)
  local person = person_of(socket)
  if person and person.rooms[room] and not elsewhere(person, socket, room) then
    remember(person, room, false)
  end
end

---Has fn called whenever a person is in a room no more with any socket, after the grace if the connection
---was lost. Call it while files load.
---@param fn fun(user_id: string|number, room: string)
function presence.when_left(fn)
  listeners[#listeners + 1] = fn
end

---Who is in a room: people who are online, or in their grace.
---@param room string its one name
---@param limit? integer how many ids at most, 100 unless given
---@return string[] ids of users, in no order; a JSON array even when empty
---@return integer count of all of them
function presence.online(room, limit)
  local ids, here = lectern.array(), members[room]
  if not here then
    return ids, 0
  end
  for key in pairs(here.keys) do -- not a walk over all: this runs at each join
    if #ids >= (limit or ONLINE_MAX) then
      break
    end
    ids[#ids + 1] = people[key].id
  end
  return ids, here.count
end

---@param user_id string|number raises if it cannot be an id
---@return boolean
function presence.is_online(user_id)
  return people[rooms.user(user_id)] ~= nil
end

return presence
