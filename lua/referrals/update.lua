--- One update: what a change makes of a referral, and whether that may be written. Decided on a representation that
--- was read in this call.

local change = require "referrals.change"
local change_check = require "referrals.change_check"
local core = require "referrals.core"
local errors = require "referrals.errors"
local precondition = require "referrals.precondition"
local report = require "referrals.report"
local representation = require "referrals.representation"
local schema = require "referrals.schema"
local snapshot = require "referrals.snapshot"
local straight = require "referrals.straight"
local Write = require "referrals.write"

local M = {}

local PROTOTYPE = change.PROTOTYPE

---@class referrals.update: referrals.write one call of the verb
---@field change referrals.change
---@field pin string|nil the version it is for, and no other
---@field pinned_by_option boolean and not by the change, which a function may make anew
---@field only_if string|nil a change text: what must hold
---@field asked table|nil the table that this was
---@field shown table|nil what the caller had before their eyes: get(pointer) -> JSON text
local Update = setmetatable({}, { __index = Write })
Update.__index = Update

---@class referrals.update.step: referrals.step
---@field text string the change text
---@field substatus string|nil what was added to it, where the change names none

-- Deciding -----------------------------------------------------------------------------------------------------------

local function touches_status(differences)
  for index = 1, #differences do
    local pointer = differences[index].pointer
    if pointer == "/status" or pointer == "/substatus" then
      return true
    end
  end
end

--- Why the move cannot be made; or nothing, and the substatus that goes with the status where the change names none.
function Update:check_transition(current, text, differences)
  if self.check == false or not touches_status(differences) then
    return nil
  end
  local allowed, substatus, details = core.transition.of(current.document, text)
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
  local form = self.method == "PATCH" and "patch" or nil
  local differences, body, pointer = current.document:apply(text, PROTOTYPE, form)
  if not differences then
    return nil, change_check.unfit(self, current, schema.path(pointer), body)
  end
  return { current = current, text = text, differences = differences, body = body }
end

local function with_substatus(text, substatus)
  return ('%s,"substatus":"%s"}'):format(text:match("^(.*)}%s*$"), substatus)
end

local NOTHING = assert(core.document.read("{}"))

--- Is all as asked but for what the service has set since? So is a whole document of an earlier version; of a change
--- that asks for nothing but what the service sets, nothing is so.
function Update:is_as_asked(text, differences)
  local given = self.change
  if given.is_function or given.id == nil or given.etag == nil then
    return false
  end
  local asked = NOTHING:apply(text, PROTOTYPE, "differences")
  return asked ~= nil and not schema.are_set_by_service(asked) and schema.are_set_by_service(differences)
end

--- A version that is not there any more, and yet nothing is left to be written.
function Update:is_written_already(current, step)
  return self.pin ~= nil and not precondition.is_version(self.pin, current)
    and self:is_as_asked(step.text, step.differences)
end

function Update:change_text(current)
  local runtime = self.client.exchange.runtime
  self.held = runtime:hold() -- the caller's functions, which a table may hold too, may call verbs themselves
  local text, err, skipped, version = self.change:text_for(current)
  runtime:release(self.held)
  if text and self.change.is_function and not self.pinned_by_option then
    version = version or {}
    self.pin, err = change.version(nil, version.etag)
    self.pinned_from = version.read
  end
  return not err and text or nil, err, skipped
end

--- What a method makes of a version; nil where a function of the caller's raised in it.
function Update:undisturbed(method, current)
  local ok, made = pcall(method, self, current)
  if not ok then
    self.client.exchange.runtime:release(self.held) -- which the raise has passed over
  end
  return ok and made or nil
end

--- What is to be written on this version: a step, nothing (and perhaps why the function skipped it), or an error.
---@return referrals.step|nil
---@return referrals.error|nil err
---@return any skipped
function Update:decide(current)
  local text, err, skipped = self:change_text(current)
  if not text then
    return nil, err, skipped
  end
  local step
  step, err = self:apply(current, text)
  if not step or #step.differences == 0 or self:is_written_already(current, step) then
    return nil, err
  end
  local differences, substatus = step.differences, nil
  err = precondition.check(self, current, differences)
    or change_check.values(self, current, differences)
    or (self.method == "PATCH" and change_check.patchable(self, differences))
    or nil
  if not err then
    err, substatus = self:check_transition(current, text, differences)
  end
  if err then
    return nil, err
  elseif substatus then
    step, err = self:apply(current, with_substatus(text, substatus))
    if step then
      step.substatus = substatus
    end
  end
  return step, err
end

--- The referral as it would be, without writing anything.
function Update:would_be(step)
  local body = step.body
  if self.method == "PATCH" then
    body = select(2, step.current.document:apply(step.text, PROTOTYPE))
  end
  return representation.read(body, step.current.header_etag)
end

-- Settling -----------------------------------------------------------------------------------------------------------

