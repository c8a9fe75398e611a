--- What is plainly right at first sight: most changes set a member to a text, a number or a known value. Whatever is not
--- plain may be right all the same, and is for validation.lua to judge.

local schema = require "referrals.schema"

local M = {}

local find = string.find

-- Beginnings of JSON text that are right for a kind whatever follows.
local BEGINNINGS = { string = '^"', number = "^[-%d]", boolean = "^[tf]" }

---@class referrals.plain.member
---@field path string dotted
---@field texts table<string, boolean>|nil an enumeration's values as JSON text
---@field beginning string|nil a Lua pattern

local function member_of(node, path)
  if node.type == "enum" then
    local texts = {}
    for _, value in ipairs(node.values) do
      texts['"' .. value .. '"'] = true
    end
    return { path = path, texts = texts }
  elseif BEGINNINGS[node.type] and not node.pattern then
    return { path = path, beginning = BEGINNINGS[node.type] }
  end
end

local function add(members, node, pointer, path)
  for name, child in pairs(node.members) do
    local inside, dotted = pointer .. "/" .. name, path .. name
    local writable = not (child.read_only or child.envelope)
    if writable and child.type == "object" then
      add(members, child, inside, dotted .. ".")
    elseif writable then
      members[inside] = member_of(child, dotted)
    end
  end
  return members
end

--- By JSON Pointer; nothing within arrays.
local members = add({}, schema.root, "", "")

--- Is this plainly a value for the member there?
---@param pointer string JSON Pointer
---@param text string JSON text
---@return boolean
function M.fits(pointer, text)
  local member = members[pointer]
  if not member then
    return false
  elseif member.texts then
    return member.texts[text] == true
  end
  return find(text, member.beginning) ~= nil
end

--- A JSON Pointer as a dotted path, "" where it leads to no member that has one.
---@param pointer string
---@return string
function M.path(pointer)
  local member = members[pointer]
  return member and member.path or schema.path(pointer) or ""
end

return M
