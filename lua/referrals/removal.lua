--- What is to be taken out of arrays, as it was asked for: which elements of a given version that means.

local cjson = require "cjson"
local core = require "referrals.core"
local representation = require "referrals.representation"
local schema = require "referrals.schema"
local validation = require "referrals.validation"

local M = {}

local remove = core.json.remove -- the metatable of {match =} until it is resolved

local function is_unresolved(value)
  return getmetatable(value) == remove and value.match ~= nil
end

--- Does an element have these members, or is it this value? A member that is null reads as one that is not there.
---@param element any decoded, without its nulls
---@param part any
---@return boolean
function M.contains(element, part)
  if part == cjson.null then
    return element == nil or element == part
  elseif type(part) ~= "table" or type(element) ~= "table" then
    return element == part
  end
  for name, value in pairs(part) do
    if not M.contains(element[name], value) then
      return false
    end
  end
  return true
end

local function matches(which, element, key)
  if type(which) == "function" then
    return which(element) and true or false
  elseif type(which) == "table" or type(element) ~= "table" then
    return M.contains(element, which)
  end
  return element[key] == which
end

--- The core's form of a removal: the positions, from 0, in the array as it is in this version.
local function positions(which, current, pointer)
  local node = schema.node(schema.path(pointer) or "")
  local key = node and node.key or "id"
  local found = {}
  for index, element in ipairs(type(current) == "table" and current or {}) do
    if matches(which, element, key) then
      found[#found + 1] = index - 1
    end
  end
  return setmetatable(found, remove)
end

local DEEPEST = 64 -- tables inside each other; what is deeper, such as a cycle, the writer refuses

--- Why nothing can ever be taken out of what is not there now: nobody knows it, or it is no array.
local function never_an_array(place, allow_unknown)
  local path = schema.path(place)
  return path and validation.check(path, {}, { allow_unknown = allow_unknown }) or nil
end

--- One table of it, at its place; tables without a removal are not copied.
local function resolve(change, document, pointer, depth, found)
  local copy
  for name, value in pairs(change) do
    local resolved = value
    if type(value) == "table" and type(name) == "string" then
      local place = pointer .. "/" .. name:gsub("~", "~0"):gsub("/", "~1")
      if is_unresolved(value) then
        local current = document and document:get(place)
        resolved = current and positions(value.match, representation.decode(current), place)
        found.problem = found.problem or (not current and never_an_array(place, found.allow_unknown)) or nil
      elseif getmetatable(value) == nil and depth < DEEPEST then
        resolved = resolve(value, document, place, depth + 1, found)
      end
    end
    if resolved ~= value then
      if not copy then
        copy = {}
        for key, other in pairs(change) do
          copy[key] = other
        end
      end
      copy[name] = resolved
    end
  end
  if copy and next(copy) == nil then
    return nil
  end
  return copy or change
end

--- A change with each removal resolved. There is nothing to take out of what is not there, so such a removal goes, and
--- with it a table that asked for nothing else.
---@param change table
---@param document userdata|nil the core's document that it is for
---@param found table {allow_unknown}; `problem`: what is wrong with a removal
---@return table|nil change the same table where nothing is to be resolved; nil: nothing is asked for
function M.resolve(change, document, found)
  return resolve(change, document, "", 0, found)
end

return M
