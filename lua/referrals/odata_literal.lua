--- Names and values in OData's notation. Source: OData 4.0, part 2; the reference, "Listing".

local cjson = require "cjson"
local errors = require "referrals.errors"
local is_date_time = require "referrals.date_time"

local M = {}

local MAX_NAME = 256

---@class referrals.odata.datetime
---@field text string

---@alias referrals.odata.value string|number|boolean|userdata|referrals.odata.datetime

local datetime_mt = { __name = "referrals.odata.datetime" }

--- A wrong value as the second of two results.
---@param member string
---@param expected string
---@param value? any shown when it is text
---@return nil
---@return referrals.error err `validation`
function M.invalid(member, expected, value)
  local got = type(value) == "string" and (", got '%s'"):format(errors.visible(value, 40)) or ""
  local message = ("%s: expected %s%s"):format(errors.visible(member), expected, got)
  return nil, errors.new("validation", { member = member, expected = expected, message = message })
end

--- "customerProfile.address.country" as "customerProfile/address/country".
---@param name string dotted or with slashes
---@return string|nil path nil when it is no name
function M.path(name)
  local path = name:gsub("%.", "/")
  if #path > MAX_NAME or path == "" or path:find("//", 1, true) or path:find("^/") or path:find("/$") then
    return nil
  end
  for segment in path:gmatch("[^/]+") do
    if not segment:find("^[A-Za-z_][A-Za-z0-9_]*$") then
      return nil
    end
  end
  return path
end

local function is_integer(value)
  local subtype = math.type and math.type(value) -- Lua 5.1 has none
  return subtype == "integer" or (value % 1 == 0 and math.abs(value) < 2 ^ 53)
end

local function number(value)
  if value ~= value or value == math.huge or value == -math.huge then
    return nil
  elseif is_integer(value) then
    return ("%d"):format(value)
  end
  local text
  for _, format in ipairs({ "%.15g", "%.16g", "%.17g" }) do
    text = format:format(value)
    if tonumber(text) == value then
      break
    end
  end
  return (text:gsub(",", ".")) -- the locale's decimal point
end

local function date_time_literal(member, text)
  if not is_date_time(text) then
    return M.invalid(member, "a UTC date-time such as 2018-11-06T18:40:42.6178337Z", text)
  end
  return text
end

local function text_literal(member, text)
  if member:find("DateTime$") then
    return date_time_literal(member, text)
  elseif text:find(errors.CONTROL) then
    return M.invalid(member, "a text without control characters", text)
  end
  return "'" .. text:gsub("'", "''") .. "'"
end

local function number_literal(member, value)
  local text = number(value)
  if not text then
    return M.invalid(member, "a finite number")
  end
  return text
end

--- The literal for a value that is compared with a member. Text is quoted, but bare where the member's name ends in
--- DateTime.
---@param member string
---@param value referrals.odata.value of a type that `mistake` lets pass
---@return string|nil text
---@return referrals.error|nil err `validation`
function M.of(member, value)
  if value == cjson.null then
    return "null"
  elseif type(value) == "string" then
    return text_literal(member, value)
  elseif type(value) == "number" then
    return number_literal(member, value)
  elseif type(value) == "boolean" then
    return tostring(value)
  end
  return date_time_literal(member, value.text)
end

--- Why nothing can be compared with a value of this Lua type, or nil.
---@param value any
---@return string|nil
function M.mistake(value)
  local kind = type(value)
  local fits = kind == "string" or kind == "number" or kind == "boolean" or value == cjson.null
    or (kind == "table" and getmetatable(value) == datetime_mt)
  return not fits and "expected a string, number, boolean, odata.datetime or referrals.null, got a " .. kind or nil
end

--- A date-time for a member whose name does not end in DateTime.
---@param text string UTC, such as "2018-11-06T18:40:42Z"
---@return referrals.odata.datetime
function M.datetime(text)
  if type(text) ~= "string" then
    error("datetime: expected a string, got a " .. type(text), 2)
  end
  return setmetatable({ text = text }, datetime_mt)
end

return M
