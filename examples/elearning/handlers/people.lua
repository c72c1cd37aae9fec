-- What people are called, for pages that know ids.

local ack = require "lectern.ack"
local check = require "lectern.check"
local people = require "lectern.people"

local M = {}

local IDS = { ids = "table" }

-- Names by id, of 100 people at most; who has never been here is missing.
function M.on_people(_, payload)
  local given, why, code = check.fields(payload, IDS)
  if not given then
    return nil, why, code
  end
  return ack.with("names", people.names(given.ids))
end

return M
