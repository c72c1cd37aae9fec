-- Notifications: sent by other programs and by staff; read by whom they are for.

local ack = require "lectern.ack"
local badges = require "lectern.badges"
local check = require "lectern.check"
local expiry = require "lectern.expiry"
local lectern = require "lectern"
local notifications = require "lectern.notifications"
local roles = require "lectern.roles"

local M = {}

-- What expired while no server ran goes now.
function M.on_start()
  expiry.look()
end

-- Notifies one person; answers with the notification as it is kept.
---@param notification table { userId, title, message, type?, data?, priority?, actionUrl?, expiresAt? }
function M.create_notification(notification)
  return notifications.create(notification)
end

-- Notifies many people, or, when one entry is wrong, nobody; answers with the notifications in the same
-- order.
---@param list table[] 10,000 at most, each as for create_notification
function M.create_bulk_notifications(list)
  return notifications.bulk(list)
end

-- Notifies who is in a room now. It is not kept.
---@param room string
---@param notification table as for create_notification, without userId and expiresAt
function M.create_room_notification(room, notification)
  return notifications.room(room, notification)
end

-- Tells everybody who is connected now: the event system_announcement. It is not kept.
---@param announcement table { title, message, type?, data?, priority?, actionUrl? }
function M.create_system_announcement(announcement)
  return notifications.system(announcement)
end

-- What a back end asks for a person, as the platform's NotificationService has it.

local PAGE = { userId = "person", page = "integer?", limit = "integer?" }
local PERSON = { userId = "person" }
local OF_PERSON = { userId = "person", id = "line" }

-- A page of a person's notifications, newest first: { notifications, unreadCount, rev, epoch,
-- pagination: { page, limit, total, pages } }.
---@param user_id string
---@param page? integer from 1
---@param limit? integer 20 unless given, 100 at most
function M.get_user_notifications(user_id, page, limit)
  local given, why, code = check.fields({ userId = user_id, page = page, limit = limit }, PAGE)
  if not given then
    return nil, why, code
  end
  return notifications.page(given.userId, given.page, given.limit)
end

-- How many of a person's notifications are unread.
---@param user_id string
---@return integer
function M.get_unread_count(user_id)
  local given, why, code = check.fields({ userId = user_id }, PERSON)
  if not given then
    return nil, why, code
  end
  return notifications.unread_count(given.userId)
end

-- One that the person does not have is no mistake: count is 0.
local function counted(user_id, answer, why, code)
  if code ~= "not_found" then
    return answer, why, code
  end
  local badge
  badge, why, code = badges.of(user_id)
  if badge then
    badge.count = 0
  end
  return badge, why, code
end

-- Marks one of a person's as read: { count, unreadCount, rev, epoch }. count is 0 when it was read before,
-- or is not theirs.
---@param notification_id string
---@param user_id string
function M.mark_as_read(notification_id, user_id)
  local given, why, code = check.fields({ userId = user_id, id = notification_id }, OF_PERSON)
  if not given then
    return nil, why, code
  end
  return counted(given.userId, notifications.mark_read(given.userId, given.id))
end

-- Marks all of a person's as read: { count, unreadCount, rev, epoch }.
---@param user_id string
function M.mark_all_as_read(user_id)
  local given, why, code = check.fields({ userId = user_id }, PERSON)
  if not given then
    return nil, why, code
  end
  return notifications.mark_all_read(given.userId)
end

-- Deletes one of a person's: { count, unreadCount, rev, epoch }. count is 0 when there is none.
---@param notification_id string
---@param user_id string
function M.delete_notification(notification_id, user_id)
  local given, why, code = check.fields({ userId = user_id, id = notification_id }, OF_PERSON)
  if not given then
    return nil, why, code
  end
  return counted(given.userId, notifications.delete(given.userId, given.id))
end

function M.on_notify(socket, notification)
  if not roles.has(socket.user, lectern.config.app.staff) then
    return nil, "only staff notify people", "forbidden"
  end
  return ack.with("notification", notifications.create(notification))
end

function M.on_announce_system(socket, announcement)
  if not roles.has(socket.user, "admin") then
    return nil, "only an admin announces to everybody", "forbidden"
  end
  return ack.done(notifications.system(announcement))
end

-- What people do with their own. Answers carry the badge: unreadCount, rev, epoch.

local LIST = { limit = "integer?", cursor = "line?", before = "line?", unread = "boolean?" }

function M.on_list_notifications(socket, payload)
  local filter, why, code = check.fields(payload, LIST)
  if not filter then
    return nil, why, code
  end
  return ack.of(notifications.list(socket.user.id, filter))
end

local SINCE = { rev = "integer", epoch = "line" }

-- For who was away, or has missed a push: what changed since.
function M.on_notifications_since(socket, payload)
  local given, why, code = check.fields(payload, SINCE)
  if not given then
    return nil, why, code
  end
  return ack.of(notifications.since(socket.user.id, given.rev, given.epoch))
end

local ONE = { id = "line" }

function M.on_mark_notification_read(socket, payload)
  local given, why, code = check.fields(payload, ONE)
  if not given then
    return nil, why, code
  end
  return ack.of(notifications.mark_read(socket.user.id, given.id))
end

function M.on_mark_all_notifications_read(socket)
  return ack.of(notifications.mark_all_read(socket.user.id))
end

function M.on_delete_notification(socket, payload)
  local given, why, code = check.fields(payload, ONE)
  if not given then
    return nil, why, code
  end
  return ack.of(notifications.delete(socket.user.id, given.id))
end

return M
