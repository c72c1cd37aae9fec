-- Private messages between two people.

local ack = require "lectern.ack"
local check = require "lectern.check"
local lectern = require "lectern"
local messages = require "lectern.messages"

local M = {}

-- message: { from, to, content, messageType?, attachments? }
function M.send_private_message(message)
  return messages.send(message)
end

local function switched_on()
  if lectern.config.app.private_messages then
    return true
  end
  return nil, "private messages are switched off", "forbidden"
end

local MESSAGE = {
  to = "person", content = "text", id = "line?", messageType = "line?", attachments = "data?",
}

-- With an id of the page's own, sending again after a lost answer is no second message.
function M.on_private_message(socket, payload)
  local on, message, refusal = switched_on()
  if not on then
    return nil, message, refusal
  end
  local given, why, code = check.fields(payload, MESSAGE)
  if not given then
    return nil, why, code
  end
  given.from = socket.user.id
  return ack.with("message", messages.send(given))
end

local HISTORY = {
  with = "person", limit = "integer?", before = "line?", after = "line?", cursor = "url?",
}

function M.on_private_history(socket, payload)
  local given, why, code = check.fields(payload, HISTORY)
  if not given then
    return nil, why, code
  end
  return ack.of(messages.history(socket.user.id, given.with, given))
end

local CONVERSATIONS = { limit = "integer?", cursor = "url?" }

-- Whom the person writes with.
function M.on_list_conversations(socket, payload)
  local given, why, code = check.fields(payload, CONVERSATIONS)
  if not given then
    return nil, why, code
  end
  return ack.of(messages.conversations(socket.user.id, given))
end

local EDIT = { with = "person", id = "line", content = "text" }

-- Only by who wrote it, as everything here: nobody else reads it either.
function M.on_edit_private_message(socket, payload)
  local on, message, refusal = switched_on() -- an edit is as good as a message
  if not on then
    return nil, message, refusal
  end
  local given, why, code = check.fields(payload, EDIT)
  if not given then
    return nil, why, code
  end
  given.by = socket.user.id
  return ack.with("message", messages.edit(given))
end

local DELETE = { with = "person", id = "line" }

function M.on_delete_private_message(socket, payload)
  local given, why, code = check.fields(payload, DELETE)
  if not given then
    return nil, why, code
  end
  given.by = socket.user.id
  return ack.with("message", messages.delete(given))
end

return M
