-- The functions of the server API that need no handlers. A handler's function of the same name takes
-- the place of one of these. Their comments are what GET /api says of them.
--
-- A person's sockets are those whose verified token has that id, in the main namespace; whoever a
-- reconnection may bring back is reached by the person's room besides.

local core = require "lectern.core"
local lectern = require "lectern"
local presence = require "lectern.presence"
local rooms = require "lectern.rooms"

local M = {}

local function array(list)
  return setmetatable(list or {}, core.array_mt)
end

local id_of = rooms.person

local NO_ID = "a person's id is needed"
local NO_LIST = "a list of people's ids is needed"
local NO_ROOM = "the name of a room is needed"
local NO_EVENT = "the name of an event is needed"

local function is_name(value)
  return type(value) == "string" and value ~= ""
end

local RESERVED = {
  connect = true, connect_error = true, disconnect = true, disconnecting = true, newListener = true,
  removeListener = true,
}

local function is_event(value)
  return is_name(value) and not RESERVED[value]
end

-- What reaches a person: the sockets by their ids, which are rooms, and the person's own room.
local function reach(ids)
  local names = {}
  for _, id in ipairs(ids) do
    names[#names + 1] = rooms.of("user", id)
    for _, socket in ipairs(core.sockets_of("/", id)) do names[#names + 1] = socket.id end
  end
  return lectern.to(names)
end

local function ids_of(list)
  if type(list) ~= "table" then return nil end
  local ids = {}
  for i, value in ipairs(list) do
    ids[i] = id_of(value)
    if not ids[i] then return nil end
  end
  return ids
end

-- A room as people call it, by its one name, or by its own when it is of no known kind.
local function room_of(name)
  if not is_name(name) then return nil end
  return rooms.normalise(name) or name
end

-- Sending

-- Sends an event to all of a person's devices. Returns how many there are.
---@param user_id string
---@param event string
function M.emit_to_user(user_id, event, ...)
  local id = id_of(user_id)
  if not id then return nil, NO_ID, "invalid" end
  if not is_event(event) then return nil, NO_EVENT, "invalid" end
  return reach({ id }):emit(event, ...)
end

-- Sends an event to all devices of several people. Returns how many there are.
---@param user_ids string[]
---@param event string
function M.emit_to_users(user_ids, event, ...)
  local ids = ids_of(user_ids)
  if not ids then return nil, NO_LIST, "invalid" end
  if not is_event(event) then return nil, NO_EVENT, "invalid" end
  return reach(ids):emit(event, ...)
end

-- Sends an event to everybody in a room. Returns how many there are.
---@param room string
---@param event string
function M.emit_to_room(room, event, ...)
  local name = room_of(room)
  if not name then return nil, NO_ROOM, "invalid" end
  if not is_event(event) then return nil, NO_EVENT, "invalid" end
  return lectern.to(name):emit(event, ...)
end

-- Sends an event to everybody in a namespace. Returns how many there are.
---@param namespace string
---@param event string
function M.emit_to_namespace(namespace, event, ...)
  if not is_name(namespace) then return nil, "the name of a namespace is needed", "invalid" end
  if not is_event(event) then return nil, NO_EVENT, "invalid" end
  if namespace:sub(1, 1) ~= "/" then namespace = "/" .. namespace end
  if namespace:find("*", 1, true) then return nil, "one namespace at a time", "invalid" end
  return core.emit(namespace, nil, nil, nil, false, event, ...)
end

-- Sends an event to everybody who is connected. Returns how many there are.
---@param event string
function M.emit_to_all(event, ...)
  if not is_event(event) then return nil, NO_EVENT, "invalid" end
  return lectern.emit(event, ...)
end

-- Sends an event with its data to everybody who is connected.
---@param event string
function M.broadcast_to_all(event, data)
  if not is_event(event) then return nil, NO_EVENT, "invalid" end
  lectern.emit(event, data)
  return core.null
end

-- Sends the event notification to a person's devices, without keeping it. Returns true.
---@param user_id string
---@param notification table
function M.send_notification_to_user(user_id, notification)
  local _, message, code = M.emit_to_user(user_id, "notification", notification)
  if message then return nil, message, code end
  return true
end

local function notify_each(ids, notification)
  local results, reached = array(), 0
  for i, id in ipairs(ids) do
    local there = M.emit_to_user(id, "notification", notification) > 0
    results[i] = { userId = id, success = there }
    if there then reached = reached + 1 end
  end
  return { successCount = reached, totalUsers = #ids, results = results }
end

-- Sends the event notification to the devices of several people, without keeping it.
---@param user_ids string[]
---@param notification table
---@return table { successCount, totalUsers, results = { { userId, success } } }
function M.send_notification_to_users(user_ids, notification)
  local ids = ids_of(user_ids)
  if not ids then return nil, NO_LIST, "invalid" end
  return notify_each(ids, notification)
end

-- Sends the event notification to everybody who is connected, without keeping it.
---@param notification table
---@return table { successCount, totalUsers, results = { { userId, success } } }
function M.send_notification_to_all_connected(notification)
  return notify_each(core.users("/"), notification)
end

-- Sends the event notification to everybody in a room, without keeping it.
---@param room string
---@param notification table
function M.send_notification_to_room(room, notification)
  local n, message, code = M.emit_to_room(room, "notification", notification)
  if not n then return nil, message, code end
  return core.null
end

-- Who is there

-- Whether a person is connected.
---@param user_id string
---@return boolean
function M.is_user_connected(user_id)
  local id = id_of(user_id)
  if not id then return nil, NO_ID, "invalid" end
  return #core.sockets_of("/", id) > 0
end

-- Which of several people are connected: an object of true and false by id.
---@param user_ids string[]
---@return table
function M.are_users_connected(user_ids)
  local ids = ids_of(user_ids)
  if not ids then return nil, NO_LIST, "invalid" end
  local connected = {}
  for _, id in ipairs(ids) do connected[id] = #core.sockets_of("/", id) > 0 end
  return connected
end

-- The id of a person's newest socket, or null.
---@param user_id string
---@return string?
function M.get_user_socket_id(user_id)
  local id = id_of(user_id)
  if not id then return nil, NO_ID, "invalid" end
  local sockets = core.sockets_of("/", id)
  return sockets[#sockets] and sockets[#sockets].id or core.null
end

-- How many people are connected.
---@return integer
function M.get_connected_users_count()
  return #core.users("/")
end

-- The ids of all people who are connected.
---@return string[]
function M.get_connected_users()
  return array(core.users("/"))
end

-- Who is connected by which socket, and how many people that are.
---@return table { totalConnected, connectedUsers = { { userId, socketId, isOnline } }, timestamp }
function M.get_connection_status()
  local users = array()
  for i, id in ipairs(core.users("/")) do
    users[i] = { userId = id, socketId = M.get_user_socket_id(id), isOnline = true }
  end
  return { totalConnected = #users, connectedUsers = users, timestamp = lectern.date() }
end

-- Rooms and how many sockets each has: an object of numbers by name. A socket's own room, which is
-- named as its id, is not among them.
---@return table
function M.get_rooms()
  local found = {}
  for name, n in pairs(core.rooms("/")) do
    if not core.socket("/", name) then found[name] = n end
  end
  return found
end

-- How many sockets are in a room.
---@param room string
---@return integer
function M.get_room_count(room)
  local name = room_of(room)
  if not name then return nil, NO_ROOM, "invalid" end
  return lectern.count(name)
end

-- The ids of the people in a room.
---@param room string
---@return string[]
function M.get_room_users(room)
  local name = room_of(room)
  if not name then return nil, NO_ROOM, "invalid" end
  local ids, seen = array(), {}
  for _, socket in ipairs(lectern.sockets { room = name }) do
    local id = socket.user.id
    if not seen[id] then ids[#ids + 1] = id end
    seen[id] = true
  end
  return ids
end

-- Who may be where

-- Calls fn(socket, room) for each of a person's; how many times it was true.
local function each(user_id, room, fn)
  local id, name = id_of(user_id), room_of(room)
  if not id then return nil, NO_ID, "invalid" end
  if not name then return nil, NO_ROOM, "invalid" end
  local n = 0
  for _, socket in ipairs(core.sockets_of("/", id)) do
    if fn(socket, name) then n = n + 1 end
  end
  return n
end

local function join(socket, room)
  local joined = socket:join(room)
  if joined then presence.joined(socket, room) end
  return joined
end

local function leave(socket, room)
  presence.left(socket, room)
  return socket:leave(room)
end

-- Puts all of a person's devices into a room, now. Returns how many there are.
---@param user_id string
---@param room string
---@return integer
function M.join_room(user_id, room)
  return each(user_id, room, join)
end

-- Takes all of a person's devices out of a room. Returns how many there were.
---@param user_id string
---@param room string
---@return integer
function M.leave_room(user_id, room)
  return each(user_id, room, leave)
end

-- Lets a person join a room from now on, whatever the token says. Returns the room's one name.
---@param user_id string
---@param room string
---@return string
function M.grant_room(user_id, room)
  local id = id_of(user_id)
  if not id then return nil, NO_ID, "invalid" end
  return rooms.grant(id, room)
end

-- Takes a grant back: the person's devices leave the room. Returns the room's one name.
---@param user_id string
---@param room string
---@return string
function M.revoke_room(user_id, room)
  local id = id_of(user_id)
  if not id then return nil, NO_ID, "invalid" end
  local name, message, code = rooms.revoke(id, room)
  if not name then return nil, message, code end
  for _, socket in ipairs(core.sockets_of("/", id)) do presence.left(socket, name) end
  return name
end

-- Ends all connections of a person, who may come back. Returns how many there were.
---@param user_id string
---@return integer
function M.disconnect_user(user_id)
  local id = id_of(user_id)
  if not id then return nil, NO_ID, "invalid" end
  local sockets = core.sockets_of("/", id)
  for _, socket in ipairs(sockets) do socket:disconnect(true) end
  return #sockets
end

-- Ends all connections of a person, and refuses the tokens that were issued until now.
---@param user_id string
---@return integer
function M.revoke_user(user_id)
  local id = id_of(user_id)
  if not id then return nil, NO_ID, "invalid" end
  return lectern.revoke_user(id)
end

-- Ends the connections of one token, and refuses it from now on.
---@param jti string the token's own id
---@return integer
function M.revoke_token(jti)
  local id = id_of(jti)
  if not id then return nil, "a token's id (jti) is needed", "invalid" end
  return lectern.revoke_token(id)
end

return M
