-- Moments: inside, whole milliseconds since 1970; on the wire, texts as JavaScript's Date has them.

local lectern = require "lectern"

local time = {}

local LAST = 253402300799999 -- the year 9999

---@return integer ms now
function time.now()
  return math.floor(lectern.now() * 1000 + 0.5)
end

---@param ms integer
---@return string "2026-11-22T19:44:05.123Z"
function time.text(ms)
  return lectern.date(ms / 1000)
end

-- Days from 1970 to a day of the Gregorian calendar.
local function days(year, month, day)
  if month <= 2 then -- the year begins in March, so that the leap day is its last
    year, month = year - 1, month + 12
  end
  return 365 * year + math.floor(year / 4) - math.floor(year / 100) + math.floor(year / 400)
    + math.floor((153 * (month - 3) + 2) / 5) + day - 719469
end

local LENGTHS = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

local function is_date(year, month, day)
  if month < 1 or month > 12 or day < 1 or day > LENGTHS[month] then
    return false
  end
  local leap = year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
  return month ~= 2 or day < 29 or leap
end

local function offset(text)
  if text == "Z" or text == "z" then
    return 0
  end
  local sign, hours, minutes = text:match "^([+-])(%d%d):?(%d%d)$"
  hours, minutes = tonumber(hours), tonumber(minutes)
  if not sign or hours > 23 or minutes > 59 then
    return nil
  end
  return (sign == "-" and -1 or 1) * (hours * 60 + minutes) * 60000
end

---A moment that came from outside: a text of ISO 8601 with its zone, "2026-11-22T19:44:05.123Z" or
---"2026-11-22T20:44+01:00", or milliseconds since 1970.
---@param value any
---@return integer? ms nil if it is none
function time.read(value)
  if type(value) == "number" then
    return value >= 0 and value <= LAST and math.floor(value) or nil
  elseif type(value) ~= "string" or #value > 40 then
    return nil
  end
  local year, month, day, hour, minute, rest = value:match "^(%d%d%d%d)-(%d%d)-(%d%d)[Tt ](%d%d):(%d%d)(.*)$"
  if not year then
    return nil
  end
  local second, after = rest:match "^:(%d%d)(.*)$"
  local fraction, zone = (after or rest):match "^%.(%d+)(.*)$"
  if fraction and not second then
    return nil
  end
  local shift = offset(zone or after or rest)
  year, month, day = tonumber(year), tonumber(month), tonumber(day)
  hour, minute, second = tonumber(hour), tonumber(minute), tonumber(second or 0)
  if not shift or not is_date(year, month, day) or hour > 23 or minute > 59 or second > 59 then
    return nil
  end
  local thousandths = tonumber(((fraction or "") .. "000"):sub(1, 3))
  local minutes = (days(year, month, day) * 24 + hour) * 60 + minute
  local ms = minutes * 60000 + second * 1000 + thousandths - shift
  return ms >= 0 and ms <= LAST and ms or nil
end

return time
