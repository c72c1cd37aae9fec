-- The beginning of a text, for lists: so many characters as people see them, never half a one.

local preview = {}

local BACK = 10 -- code points that a character may be made of, and be left out whole

-- Ranges of code points that belong to what stands before them: combining marks, variation selectors, skin
-- tones, tags (Unicode 15, Grapheme_Extend as far as it matters to messages).
local EXTENDS = {
  { 0x300, 0x36F }, { 0x483, 0x489 }, { 0x591, 0x5BD }, { 0x610, 0x61A }, { 0x64B, 0x65F }, { 0x93A, 0x93C },
  { 0x93E, 0x94F }, { 0x1AB0, 0x1AFF }, { 0x1DC0, 0x1DFF }, { 0x200C, 0x200D }, { 0x20D0, 0x20FF },
  { 0xFE00, 0xFE0F }, { 0xFE20, 0xFE2F }, { 0x1F3FB, 0x1F3FF }, { 0xE0020, 0xE007F }, { 0xE0100, 0xE01EF },
}
local JOINER = 0x200D
local FLAG_FIRST, FLAG_LAST = 0x1F1E6, 0x1F1FF -- two of these make a flag

local function value(char)
  local first = char:byte()
  if first < 0x80 then
    return first
  end
  local code = first < 0xE0 and first % 0x20 or first < 0xF0 and first % 0x10 or first % 0x08
  for i = 2, #char do
    code = code * 64 + char:byte(i) % 64
  end
  return code
end

local function extends(code)
  for _, range in ipairs(EXTENDS) do
    if code >= range[1] and code <= range[2] then
      return true
    end
  end
  return false
end

local function is_flag(code)
  return code ~= nil and code >= FLAG_FIRST and code <= FLAG_LAST
end

-- Whether a cut before the i-th is in the middle of a character.
local function is_inside(codes, i)
  if extends(codes[i]) or codes[i - 1] == JOINER then
    return true
  end
  local flags = 0
  while is_flag(codes[i]) and is_flag(codes[i - 1 - flags]) do
    flags = flags + 1
  end
  return flags % 2 == 1
end

---The first characters of a text.
---@param text string UTF-8
---@param most integer code points at most
---@return string
function preview.of(text, most)
  if #text <= most then
    return text
  end
  local codes, ends, at = {}, {}, 0 -- one code point more than wanted
  for char in text:gmatch "[%z\1-\127\192-\255][\128-\191]*" do
    at = at + #char
    codes[#codes + 1], ends[#ends + 1] = value(char), at
    if #codes > most then
      break
    end
  end
  if #codes <= most then
    return text
  end
  local cut = most + 1
  while cut > 1 and most + 1 - cut < BACK and is_inside(codes, cut) do
    cut = cut - 1
  end
  if cut == 1 or is_inside(codes, cut) then -- one character without an end
    cut = most + 1
  end
  return text:sub(1, ends[cut - 1])
end

return preview
