-- The badge of a person: how many notifications are unread, and `rev`, which each change makes one more; 0
-- for who never had any.
--
-- Each change of a person's notifications is one transaction, which advances the rev, and is pushed once, in
-- the order of the revs; what has expired goes with whatever comes next, or by a timer. So who knows a rev
-- knows a list and a count, as long as `epoch` is the same: a store that was restored has another.
--
-- A push leaves in the turn in which its transaction was answered. Functions wait for the database, unless
-- they say otherwise, and answer nil, message, code if it does not do it.

local lectern = require "lectern"
local expiry = require "lectern.expiry"
local rooms = require "lectern.rooms"
local store = require "lectern.store.notifications"
local time = require "lectern.time"

local badges = {}

local KEPT = lectern.config.store.notifications -- for each person
local TRIM = 64 -- revs between two looks at how many removed ones are remembered
local SOON = 2 -- seconds that somebody's first event may wait for the badge

---The key of a person in the database.
---@param user_id string|number raises if it cannot be an id
---@return string
function badges.person(user_id)
  return rooms.person(user_id) or error("notifications: no user has the id " .. tostring(user_id), 3)
end

-- The newest badge of who was pushed to lately, by person: a client that is being let in has asked for its
-- badge before, and is in no room yet. Two halves, the older of which goes when the newer is as old as
-- letting in may take.
local recent, older, turned = {}, {}, 0

local function newest(person)
  return recent[person] or older[person]
end

local function remember(person, badge)
  local now = lectern.now()
  if now - turned > lectern.config.connect_timeout / 1000 then
    recent, older, turned = {}, recent, now
  end
  local known = newest(person)
  if not known or known.epoch ~= badge.epoch or known.rev < badge.rev then
    recent[person] = { unread = badge.unread, rev = badge.rev, epoch = badge.epoch }
  end
end

---The person's tabs hear of a change. At once after its transaction: nothing may wait in between.
---@param person string
---@param event string
---@param payload table gets unreadCount and rev
---@param badge table { rev, unread, epoch }
function badges.push(person, event, payload, badge)
  payload.unreadCount, payload.rev = badge.unread, badge.rev
  remember(person, badge)
  lectern.to(rooms.user(person)):emit(event, payload)
end

---What was removed long ago need not be remembered for devices that come back. Nobody waits for it.
---@param person string
---@param rev integer that was reached
function badges.trim(person, rev)
  if rev % TRIM == 0 then
    lectern.spawn(store.trim, person, KEPT)
  end
end

---@param answer table gets unreadCount, rev and epoch
---@param badge table { rev, unread, epoch }
---@return table answer
function badges.put(answer, badge)
  answer.unreadCount, answer.rev, answer.epoch = badge.unread, badge.rev, badge.epoch
  return answer
end

---@return string[]? list of both, nil if nothing is in them
local function joined(some, others)
  local list = lectern.array()
  for _, ids in ipairs { some or {}, others } do
    for _, id in ipairs(ids) do
      list[#list + 1] = id
    end
  end
  return list[1] and list or nil
end

---Tells what a transaction changed, if it did.
---@param person string
---@param change lectern.store.Change
---@param extra? { readIds?: string[], allRead?: true, removedIds?: string[] }
---@return { count: integer, unreadCount: integer, rev: integer, epoch: string }
function badges.tell(person, change, extra)
  local badge = change.badge
  if #change.changed + #change.expired > 0 then
    local payload = extra or {}
    payload.removedIds = joined(payload.removedIds, change.expired)
    badges.push(person, "unread_count", payload, badge)
    badges.trim(person, badge.rev)
  end
  return badges.put({ count = #change.changed }, badge)
end

-- Expires what is overdue of these people, who are told.
local function expire(persons)
  lectern.detach()
  local changes, why, code = store.expire(persons, time.now())
  if not changes then
    return nil, why, code
  end
  for person, change in pairs(changes) do
    badges.tell(person, change)
  end
  return true
end

expiry.start(expire)

---What read(now) answers, in which nothing is overdue: what is goes first, in a change of its own. Which is
---a task's of its own, as it is no part of what the reader does. If the change takes longer than `seconds`,
---it is the answer before it.
---@param person string
---@param read fun(now: integer): any, table|string|nil, any answer, badge or message, more or code
---@param seconds? number
function badges.settled(person, read, seconds)
  local last = seconds and lectern.now() + seconds or math.huge
  expiry.look()
  for _ = 1, 3 do
    local now = time.now()
    local answer, badge, more = read(now)
    if not answer or badge.due == 0 then
      return answer, badge, more
    end
    local done = false
    lectern.spawn(function()
      local ok, fault = pcall(expire, { person })
      done = true
      if not ok then
        error(fault, 0)
      end
    end)
    while not done do
      if lectern.now() >= last then
        return answer, badge, more
      end
      lectern.sleep(0.002)
    end
  end
  return read(0) -- something expires again and again, or cannot: it goes with the next change
end

local function badge_of(person, seconds)
  local last = seconds and lectern.now() + seconds
  local badge, why, code = badges.settled(person, function(now)
    local found, message, problem = store.badge(person, now, last and math.max(last - lectern.now(), 0.001))
    return found, found or message, problem
  end, seconds)
  if not badge then
    return nil, why, code
  end
  return badges.put({}, badge)
end

---A person's badge.
---@param user_id string|number raises if it cannot be an id
---@return { unreadCount: integer, rev: integer, epoch: string }?, string? message, string? code
function badges.of(user_id)
  return badge_of(badges.person(user_id))
end

---The same for who cannot wait: a client takes a first event that is late for a refusal. Comes within two
---seconds, or not at all ("timeout").
---@param user_id string|number raises if it cannot be an id
---@return { unreadCount: integer, rev: integer, epoch: string }?, string? message, string? code
function badges.soon(user_id)
  return badge_of(badges.person(user_id), SOON)
end

---The newer of a badge that was asked for, if it came, and of what was pushed since. Does not wait.
---@param user_id string|number raises if it cannot be an id
---@param badge? { unreadCount: integer, rev: integer, epoch: string }
---@return { unreadCount: integer, rev: integer, epoch: string }? badge
function badges.newest(user_id, badge)
  local known = newest(badges.person(user_id))
  if known and (not badge or (known.epoch == badge.epoch and known.rev > badge.rev)) then
    return badges.put({}, known)
  end
  return badge
end

---Nobody remembers what was pushed to this person, whose revs begin anew. Does not wait.
---@param person string
function badges.forget(person)
  recent[person], older[person] = nil, nil
end

return badges
