--- What is plainly right at first sight: most changes set a member to a text, a number or a known value. Whatever is
--- not plain may be right all the same, and is for validation.lua to judge.

local core = require "referrals.core"
local schema = require "referrals.schema"

local M = {}

-- What JSON text begins with that is right for a kind whatever follows.
local BEGINNINGS = { string = '"', number = "-0123456789", boolean = "tf" }

--- By JSON Pointer, nothing within arrays: what a value may begin with, or a table with each value (as JSON text) for a
--- key.
---@type table<string, string|table<string, boolean>>
M.values = {}

--- By JSON Pointer: the same members as people name them.
---@type table<string, string>
M.paths = {}

--- Null is right wherever a member is not required.
local function values_of(node)
  if node.type ~= "enum" then
    local beginnings = not node.pattern and BEGINNINGS[node.type] or nil
    return beginnings and not node.required and beginnings .. "n" or beginnings
  end
  local texts = { null = not node.required or nil }
  for _, value in ipairs(node.values) do
    texts['"' .. value .. '"'] = true
  end
  return texts
end

local function add(node, pointer, path)
  for name, child in pairs(node.members) do
    local inside, dotted = pointer .. "/" .. name, path .. name
    local writable = not (child.read_only or child.envelope)
    if writable and child.type == "object" then
      add(child, inside, dotted .. ".")
    elseif writable then
      M.values[inside], M.paths[inside] = values_of(child), dotted
    end
  end
end

add(schema.root, "", "")

--- The same for the core.
---@type userdata
M.rules = core.document.rules(schema.prototype, M.values)

local fits = core.document.fits

--- Is this plainly a value for the member there?
---@param pointer string JSON Pointer
---@param text string JSON text
---@return boolean
function M.fits(pointer, text)
  return fits(M.rules, pointer, text)
end

--- A JSON Pointer as a dotted path, "" where it leads to no member that has one.
---@param pointer string
---@return string
function M.path(pointer)
  return M.paths[pointer] or schema.path(pointer) or ""
end

return M
