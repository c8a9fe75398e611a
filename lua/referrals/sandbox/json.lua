--- JSON text as slices: check it, find its members and elements. No value is built and none is printed again,
--- so a number, an escape or an empty array stays the bytes it was.
local M = {}

local find, sub, byte = string.find, string.sub, string.byte

M.MAX_DEPTH = 200

local QUOTE, BACKSLASH, COMMA, COLON = 34, 92, 44, 58
local OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE = 91, 93, 123, 125

local scan_value

local function past_blanks(text, pos)
  return find(text, "[^ \t\r\n]", pos) or #text + 1
end

local function scan_string(text, pos)
  local at = pos + 1
  while true do
    at = find(text, '["\\%z\1-\31]', at)
    if not at then
      return nil, "unterminated string", pos
    end
    local char = byte(text, at)
    if char == QUOTE then
      return at + 1
    elseif char ~= BACKSLASH then
      return nil, "control character in a string", at
    elseif find(text, '^["\\/bfnrt]', at + 1) then
      at = at + 2
    elseif find(text, "^u%x%x%x%x", at + 1) then
      at = at + 6
    else
      return nil, "invalid escape", at
    end
  end
end

local function scan_number(text, pos)
  local _, stop = find(text, "^%-?%d+", pos)
  if not stop or find(text, "^%-?0%d", pos) then
    return nil, "invalid value", pos
  end
  local _, fraction = find(text, "^%.%d+", stop + 1)
  stop = fraction or stop
  local _, exponent = find(text, "^[eE][+-]?%d+", stop + 1)
  return (exponent or stop) + 1
end

--- `found`, when given, collects {from, to} of each element.
local function scan_array(text, pos, depth, found)
  local at = past_blanks(text, pos + 1)
  if byte(text, at) == CLOSE_BRACKET then
    return at + 1
  end
  while true do
    local after, why, where = scan_value(text, at, depth)
    if not after then
      return nil, why, where
    end
    if found then
      found[#found + 1] = { from = at, to = after - 1 }
    end
    at = past_blanks(text, after)
    local char = byte(text, at)
    if char == CLOSE_BRACKET then
      return at + 1
    elseif char ~= COMMA then
      return nil, "expected ',' or ']'", at
    end
    at = past_blanks(text, at + 1)
  end
end

local function scan_member(text, at, depth, found)
  if byte(text, at) ~= QUOTE then
    return nil, "expected a member name", at
  end
  local key_end, why, where = scan_string(text, at)
  if not key_end then
    return nil, why, where
  end
  local colon = past_blanks(text, key_end)
  if byte(text, colon) ~= COLON then
    return nil, "expected ':'", colon
  end
  local from = past_blanks(text, colon + 1)
  local after
  after, why, where = scan_value(text, from, depth)
  if after and found then
    found[#found + 1] = { name_from = at, name_to = key_end - 1, from = from, to = after - 1 }
  end
  return after, why, where
end

--- `found`, when given, collects {name_from, name_to, from, to} of each member.
local function scan_object(text, pos, depth, found)
  local at = past_blanks(text, pos + 1)
  if byte(text, at) == CLOSE_BRACE then
    return at + 1
  end
  while true do
    local after, why, where = scan_member(text, at, depth, found)
    if not after then
      return nil, why, where
    end
    at = past_blanks(text, after)
    local char = byte(text, at)
    if char == CLOSE_BRACE then
      return at + 1
    elseif char ~= COMMA then
      return nil, "expected ',' or '}'", at
    end
    at = past_blanks(text, at + 1)
  end
end

local WORDS = { [116] = "true", [102] = "false", [110] = "null" }

function scan_value(text, pos, depth)
  local char = byte(text, pos)
  if char == QUOTE then
    return scan_string(text, pos)
  elseif char == OPEN_BRACE or char == OPEN_BRACKET then
    if depth >= M.MAX_DEPTH then
      return nil, "nested too deeply", pos
    end
    local scan = char == OPEN_BRACE and scan_object or scan_array
    return scan(text, pos, depth + 1)
  end
  local word = WORDS[char]
  if not word then
    return scan_number(text, pos)
  elseif sub(text, pos, pos + #word - 1) ~= word then
    return nil, "invalid value", pos
  end
  return pos + #word
end

local SEQUENCES = {
  "^[\194-\223][\128-\191]",
  "^\224[\160-\191][\128-\191]",
  "^[\225-\236\238\239][\128-\191][\128-\191]",
  "^\237[\128-\159][\128-\191]",
  "^\240[\144-\191][\128-\191][\128-\191]",
  "^[\241-\243][\128-\191][\128-\191][\128-\191]",
  "^\244[\128-\143][\128-\191][\128-\191]",
}

local function after_sequence(text, at)
  for _, pattern in ipairs(SEQUENCES) do
    local _, stop = find(text, pattern, at)
    if stop then
      return stop + 1
    end
  end
end

--- The offset of the first byte that is not UTF-8, or nil.
---@param text string
---@return integer?
function M.invalid_utf8(text)
  local at = find(text, "[\128-\255]")
  while at do
    local after = after_sequence(text, at)
    if not after then
      return at
    end
    at = find(text, "[\128-\255]", after)
  end
end

--- Is this one JSON value and nothing else?
---@param text string
---@return boolean? ok
---@return string? why
---@return integer? offset  1-based
function M.check(text)
  local bad = M.invalid_utf8(text)
  if bad then
    return nil, "invalid UTF-8", bad
  end
  local after, why, where = scan_value(text, past_blanks(text, 1), 0)
  if not after then
    return nil, why, where
  end
  local rest = past_blanks(text, after)
  if rest <= #text then
    return nil, "text after the value", rest
  end
  return true
end

local KINDS = { ['"'] = "string", ["{"] = "object", ["["] = "array", t = "boolean", f = "boolean", n = "null" }

---@param text string  a valid JSON value
---@return "string"|"object"|"array"|"boolean"|"null"|"number"
function M.kind(text)
  local at = past_blanks(text, 1)
  return KINDS[sub(text, at, at)] or "number"
end

--- The members of a valid object, in order: offsets of the quoted name and of the value.
---@param text string
---@return {name_from: integer, name_to: integer, from: integer, to: integer}[]
function M.members(text)
  local found = {}
  scan_object(text, past_blanks(text, 1), 0, found)
  return found
end

--- The elements of a valid array, in order.
---@param text string
---@return {from: integer, to: integer}[]
function M.elements(text)
  local found = {}
  scan_array(text, past_blanks(text, 1), 0, found)
  return found
end

return M
