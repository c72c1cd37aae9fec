-- Discussions: messages and reactions in a room, and reading back.

local check = require "lectern.check"
local discussions = require "lectern.discussions"
local rooms = require "lectern.rooms"

local M = {}

function M.send_discussion_message(room, message)
  return discussions.send(room, message)
end

function M.send_discussion_reaction(room, discussion_id, user_id, reaction)
  return discussions.react(room, { discussionId = discussion_id, userId = user_id, reaction = reaction })
end

-- The payload as `fields` describe it, from somebody who is in its room: people write and read only where
-- they are.
local function from_inside(socket, payload, fields)
  local given, why, code = check.fields(payload, fields)
  if not given then
    return nil, why, code
  end
  local inside
  inside, why, code = rooms.inside(socket, given.room)
  if not inside then
    return nil, why, code
  end
  return given
end

local MESSAGE = { room = "room", discussionId = "id?", content = "text" }

function M.on_discussion_message(socket, payload)
  local given, why, code = from_inside(socket, payload, MESSAGE)
  if not given then
    return nil, why, code
  end
  local message
  message, why, code = discussions.send(given.room, {
    discussionId = given.discussionId,
    userId = socket.user.id,
    content = given.content,
  })
  if not message then
    return nil, why, code
  end
  return { ok = true, message = message }
end

local REACTION = { room = "room", discussionId = "id", messageId = "id?", reaction = "line" }

function M.on_discussion_reaction(socket, payload)
  local given, why, code = from_inside(socket, payload, REACTION)
  if not given then
    return nil, why, code
  end
  local sent
  sent, why, code = discussions.react(given.room, {
    discussionId = given.discussionId,
    messageId = given.messageId,
    userId = socket.user.id,
    reaction = given.reaction,
  })
  if not sent then
    return nil, why, code
  end
  return { ok = true }
end

local HISTORY = { room = "room", discussionId = "id?", limit = "integer?", before = "line?" }

function M.on_discussion_history(socket, payload)
  local given, why, code = from_inside(socket, payload, HISTORY)
  if not given then
    return nil, why, code
  end
  return {
    ok = true,
    messages = discussions.history(given.room, given),
    reactions = given.discussionId and discussions.reactions(given.room, given.discussionId),
  }
end

return M
