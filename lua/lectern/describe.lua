-- What the comment above a function says, for GET /api and /api/openapi.json.
--
--     -- Sends a reminder to everybody in a course.
--     ---@param course string the course's id
--     function M.send_reminder(course, options)
--
-- The lines right above the function count, in both of Lua's usual forms. `@param` and `@return`
-- become parts of their own, other @tags are for editors only.

local TYPES = { -- of LuaCATS, as JSON Schema has them
  string = "string", integer = "integer", number = "number", boolean = "boolean", table = "object",
}

local function lines_of(text)
  local lines = {}
  for line in (text .. "\n"):gmatch("(.-)\r?\n") do lines[#lines + 1] = line end
  return lines
end

-- The comment lines that end above line `at`, without their dashes.
local function comment_above(lines, at)
  local first = at
  while first > 1 and lines[first - 1] and lines[first - 1]:find("^%s*%-%-") do first = first - 1 end
  local comment = {}
  for i = first, at - 1 do
    local said = lines[i]:gsub("^%s*%-%-+ ?", "")
    comment[#comment + 1] = said:gsub("%s+$", "")
  end
  return comment
end

local function take_param(doc, rest)
  local name, optional, kind, about = rest:match("^([%w_%.]+)(%??)%s+(%S+)%s*(.*)$")
  for _, parameter in ipairs(doc.parameters) do
    if parameter.name == name then
      parameter.optional = optional == "?" or kind:sub(-1) == "?" or nil
      kind = kind:gsub("%?$", "")
      parameter.type = TYPES[kind] or (kind:sub(-2) == "[]" and "array") or nil
      parameter.description = about ~= "" and about or nil
    end
  end
end

local function take_comment(doc, comment)
  local said = {}
  for _, line in ipairs(comment) do
    local tag, rest = line:match("^@(%w+)%s*(.*)$")
    if tag == "param" then
      take_param(doc, rest)
    elseif tag == "return" then
      doc.returns = rest ~= "" and rest or nil
    elseif not tag then
      said[#said + 1] = line
    end
  end
  local text = table.concat(said, "\n"):gsub("^%s+", ""):gsub("%s+$", "")
  doc.description = text ~= "" and text or nil
end

-- about(fn) -> file, the line where it begins, list of parameters' names
-- source(file) -> its text, or nil
return function(about, source)
  local texts = {} -- file -> lines
  return function(fn)
    local file, line, names = about(fn)
    local doc = { parameters = {} }
    for i, name in ipairs(names) do doc.parameters[i] = { name = name } end
    if texts[file] == nil then
      local text = source(file)
      texts[file] = text and lines_of(text) or false
    end
    if texts[file] then
      take_comment(doc, comment_above(texts[file], line))
      doc.more = (texts[file][line] or ""):find("%.%.%.%s*%)") and true or nil
    end
    return doc
  end
end
