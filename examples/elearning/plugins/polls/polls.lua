-- Polls in a room: a question, some answers to choose from, one vote a person, which may change until the
-- poll is closed. Handlers of the team may use this module as well: `require "polls"`.

local lectern = require "lectern"

local db = lectern.db
local settings = lectern.config.plugins.polls

local polls = {}

local POLL = "SELECT id, room, question, closed FROM polls WHERE id = $1"
local OPTIONS = [[SELECT o.label, count(v.person) AS votes FROM polls_options o
  LEFT JOIN polls_votes v ON v.poll = o.poll AND v.choice = o.choice
  WHERE o.poll = $1 GROUP BY o.choice, o.label ORDER BY o.choice]]
local ADD = "INSERT INTO polls (id, room, author, question, created) VALUES ($1, $2, $3, $4, $5)"
local ADD_OPTION = "INSERT INTO polls_options (poll, choice, label) VALUES ($1, $2, $3)"
local VOTE = [[INSERT INTO polls_votes (poll, person, choice)
  SELECT id, $2, $3 FROM polls WHERE id = $1 AND closed IS NULL
  ON CONFLICT (poll, person) DO UPDATE SET choice = excluded.choice]]

local function now()
  return math.floor(lectern.now() * 1000)
end

---A poll as pages get it: { pollId, room, question, options = { { label, votes }, … }, closed }.
---@return table? poll, string? message, string? code
function polls.get(id)
  local list, why, code = db.batch { { POLL, id }, { OPTIONS, id } }
  if not list then return nil, why, code end
  local poll = list[1][1]
  if not poll then return nil, "there is no such poll", "not_found" end
  return {
    pollId = poll.id,
    room = poll.room,
    question = poll.question,
    options = list[2],
    closed = poll.closed ~= lectern.null,
  }
end

---@return table? poll, string? message, string? code
function polls.open(room, author, question, options)
  if #options < 2 or #options > settings.max_options then
    return nil, ("a poll has 2 to %d options"):format(settings.max_options), "invalid"
  end
  local id = lectern.id()
  local statements = { { ADD, id, room, author, question, now() } }
  for i, label in ipairs(options) do statements[i + 1] = { ADD_OPTION, id, i, label } end
  local list, why, code = db.batch(statements)
  if not list then return nil, why, code end
  return polls.get(id)
end

---Counts somebody's vote; one that was there before is changed.
---@return table? poll, string? message, string? code
function polls.vote(poll, person, choice)
  if not poll.options[choice] then return nil, "there is no such option", "invalid" end
  local rows, changes, code = db.query(VOTE, poll.pollId, person, choice)
  if not rows then return nil, changes, code end
  if changes == 0 then return nil, "the poll is closed", "closed" end
  return polls.get(poll.pollId)
end

---@return table? poll, string? message, string? code
function polls.close(poll)
  local rows, why, code = db.query("UPDATE polls SET closed = $2 WHERE id = $1 AND closed IS NULL",
    poll.pollId, now())
  if not rows then return nil, why, code end
  return polls.get(poll.pollId)
end

---Who voted for what, { person, choice } each, if the setting show_names allows it.
---@return table? names, string? message, string? code
function polls.names(poll)
  if not settings.show_names then return lectern.array {} end
  return db.query("SELECT person, choice FROM polls_votes WHERE poll = $1 ORDER BY person", poll.pollId)
end

---What somebody has asked and voted, for lectern.privacy.
---@return table? rows { poll, question, choice }, choice null in those asked, string? message, string? code
function polls.of_person(person)
  return db.query([[SELECT v.poll, p.question, v.choice FROM polls_votes v JOIN polls p ON p.id = v.poll
    WHERE v.person = $1 UNION ALL SELECT id, question, NULL FROM polls WHERE author = $1]], person)
end

---Takes the votes away; polls stay, of nobody.
---@return integer? changed rows, string? message, string? code
function polls.forget_person(person)
  local list, why, code = db.batch {
    { "DELETE FROM polls_votes WHERE person = $1", person },
    { "UPDATE polls SET author = '' WHERE author = $1", person },
  }
  if not list then return nil, why, code end
  return list.changes[1] + list.changes[2]
end

return polls
