-- Notifications: kept for each person until read and beyond, pushed to all tabs of who is there.
--
-- The badge is right in every tab: whenever a person's number of unread notifications changes, all their
-- tabs get `unread_count` {unreadCount, readIds?, allRead?}; `connected` brings it to a new one.

local lectern = require "lectern"
local check = require "lectern.check"
local rooms = require "lectern.rooms"
local store = require "lectern.store"

local notifications = {}

local PRIORITY, TYPE = "normal", "INFO" -- unless given
local BULK_MAX = 10000
local BATCH = 100 -- then others get their turn
local PAGE, PAGE_MAX = 20, 100

local CONTENT = {
  type = "line?",
  title = "line",
  message = "text",
  data = "data?",
  priority = "line?",
  actionUrl = "url?",
}
local PERSONAL = { userId = "id" }
for field, spec in pairs(CONTENT) do
  PERSONAL[field] = spec
end

local function made(fields)
  return {
    id = lectern.id(),
    type = fields.type or TYPE,
    title = fields.title,
    message = fields.message,
    data = fields.data,
    priority = fields.priority or PRIORITY,
    actionUrl = fields.actionUrl,
    createdAt = lectern.date(),
  }
end

local function tell_count(user, extra)
  local count = store.unread_count(user)
  local payload = extra or {}
  payload.unreadCount = count
  lectern.to(user):emit("unread_count", payload)
  return count
end

---@return table? fields, string? message, string? code
local function personal(notification)
  local fields, why, code = check.fields(notification, PERSONAL)
  if fields and not rooms.of("user", fields.userId) then
    return nil, "userId is no id of a user", "invalid"
  end
  return fields, why, code
end

local function push(fields)
  local user = rooms.user(fields.userId)
  local notification = made(fields)
  notification.isRead = false
  store.add_notification(user, notification)
  lectern.to(user):emit("notification", notification)
  tell_count(user)
  return notification
end

---@class lectern.NotificationRequest
---@field userId string
---@field title string
---@field message string
---@field type? string "INFO" unless given
---@field data? any
---@field priority? string "normal" unless given
---@field actionUrl? string

---Notifies one person. May wait for the store.
---@param notification lectern.NotificationRequest
---@return table? notification as pushed, with id, isRead, createdAt
---@return string? message, string? code "invalid"
function notifications.create(notification)
  local fields, why, code = personal(notification)
  if not fields then
    return nil, why, code
  end
  return push(fields)
end

---Notifies many people, or, when one entry is wrong, nobody. Waits, so that others get their turn.
---@param list lectern.NotificationRequest[] 10,000 at most
---@return table[]? notifications in the same order
---@return string? message which entry is wrong, string? code "invalid", "too_big"
function notifications.bulk(list)
  if type(list) ~= "table" or (#list == 0 and next(list) ~= nil) then
    return nil, "a list of notifications is needed", "invalid"
  elseif #list > BULK_MAX then
    return nil, ("%d notifications at once, %d at most"):format(#list, BULK_MAX), "too_big"
  end
  local checked, sent = {}, lectern.array()
  for i, notification in ipairs(list) do
    local fields, why, code = personal(notification)
    if not fields then
      return nil, ("notification %d: %s"):format(i, why), code
    end
    checked[i] = fields
  end
  for i, fields in ipairs(checked) do
    sent[i] = push(fields)
    if i % BATCH == 0 then
      lectern.sleep(0)
    end
  end
  return sent
end

---Notifies who is in a room now. It is not kept.
---@param name string a room's name
---@param notification table as for `create`, without userId
---@return table? notification as pushed, with isRoomNotification
---@return string? message, string? code "invalid"
function notifications.room(name, notification)
  local fields, why, code = check.in_room(name, notification, CONTENT)
  if not fields then
    return nil, why, code
  end
  local pushed = made(fields)
  pushed.isRoomNotification = true
  lectern.to(fields.room):emit("notification", pushed)
  return pushed
end

---Tells everybody who is connected: the event `system_announcement`. It is not kept.
---@param announcement { title: string, message: string, type?: string, data?: any, priority?: string }
---@return table? announcement as sent
---@return string? message, string? code "invalid"
function notifications.system(announcement)
  local fields, why, code = check.fields(announcement, CONTENT)
  if not fields then
    return nil, why, code
  end
  local sent = {
    type = fields.type or TYPE,
    title = fields.title,
    message = fields.message,
    data = fields.data,
    priority = fields.priority or PRIORITY,
  }
  lectern.emit("system_announcement", sent)
  return sent
end

---May wait for the store.
---@param user_id string|number raises if it cannot be an id
---@return integer
function notifications.unread_count(user_id)
  return store.unread_count(rooms.user(user_id))
end

---A person's notifications, newest first. May wait for the store.
---@param user_id string|number raises if it cannot be an id
---@param filter? { limit?: integer, before?: string, unread?: boolean } limit 20 unless given, 100 at most
---@return table[] notifications a JSON array even when empty
function notifications.list(user_id, filter)
  filter = filter or {}
  local limit = math.max(1, math.min(filter.limit or PAGE, PAGE_MAX))
  return lectern.array(store.notifications(rooms.user(user_id), limit, filter.before, filter.unread))
end

---Marks one as read; all tabs of the person learn it. May wait for the store.
---@param user_id string|number raises if it cannot be an id
---@param id string
---@return integer? unread_count, string? message, string? code "not_found"
function notifications.mark_read(user_id, id)
  local user = rooms.user(user_id)
  local changed = store.mark_read(user, id)
  if changed == nil then
    return nil, "there is no such notification", "not_found"
  elseif not changed then
    return store.unread_count(user)
  end
  return tell_count(user, { readIds = { id } })
end

---Marks all as read; all tabs of the person learn it. May wait for the store.
---@param user_id string|number raises if it cannot be an id
---@return integer unread_count
function notifications.mark_all_read(user_id)
  local user = rooms.user(user_id)
  if store.mark_all_read(user) == 0 then
    return 0
  end
  return tell_count(user, { allRead = true })
end

return notifications
