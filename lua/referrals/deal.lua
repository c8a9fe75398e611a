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

--- The options, which a table may inherit, with more of our own.
local function with(opts, more)
  return setmetatable(more, { __index = opts })
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
    registration = registration:gsub("^\239\187\191", "")
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

local function is_position(name)
  return type(name) == "number" and name >= 1 and name % 1 == 0
end

--- Why a table is none whose values are written one by one.
local function unfit(value, kind)
  local mark = getmetatable(value)
  if mark == core.json.add or mark == core.json.remove then
    return "plain values: a deal's elements are changed where they stand"
  end
  for name in pairs(value) do
    if kind == "array" and not is_position(name) then
      return "elements by their position, from 1"
    end
  end
end

--- Every value of a change as an operation of its own: the service takes no object whole.
---@return referrals.error|nil err `validation`
local function flatten(value, node, pointer, operations)
  local kind = node and node.type
  local expected = type(value) == "table" and unfit(value, kind)
  if expected then
    local member = pointer == FIRST and "changes" or schema.path(pointer)
    return errors.new("validation", { member = member, expected = expected })
  elseif type(value) ~= "table" or (kind ~= "object" and kind ~= "array") or next(value) == nil then
    operations[#operations + 1] = { path = pointer, value = value }
    return nil
  end
  for _, name in ipairs(sorted(value)) do
    local step = kind == "array" and ("%d"):format(name - 1) or tostring(name)
    local place = pointer .. "/" .. step:gsub("~", "~0"):gsub("/", "~1")
    local err = flatten(value[name], schema.below(node, step), place, operations)
    if err then
      return err
    end
  end
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
  local operations = {}
  local err = flatten(changes, schema.registration, FIRST, operations)
  if err then
    return refuse(client, opts, err)
  end
  return patch.run(client, id, operations, with(opts, { place = FIRST, either = true }))
end

return M
