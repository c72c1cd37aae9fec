-- Who is typing where. lectern.typing thins repeats and stops by itself.

local ack = require "lectern.ack"
local check = require "lectern.check"
local conversations = require "lectern.conversations"
local lectern = require "lectern"
local typing = require "lectern.typing"

local M = {}

local IN_ROOM = { room = "room", discussionId = "id?", isTyping = "boolean" }

local function in_room(socket, payload)
  local what, why, code = check.fields(payload, IN_ROOM)
  if not what then
    return nil, why, code
  end
  if what.isTyping then
    return typing.start(socket, what.room, what.discussionId)
  end
  typing.stop(socket, what.room, what.discussionId)
  return true
end

local TO_PERSON = { conversationId = "conversation", receiverId = "person", isTyping = "boolean" }

local function to_person(socket, payload)
  local what, why, code = check.fields(payload, TO_PERSON)
  if not what then
    return nil, why, code
  end
  if not what.isTyping then
    typing.stop_to(socket, what.conversationId, what.receiverId)
    return true
  elseif conversations.pair(what.conversationId) and not lectern.config.app.private_messages then
    return nil, "private messages are switched off", "forbidden"
  end
  return typing.start_to(socket, what.conversationId, what.receiverId)
end

-- Both typing_start and typing_stop, in both shapes: { room, discussionId? } is told to the room,
-- { conversationId, receiverId } to the receiver alone.
function M.on_typing(socket, payload)
  local room = payload.room ~= lectern.null and payload.room
  local one_person = not room and (payload.conversationId or payload.receiverId)
  return ack.done((one_person and to_person or in_room)(socket, payload))
end

return M
