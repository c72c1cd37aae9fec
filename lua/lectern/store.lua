-- The store: what must last, behind one small interface. This one keeps it in memory, across reloads of
-- the handlers but not a restart; a database takes its place by offering the same functions.
--
-- Therefore callers treat every function as one that may wait, and what they hand in and get back as
-- copies. Users are named by their room ("user:123"), rooms by their one name (lectern.rooms). Entries
-- have an `id`.

local lectern = require "lectern"
local history = require "lectern.history"

local store = {}

local TOTAL = lectern.config.store.total
-- Kept for each person or room; the oldest go first.
local NOTIFICATIONS = math.min(lectern.config.store.notifications, TOTAL)
local MESSAGES = math.min(lectern.config.store.messages, TOTAL)
local REACTIONS = math.min(lectern.config.store.reactions, TOTAL)

local KEY = "lectern.store"
if not lectern.state[KEY] then
  lectern.state[KEY] = {
    notifications = history.new(NOTIFICATIONS, TOTAL),
    messages = history.new(MESSAGES, TOTAL),
    reactions = history.new(REACTIONS, TOTAL),
    grants = {}, -- user → room → true or false
  }
end
local state = lectern.state[KEY]

local function copy(entry)
  local t = {}
  for k, v in pairs(entry) do
    t[k] = v
  end
  return t
end

local function copies(entries)
  for i, entry in ipairs(entries) do
    entries[i] = copy(entry)
  end
  return entries
end

local function unread(notification)
  return not notification.isRead
end

---@param user string
---@param notification table
function store.add_notification(user, notification)
  history.add(state.notifications, user, copy(notification))
end

---Newest first.
---@param user string
---@param limit integer
---@param before? string id: only older ones
---@param only_unread? boolean
---@return table[]
function store.notifications(user, limit, before, only_unread)
  return copies(history.page(state.notifications, user, limit, before, only_unread and unread or nil))
end

---@param user string
---@return integer
function store.unread_count(user)
  return #history.page(state.notifications, user, NOTIFICATIONS, nil, unread)
end

---@param user string
---@param id string
---@return boolean? changed false if it was read before; nil if there is none
function store.mark_read(user, id)
  local notification = history.get(state.notifications, user, id)
  if not notification then
    return nil
  end
  local changed = not notification.isRead
  notification.isRead = true
  return changed
end

---@param user string
---@return integer changed how many had not been read
function store.mark_all_read(user)
  local list = history.page(state.notifications, user, NOTIFICATIONS, nil, unread)
  for _, notification in ipairs(list) do
    notification.isRead = true
  end
  return #list
end

---@param room string
---@param message table
function store.add_message(room, message)
  history.add(state.messages, room, copy(message))
end

---Newest first.
---@param room string
---@param limit integer
---@param before? string id: only older ones
---@param discussion_id? string|number only those of this discussion
---@return table[]
function store.messages(room, limit, before, discussion_id)
  return copies(history.page(state.messages, room, limit, before, discussion_id ~= nil and function(message)
    return message.discussionId == discussion_id
  end or nil))
end

---@param room string
---@param reaction { discussionId: string, userId: string, reaction: string, messageId?: string }
function store.add_reaction(room, reaction)
  local entry = copy(reaction)
  entry.id = ("%s\n%s\n%s\n%s"):format(reaction.discussionId, reaction.messageId or "", reaction.userId,
    reaction.reaction)
  history.add(state.reactions, room, entry)
end

---How many people gave each reaction.
---@param room string
---@param discussion_id string
---@return table<string, integer>
function store.reactions(room, discussion_id)
  local tally = {}
  for _, entry in ipairs(history.page(state.reactions, room, REACTIONS)) do
    if entry.discussionId == discussion_id then
      tally[entry.reaction] = (tally[entry.reaction] or 0) + 1
    end
  end
  return tally
end

---@param user string
---@param room string
---@param allowed boolean
function store.set_grant(user, room, allowed)
  local grants = state.grants[user] or {}
  state.grants[user] = grants
  grants[room] = allowed
end

---@param user string
---@param room string
---@return boolean? allowed nil if nobody has said
function store.grant(user, room)
  local grants = state.grants[user]
  return grants and grants[room]
end

return store
