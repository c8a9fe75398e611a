--- One update: read, check, apply, write, settle. Everything that decides about a write is decided here, on a
--- representation that was read in this call.

local change = require "referrals.change"
local core = require "referrals.core"
local errors = require "referrals.errors"
local exchange = require "referrals.exchange"
local precondition = require "referrals.precondition"
local report = require "referrals.report"
local representation = require "referrals.representation"
local schema = require "referrals.schema"
local validation = require "referrals.validation"

local M = {}

local equal = core.json.equal
local PROTOTYPE = change.PROTOTYPE

---@class referrals.update one call of the verb
---@field client referrals.client
---@field call referrals.call
---@field id string
---@field change referrals.change
---@field pin string|nil the version it is for, and no other
---@field only_if string|nil a change text: what must hold
---@field shown table|nil what the caller had before their eyes: get(pointer) -> JSON text
---@field first referrals.representation|nil what this call read first
---@field rounds integer how often the referral was read again
---@field pending table|nil {step, cause}: a write whose outcome is not known
local Update = {}
Update.__index = Update

---@class referrals.step what is to be written
---@field current referrals.representation the version it is for
---@field text string the change text
---@field differences table[]
---@field body string

local function value_of(text)
  return text and representation.decode(text)
end

-- Results ------------------------------------------------------------------------------------------------------------

function Update:give(current)
  return current:give(self.returns, self.nulls), nil, self.call.info
end

function Update:unchanged(current, skipped)
  local info = self.call.info
  info.changed, info.members, info.skipped = false, {}, skipped
  return self:give(current)
end

function Update:written(step, answer)
  local info = self.call.info
  info.changed = true
  info.members = report.members(step.differences)
  info.ignored = report.ignored(step.differences, answer)
  return self:give(answer)
end

function Update:dry(step)
  local info = self.call.info
  local body = step.body
  if self.method == "PATCH" then
    body = select(2, step.current.document:apply(step.text, PROTOTYPE))
  end
  local would_be, err = representation.read(body, step.current.header_etag)
  if not would_be then
    return self:fail(err)
  end
  info.changed, info.dry_run = false, true
  info.members = report.members(step.differences)
  info.request = self.client.exchange:described(self:request(step))
  return self:give(would_be)
end

--- Ends the call. While a write's outcome is open, that is what the caller must know.
---@param err referrals.error|nil
---@param current referrals.representation|nil what was read last
function Update:fail(err, current)
  if self.pending then
    err = report.unsettled(self.pending, self.call, current)
  elseif err.applied == nil then
    err.applied = false
  end
  return nil, err, self.call.info
end

-- Deciding -----------------------------------------------------------------------------------------------------------

function Update:check_values(current, differences)
  local exchanges = self.client.exchange
  local options = {
    allow_unknown = self.allow_unknown,
    status_check = self.check,
    known = function(path)
      return current.document:get(schema.pointer(path)) ~= nil
    end,
    on_warning = function(warning)
      exchanges:tell { type = "warning", id = self.id, member = warning.member, message = warning.message }
    end,
  }
  for _, difference in ipairs(differences) do
    options.current = value_of(difference.from)
    local problem = validation.check(schema.path(difference.pointer), value_of(difference.to), options)
    if problem then
      return errors.new("validation", problem)
    end
  end
end

local function touches_status(differences)
  for _, difference in ipairs(differences) do
    if difference.pointer == "/status" or difference.pointer == "/substatus" then
      return true
    end
  end
end

--- Why the move cannot be made; or nothing, and the substatus that goes with the status where the change names none.
function Update:check_transition(current, text, differences)
  if self.check == false or not touches_status(differences) then
    return nil
  end
  local document = current.document
  local allowed, substatus, details = core.transition.check(
    document:string("status"),
    document:string("substatus"),
    core.json.string_at(text, "/status"),
    core.json.string_at(text, "/substatus")
  )
  if allowed then
    return nil, substatus
  end
  details.message = substatus
  return errors.new("transition", details)
end

--- The change on this version, unchecked.
---@return referrals.step|nil
---@return referrals.error|nil err
function Update:apply(current, text)
  local form = self.method == "PATCH" and "patch" or "document"
  local differences, body, pointer = current.document:apply(text, PROTOTYPE, form)
  if not differences then
    return nil, errors.new("validation", { member = schema.path(pointer) or "change", expected = body })
  end
  return { current = current, text = text, differences = differences, body = body }
end

local function with_substatus(text, substatus)
  return ('%s,"substatus":"%s"}'):format(text:match("^(.*)}%s*$"), substatus)
end

--- What is to be written on this version: a step, nothing (and perhaps why the function skipped it), or an error.
---@return referrals.step|nil
---@return referrals.error|nil err
---@return any skipped
function Update:decide(current)
  local runtime = self.client.exchange.runtime
  local held = runtime:hold() -- the caller's function may call verbs itself
  local text, err, skipped = self.change:text_for(current)
  runtime:release(held)
  if not text then
    return nil, err, skipped
  end
  local step
  step, err = self:apply(current, text)
  if not step or #step.differences == 0 then
    return nil, err
  end
  local substatus
  err = precondition.check(self, current, step.differences) or self:check_values(current, step.differences)
  if not err then
    err, substatus = self:check_transition(current, text, step.differences)
  end
  if err then
    return nil, err
  elseif substatus then
    return self:apply(current, with_substatus(text, substatus))
  end
  return step
end

-- Read, check, apply, write, settle ----------------------------------------------------------------------------------

