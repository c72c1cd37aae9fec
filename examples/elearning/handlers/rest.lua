-- What the platform's front end asks over HTTP, each person with their own token: the bell. The same is
-- there over the socket (notifications.lua), so that an app needs no second connection.

local lectern = require "lectern"
local notifications = require "lectern.notifications"
local presence = require "lectern.presence"
local roles = require "lectern.roles"

local M = {}

-- These are for people; a back end has create_notification and the like.
local function person_of(request)
  if not request.user then
    return nil, "this is for people, with a token of their own", "forbidden"
  end
  return request.user.id
end

local function whole(text, name)
  if text == nil then
    return nil
  end
  local number = tonumber(text)
  if type(text) ~= "string" or not text:find "^%d+$" or number > 1e6 then
    return false, name .. " must be a whole number"
  end
  return number
end

local function list(request)
  local person, why, code = person_of(request)
  if not person then
    return nil, why, code
  end
  local page, limit, wrong
  page, wrong = whole(request.query.page, "page")
  if page == false then
    return nil, wrong, "invalid"
  end
  limit, wrong = whole(request.query.limit, "limit")
  if limit == false then
    return nil, wrong, "invalid"
  end
  return notifications.page(person, page, limit)
end

-- A route about all of a person's, or one: fn(person, id).
local function of_person(fn)
  return function(request)
    local person, why, code = person_of(request)
    if not person then
      return nil, why, code
    end
    return fn(person, request.params.id)
  end
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
  return function(request)
    if not request.user or not roles.has(request.user, lectern.config.app.staff) then
      return nil, "only staff see who is online", "forbidden"
    end
    return fn()
  end
end

M.routes = {
  ["GET /notifications"] = list, -- ?page=1&limit=20
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
