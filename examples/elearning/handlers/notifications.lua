-- Notifications: sent by other programs and by staff; read by whom they are for.

local check = require "lectern.check"
local lectern = require "lectern"
local notifications = require "lectern.notifications"
local roles = require "lectern.roles"

local M = {}

-- notification: { userId, type, title, message, data?, priority?, actionUrl? }
function M.create_notification(notification)
  return notifications.create(notification)
end

function M.create_bulk_notifications(list)
  return notifications.bulk(list)
end

function M.create_room_notification(room, notification)
  return notifications.room(room, notification)
end

function M.create_system_announcement(announcement)
  return notifications.system(announcement)
end

function M.on_notify(socket, notification)
  if not roles.has(socket.user, lectern.config.app.staff) then
    return nil, "only staff notify people", "forbidden"
  end
  local sent, why, code = notifications.create(notification)
  if not sent then
    return nil, why, code
  end
  return { ok = true, notification = sent }
end

function M.on_announce_system(socket, announcement)
  if not roles.has(socket.user, "admin") then
    return nil, "only an admin announces to everybody", "forbidden"
  end
  local sent, why, code = notifications.system(announcement)
  if not sent then
    return nil, why, code
  end
  return { ok = true }
end

local LIST = { limit = "integer?", before = "line?", unread = "boolean?" }

function M.on_list_notifications(socket, payload)
  local filter, why, code = check.fields(payload, LIST)
  if not filter then
    return nil, why, code
  end
  local id = socket.user.id
  return {
    ok = true,
    notifications = notifications.list(id, filter),
    unreadCount = notifications.unread_count(id),
  }
end

local ONE = { id = "line" }

function M.on_mark_notification_read(socket, payload)
  local given, why, code = check.fields(payload, ONE)
  if not given then
    return nil, why, code
  end
  local count
  count, why, code = notifications.mark_read(socket.user.id, given.id)
  if not count then
    return nil, why, code
  end
  return { ok = true, unreadCount = count }
end

function M.on_mark_all_notifications_read(socket)
  return { ok = true, unreadCount = notifications.mark_all_read(socket.user.id) }
end

return M
