-- Notifications: kept for each person, in the database, and pushed to all tabs of who is there.
--
-- The badge is one number and right in every tab (lectern.badges). Each change is pushed once:
--
--   notification  {…, unreadCount, rev, removedIds?}                      a new one
--   unread_count  {unreadCount, rev, readIds? | allRead?, removedIds?}    read, deleted, expired
--
-- Who misses a rev, or was away, asks `since`. Answers carry {unreadCount, rev, epoch}.
--
-- All wait for the database, and answer nil, message, "unavailable" and the like when it is away. Those that
-- change something detach their handler: who began it may leave.

local lectern = require "lectern"
local badges = require "lectern.badges"
local check = require "lectern.check"
local expiry = require "lectern.expiry"
local pages = require "lectern.pages"
local rooms = require "lectern.rooms"
local store = require "lectern.store.notifications"
local time = require "lectern.time"

local notifications = {}

local person_of = badges.person

local PRIORITY, TYPE = "NORMAL", "INFO" -- unless given
local PRIORITIES = { low = "LOW", normal = "NORMAL", high = "HIGH", urgent = "URGENT" }
local BULK_MAX = 10000
local PIECE = 200 -- of a bulk, in one transaction; between two, others get their turn
local PAGE, PAGE_MAX = 20, 100
local REMOVED_MAX = 1000 -- ids of removed ones in an answer; past it, the list is to be loaded anew
local KEPT = lectern.config.store.notifications -- for each person

local CONTENT = {
  type = "line?",
  title = "line",
  message = "text",
  data = "data?",
  priority = "line?",
  actionUrl = "url?",
}
local PERSONAL = { userId = "person", expiresAt = "time?", about = "person?" }
for field, spec in pairs(CONTENT) do
  PERSONAL[field] = spec
end

local function priority_of(fields)
  return PRIORITIES[(fields.priority or PRIORITY):lower()] or fields.priority
end

---@return table? fields, string? message, string? code
local function checked(notification, description)
  local fields, why, code = check.fields(notification, description)
  if not fields then
    return nil, why, code
  elseif fields.expiresAt and fields.expiresAt <= time.now() then
    return nil, "expiresAt must lie in the future", "invalid"
  end
  if fields.data == nil then -- null is a value too
    fields.data = notification.data == lectern.null and lectern.null or {}
  end
  fields.type = fields.type or TYPE
  fields.priority = priority_of(fields)
  return fields
end

-- As it goes to clients.
local function made(fields, id, created)
  return {
    id = id,
    type = fields.type,
    title = fields.title,
    message = fields.message,
    data = fields.data,
    priority = fields.priority,
    actionUrl = fields.actionUrl,
    expiresAt = fields.expiresAt and time.text(fields.expiresAt),
    createdAt = time.text(created),
  }
end

local function value(column)
  if column ~= lectern.null then
    return column
  end
end

local function of_row(row)
  local fields = {
    type = row.type, title = row.title, message = row.message, data = lectern.json.decode(row.data),
    priority = row.priority, actionUrl = value(row.action_url), expiresAt = value(row.expires_at),
  }
  local notification = made(fields, row.id, row.created)
  notification.isRead = row.read_at ~= lectern.null
  notification.readAt = notification.isRead and time.text(row.read_at) or nil
  return notification
end

local function of_rows(rows)
  local list = lectern.array()
  for i, row in ipairs(rows) do
    list[i] = of_row(row)
  end
  return list
end

