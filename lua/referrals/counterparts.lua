--- Which of an array's current items a new one stands for.

local same = require "referrals.same"

--- By the member that tells items apart: the first current one that has it so.
local function by_key(name, current)
  local found = {}
  for _, candidate in ipairs(current) do
    local key = type(candidate) == "table" and candidate[name]
    if key and found[key] == nil then
      found[key] = candidate
    end
  end
  return found
end

--- The same one at its place, else the one with the same key, or for an item without a key the same one anywhere, else
--- whatever is at its place. An array may be long, so one whose items have keys is looked through once.
---@param name string|nil the member that tells items apart
---@param current any the array as it is; what is none has no items
---@return fun(item: any, index: integer): any
return function(name, current)
  if type(current) ~= "table" then
    return function() end
  end
  local keyed
  return function(item, index)
    local there = current[index]
    if same(item, there) then
      return there
    end
    local key = name and type(item) == "table" and item[name]
    if key then
      keyed = keyed or by_key(name, current)
      return keyed[key] or there
    end
    for _, candidate in ipairs(current) do
      if same(item, candidate) then
        return candidate
      end
    end
    return there
  end
end
