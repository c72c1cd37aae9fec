-- Live sessions: what somebody who comes late must know. Whether it is on, whose hands are up, in their
-- order, and who shares a screen.
--
-- It follows from the events of the session (`live_session_event`), those of pages as those of back ends:
--
--   session_started, session_ended     it is on, and for how long; the end forgets all
--   hand_raised   data.up              false takes the hand down
--   screen_share  data.isSharing       false ends it
--   mute_all, recording, …             change nothing here
--
-- Who leaves the session, with the last tab and after `presence.grace`, has no hand up any more: the others
-- hear it as the event that the page would have sent.
--
-- In memory, over reloads but not a restart. Invariant: a session that is not on, with no hand and no screen,
-- has no entry; and at most SESSIONS_MAX have one, the oldest go first.

local lectern = require "lectern"
local presence = require "lectern.presence"
local rooms = require "lectern.rooms"

local live = {}

local SESSIONS_MAX = 10000
local LIST_MAX = 500 -- hands, and screens, of one session

local KEY = "lectern.live"
lectern.state[KEY] = lectern.state[KEY] or { sessions = {}, count = 0, serial = 0 }
local state = lectern.state[KEY]

local function place(list, user_id)
  for i, entry in ipairs(list) do
    if entry.userId == user_id then
      return i
    end
  end
end

---@return boolean changed
local function set(list, user_id, on)
  local at = place(list, user_id)
  if (at ~= nil) == on or (on and #list >= LIST_MAX) then
    return false
  end
  if on then
    list[#list + 1] = { userId = user_id, since = lectern.date() }
  else
    table.remove(list, at)
  end
  return true
end

local function forget(room)
  state.sessions[room] = nil
  state.count = state.count - 1
end

local function new_session(room)
  if state.count >= SESSIONS_MAX then
    local oldest
    for name, other in pairs(state.sessions) do
      if not oldest or other.serial < state.sessions[oldest].serial then
        oldest = name
      end
    end
    forget(oldest)
  end
  state.serial, state.count = state.serial + 1, state.count + 1
  local session = { hands = {}, screens = {}, serial = state.serial }
  state.sessions[room] = session
  return session
end

local function tidy(room, session)
  if not session.startedAt and #session.hands == 0 and #session.screens == 0 then
    forget(room)
  end
end

---Takes in what an event says. Call it for each `live_session_event`, before it is sent.
---@param room string the session's room, its one name
---@param event { type: string, userId?: string|number, data?: any }
function live.apply(room, event)
  if event.type == "session_ended" then
    if state.sessions[room] then
      forget(room)
    end
    return
  end
  local data = type(event.data) == "table" and event.data or {}
  local person = rooms.person(event.userId)
  local starts = event.type == "session_started"
  local hand = event.type == "hand_raised" and data.up ~= false
  local screen = event.type == "screen_share" and data.isSharing ~= false
  local session = state.sessions[room]
  if not session then
    if not starts and not (person and (hand or screen)) then
      return -- nothing to remember; no other session goes for it
    end
    session = new_session(room)
  end
  if starts then
    session.startedAt = session.startedAt or lectern.date()
  elseif person and event.type == "hand_raised" then
    set(session.hands, person, hand)
  elseif person and event.type == "screen_share" then
    set(session.screens, person, screen)
  elseif person and event.type == "user_left" then
    set(session.hands, person, false)
    set(session.screens, person, false)
  end
  tidy(room, session)
end

---What is to be known about a session now.
---@param room string the session's room, its one name
---@return { live: boolean, startedAt?: string, hands: table[], screens: table[] } session of {userId, since}
function live.snapshot(room)
  local session = state.sessions[room] or { hands = {}, screens = {} }
  local function copied(list)
    local copy = lectern.array()
    for i, entry in ipairs(list) do
      copy[i] = { userId = entry.userId, since = entry.since }
    end
    return copy
  end
  return {
    live = session.startedAt ~= nil,
    startedAt = session.startedAt,
    hands = copied(session.hands),
    screens = copied(session.screens),
  }
end

presence.when_left(function(user_id, room)
  local session = state.sessions[room]
  if not session then
    return
  end
  local function tell(kind, data)
    lectern.to(room):emit("live_session_event", {
      sessionId = select(2, rooms.parse(room)),
      type = kind,
      userId = user_id,
      data = data,
      timestamp = lectern.date(),
    })
  end
  if set(session.hands, user_id, false) then
    tell("hand_raised", { up = false })
  end
  if set(session.screens, user_id, false) then
    tell("screen_share", { isSharing = false })
  end
  tidy(room, session)
end)

return live