-- Keeps and pushes a piece; appends to `sent`.
local function keep(piece, sent)
  local entries, soonest = {}, math.huge
  for i, fields in ipairs(piece) do
    entries[i] = {
      person = fields.userId, id = lectern.id(), type = fields.type, title = fields.title,
      message = fields.message, data = lectern.json.encode(fields.data), priority = fields.priority,
      action_url = fields.actionUrl, expires_at = fields.expiresAt, about = fields.about,
    }
    soonest = math.min(soonest, fields.expiresAt or math.huge)
  end
  -- None has expired at that moment: a change that brings one never takes it away, too. Of a long bulk one
  -- may have by now; it goes with the change that comes next.
  local now = math.min(time.now(), soonest - 1)
  lectern.detach()
  local added, why, code = store.add(entries, now, KEPT)
  if not added then
    return nil, why, code
  end
  for i, each in ipairs(added) do
    local notification = made(piece[i], each.id, each.created)
    notification.isRead = false
    notification.removedIds = #each.removed > 0 and each.removed or nil
    badges.push(entries[i].person, "notification", notification, each)
    sent[#sent + 1] = notification
  end
  expiry.expect(soonest)
  for i, each in ipairs(added) do
    badges.trim(entries[i].person, each.rev)
  end
  return sent
end

---@class lectern.NotificationRequest
---@field userId string|number
---@field title string
---@field message string
---@field type? string "INFO" unless given
---@field data? any {} unless given
---@field priority? string "LOW", "NORMAL" (unless given), "HIGH", "URGENT", or what you like
---@field actionUrl? string
---@field expiresAt? string|integer ISO 8601 or milliseconds since 1970: then it leaves list and count
---@field about? string|number the person that it names: it goes when that one is erased. Nobody is told it

---Notifies one person.
---@param notification lectern.NotificationRequest
---@return table? notification as pushed, with id, isRead, createdAt
---@return string? message, string? code "invalid"
function notifications.create(notification)
  local fields, why, code = checked(notification, PERSONAL)
  if not fields then
    return nil, why, code
  end
  local sent
  sent, why, code = keep({ fields }, {})
  if not sent then
    return nil, why, code
  end
  return sent[1]
end

-- The checked entries in pieces, each with no more for one person than are kept.
local function pieces_of(list)
  local pieces, piece, count = {}, {}, {}
  for _, fields in ipairs(list) do
    local person = fields.userId
    if #piece == PIECE or count[person] == KEPT then
      pieces[#pieces + 1], piece, count = piece, {}, {}
    end
    piece[#piece + 1] = fields
    count[person] = (count[person] or 0) + 1
  end
  pieces[#pieces + 1] = #piece > 0 and piece or nil
  return pieces
end

---Notifies many people, or, when one entry is wrong, nobody. Each 200 are a transaction: when the database
---goes away meanwhile, the first ones are there, and the message says how many.
---@param list lectern.NotificationRequest[] 10,000 at most
---@return table[]? notifications in the same order
---@return string? message which entry is wrong, string? code "invalid", "too_big"
function notifications.bulk(list)
  if type(list) ~= "table" or (#list == 0 and next(list) ~= nil) then
    return nil, "a list of notifications is needed", "invalid"
  elseif #list > BULK_MAX then
    return nil, ("%d notifications at once, %d at most"):format(#list, BULK_MAX), "too_big"
  end
  local good, sent = {}, lectern.array()
  for i, notification in ipairs(list) do
    local fields, why, code = checked(notification, PERSONAL)
    if not fields then
      return nil, ("notification %d: %s"):format(i, why), code
    end
    good[i] = fields
  end
  for _, piece in ipairs(pieces_of(good)) do
    local ok, why, code = keep(piece, sent)
    if not ok then
      return nil, ("%d of %d notifications are sent, then: %s"):format(#sent, #good, why), code
    end
  end
  return sent
end

---Notifies who is in a room now. It is not kept.
---@param name string a room's name
---@param notification table as for `create`, without userId and expiresAt
---@return table? notification as pushed, with isRoomNotification
---@return string? message, string? code "invalid"
function notifications.room(name, notification)
  local room, why, code = rooms.normalise(name)
  if not room then
    return nil, why, code
  end
  local fields
  fields, why, code = checked(notification, CONTENT)
  if not fields then
    return nil, why, code
  end
  local pushed = made(fields, lectern.id(), time.now())
  pushed.isRoomNotification = true
  lectern.to(room):emit("notification", pushed)
  return pushed
end

---Tells everybody who is connected: the event `system_announcement`. It is not kept.
---@param announcement { title: string, message: string, type?: string, data?: any, priority?: string,
---  actionUrl?: string }
---@return table? announcement as sent, with isSystemAnnouncement
---@return string? message, string? code "invalid"
function notifications.system(announcement)
  local fields, why, code = checked(announcement, CONTENT)
  if not fields then
    return nil, why, code
  end
  fields.isSystemAnnouncement = true
  lectern.emit("system_announcement", fields)
  return fields
end

---@param user_id string|number raises if it cannot be an id
---@return integer? unread_count, string? message, string? code
function notifications.unread_count(user_id)
  local badge, why, code = badges.of(user_id)
  return badge and badge.unreadCount, why, code
end

-- Cursors are `born` of the last one seen. Opaque: another form may come.
local function cursor_of(row)
  return ("n%x"):format(row.born)
end

local function read_cursor(cursor)
  local digits = type(cursor) == "string" and cursor:match "^n(%x+)$"
  return digits and #digits <= 13 and tonumber(digits, 16) or nil
end

---@alias lectern.NotificationResult { count: integer, unreadCount: integer, rev: integer, epoch: string }

---@class lectern.NotificationPage
---@field notifications table[]
---@field hasMore boolean
---@field nextCursor? string
---@field unreadCount integer
---@field rev integer
---@field epoch string

---@class lectern.NotificationFilter
---@field limit? integer 20 unless given, 100 at most
---@field cursor? string the `nextCursor` of the page before
---@field before? string id: only older ones than this
---@field unread? boolean only unread ones

---A page of a person's notifications, newest first. `nextCursor` gets the next one, whatever came or went
---meanwhile; it is there if `hasMore`.
---@param user_id string|number raises if it cannot be an id
---@param filter? lectern.NotificationFilter
---@return lectern.NotificationPage? page
---@return string? message, string? code "invalid" for a cursor that is none
function notifications.list(user_id, filter)
  filter = filter or {}
  local person = person_of(user_id)
  local born = filter.cursor and read_cursor(filter.cursor)
  if filter.cursor and not born then
    return nil, "cursor must be a nextCursor of an answer", "invalid"
  end
  local limit = math.max(1, math.min(filter.limit or PAGE, PAGE_MAX))
  local rows, badge, code = badges.settled(person, function(now)
    return store.list(person, now, limit + 1, { born = born, before = filter.before, unread = filter.unread })
  end)
  if not rows then
    return nil, badge, code
  end
  local more = table.remove(rows, limit + 1) ~= nil
  return badges.put({
    notifications = of_rows(rows), hasMore = more, nextCursor = more and cursor_of(rows[limit]) or nil,
  }, badge)
end

---A page by its number, as REST has it; `list` is better, as pages move when something comes.
---@param user_id string|number raises if it cannot be an id
---@param page? integer from 1
---@param limit? integer 20 unless given, 100 at most
---@return table? page { notifications, pagination = { page, limit, total, pages }, unreadCount, rev, epoch }
---@return string? message, string? code
function notifications.page(user_id, page, limit)
  local person = person_of(user_id)
  local offset
  page, limit, offset = pages.place(page, limit, PAGE, PAGE_MAX)
  local rows, badge, total = badges.settled(person, function(now)
    return store.page(person, now, limit, offset)
  end)
  if not rows then
    return nil, badge, total
  end
  return badges.put({
    notifications = of_rows(rows),
    pagination = { page = page, limit = limit, total = total, pages = math.ceil(total / limit) },
  }, badge)
end

-- The list from its start, for who cannot be told what changed.
local function anew(user_id)
  local page, why, code = notifications.list(user_id)
  if not page then
    return nil, why, code
  end
  page.reset = true
  return page
end

---What changed since a rev: new ones and changed ones, oldest first, and ids of removed ones. `reset`: it
---cannot be said, because the store is another one or too much has changed; then the answer is the first
---page of `list`, which takes the place of all that was known.
---@param user_id string|number raises if it cannot be an id
---@param rev integer the last rev that was seen, with all before it
---@param epoch string of the store in which
---@return table? changes { notifications, removedIds?, reset?, unreadCount, rev, epoch }
---@return string? message, string? code
function notifications.since(user_id, rev, epoch)
  local person = person_of(user_id)
  local found, badge, code = badges.settled(person, function(now)
    local changes, why, problem = store.since(person, now, rev, PAGE_MAX + 1, REMOVED_MAX + 1)
    return changes, changes and changes.badge or why, problem
  end)
  if not found then
    return nil, badge, code
  end
  local too_much = #found.rows > PAGE_MAX or #found.removed > REMOVED_MAX
  if epoch ~= badge.epoch or rev > badge.rev or rev < badge.forgotten or too_much then
    return anew(user_id)
  end
  return badges.put({ notifications = of_rows(found.rows), removedIds = found.removed }, badge)
end

local function no_such()
  return nil, "there is no such notification", "not_found"
end

---Marks one as read; all tabs of the person learn it.
---@param user_id string|number raises if it cannot be an id
---@param id string
---@return lectern.NotificationResult? result count 0: it was read before
---@return string? message, string? code "not_found"
function notifications.mark_read(user_id, id)
  local person = person_of(user_id)
  lectern.detach()
  local change, why, code = store.mark_read(person, id, time.now())
  if not change then
    return nil, why, code
  end
  local result = badges.tell(person, change, { readIds = #change.changed > 0 and change.changed or nil })
  if not change.found then
    return no_such()
  end
  return result
end

---Marks all as read; all tabs of the person learn it.
---@param user_id string|number raises if it cannot be an id
---@return lectern.NotificationResult? result
---@return string? message, string? code
function notifications.mark_all_read(user_id)
  local person = person_of(user_id)
  lectern.detach()
  local change, why, code = store.mark_all_read(person, time.now())
  if not change then
    return nil, why, code
  end
  return badges.tell(person, change, { allRead = #change.changed > 0 or nil })
end

---Deletes one; all tabs of the person learn it.
---@param user_id string|number raises if it cannot be an id
---@param id string
---@return lectern.NotificationResult? result
---@return string? message, string? code "not_found"
function notifications.delete(user_id, id)
  local person = person_of(user_id)
  lectern.detach()
  local change, why, code = store.delete(person, id, time.now())
  if not change then
    return nil, why, code
  end
  local result = badges.tell(person, change, { removedIds = change.changed })
  if result.count == 0 then
    return no_such()
  end
  return result
end

return notifications
