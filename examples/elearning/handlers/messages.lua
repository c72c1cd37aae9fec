-- Private messages between two people.

local check = require "lectern.check"
local lectern = require "lectern"
local messages = require "lectern.messages"

local M = {}

-- message: { from, to, content }
function M.send_private_message(message)
  return messages.send(message)
end

local MESSAGE = { to = "person", content = "text", id = "line?" }

-- With an id of the page's own, sending again after a lost answer is no second message.
function M.on_private_message(socket, payload)
  if not lectern.config.app.private_messages then
    return nil, "private messages are switched off", "forbidden"
  end
  local given, why, code = check.fields(payload, MESSAGE)
  if not given then
    return nil, why, code
  end
  given.from = socket.user.id
  local message
  message, why, code = messages.send(given)
  if not message then
    return nil, why, code
  end
  return { ok = true, message = message }
end

local HISTORY = {
  with = "person", limit = "integer?", before = "line?", after = "line?", cursor = "url?",
}

function M.on_private_history(socket, payload)
  local given, why, code = check.fields(payload, HISTORY)
  if not given then
    return nil, why, code
  end
  local page
  page, why, code = messages.history(socket.user.id, given.with, given)
  if not page then
    return nil, why, code
  end
  page.ok = true
  return page
end

local CONVERSATIONS = { limit = "integer?", cursor = "url?" }

-- Whom the person writes with.
function M.on_list_conversations(socket, payload)
  local given, why, code = check.fields(payload, CONVERSATIONS)
  if not given then
    return nil, why, code
  end
  local page
  page, why, code = messages.conversations(socket.user.id, given)
  if not page then
    return nil, why, code
  end
  page.ok = true
  return page
end

local EDIT = { with = "person", id = "line", content = "text" }

-- Only by who wrote it, as everything here: nobody else reads it either.
function M.on_edit_private_message(socket, payload)
  local given, why, code = check.fields(payload, EDIT)
  if not given then
    return nil, why, code
  end
  given.by = socket.user.id
  local message
  message, why, code = messages.edit(given)
  if not message then
    return nil, why, code
  end
  return { ok = true, message = message }
end

local DELETE = { with = "person", id = "line" }

function M.on_delete_private_message(socket, payload)
  local given, why, code = check.fields(payload, DELETE)
  if not given then
    return nil, why, code
  end
  given.by = socket.user.id
  local message
  message, why, code = messages.delete(given)
  if not message then
    return nil, why, code
  end
  return { ok = true, message = message }
end

return M
