--- Deal registrations: one is added by a JSON Patch, and changed by others. What may have been added is never added
--- again, only looked for.
--- Source: the reference, "Deal registration" and "Patchable paths".

local core = require "referrals.core"
local errors = require "referrals.errors"
local patch = require "referrals.patch"
local representation = require "referrals.representation"
local schema = require "referrals.schema"

local M = {}

local FIRST = "/registrations/0" -- the only one whose members the service lets be patched

local function with(opts, more)
  for name, value in pairs(opts) do
    more[name] = value
  end
  return more
end

local function refuse(client, opts, err)
  err.applied = false
  return nil, err, client.exchange:call(opts.timeout).info
end

--- Adds a deal registration.
---@param client referrals.client
---@param id string
---@param registration table|string
---@param opts table the verb's options
---@return table|string|nil value
---@return referrals.error|nil err
---@return table info
function M.register(client, id, registration, opts)
  local operations = { { op = "add", path = "/registrations/-", value = registration } }
  if type(registration) == "string" then
    local first, expected, offset = core.json.judge(registration)
    if not first then
      local message = "the registration is " .. representation.where_wrong(registration, expected, offset)
      return refuse(client, opts, errors.new("validation", { member = "registration", message = message }))
    end
    operations = ('[{"op":"add","path":"/registrations/-","value":%s}]'):format(registration)
  end
  return patch.run(client, id, operations, with(opts, { once = true }))
end

local function sorted(names)
  local list = {}
  for name in pairs(names) do
    list[#list + 1] = name
  end
  table.sort(list, function(a, b)
    return tostring(a) < tostring(b)
  end)
  return list
end

--- Every value of a change as an operation of its own: the service takes no object whole.
local function flatten(value, node, pointer, operations)
  local kind = node and node.type
  if type(value) ~= "table" or (kind ~= "object" and kind ~= "array") or next(value) == nil then
    operations[#operations + 1] = { path = pointer, value = value }
    return operations
  end
  for _, name in ipairs(sorted(value)) do
    local step = kind == "array" and type(name) == "number" and ("%d"):format(name - 1) or tostring(name)
    local place = pointer .. "/" .. step:gsub("~", "~0"):gsub("/", "~1")
    flatten(value[name], schema.below(node, step), place, operations)
  end
  return operations
end

--- Changes the registered deal.
---@param client referrals.client
---@param id string
---@param changes table members of the registration, as far as they change
---@param opts table the verb's options
---@return table|string|nil value
---@return referrals.error|nil err
---@return table info
function M.update(client, id, changes, opts)
  if next(changes) == nil then
    return refuse(client, opts, errors.new("validation", { member = "changes", expected = "at least one member" }))
  end
  local operations = flatten(changes, schema.registration, FIRST, {})
  return patch.run(client, id, operations, with(opts, { place = FIRST, either = true }))
end

return M