function Update:run()
  local current, err = self.client.exchange:read(self.call, self.id, self.returns)
  if not current then
    return self:fail(err)
  end
  self.first = current
  return self:try(current)
end

local function no_tag()
  return errors.new("protocol", {
    member = "eTag",
    message = "the referral came without an entity tag: without one nothing can be written safely",
  })
end

--- Decides on a version and writes.
function Update:try(current)
  local step, err, skipped = self:decide(current)
  if err then
    return self:fail(err)
  elseif not step then
    return self:unchanged(current, skipped)
  elseif not current.etag then
    return self:fail(no_tag())
  elseif self.dry_run then
    return self:dry(step)
  end
  return self:write(step)
end

---@return referrals.request
function Update:request(step)
  local patches = self.method == "PATCH"
  return {
    method = self.method,
    path = "/referrals/" .. self.id,
    body = step.body,
    if_match = step.current.etag,
    prefer = patches and "return=representation" or nil,
  }
end

--- Sends a step once.
function Update:write(step)
  local response, err, sent = self.client.exchange:send(self.call, self:request(step))
  if response then
    local answer, unusable = exchange.representation(response, self.id, self.returns)
    if answer then
      return self:written(step, answer)
    end
    err = unusable
  end
  if response or exchange.is_unknown(err, sent) then
    self.pending = self.pending or { step = step, cause = err }
  elseif err.http_status ~= 412 then
    return self:fail(err)
  end
  return self:look_again(step, err)
end

--- After a write that was not confirmed: what does the service show now?
function Update:look_again(step, err)
  self.rounds = self.rounds + 1
  if self.rounds > self:most_rounds() then
    return self:give_up(err)
  end
  local exchanges = self.client.exchange
  local late = exchanges:pause(self.call, self.rounds, err)
  if late then
    return self:fail(late)
  end
  local current, read_err = exchanges:read(self.call, self.id, self.returns)
  if not current then
    return self:fail(read_err)
  elseif current.etag == step.current.etag then
    return self:same_version(step, err)
  elseif self.pending then
    return self:settle(current)
  end
  return self:try(current)
end

--- A lost answer is looked into even by who wants no retries.
function Update:most_rounds()
  if self.pending then
    return math.max(self.conflict_retries, self.client.config.retries, 1)
  end
  return self.conflict_retries
end

function Update:give_up(err)
  return self:fail(errors.new("conflict", {
    message = self.rounds == 1 and "another writer changed the referral"
      or ("another writer was faster %d times in a row"):format(self.rounds),
    members = {},
    http_status = err.http_status,
    code = err.code,
    inner = err.inner,
    request_id = err.request_id,
    attempts = self.call.info.attempts,
  }))
end

--- Nobody wrote, we did not either: the same bytes under the same If-Match, of which at most one can apply.
function Update:same_version(step, err)
  if not self.pending then
    if self.refused_once then
      return self:fail(report.nobody_wrote(err))
    end
    self.refused_once = true
  elseif not self.client.exchange:may_send_again(err) then
    return self:fail(err)
  end
  return self:write(step)
end

local function still_as_before(step, current)
  for _, difference in ipairs(step.differences) do
    local now = current.document:get(difference.pointer)
    if not equal(difference.from or "null", now or "null") then
      return false
    end
  end
  return true
end

--- A new version after a write without an answer: ours, or somebody else's?
function Update:settle(current)
  local step = self.pending.step
  if self.change.is_function then
    return self:fail(nil, current)
  end
  local differences = current.document:apply(step.text, PROTOTYPE, "differences")
  if differences and #differences == 0 then
    self.pending = nil
    self.call.info.resolved = "verified"
    return self:written(step, current)
  elseif still_as_before(step, current) then
    self.pending = nil
    return self:try(current)
  end
  return self:fail(nil, current)
end

-- Preparing ----------------------------------------------------------------------------------------------------------

local function pick(option, default)
  if option == nil then
    return default
  end
  return option
end

---@return referrals.error|nil err
function Update:prepare(given, opts)
  local err
  self.change, err = change.new(given)
  if err then
    return err
  end
  err = change.check_id(self.change.id, self.id)
  if err then
    return err
  end
  self.pin, err = change.version(opts.if_match, self.change.etag)
  if err then
    return err
  end
  self.pinned_from = representation.of(given)
  if opts.only_if then
    self.only_if, err = change.condition(opts.only_if)
  end
  return err
end

--- Runs one update.
---@param client referrals.client
---@param id string
---@param given table|string|function
---@param opts table the verb's options
---@param shown table|nil what the caller had before their eyes: get(pointer) -> JSON text
---@param batch table|nil {limit} when it is one of many
---@return table|string|nil value
---@return referrals.error|nil err
---@return table info
function M.run(client, id, given, opts, shown, batch)
  local config = client.config
  local update = setmetatable({
    client = client,
    call = client.exchange:call(opts.timeout, batch),
    id = id,
    shown = shown,
    rounds = 0,
    returns = opts.returns,
    nulls = opts.nulls,
    check = pick(opts.check, config.check),
    allow_unknown = pick(opts.allow_unknown, config.allow_unknown),
    dry_run = pick(opts.dry_run, config.dry_run),
    method = opts.method or config.method,
    conflict_retries = opts.conflict_retries or config.conflict_retries,
  }, Update)
  local err = update:prepare(given, opts)
  if err then
    return update:fail(err)
  end
  return update:run()
end

return M
