-- Reactions in the database: each of a person's once. Every function is one transaction; all wait, and
-- answer nil, message, code when the database does not do it. `message` is the id of one, "" for the
-- discussion itself.

local lectern = require "lectern"
local sweeps = require "lectern.store.sweeps"

local reactions = {}

local TALLY_MOST = 1000 -- different ones of a discussion

local ADD = [[
INSERT INTO lectern_reactions (room, discussion, message, person, reaction, created)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING person]]

local REMOVE = [[
DELETE FROM lectern_reactions WHERE room = $1 AND discussion = $2 AND message = $3 AND person = $4
  AND reaction = $5 RETURNING person]]

-- The oldest, as many as there are too many.
local PRUNE = [[
DELETE FROM lectern_reactions WHERE room = $1 AND (created, discussion, message, person, reaction) <= (
  SELECT created, discussion, message, person, reaction FROM lectern_reactions WHERE room = $1
  ORDER BY created DESC, discussion DESC, message DESC, person DESC, reaction DESC LIMIT 1 OFFSET $2)]]

local TALLY = [[
SELECT reaction, count(DISTINCT person) AS people FROM lectern_reactions
WHERE room = $1 AND discussion = $2 GROUP BY reaction ORDER BY reaction LIMIT ]] .. TALLY_MOST

local function sweep(room, keep)
  lectern.db.query(PRUNE, room, keep)
end

---@param r { room: string, discussion: string, message: string, person: string, reaction: string }
---@param now integer
---@param keep integer how many of a room are kept; the oldest go, not long after
---@return boolean? added false if it was there before, string? message, string? code
function reactions.add(r, now, keep)
  local rows, why, code = lectern.db.query(ADD, r.room, r.discussion, r.message, r.person, r.reaction, now)
  if not rows then
    return nil, why, code
  end
  sweeps.added("reactions", r.room, keep, sweep)
  return #rows == 1
end

---@return boolean? removed false if it was not there, string? message, string? code
function reactions.remove(r)
  local rows, why, code = lectern.db.query(REMOVE, r.room, r.discussion, r.message, r.person, r.reaction)
  if not rows then
    return nil, why, code
  end
  return #rows == 1
end

---How many people gave each reaction in a discussion.
---@param room string
---@param discussion string
---@return table<string, integer>? tally, string? message, string? code
function reactions.tally(room, discussion)
  local rows, why, code = lectern.db.query(TALLY, room, discussion)
  if not rows then
    return nil, why, code
  end
  local tally = {}
  for _, row in ipairs(rows) do
    tally[row.reaction] = row.people
  end
  return tally
end

return reactions
