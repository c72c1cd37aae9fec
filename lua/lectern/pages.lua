-- Pages of lists whose order is (created, id): what a filter asks for, and the cursor that goes on from
-- where a page ended. A time alone would lose what shares a millisecond.
--
-- A cursor is text that only means something to whoever made it: the direction, created, id.

local time = require "lectern.time"

local pages = {}

---@class lectern.Page.Filter
---@field limit? integer
---@field cursor? string of the page before this one: nothing else is needed then
---@field before? string the id of an entry: only older ones
---@field after? string the id of an entry: only newer ones

---@class lectern.Page.Wanted
---@field limit integer
---@field newer boolean the direction: towards newer ones
---@field created? integer only beyond this place
---@field id? string beyond the place, or, without created, beyond this entry

---@param cursor any
---@return boolean? newer, integer? created, string? id nil if it is no cursor of ours
local function place(cursor)
  local way, created, id = tostring(cursor):match("^([<>])(%d+)%.(.+)$")
  created = tonumber(created)
  if created and created <= 2 ^ 53 and not id:find("%z") then
    return way == ">", created, id
  end
end

---@param filter? lectern.Page.Filter
---@param default integer how many, unless the filter says so
---@param most integer
---@return lectern.Page.Wanted? wanted, string? message, string? code "invalid"
function pages.wanted(filter, default, most)
  filter = filter or {}
  local limit = math.max(1, math.min(filter.limit or default, most))
  if filter.cursor ~= nil then
    local newer, created, id = place(filter.cursor)
    if not created then
      return nil, "that is no cursor: give nextCursor of the page before", "invalid"
    end
    return { limit = limit, newer = newer, created = created, id = id }
  elseif filter.before ~= nil and filter.after ~= nil then
    return nil, "before or after, not both", "invalid"
  end
  return { limit = limit, newer = filter.after ~= nil, id = filter.after or filter.before }
end

---The clause of a statement for one page, whose parameters the list gets appended.
---@param wanted lectern.Page.Wanted
---@param source string the table; its parameter $1 is the room or person that the list belongs to
---@param owner string the column of $1
---@param parameters any[] those of the statement so far; their number is what has been taken
---@return string sql " AND … ORDER BY … LIMIT …"
function pages.clause(wanted, source, owner, parameters)
  local sql = ""
  local function parameter(value)
    parameters[#parameters + 1] = value
    return "$" .. #parameters
  end
  local sign = wanted.newer and ">" or "<"
  if wanted.created then
    sql = (" AND (created, id) %s (%s, %s)"):format(sign, parameter(wanted.created), parameter(wanted.id))
  elseif wanted.id then
    sql = (" AND (created, id) %s (SELECT created, id FROM %s WHERE %s = $1 AND id = %s)")
      :format(sign, source, owner, parameter(wanted.id))
  end
  local way = wanted.newer and "" or " DESC"
  return ("%s ORDER BY created%s, id%s LIMIT %s"):format(sql, way, way, parameter(wanted.limit + 1))
end

---What to tell of the rows that such a statement gave, one more than wanted if there are more.
---@param wanted lectern.Page.Wanted
---@param rows table[] as they came: the one too many is taken away
---@return string? cursor nil at the end, boolean more
function pages.next(wanted, rows)
  local more = #rows > wanted.limit
  if more then
    rows[#rows] = nil
  end
  local last = rows[#rows]
  if not more or not last then
    return nil, false
  end
  return ("%s%d.%s"):format(wanted.newer and ">" or "<", last.created, last.id), true
end

local function whole(text)
  local number = tonumber(text)
  if type(text) == "string" and text:find "^%d+$" and number <= 1e6 then
    return number
  end
end

---Which page a request over HTTP asks for: ?page=1&limit=20.
---@param query table<string, string> the request's
---@return { page?: integer, limit?: integer }? given, string? message, string? code "invalid"
function pages.asked(query)
  local given = {}
  for _, name in ipairs { "page", "limit" } do
    if query[name] ~= nil then
      given[name] = whole(query[name])
      if not given[name] then
        return nil, name .. " must be a whole number", "invalid"
      end
    end
  end
  return given
end

---A page by its number, within bounds.
---@param page? integer from 1
---@param limit? integer
---@param default integer how many, unless `limit` says so
---@param most integer
---@return integer page, integer limit, integer offset of its first entry
function pages.place(page, limit, default, most)
  page = math.max(1, math.min(page or 1, 1e6))
  limit = math.max(1, math.min(limit or default, most))
  return page, limit, (page - 1) * limit
end

local last_created, last_id = 0, ""

---The millisecond that an entry of that id is kept under: (created, id) grows with each that this process
---stamps, so that a list has the order in which its entries were sent.
---@param id string
---@return integer created
function pages.stamp(id)
  local now = time.now()
  if now < last_created then
    now = last_created
  end
  if now == last_created and id <= last_id then
    now = now + 1
  end
  last_created, last_id = now, id
  return now
end

return pages
