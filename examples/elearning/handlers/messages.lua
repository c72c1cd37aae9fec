-- Private messages between two people.

local check = require "lectern.check"
local lectern = require "lectern"
local messages = require "lectern.messages"

local M = {}

-- message: { from, to, content }
function M.send_private_message(message)
  return messages.send(message)
end

local MESSAGE = { to = "person", content = "text" }

function M.on_private_message(socket, payload)
  if not lectern.config.app.private_messages then
    return nil, "private messages are switched off", "forbidden"
  end
  local given, why, code = check.fields(payload, MESSAGE)
  if not given then
    return nil, why, code
  end
  local message
  message, why, code = messages.send { from = socket.user.id, to = given.to, content = given.content }
  if not message then
    return nil, why, code
  end
  return { ok = true, message = message }
end

local HISTORY = { with = "person", limit = "integer?", before = "line?" }

function M.on_private_history(socket, payload)
  local given, why, code = check.fields(payload, HISTORY)
  if not given then
    return nil, why, code
  end
  local list
  list, why, code = messages.history(socket.user.id, given.with, given)
  if not list then
    return nil, why, code
  end
  return { ok = true, messages = list }
end

return M
