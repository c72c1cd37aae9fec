-- What the platform's front end asks over HTTP, each person with their own token: the bell. The same is
-- there over the socket (notifications.lua), so that an app needs no second connection.

local lectern = require "lectern"
local notifications = require "lectern.notifications"
local pages = require "lectern.pages"
local people = require "lectern.people"
local presence = require "lectern.presence"
local roles = require "lectern.roles"

local M = {}

-- A route about all of a person's, or one: fn(person, id, request). For people; a back end has
-- create_notification and the like.
local function of_person(fn)
  return function(request)
    local person, why, code = people.asking(request)
    if not person then
      return nil, why, code
    end
    return fn(person, request.params.id, request)
  end
end

local function list(person, _, request)
  local asked, why, code = pages.asked(request.query)
  if not asked then
    return nil, why, code
  end
  return notifications.page(person, asked.page, asked.limit)
end

local function unread(person)
  local count, why, code = notifications.unread_count(person)
  if not count then
    return nil, why, code
  end
  return { unreadCount = count }
end

local function status(person)
  return {
    userId = person,
    isOnline = presence.is_online(person),
    totalOnlineUsers = lectern.api.get_connected_users_count(),
  }
end

-- So that people see whether theirs arrive.
local function test(person)
  return notifications.create {
    userId = person,
    type = "TEST",
    title = "Test notification",
    message = "It works: this came at " .. lectern.date() .. ".",
  }
end

local function staff_only(fn)
  return of_person(function(_, _, request)
    if not roles.has(request.user, lectern.config.app.staff) then
      return nil, "only staff see who is online", "forbidden"
    end
    return fn()
  end)
end

M.routes = {
  ["GET /notifications"] = of_person(list), -- ?page=1&limit=20
  ["GET /notifications/unread-count"] = of_person(unread),
  ["POST /notifications/mark-all-read"] = of_person(notifications.mark_all_read),
  ["POST /notifications/:id/read"] = of_person(function(person, id)
    return lectern.api.mark_as_read(id, person) -- { count = 0 } of one that has gone, as the platform has it
  end),
  ["DELETE /notifications/:id"] = of_person(notifications.delete),
  ["POST /websocket/test-notification"] = of_person(test),
  ["GET /websocket/status"] = of_person(status),
  ["GET /websocket/status/all"] = staff_only(function()
    return lectern.api.get_connection_status()
  end),
}

return M
