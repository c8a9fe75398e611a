--- Random documents and changes as JSON text, and a slow model of what a change makes of a document: on parsed values,
--- with readers that share nothing with the core.
local dkjson = require "dkjson"
local json = require "referrals.sandbox.json"

local M = {}
local Maker = {}
Maker.__index = Maker

local NAMES = { "a", "b", "n", "s", "o", "l", "id", "links", "eTag", "@odata.type", "\\u0061", "x/y", "\195\169" }
local SCALARS = {
  "null", "true", "false", "0", "-0", "1", "1.0", "1e0", "50000.00", "123456789012345.67", "12345678901234567890",
  '""', '"x"', '"\\u0078"', '"\\u00e9\\ud83d\\ude00"', '"a\\/b"', '"@odata.type"', '"links"',
}
local SPACE = { "", "", "", " ", "\n  " }

---@param seed integer
function M.new(seed)
  math.randomseed(seed)
  return setmetatable({}, Maker)
end

local function pick(list)
  return list[math.random(#list)]
end

function Maker:value(depth)
  local kind = math.random(10)
  if depth > 3 or kind <= 6 then
    return pick(SCALARS)
  elseif kind <= 8 then
    return self:object(depth + 1)
  end
  local items = {}
  for i = 1, math.random(0, 4) do
    items[i] = pick(SPACE) .. self:value(depth + 1) .. pick(SPACE)
  end
  return "[" .. table.concat(items, ",") .. "]"
end

function Maker:object(depth, most)
  local members = {}
  for i = 1, math.random(0, most or 5) do
    local name = pick(NAMES)
    if most and math.random(3) == 1 then
      name = "m" .. math.random(most)
    end
    members[i] = ('%s"%s"%s:%s%s'):format(pick(SPACE), name, pick(SPACE), pick(SPACE), self:value(depth))
  end
  return "{" .. table.concat(members, ",") .. pick(SPACE) .. "}"
end

--- One in ten has so many members that they are sorted.
function Maker:document()
  return self:object(1, math.random(10) == 1 and 80 or 8)
end

function Maker:change()
  return self:object(1, math.random(10) == 1 and 80 or 4)
end

-- The model ----------------------------------------------------------------------------------------------------------

local null = setmetatable({}, { __tostring = function() return "null" end })

local function is_annotation(name)
  return name:find("@odata.", 1, true) ~= nil
end

local function kind(value)
  return value ~= null and type(value) == "table" and getmetatable(value).__jsontype or type(value)
end

--- What a value says: an array as {"array", ...}, an object as {object = {...}} without nulls and annotations.
local function meaning(value)
  if kind(value) == "array" then
    local items = { "array" }
    for index, item in ipairs(value) do
      items[index + 1] = meaning(item)
    end
    return items
  elseif kind(value) == "object" then
    local members = {}
    for name, member in pairs(value) do
      if member ~= null and not is_annotation(name) then
        members[name] = meaning(member)
      end
    end
    return { object = members }
  end
  return value == null and "null" or value
end

local function merge(object, change, root)
  for name, value in pairs(change) do
    local passed = is_annotation(name) or (root and (name == "id" or name == "eTag" or name == "links"))
    if not passed and kind(value) == "object" and kind(object[name]) == "object" then
      merge(object[name], value)
    elseif not passed then
      object[name] = value
    end
  end
end

local function parse(text)
  return assert(dkjson.decode(text, 1, null))
end

---@return table meaning of the text, an object
function M.meaning(text)
  return meaning(parse(text))
end

--- What the changed document must mean.
function M.model(text, change)
  local document = parse(text)
  merge(document, parse(change), true)
  document.links = nil
  return meaning(document)
end

local function last_values(text)
  local values = {}
  for _, member in ipairs(json.members(text)) do
    values[dkjson.decode(text:sub(member.name_from, member.name_to))] = text:sub(member.from, member.to)
  end
  return values
end

--- The name of a member that the change does not mention and that is not there, byte for byte, any more; else nil.
function M.lost(before, after, change, inside)
  local was, is, asked = last_values(before), last_values(after), last_values(change)
  for name, value in pairs(was) do
    local written = not is_annotation(name) and (inside or name ~= "links") and not value:find("@odata.", 1, true)
    if written and not asked[name] and is[name] ~= value then
      return name
    elseif written and asked[name] and asked[name]:sub(1, 1) == "{" and value:sub(1, 1) == "{" then
      local lost = M.lost(value, is[name], asked[name], true)
      if lost then
        return name .. "." .. lost
      end
    end
  end
end

return M
