--- Single JSON values: strings read and written, two values compared, small trees for the control side.
--- No referral passes through `encode` or `decode`.
local json = require "referrals.sandbox.json"

local M = {}

--- Stands for JSON null in decoded trees.
M.null = setmetatable({}, { __tostring = function() return "null" end })

--- Stands for a member that is left out, in `object`.
M.none = {}

local LETTERS = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }

local function utf8(code)
  if code < 0x80 then
    return string.char(code)
  elseif code < 0x800 then
    return string.char(0xC0 + math.floor(code / 0x40), 0x80 + code % 0x40)
  elseif code < 0x10000 then
    return string.char(0xE0 + math.floor(code / 0x1000), 0x80 + math.floor(code / 0x40) % 0x40, 0x80 + code % 0x40)
  end
  return string.char(0xF0 + math.floor(code / 0x40000), 0x80 + math.floor(code / 0x1000) % 0x40,
    0x80 + math.floor(code / 0x40) % 0x40, 0x80 + code % 0x40)
end

local function join_surrogates(high, low)
  high, low = tonumber(high, 16), tonumber(low, 16)
  return utf8(0x10000 + (high - 0xD800) * 0x400 + (low - 0xDC00))
end

--- The text of a JSON string.
---@param quoted string  a valid JSON string with its quotes
---@return string
function M.unquote(quoted)
  local text = quoted:sub(2, -2)
  if not text:find("\\", 1, true) then
    return text
  end
  -- An escaped backslash must not lend its second half to what follows it, so it is hidden first.
  text = text:gsub("\\\\", "\\\1")
  text = text:gsub("\\u([dD][89abAB]%x%x)\\u([dD][c-fC-F]%x%x)", join_surrogates)
  text = text:gsub("\\u(%x%x%x%x)", function(hex) return utf8(tonumber(hex, 16)):gsub("^\\$", "\\\1") end)
  return (text:gsub("\\(.)", function(char) return char == "\1" and "\\" or LETTERS[char] or char end))
end

local SHORT = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

local function escape(char)
  return SHORT[char] or string.format("\\u%04x", char:byte())
end

--- A text as a JSON string.
---@param text string
---@return string
function M.quote(text)
  return '"' .. text:gsub('["\\%z\1-\31]', escape) .. '"'
end

--- The value of a member of an object; of several of one name the last counts.
---@param object string
---@param name string
---@return string? value
function M.member(object, name)
  local value
  for _, member in ipairs(json.members(object)) do
    if M.unquote(object:sub(member.name_from, member.name_to)) == name then
      value = object:sub(member.from, member.to)
    end
  end
  return value
end

--- The values of an object by name.
---@param object string
---@return table<string, string>
function M.by_name(object)
  local values = {}
  for _, member in ipairs(json.members(object)) do
    values[M.unquote(object:sub(member.name_from, member.name_to))] = object:sub(member.from, member.to)
  end
  return values
end

---@param array string
---@return string[]
function M.items(array)
  local items = {}
  for index, element in ipairs(json.elements(array)) do
    items[index] = array:sub(element.from, element.to)
  end
  return items
end

local function trimmed(text)
  return text:match("^[ \t\r\n]*(.-)[ \t\r\n]*$")
end

-- Numbers are compared as decimals: a double would call 12345678901234567890 and ...891 the same.
local function canonical_number(text)
  local sign, whole, fraction, exponent = text:match("^(%-?)(%d+)%.?(%d*)[eE]?([+-]?%d*)$")
  local digits = (whole .. fraction):gsub("^0+", "")
  local significant = digits:gsub("0+$", "")
  if significant == "" then
    return "0"
  end
  local scale = (tonumber(exponent) or 0) - #fraction + #digits - #significant
  return string.format("%s%se%d", sign, significant, scale)
end

local function same_objects(a, b)
  local left, right = M.by_name(a), M.by_name(b)
  for name, value in pairs(left) do
    if not right[name] or not M.same(value, right[name]) then
      return false
    end
  end
  for name in pairs(right) do
    if not left[name] then
      return false
    end
  end
  return true
end

local function same_arrays(a, b)
  local left, right = M.items(a), M.items(b)
  if #left ~= #right then
    return false
  end
  for index, value in ipairs(left) do
    if not M.same(value, right[index]) then
      return false
    end
  end
  return true
end

--- Do two valid JSON texts say the same? Blanks, escapes, the order of members and a number's notation don't count.
---@param a string
---@param b string
---@return boolean
function M.same(a, b)
  if a == b then
    return true
  end
  a, b = trimmed(a), trimmed(b)
  local kind = json.kind(a)
  if kind ~= json.kind(b) then
    return false
  elseif kind == "object" then
    return same_objects(a, b)
  elseif kind == "array" then
    return same_arrays(a, b)
  elseif kind == "string" then
    return M.unquote(a) == M.unquote(b)
  elseif kind == "number" then
    return canonical_number(a) == canonical_number(b)
  end
  return a == b
end

--- A scalar as a Lua value: nil for null, for objects and for arrays.
---@param text string?
---@return string|number|boolean|nil
function M.scalar(text)
  local kind = text and json.kind(text)
  if kind == "string" then
    return M.unquote(trimmed(text))
  elseif kind == "number" then
    return tonumber(text)
  elseif kind == "boolean" then
    return trimmed(text) == "true"
  end
end

--- A valid JSON text as a Lua value.
---@param text string
---@return any
function M.decode(text)
  local kind = json.kind(text)
  if kind == "null" then
    return M.null
  elseif kind ~= "object" and kind ~= "array" then
    return M.scalar(text)
  end
  local result = {}
  for key, value in pairs(kind == "object" and M.by_name(text) or M.items(text)) do
    result[key] = M.decode(value)
  end
  return result
end

local function encode_number(number)
  if number == math.floor(number) and math.abs(number) < 2 ^ 53 then
    return string.format("%d", number)
  end
  return (string.format("%.14g", number):gsub(",", "."))
end

local function sorted_keys(value)
  local keys = {}
  for key in pairs(value) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  return keys
end

local function encode_table(value)
  local parts = {}
  if #value > 0 or next(value) == nil then
    for index, item in ipairs(value) do
      parts[index] = M.encode(item)
    end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  for index, key in ipairs(sorted_keys(value)) do
    parts[index] = M.quote(key) .. ":" .. M.encode(value[key])
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

--- A small Lua value as JSON, members in the order of their names; an empty table is an array.
---@param value any
---@return string
function M.encode(value)
  if value == M.null then
    return "null"
  elseif type(value) == "table" then
    return encode_table(value)
  elseif type(value) == "number" then
    return encode_number(value)
  elseif type(value) == "boolean" then
    return tostring(value)
  end
  return M.quote(value)
end

--- An object in the given order: object{"name", value, "name", value}.
---@param list any[]
---@return string
function M.object(list)
  local parts = {}
  for index = 1, #list, 2 do
    if list[index + 1] ~= M.none then
      parts[#parts + 1] = M.quote(list[index]) .. ":" .. M.encode(list[index + 1])
    end
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

return M
