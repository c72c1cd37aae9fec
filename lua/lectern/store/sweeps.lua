-- When a list in the database is looked at for what is one too many: not at each entry that is added, as
-- counting costs, but after each hundredth part of what is kept, or MOST, and at the first one. The look is
-- a task of its own: it is no part of what the writer does, and when it fails there is a next time.

local lectern = require "lectern"

local sweeps = {}

local COUNTED = 10000 -- lists that are remembered
local MOST = 250 -- entries between two looks: fewer than one look takes away, so that no list outgrows them

local KEY = "lectern.store.sweeps"
lectern.state[KEY] = lectern.state[KEY] or { added = {}, lists = 0 }
local counted = lectern.state[KEY]

---An entry was added to a list of which so many are kept: now and then calls fn(list, keep).
---@param kind string
---@param list string
---@param keep integer
---@param fn fun(list: string, keep: integer)
function sweeps.added(kind, list, keep, fn)
  local name = kind .. "\n" .. list
  local added = counted.added[name]
  if not added then
    if counted.lists >= COUNTED then
      counted.added, counted.lists = {}, 0
    end
    counted.lists = counted.lists + 1
  end
  added = (added or keep) + 1
  local due = added >= math.max(1, math.min(keep / 100, MOST))
  counted.added[name] = due and 0 or added
  if due then
    lectern.spawn(fn, list, keep)
  end
end

return sweeps