--- What a function made of one version says nothing about another: the outcome of its write stays open. What is to be
--- removed stands elsewhere in another version, if anywhere.
function Update:shows(step, current)
  if self.change.is_function then
    return false
  end
  local text = self:undisturbed(self.change_text, current) -- what tells elements apart may be a function
  if not text then
    return false
  elseif step.substatus then
    text = with_substatus(text, step.substatus)
  end
  local differences = current.document:apply(text, PROTOTYPE, "differences")
  return differences ~= nil and (#differences == 0 or self:is_as_asked(text, differences))
end

function Update:untouched(step, current)
  return not self.change.is_function and Write.untouched(self, step, current)
end

-- From a cached copy --------------------------------------------------------------------------------------------------

--- A copy that a write may be made from. What a row showed is held against the referral as it is read.
local function cached(client, id, method)
  local copy = client.exchange.cache:get(id)
  if copy and copy.etag and (method == "PATCH" or not copy.for_patch) then
    return copy
  end
end

--- What is to be written, were the copy the current version; nil for whatever else comes of it, a function's raise
--- included.
function Update:guess_from(copy)
  if not self.change.is_function then
    return (self:decide(copy))
  end
  return self:undisturbed(self.decide, copy)
end

--- A cached copy may make a write: its If-Match tells whether it still is the current version. Nothing else is decided
--- on it: then the referral is read.
function Update:run()
  local copy = not (self.dry_run or self.shown) and cached(self.client, self.id, self.method) or nil
  self.first = copy
  self.guess = copy and self:guess_from(copy)
  if self.guess then
    return self:write(self.guess)
  end
  return Write.run(self)
end

--- As asked, if that is no wrong thing to ask.
---@param wrong referrals.error|nil
---@param current referrals.representation|nil what was read in this call already
function Update:begin(wrong, current)
  if wrong then
    return self:fail(wrong)
  elseif not current then
    return self:run()
  end
  self.first = current
  return self:try(current)
end

-- Preparing ----------------------------------------------------------------------------------------------------------

---@param given table|string|function
---@param opts table the verb's options
---@param text string|nil the change as it was when the update began
---@return referrals.error|nil err
function Update:prepare(given, opts, text)
  local wanted, err = text and change.of_text(text), nil
  if not wanted then
    wanted, err = change.new(given)
  end
  if not wanted then
    return err
  end
  self.change, self.pinned_from = wanted, wanted.read
  wanted.allow_unknown = self.allow_unknown
  wanted:freeze()
  err = wanted.id ~= nil and change.check_id(wanted.id, self.id)
  if err then
    return err
  end
  self.pinned_by_option = opts.if_match ~= nil
  if opts.if_match ~= nil or wanted.etag ~= nil then
    self.pin, err = change.version(opts.if_match, wanted.etag)
  end
  if not err and opts.only_if then
    err = precondition.refuse(opts.only_if) or change.check_id(opts.only_if.id, self.id)
    if not err then
      self.asked = opts.only_if
      self.only_if, err = change.condition(self.asked)
    end
  end
  return err
end

local function new(client, id, given, opts, call, text)
  local update = Write.new(Update, client, id, opts, call)
  return update, update:prepare(given, opts, text)
end

--- The whole machinery for what began straight and met something: as if it had sent the request itself.
---@param is_copy boolean was it made from a cached copy?
local function take_over(update, current, is_copy)
  update.first = current
  local step = update:decide(current)
  update.guess = is_copy and step or nil
  return step
end

--- Goes on where an update in one crossing came to something that is not plain.
---@param client referrals.client
---@param id string
---@param given table
---@param opts table the verb's options
---@param stopped referrals.straight
---@return table|string|nil value
---@return referrals.error|nil err
---@return table info
function M.go_on(client, id, given, opts, stopped)
  local exchanges, call, current = client.exchange, stopped.call, stopped.current
  local update, wrong = new(client, id, given, opts, call, stopped.text)
  if stopped.at == "sent" then
    local step = take_over(update, current, stopped.is_copy)
    if not step then
      stopped.made.answer:close()
      return nil, report.unjudged(call), call.info
    end
    return update:after(step, exchanges:send(call, update:request(step), stopped.made))
  elseif stopped.at == "read" then
    local err
    current, err = exchanges:read(call, id, opts.returns, nil, stopped.made)
    if not current then
      return update:fail(err)
    end
  end
  return update:begin(wrong, current)
end

--- The straight way step by step, for runtimes that wait in the middle of it.
local function run_straight(client, id, given, opts, call, copy)
  local exchanges, current = client.exchange, copy
  if not current then
    local err
    given = snapshot.of(given)
    current, err = exchanges:read(call, id, opts.returns)
    if not current then
      return new(client, id, given, opts, call):fail(err)
    end
  end
  local request = straight.request(call, current, given, id, opts.returns == "text" or nil)
  if not request then
    local update, wrong = new(client, id, given, opts, call)
    return update:begin(wrong, not copy and current or nil)
  end
  local response, send_err, sent = exchanges:send(call, request)
  local info = call.info
  local answer = response and straight.confirmed(request, response, info)
  if answer then
    exchanges.cache:put(id, answer)
    exchanges:finished(call)
    return answer:give(opts.returns, opts.nulls), nil, info
  end
  local update = new(client, id, given, opts, call, request.body:text())
  local step = take_over(update, current, copy ~= nil)
  if not step then
    return nil, report.unjudged(call), info
  end
  return update:after(step, response, send_err, sent)
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
  local exchanges = client.exchange
  local straightly = not shown and straight.is_possible(given, opts, client.config)
  local copy = straightly and cached(client, id, "PUT") or nil
  if straightly and (batch or exchanges.runtime.has_others) and opts.returns ~= "text" and not opts.nulls then
    local value, info, stopped = straight.as_one_of_many(exchanges, id, given, opts, batch, copy)
    if stopped then
      return M.go_on(client, id, given, opts, stopped)
    elseif info then
      return value, nil, info
    end
  end
  local call = exchanges:call(opts.timeout, batch)
  if straightly then
    return run_straight(client, id, given, opts, call, copy)
  end
  local update, wrong = new(client, id, given, opts, call)
  update.shown = shown
  return update:begin(wrong)
end

return M
