-- People in the database: each has a number, `rev`, that every change of what is kept for them advances, in
-- the transaction that makes the change. So equal revs (in one epoch of the store) mean equal lists and
-- counts, and who knows a rev can ask for what changed since.
--
-- Makes statements for lectern.db.batch; `person` is the id as text, `now` milliseconds.

local people = {}

-- What of a person's notifications is overdue by $2.
local DUE = [[
  FROM lectern_notifications WHERE person = $1 AND gone IS NULL AND expires_at <= $2]]

local ADVANCE_BY = [[
INSERT INTO lectern_people (person, rev, forgotten) VALUES ($1, $2, $3)
ON CONFLICT (person) DO UPDATE SET rev = lectern_people.rev + $4]]

local ADVANCE_IF = [[
UPDATE lectern_people SET rev = rev + 1 WHERE person = $1 AND (EXISTS (SELECT 1 ]] .. DUE .. [[)]]

local BADGE = [[
SELECT coalesce(p.rev, 0) AS rev, coalesce(p.forgotten, 0) AS forgotten,
  (SELECT count(*) FROM lectern_notifications
    WHERE person = $1 AND read_at IS NULL AND gone IS NULL) AS unread,
  (SELECT count(*) ]] .. DUE .. [[) AS due,
  (SELECT value FROM lectern_store WHERE key = 'epoch') AS epoch
FROM (SELECT 1 AS one) AS one LEFT JOIN lectern_people AS p ON p.person = $1]]

local FORGET_TO = [[
UPDATE lectern_people SET forgotten = (SELECT rev FROM lectern_notifications
    WHERE person = $1 AND gone IS NOT NULL ORDER BY rev DESC LIMIT 1 OFFSET $2)
WHERE person = $1 AND forgotten < (SELECT rev FROM lectern_notifications
    WHERE person = $1 AND gone IS NOT NULL ORDER BY rev DESC LIMIT 1 OFFSET $2)]]

local FORGET_OLD = [[
UPDATE lectern_people SET forgotten = (SELECT max(rev) FROM lectern_notifications
    WHERE person = $1 AND gone <= $2)
WHERE person = $1 AND forgotten < (SELECT max(rev) FROM lectern_notifications
    WHERE person = $1 AND gone <= $2)]]

---So many changes come; the person is made if need be. First of its transaction: it makes others wait.
---The revs of a new person begin at the time, so that one who was erased never comes to a rev again that a
---device still remembers.
---@param person string
---@param now integer
---@param n integer
---@return table statement
function people.advance_by(person, now, n)
  return { ADVANCE_BY, person, now + n, now, n }
end

---One change comes, if something of the person's is overdue or `condition` is met: SQL with $1 (person), $2
---(now) and parameters from $3 on. First of its transaction.
---@param person string
---@param now integer
---@param condition? string
---@return table statement
function people.advance_if(person, now, condition, ...)
  local sql = ADVANCE_IF .. (condition and " OR " .. condition or "") .. ")"
  return { sql, person, now, ... }
end

---One row: rev, unread, epoch, and `due`, how many are overdue and should be expired first.
---@param person string
---@param now integer
---@return table statement
function people.badge(person, now)
  return { BADGE, person, now }
end

---All but the newest `keep` removed notifications may be forgotten.
---@param person string
---@param keep integer
---@return table statement
function people.forget_to(person, keep)
  return { FORGET_TO, person, keep }
end

---Those removed until `time` may be forgotten.
---@param person string
---@param time integer
---@return table statement
function people.forget_old(person, time)
  return { FORGET_OLD, person, time }
end

return people
