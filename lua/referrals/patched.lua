--- The referral as it would be after a JSON Patch: for dry runs. Source: RFC 6902.

local core = require "referrals.core"
local pointer_steps = require("referrals.member_path").pointer_steps

local M = {}

local elements = core.json.elements
local EMPTY = assert(core.document.read("{}"))

local change_of

--- An array's text after an operation on it or within one of its elements.
local function array_after(document, pointer, steps, at, operation)
  local items = elements(document:text(), pointer) or {}
  local index = steps[at] == "-" and #items or tonumber(steps[at])
  if not index or index > #items then
    return nil
  elseif at < #steps then
    local element = core.document.read(items[index + 1] or "")
    local text = element and change_of(element, steps, at + 1, operation)
    if not text then
      return nil
    end
    local _, next_text = element:apply(text, EMPTY)
    items[index + 1] = next_text or items[index + 1]
  elseif operation.op == "replace" then
    items[index + 1] = operation.value
  else
    table.insert(items, index + 1, operation.value)
  end
  return "[" .. table.concat(items, ",") .. "]"
end

--- One operation as a change text for a document; nil where it cannot be applied.
function change_of(document, steps, at, operation)
  local name = core.json.write(steps[at])
  local pointer = "/" .. steps[at]:gsub("~", "~0"):gsub("/", "~1")
  local current = document:get(pointer)
  local text = operation.value
  if at < #steps then
    local into_array = steps[at + 1] == "-" or (current and current:sub(1, 1) == "[")
    if into_array then
      text = array_after(document, pointer, steps, at + 1, operation)
    else
      text = change_of(current and core.document.read(current) or EMPTY, steps, at + 1, operation)
    end
  end
  return text and ("{%s:%s}"):format(name, text)
end

--- A change merges what an operation replaces: of an object that stands there as a member nothing is to be left.
local function takes_place(document, operation)
  local parent = operation.path:match("^(.*)/[^/]*$")
  local container = parent == "" and "{" or document:get(parent) or ""
  local there = document:get(operation.path) or ""
  return container:find("^{") and there:find("^{") and operation.value:find("^{")
end

local function after(document, operation)
  local text = change_of(document, pointer_steps(operation.path), 1, operation)
  if not text then
    return nil
  end
  local _, next_text = document:apply(text, EMPTY)
  return next_text and core.document.read(next_text) or document
end

--- The referral's text after the operations.
---@param operations referrals.operations
---@param document userdata the core's document
---@return string|nil text
---@return referrals.operation|nil wrong the one that names a place that the referral does not have
function M.text(operations, document)
  for _, operation in ipairs(operations) do
    if takes_place(document, operation) then
      document = after(document, { op = operation.op, path = operation.path, value = "null" })
    end
    document = after(document, operation)
    if not document then
      return nil, operation
    end
  end
  return document:text()
end

return M
