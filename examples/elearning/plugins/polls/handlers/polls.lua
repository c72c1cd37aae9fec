-- What pages send: open_poll, vote_poll, close_poll, get_poll. All in the room hear `poll`.

local check = require "lectern.check"
local lectern = require "lectern"
local polls = require "polls"
local privacy = require "lectern.privacy"
local roles = require "lectern.roles"
local rooms = require "lectern.rooms"

local M = {}

local STAFF = { "teacher", "instructor", "admin" }

-- What the plugin keeps about people is told and taken away with the rest.
privacy.also("polls", { export = polls.of_person, erase = polls.forget_person })

local function is_staff(socket)
  return roles.has(socket.user, STAFF)
end

-- The poll that a payload names, for somebody who is in its room.
local function poll_of(socket, id)
  local poll, why, code = polls.get(id)
  if not poll then return nil, why, code end
  local inside
  inside, why, code = rooms.inside(socket, poll.room)
  if not inside then return nil, why, code end
  return poll
end

local function tell(poll)
  lectern.to(poll.room):emit("poll", poll)
  return { ok = true, poll = poll }
end

local OPEN = { room = "room", question = "text", options = "table" }

function M.on_open_poll(socket, payload)
  local given, why, code = check.fields(payload, OPEN)
  if not given then return nil, why, code end
  if not is_staff(socket) then return nil, "only staff may open polls", "forbidden" end
  local inside
  inside, why, code = rooms.inside(socket, given.room)
  if not inside then return nil, why, code end
  for _, option in ipairs(given.options) do
    if type(option) ~= "string" or option == "" or #option > 200 then
      return nil, "options are texts of 1 to 200 bytes", "invalid"
    end
  end
  local poll
  poll, why, code = polls.open(given.room, socket.user.id, given.question, given.options)
  if not poll then return nil, why, code end
  return tell(poll)
end

function M.on_vote_poll(socket, payload)
  local given, why, code = check.fields(payload, { pollId = "id", choice = "integer" })
  if not given then return nil, why, code end
  local poll
  poll, why, code = poll_of(socket, given.pollId)
  if not poll then return nil, why, code end
  poll, why, code = polls.vote(poll, socket.user.id, given.choice)
  if not poll then return nil, why, code end
  return tell(poll)
end

function M.on_close_poll(socket, payload)
  local given, why, code = check.fields(payload, { pollId = "id" })
  if not given then return nil, why, code end
  if not is_staff(socket) then return nil, "only staff may close polls", "forbidden" end
  local poll
  poll, why, code = poll_of(socket, given.pollId)
  if not poll then return nil, why, code end
  poll, why, code = polls.close(poll)
  if not poll then return nil, why, code end
  return tell(poll)
end

function M.on_get_poll(socket, payload)
  local given, why, code = check.fields(payload, { pollId = "id" })
  if not given then return nil, why, code end
  local poll
  poll, why, code = poll_of(socket, given.pollId)
  if not poll then return nil, why, code end
  return { ok = true, poll = poll, names = is_staff(socket) and polls.names(poll) or nil }
end

return M
