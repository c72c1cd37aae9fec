-- When notifications expire: one timer, for the next of all, and a look once an hour at what was removed
-- so long ago that no device will ask for it any more.
--
-- Begins with `look`, at the latest with the first use of notifications in this process.

local lectern = require "lectern"
local store = require "lectern.store.notifications"
local time = require "lectern.time"

local expiry = {}

local PEOPLE = 100 -- in one transaction
local RETRY = 5 -- seconds, when the database is away
local HOUR = 3600 -- seconds
local FAR = 24 * HOUR -- seconds; a timer waits no longer than that, then looks again
local REMEMBERED = 30 * 24 * HOUR * 1000 -- ms; what was removed

local expire -- fn(persons)
local timer, at -- for what is due `at`, nil if nothing is known to be
local started = false

local run

local function set(ms)
  if timer then
    timer:cancel()
  end
  at = ms
  local seconds = math.max(0.001, math.min((ms - time.now()) / 1000, FAR))
  timer = lectern.after(seconds, function()
    timer, at = nil, nil
    run()
  end)
end

-- Removes all that is overdue, and waits for the next.
function run()
  local persons, due
  repeat
    persons = store.people_due(time.now(), PEOPLE)
    if persons and #persons > 0 and not expire(persons) then
      persons = nil
    end
  until not persons or #persons == 0
  if persons then
    due = store.next_due()
  end
  if due == nil then
    due = time.now() + RETRY * 1000
  end
  expiry.expect(due or math.huge)
end

local function sweep()
  local more
  repeat
    more = store.sweep(time.now() - REMEMBERED, PEOPLE)
  until not more
end

---Who removes what has expired.
---@param fn fun(persons: string[]): boolean?
function expiry.start(fn)
  expire = fn
end

---Begins, unless it has.
function expiry.look()
  if not started then
    started = true
    lectern.spawn(run)
    lectern.every(HOUR, sweep)
  end
end

---Something expires at this time.
---@param ms number math.huge: never
function expiry.expect(ms)
  expiry.look()
  if ms < (at or math.huge) then
    set(ms)
  end
end

return expiry
