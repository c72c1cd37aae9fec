-- What people write: kept in order, read in pages, changed by who may. The common ground of discussions
-- (lectern.discussions) and private messages (lectern.messages), which say who hears of it.
--
-- A post has an id, its author's choice or ours. Writing one whose id is there already writes nothing: a
-- repetition of the same author gets the one that is kept, another's is a conflict.

local lectern = require "lectern"
local pages = require "lectern.pages"
local store = require "lectern.store.messages"
local time = require "lectern.time"

local posts = {}

local PAGE, PAGE_MAX = 50, 100
local EXTRA_MAX = lectern.config.content.max_data
local KEEP = lectern.config.store.messages

---@return any value nil for NULL
local function value(column)
  if column ~= lectern.null then
    return column
  end
end

---@return string? text nil for NULL
local function moment(column)
  return column ~= lectern.null and time.text(column) or nil
end

---Keeps a new one.
---@param row table as store.add takes it, with `extra` as a table
---@return table? row as kept
---@return boolean|string new false if it was there before: nobody need hear of it again; or why not
---@return string? code "conflict", "too_big", or what the database says
function posts.write(row)
  local extra = next(row.extra or {}) ~= nil and lectern.json.encode(row.extra) or nil
  if extra and #extra > EXTRA_MAX then
    return nil, ("what goes with a message may have %d bytes of JSON"):format(EXTRA_MAX), "too_big"
  end
  row.extra = extra
  local kept, new, code = store.add(row, KEEP)
  if kept and value(kept.author) ~= row.author then
    return nil, "another message has this id", "conflict"
  end
  return kept, new, code
end

---What all of them show: id, content, timestamp and what was given besides; editedAt and editedBy;
---deletedAt and deletedBy of a tombstone, which has no content (null). Of an author who was erased,
---`deletedUser` is true.
---@param row table as the store gives it
---@return table
function posts.shown(row)
  local post = row.extra ~= lectern.null and lectern.json.decode(row.extra) or {}
  post.id = row.id
  post.content = row.content
  post.timestamp = row.sent
  post.expiresAt = moment(row.expires_at)
  post.editedAt, post.editedBy = moment(row.edited_at), value(row.edited_by)
  post.deletedAt, post.deletedBy = moment(row.deleted_at), value(row.deleted_by)
  if row.author == lectern.null then
    post.deletedUser = true
  end
  return post
end

---A page of a room's, oldest first: the newest ones, those before a post, those after one, or where a
---cursor goes on.
---@param room string its one name
---@param filter? table as lectern.Page.Filter, and discussionId
---@param show fun(row: table): table
---@return { messages: table[], nextCursor?: string, hasMore: boolean }? page
---@return string? message, string? code "invalid", "not_found", or what the database says
function posts.page(room, filter, show)
  local wanted, why, code = pages.wanted(filter, PAGE, PAGE_MAX)
  if not wanted then
    return nil, why, code
  end
  if wanted.newer and not wanted.created then -- else who came back would take "gone" for "nothing new"
    local found
    found, why, code = store.get(room, wanted.id)
    if not found then
      return nil, found == false and "there is no such message any more" or why, code or "not_found"
    end
  end
  local discussion = filter and filter.discussionId
  local rows
  rows, why, code = store.page(room, wanted, time.now(), discussion ~= nil and tostring(discussion) or nil)
  if not rows then
    return nil, why, code
  end
  local cursor, more = pages.next(wanted, rows)
  local list = lectern.array()
  for i, row in ipairs(rows) do
    list[wanted.newer and i or #rows + 1 - i] = show(row)
  end
  return { messages = list, nextCursor = cursor, hasMore = more }
end

---What a change came to: the row, whether anything changed, or why not.
local function outcome(by, anybodys, row, done, code)
  if row == nil then
    return nil, done, code
  elseif row == false then
    return nil, "there is no such message", "not_found"
  elseif not done and not anybodys and value(row.author) ~= by then
    return nil, "it is another's message", "forbidden"
  end
  return row, done
end

---Gives one another content.
---@param change { id: string, content: string, by: string, anybodys?: boolean } anybodys: not just own
---@return table? row
---@return boolean|string done or why not
---@return string? code "not_found", "forbidden", or the database's
function posts.edit(room, change)
  local row, done, code = outcome(change.by, change.anybodys,
    store.edit(room, change.id, change.content, change.by, change.anybodys, time.now()))
  if row and not done then
    return nil, "the message was deleted", "not_found"
  end
  return row, done, code
end

---Leaves a tombstone of one. Again, it changes nothing.
---@param change { id: string, by: string, anybodys?: boolean }
---@return table? row, boolean|string done or why not, string? code as for edit
function posts.delete(room, change)
  return outcome(change.by, change.anybodys,
    store.delete(room, change.id, change.by, change.anybodys, time.now()))
end

return posts
