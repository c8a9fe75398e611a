--- What a caller gave, as it was at that moment: who waits gives others the chance to fill the same tables anew.

local core = require "referrals.core"
local representation = require "referrals.representation"

local M = {}

local DEEPEST = 64 -- tables inside each other; deeper ones are refused by whoever writes them

local MARKS = { [core.json.array] = true, [core.json.add] = true, [core.json.remove] = true }

--- What a copy's metatable is: a mark stays one; of another one's only what is inherited, for to be collected or to be
--- weak is for the table that it was made for.
local function metatable_for(value)
  local metatable = getmetatable(value)
  if type(metatable) ~= "table" or MARKS[metatable] then
    return MARKS[metatable] and metatable or nil
  end
  return metatable.__index ~= nil and { __index = metatable.__index } or nil
end

local function copy_of(value, copies, depth)
  if type(value) ~= "table" or depth > DEEPEST then
    return value
  end
  if copies[value] then
    return copies[value]
  end
  local copy = {}
  copies[value] = copy
  for key, inner in next, value do
    copy[key] = copy_of(inner, copies, depth + 1)
  end
  return setmetatable(copy, metatable_for(value))
end

--- A copy of a table and all tables in it. Their marks are kept.
---@param value table
---@return table copy
---@return table<table, table> copies of each table in it
function M.of(value)
  local copies = {}
  return copy_of(value, copies, 0), copies
end

--- A copy of an item of update_many. A referral as read and a function stay what they are.
---@param item any
---@return any
function M.of_item(item)
  if type(item) ~= "table" then
    return item
  end
  local copy = {}
  for name, value in next, item do
    copy[name] = value
  end
  for _, name in ipairs { "id", "change", "opts" } do
    local value = item[name] -- which may be inherited
    copy[name] = type(value) == "table" and not representation.of(value) and M.of(value) or value
  end
  return copy
end

--- A change as it is now: as text, or where each version tells anew what is removed, as tables. What cannot be written
--- stays as it is, and will be refused.
---@param given table
---@param places table<table, string>|nil see representation.edits()
---@return string|nil text
---@return table given
---@return table<table, string>|nil places
function M.of_change(given, places)
  local text, is_object, _, unresolved = core.json.write(given, places)
  if text and is_object then
    return text, given, places
  elseif not unresolved then
    return nil, given, places
  end
  local copy, copies = M.of(given)
  local moved = {}
  for element, place in pairs(places or {}) do
    moved[copies[element] or element] = place
  end
  return nil, copy, moved
end

return M
