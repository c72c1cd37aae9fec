-- Who is typing where. lectern.typing thins repeats and stops by itself.

local check = require "lectern.check"
local typing = require "lectern.typing"

local M = {}

local TYPING = { room = "room", discussionId = "id?", isTyping = "boolean" }

-- Both typing_start and typing_stop.
function M.on_typing(socket, payload)
  local what, why, code = check.fields(payload, TYPING)
  if not what then
    return nil, why, code
  end
  if what.isTyping then
    local started
    started, why, code = typing.start(socket, what.room, what.discussionId)
    if not started then
      return nil, why, code
    end
  else
    typing.stop(socket, what.room, what.discussionId)
  end
  return { ok = true }
end

return M
