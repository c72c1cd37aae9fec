-- A history: many lists of entries by name, each in the order they were added, bounded.
--
-- A list keeps at most `per_list` entries, all lists together at most `total`; past either bound the
-- oldest go first, of that list or of all. Entries are tables with an `id`, which is unique in its list:
-- adding another with the same id takes the old one's place.
--
-- Plain data without functions in it, so that it can lie in `lectern.state` across reloads.
-- Invariants: owners[seq] is the list that holds the entry of that number; a list's entries are
-- those of numbers first..last that belong to it, kept by position.

local history = {}

---@class lectern.History
---@field per_list integer
---@field total integer
---@field count integer entries in all lists
---@field lists table<string, table>
---@field owners table<integer, string> list names by the entry's number, oldest to newest
---@field first integer number of the oldest entry that may still be there
---@field last integer number of the newest

---@param per_list integer at least 1
---@param total integer at least per_list
---@return lectern.History
function history.new(per_list, total)
  return { per_list = per_list, total = total, count = 0, lists = {}, owners = {}, first = 1, last = 0 }
end

local function drop_oldest(h, name)
  local list = h.lists[name]
  local item = list.items[list.first]
  h.owners[item.seq] = nil
  list.at[item.entry.id] = nil
  list.items[list.first] = nil
  list.first = list.first + 1
  h.count = h.count - 1
  if list.first > list.last then
    h.lists[name] = nil
  end
end

---@param h lectern.History
---@param name string
---@param entry table with `id`; the history keeps it
function history.add(h, name, entry)
  local list = h.lists[name]
  if list and list.at[entry.id] then
    list.items[list.at[entry.id]].entry = entry
    return
  end
  if not list then
    list = { first = 1, last = 0, items = {}, at = {} }
    h.lists[name] = list
  end
  h.last = h.last + 1
  h.owners[h.last] = name
  h.count = h.count + 1
  list.last = list.last + 1
  list.items[list.last] = { seq = h.last, entry = entry }
  list.at[entry.id] = list.last

  if list.last - list.first + 1 > h.per_list then
    drop_oldest(h, name)
  end
  while h.count > h.total do -- the oldest of all is the oldest of its list
    local owner = h.owners[h.first]
    h.first = h.first + 1
    if owner then
      drop_oldest(h, owner)
    end
  end
  while h.first < h.last and not h.owners[h.first] do -- dropped by their lists meanwhile
    h.first = h.first + 1
  end
end

---@param h lectern.History
---@param name string
---@param id string
---@return table? entry
function history.get(h, name, id)
  local list = h.lists[name]
  local at = list and list.at[id]
  return at and list.items[at].entry
end

---Newest first.
---@param h lectern.History
---@param name string
---@param limit integer
---@param before? string the id of an entry: only older ones; none, if it is not there any more
---@param wanted? fun(entry: table): boolean
---@return table[] entries the history's own
function history.page(h, name, limit, before, wanted)
  local list, page = h.lists[name], {}
  local at = list and list.last
  if list and before ~= nil then
    at = list.at[before] and list.at[before] - 1
  end
  while at and at >= list.first and #page < limit do
    local entry = list.items[at].entry
    if not wanted or wanted(entry) then
      page[#page + 1] = entry
    end
    at = at - 1
  end
  return page
end

return history
