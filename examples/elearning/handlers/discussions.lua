-- Discussions: messages and reactions in a room, and reading back.

local ack = require "lectern.ack"
local check = require "lectern.check"
local discussions = require "lectern.discussions"
local lectern = require "lectern"
local roles = require "lectern.roles"
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

local MESSAGE = { room = "room", discussionId = "id?", content = "text", id = "line?" }

-- With an id of the page's own, sending again after a lost answer is no second message.

function M.on_discussion_message(socket, payload)
  local given, why, code = from_inside(socket, payload, MESSAGE)
  if not given then
    return nil, why, code
  end
  return ack.with("message", discussions.send(given.room, {
    id = given.id,
    discussionId = given.discussionId,
    userId = socket.user.id,
    content = given.content,
  }))
end

local EDIT = { room = "room", id = "line", content = "text" }

-- Nobody puts words into another's mouth, staff neither.
function M.on_edit_message(socket, payload)
  local given, why, code = from_inside(socket, payload, EDIT)
  if not given then
    return nil, why, code
  end
  given.by = socket.user.id
  return ack.with("message", discussions.edit(given.room, given))
end

local DELETE = { room = "room", id = "line" }

-- Staff delete others' messages, too.
function M.on_delete_message(socket, payload)
  local given, why, code = from_inside(socket, payload, DELETE)
  if not given then
    return nil, why, code
  end
  given.by = socket.user.id
  local is_staff = roles.has(socket.user, lectern.config.app.staff)
  return ack.with("message", discussions.delete(given.room, given, is_staff))
end

local REACTION = {
  room = "room", discussionId = "id", messageId = "id?", reaction = "line", remove = "boolean?",
}

-- remove: takes it back.
function M.on_discussion_reaction(socket, payload)
  local given, why, code = from_inside(socket, payload, REACTION)
  if not given then
    return nil, why, code
  end
  given.userId = socket.user.id
  return ack.done((given.remove and discussions.unreact or discussions.react)(given.room, given))
end

local HISTORY = {
  room = "room", discussionId = "id?", limit = "integer?", before = "line?", after = "line?", cursor = "url?",
}

function M.on_discussion_history(socket, payload)
  local given, why, code = from_inside(socket, payload, HISTORY)
  if not given then
    return nil, why, code
  end
  local page
  page, why, code = discussions.history(given.room, given)
  if not page then
    return nil, why, code
  end
  if given.discussionId then
    page.reactions, why, code = discussions.reactions(given.room, given.discussionId)
    if not page.reactions then
      return nil, why, code
    end
  end
  page.ok = true
  return page
end

return M
