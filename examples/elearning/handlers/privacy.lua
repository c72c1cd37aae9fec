-- What people may ask of a platform about themselves: all that is kept, and that it goes. For the back end,
-- which knows who asks; a page has no event for it.

local privacy = require "lectern.privacy"

local M = {}

-- Everything that is kept about a person. More than 10,000 rows come in parts: `nextCursor` is for the next.
function M.export_person(user_id, cursor)
  return privacy.export(user_id, cursor)
end

-- Takes it away: the person is logged out everywhere, private messages go for both, and what was written in
-- rooms stays without the name. After a failure it may be called again.
function M.erase_person(user_id)
  return privacy.erase(user_id)
end

return M
