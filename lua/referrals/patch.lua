--- One JSON Patch as the caller gives it, under the version that was read, a version that is named, or none at all.

local change = require "referrals.change"
local core = require "referrals.core"
local errors = require "referrals.errors"
local operations = require "referrals.operations"
local patched = require "referrals.patched"
local precondition = require "referrals.precondition"
local representation = require "referrals.representation"
local schema = require "referrals.schema"
local validation = require "referrals.validation"
local Write = require "referrals.write"

local M = {}

---@class referrals.patch: referrals.write one call of the verb
---@field operations referrals.operations
---@field pin string|nil the version it is for, and no other
---@field place string|nil a JSON Pointer that the referral must have
---@field once boolean|nil what may have been sent is never sent again, only looked for
local Patch = setmetatable({}, { __index = Write })
Patch.__index = Patch

local function value_of(text)
  return text and representation.decode(text, true)
end

-- Deciding -----------------------------------------------------------------------------------------------------------

function Patch:check_values(document)
  for _, operation in ipairs(self.operations) do
    local options = self:judging()
    options.text = operation.value
    options.current = document and value_of(document:get(operation.path))
    options.known = document and function(path)
      return document:get(schema.pointer(path)) ~= nil
    end
    local problem = validation.check(schema.path(operation.path), value_of(operation.value), options)
    if problem then
      return errors.new("validation", problem)
    end
  end
end

local function text_in(value)
  return value and core.json.string_at("[" .. value .. "]", "/0")
end

function Patch:moves_status()
  return self.check ~= false
    and (operations.value_at(self.operations, "/status") or operations.value_at(self.operations, "/substatus")) ~= nil
end

local function needs_substatus(status, substatus)
  local message = ("status %s goes with substatus %s: the patch needs an operation for /substatus too"):format(
    status,
    substatus
  )
  return errors.new("transition", { member = "substatus", allowed = { substatus }, message = message })
end

--- Nothing is added to what was given: a substatus that has to move too is asked for.
function Patch:check_transition(document)
  if not self:moves_status() then
    return nil
  end
  local status = text_in(operations.value_at(self.operations, "/status"))
  local allowed, substatus, details = core.transition.check(
    document:string("status"),
    document:string("substatus"),
    status,
    text_in(operations.value_at(self.operations, "/substatus"))
  )
  if not allowed then
    details.message = substatus
    return errors.new("transition", details)
  elseif substatus then
    return needs_substatus(status, substatus)
  end
end

--- Another writer was there: an element's index may mean another element now.
function Patch:check_moved(current, differences)
  local indexed = self.rounds > 0 and operations.indexed(self.operations)
  if indexed then
    local why = "another writer changed the referral, and an index into an array may mean another element now"
    return precondition.conflict(current, differences, why, self.first)
  end
end

function Patch:check_place(document)
  if self.place and not document:get(self.place) then
    local member = schema.path(self.place:match("^(/[^/]+)"))
    return errors.new("validation", {
      member = member,
      expected = "a registered deal",
      message = ("%s: there is no deal yet to change; register_deal adds one"):format(member),
    })
  end
end

---@return referrals.step|nil
---@return referrals.error|nil err
function Patch:decide(current)
  local document = current.document
  local differences = operations.differences(self.operations, document)
  local step = { current = current, differences = differences }
  local err = document and self:check_place(document)
  if not err then
    err = precondition.pin(self, current, differences)
    if err and self:shows(step, current) then
      return nil -- not the version asked for, but everything is as asked
    end
  end
  err = err
    or self:check_moved(current, differences)
    or self:check_values(document)
    or (document and self:check_transition(document))
  if err then
    return nil, err
  end
  step.body = operations.body(self.operations, document)
  return step
end

function Patch:would_be(step)
  local text, wrong = patched.text(self.operations, step.current.document)
  if not text then
    local member = schema.path(wrong.path) or wrong.path
    return nil, errors.new("validation", { member = member, expected = "a place that the referral has" })
  end
  return representation.read(text, step.current.header_etag)
end

-- Writing and settling -----------------------------------------------------------------------------------------------

--- Reads the referral first where something depends on it; a version that was named needs no read, but for what is
--- appended: how often it was there before tells, should the answer get lost, whether it came there.
function Patch:run()
  local named = self.unconditional or (self.pin ~= nil and not operations.append(self.operations))
  if not named or self.dry_run or self.place or self:moves_status() then
    return Write.run(self)
  end
  return self:try { etag = self.pin }
end

function Patch.ignored(_, step, answer)
  local ignored = {}
  for _, difference in ipairs(step.differences) do
    if not operations.shown(difference, answer.document, step.current.document) then
      ignored[#ignored + 1] = schema.path(difference.pointer)
    end
  end
  return ignored
end

--- What the version held that a named one was written on is not known.
function Patch:untouched(step, current)
  return not self.once and step.current.document ~= nil and Write.untouched(self, step, current)
end

--- Without a version nothing tells whose write is there.
function Patch:look_again(step, err)
  if self.unconditional then
    return self:fail(err)
  end
  return Write.look_again(self, step, err)
end

function Patch:same_version(step, err)
  if self.once and self.pending then
    return self:look_again(step, err) -- it may still be on its way
  end
  return Write.same_version(self, step, err)
end

-- Preparing ----------------------------------------------------------------------------------------------------------

---@return referrals.error|nil err
local function prepare(patch, given, opts)
  local err
  patch.operations, err = operations.read(given, { allow_unknown = patch.allow_unknown, either = opts.either })
  if err then
    return err
  elseif opts.if_match == false then
    patch.unconditional = true
  elseif opts.if_match == true then
    return errors.new("validation", { member = "if_match", expected = "an entity tag, or false for none" })
  else
    patch.pin, err = change.version(opts.if_match)
  end
  return err
end

--- Runs one patch.
---@param client referrals.client
---@param id string
---@param given table|string
---@param opts table the verb's options; and `place`, `once`, `either`, which are this module's own
---@return table|string|nil value
---@return referrals.error|nil err
---@return table info
function M.run(client, id, given, opts)
  local patch = Write.new(Patch, client, id, opts, client.exchange:call(opts.timeout))
  patch.method, patch.place, patch.once = "PATCH", opts.place, opts.once
  local err = prepare(patch, given, opts)
  if err then
    return patch:fail(err)
  end
  return patch:run()
end

return M
