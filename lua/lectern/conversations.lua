-- Conversations of two people, as a platform's chat has them: with an id, a list, pages and what is unread.
-- Their messages are those of lectern.messages, whoever wrote them and by which way.
--
-- The id says who the two are: alice and bob have `alice.bob`. So there is one for each pair, it needs no
-- look-up, and it may stand in a URL. Its room is `conversation:{id}` (lectern.rooms).

local rooms = require "lectern.rooms"

local conversations = {}

local PREFIX = "conversation:"

---The id of two people's conversation; the same one whoever is named first.
---@param a string|number a person's id, literally
---@param b string|number
---@return string? id of letters, digits and _ - ~ .
---@return string? message, string? code "invalid"
function conversations.id(a, b)
  local first, why, code = rooms.person(a)
  if not first then
    return nil, why, code
  end
  local second
  second, why, code = rooms.person(b)
  if not second then
    return nil, why, code
  elseif first == second then
    return nil, "a conversation is one of two people", "invalid"
  end
  return (rooms.conversation(first, second):sub(#PREFIX + 1))
end

---The two people of a conversation, in the order in which the id has them.
---@param id any
---@return string? a, string? b their ids, literally; nil for what `conversations.id` cannot have made
function conversations.pair(id)
  if type(id) ~= "string" then
    return nil
  end
  return rooms.conversation_pair(PREFIX .. id)
end

return conversations
