--- The stored referrals: texts, their entity tags, and the stamps that every write renews.
local json = require "referrals.sandbox.json"
local pointer = require "referrals.sandbox.pointer"
local values = require "referrals.sandbox.values"

local M = {}
local Documents = {}
Documents.__index = Documents

local FIRST_TAG = 0x2500ec5a -- the counter in the documentation's example

---@class SandboxDocument
---@field id string  lower case
---@field text string  exactly what a GET answers
---@field tag string  the entity tag, with its quotes
---@field previous {text: string, tag: string}?  the version before
---@field known table  what has been looked up in this text

---@param clock table
function M.new(clock)
  return setmetatable({ clock = clock, list = {}, by_id = {}, revision = 0, tags = FIRST_TAG }, Documents)
end

function Documents:mint_tag()
  self.tags = self.tags + 1
  return string.format('"%08x-0000-0000-0000-%08x0000"', self.tags, math.floor(self.clock:now()) % 2 ^ 32)
end

---@param id string
---@return SandboxDocument?
function Documents:find(id)
  return self.by_id[id:lower()]
end

local function accept(self, document, text, tag)
  document.text, document.tag, document.known = text, tag, {}
  self.revision = self.revision + 1
  return document
end

--- Keeps a referral exactly as this text writes it, in place of one with the same id.
---@param text string
---@return SandboxDocument
function Documents:keep(text)
  local ok, why, offset = json.check(text)
  if not ok then
    error(string.format("not JSON: %s at %d", why, offset), 3)
  end
  local id = json.kind(text) == "object" and values.scalar(values.member(text, "id"))
  if type(id) ~= "string" or id == "" then
    error("a referral needs an id", 3)
  end
  local document = self.by_id[id:lower()]
  if document then
    document.previous = { text = document.text, tag = document.tag }
  else
    document = { id = id:lower() }
    self.by_id[document.id] = document
    self.list[#self.list + 1] = document
  end
  return accept(self, document, text, values.scalar(values.member(text, "eTag")) or self:mint_tag())
end

--- The text of the next version: a new updatedDateTime and, where the referral carries its tag, a new eTag.
---@param text string
---@param tag string
---@return string
function Documents:stamped(text, tag)
  text = pointer.add(text, { "updatedDateTime" }, values.quote(self.clock:stamp()))
  if values.member(text, "eTag") then
    text = pointer.add(text, { "eTag" }, values.quote(tag))
  end
  return text
end

--- Stores the next version of a referral.
---@param document SandboxDocument
---@param text string
function Documents:write(document, text)
  local tag = self:mint_tag()
  document.previous = { text = document.text, tag = document.tag }
  accept(self, document, self:stamped(text, tag), tag)
end

---@param id string
---@return boolean removed
function Documents:remove(id)
  local document = self:find(id)
  if not document then
    return false
  end
  self.by_id[document.id] = nil
  for index, other in ipairs(self.list) do
    if other == document then
      table.remove(self.list, index)
      break
    end
  end
  self.revision = self.revision + 1
  return true
end

--- A value of the current version by its path ("customerProfile/address/country"), looked up once a version.
---@param document SandboxDocument
---@param path string
---@return string? text
function M.value(document, path)
  local value = document.known[path]
  if value == nil then
    value = pointer.find(document.text, pointer.tokens("/" .. path)) or false
    document.known[path] = value
  end
  return value or nil
end

--- The same as a Lua value; text that is missing is empty.
---@param document SandboxDocument
---@param path string
---@return string|number|boolean
function M.scalar(document, path)
  local value = values.scalar(M.value(document, path))
  return value == nil and "" or value
end

return M
