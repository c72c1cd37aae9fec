-- What comments above functions say, as GET /api tells it.

local describe_with = require "lectern.describe"

local FILE = [[
local M = {}

-- Not of the next one: a line is between them.

-- Sends a thing.
--   Indented, and more.
---@param to string the receiver
---@param what? table
---@param ids string[] several
---@param other Thing of no JSON type
---@return boolean sent
---@deprecated
function M.send(to, what, ids, other, ...) end
function M.bare(a) end

--- Only this.
M.other = function() end
]]

describe("lectern.describe", function()
  local reads

  local function doc(line, names, text)
    reads = 0
    local describer = describe_with(function() return "handlers/x.lua", line, names end, function()
      reads = reads + 1
      return text
    end)
    describer(print)
    return describer(print)
  end

  it("reads a comment, with what it says of parameters", function()
    local found = doc(13, { "to", "what", "ids", "other" }, FILE)
    assert.equal("Sends a thing.\n  Indented, and more.", found.description)
    assert.equal("boolean sent", found.returns)
    assert.is_true(found.more)
    assert.same({
      { name = "to", type = "string", description = "the receiver" },
      { name = "what", type = "object", optional = true },
      { name = "ids", type = "array", description = "several" },
      { name = "other", description = "of no JSON type" },
    }, found.parameters)
    assert.equal(1, reads)
  end)

  it("knows the parameters of a function without a comment", function()
    assert.same({ parameters = { { name = "a" } } }, doc(14, { "a" }, FILE))
  end)

  it("knows the other form of a function, and other line ends", function()
    assert.equal("Only this.", doc(17, {}, FILE).description)
    assert.equal("Only this.", doc(17, {}, (FILE:gsub("\n", "\r\n"))).description)
  end)

  it("does without a file", function()
    assert.same({ parameters = { { name = "a" } } }, doc(3, { "a" }, nil))
    assert.same({ parameters = {} }, doc(99, {}, FILE))
  end)
end)
