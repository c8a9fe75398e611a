--- One write of a referral under the version it is for: send it, look again when it was not confirmed, settle what
--- became of it. What is written, and how to see that it is there, the verbs on top say (update.lua, patch.lua).

local core = require "referrals.core"
local errors = require "referrals.errors"
local exchange = require "referrals.exchange"
local failure = require "referrals.failure"
local precondition = require "referrals.precondition"
local report = require "referrals.report"

local equal = core.json.equal

---@class referrals.write one call of a verb
---@field client referrals.client
---@field call referrals.call
---@field id string
---@field path string below the endpoint
---@field returns referrals.returns|nil
---@field nulls boolean|nil
---@field check boolean false leaves status and substatus to the service
---@field allow_unknown boolean
---@field dry_run boolean
---@field method "PUT"|"PATCH"
---@field unconditional boolean|nil no entity tag goes with the write
---@field conflict_retries integer
---@field first referrals.representation|nil what this call read first
---@field rounds integer how often the referral was read again
---@field refused referrals.representation|nil a 412 came to this version although nobody else wrote
---@field guess referrals.step|nil a write made from a cached copy
---@field pending table|nil {step, cause}: a write whose outcome is not known
---@field reopened table|nil such a one that was taken for not applied, since its members stood as before: so may others
--- make them
---@field seen referrals.representation|nil what was read after the last write
---@field decide fun(self, current): referrals.step|nil, referrals.error|nil, any what is to be written on a version
---@field would_be fun(self, step): string the referral's text after the step
local Write = {}
Write.__index = Write

---@class referrals.step what is to be written
---@field current referrals.representation the version it is for
---@field differences table[]
---@field body string

--- A verb's option, else the client's.
local function pick(option, default)
  if option == nil then
    return default
  end
  return option
end

Write.pick = pick

--- Starts a call of a verb: the options that all writes have, and the client's where the verb has none.
---@param class table made on top of this one
---@param client referrals.client
---@param id string
---@param opts table the verb's options
---@param call referrals.call
function Write.new(class, client, id, opts, call)
  local config = client.config
  return setmetatable({
    client = client,
    call = call,
    id = id,
    path = exchange.path(id),
    rounds = 0,
    returns = opts.returns,
    nulls = opts.nulls,
    check = pick(opts.check, config.check),
    allow_unknown = pick(opts.allow_unknown, config.allow_unknown),
    dry_run = pick(opts.dry_run, config.dry_run),
    method = opts.method or config.method,
    conflict_retries = opts.conflict_retries or config.conflict_retries,
  }, class)
end

--- How values are judged in this call.
---@return referrals.validation.options
function Write:judging()
  return {
    allow_unknown = self.allow_unknown,
    status_check = self.check,
    on_warning = function(warning)
      local event = { type = "warning", id = self.id, member = warning.member, message = warning.message }
      self.client.exchange:tell(event)
    end,
  }
end

-- Results ------------------------------------------------------------------------------------------------------------

function Write:give(current)
  return current:give(self.returns, self.nulls), nil, self.call.info
end

function Write:unchanged(current, skipped)
  local info = self.call.info
  info.changed, info.members, info.skipped = false, {}, skipped
  return self:give(current)
end

--- The members that an answer does not show as asked.
function Write.ignored(_, step, answer)
  return report.ignored(step.differences, answer)
end

function Write:written(step, answer)
  local info = self.call.info
  info.changed = true
  info.members = report.members(step.differences)
  info.ignored = self:ignored(step, answer)
  return self:give(answer)
end

--- Are objects or arrays among what a step sets, or among what it sets to something else?
local function sets_containers(step)
  for _, difference in ipairs(step.differences) do
    if difference.to:find("^[{%[]") or (difference.from or ""):find("^[{%[]") then
      return true
    end
  end
end

--- Does an answer still have every member that was sent? Where single values were set those are the current ones, and
--- the values are looked at elsewhere; a patch sends no more than it sets.
function Write:is_sound(step, answer)
  if self.method == "PATCH" or not sets_containers(step) then
    return answer.document:covers(step.current.document)
  end
  local sent = core.document.read(step.body)
  return sent ~= nil and answer.document:covers(sent)
end

--- Keeps an answer as the base of the next write. One to a patch, whose whole text nobody here sent, only of patches.
function Write:keep(step, answer)
  local seen = step.current.document -- not where operations go out under a version that was only named
  local sound = seen and self:is_sound(step, answer)
  answer.partial = seen and not sound and self.method == "PUT" or nil -- what a patch made of an array nobody sent whole
  if sound and answer.etag and #self.call.info.ignored == 0 then
    answer.for_patch = self.method == "PATCH"
    self.client.exchange.cache:put(self.id, answer)
  end
end

--- A success whose answer had no body: the referral is read. Written it is, whatever becomes of the read.
function Write:written_unseen(step)
  local read = self.client.exchange:read(self.call, self.id, self.returns)
  local stale = read and read.etag == step.current.etag and #self:ignored(step, read) > 0
  if read and not stale then
    return self:written(step, read)
  end
  local info = self.call.info
  info.changed, info.representation = true, false
  info.members = report.members(step.differences)
  return self.returns == "text" and ('{"id":"%s"}'):format(self.id) or { id = self.id }, nil, info
end

function Write:dry(step)
  local info = self.call.info
  local would_be, err = self:would_be(step)
  if not would_be then
    return self:fail(err)
  end
  info.changed, info.dry_run = false, true
  info.members = report.members(step.differences)
  info.request = self.client.exchange:described(self:request(step))
  return self:give(would_be)
end

local SAYS_NOTHING = { network = true, timeout = true, server = true, protocol = true }

--- Ends the call. While a write's outcome is open, that is what the caller must know.
---@param err referrals.error|nil
---@param current referrals.representation|nil what was read last
function Write:fail(err, current)
  local open = self.pending or (err and SAYS_NOTHING[err.kind] and self.reopened)
  if open then
    err = report.unsettled(open, self.call, current or self.seen)
  elseif err.applied == nil or err.applied == false then
    err.applied = self.reopened and "unknown" or false
  end
  return nil, err, self.call.info
end

-- Read, decide, write, settle ----------------------------------------------------------------------------------------

function Write:run()
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
function Write:try(current)
  local step, err, skipped = self:decide(current)
  if err then
    return self:fail(err)
  elseif not step then
    return self:unchanged(current, skipped)
  elseif not current.etag and not self.unconditional then
    return self:fail(no_tag())
  elseif self.dry_run then
    return self:dry(step)
  end
  return self:write(step)
end

---@return referrals.request
function Write:request(step)
  return {
    method = self.method,
    path = self.path,
    body = step.body,
    if_match = not self.unconditional and step.current.etag or nil,
    prefer = self.method == "PATCH" and "return=representation" or nil,
    referral = true,
    writes = self.id,
    known = step.current.document,
    text = self.returns == "text" or nil,
    whole_time = self.unconditional,
  }
end

local NO_CONTENT = 204

--- Sends a step once.
function Write:write(step)
  self.seen = nil
  return self:after(step, self.client.exchange:send(self.call, self:request(step)))
end

--- What came of a step that was sent.
---@param step referrals.step
---@param response referrals.response|nil
---@param err referrals.error|nil
---@param sent boolean|nil
function Write:after(step, response, err, sent)
  if response and response.status == NO_CONTENT then
    return self:written_unseen(step)
  elseif response then
    local answer, unusable = exchange.representation(response, self.id)
    if answer then
      local value, _, info = self:written(step, answer)
      self:keep(step, answer)
      return value, nil, info
    end
    err = failure.describe(self.client.config, self.call, self:request(step), unusable)
  end
  if response or failure.is_unknown(err, sent) then
    self.pending = self.pending or { step = step, cause = err }
  elseif err.http_status ~= 412 then
    return self:fail(err)
  end
  return self:look_again(step, err)
end

--- A write from a cached copy met a newer version: what this call reads first is what counts.
function Write:without_guess()
  local guess = self.guess
  self.guess = nil
  self.client.exchange.cache:was_stale(self.id)
  local current, err = self.client.exchange:read(self.call, self.id, self.returns)
  if not current then
    return self:fail(err)
  end
  self.first = current
  self.refused = current.etag == guess.current.etag and current or nil
  return self:try(current)
end

--- After a write that was not confirmed: what does the service show now?
function Write:look_again(step, err)
  if self.guess and not self.pending then
    return self:without_guess()
  end
  self.rounds = self.rounds + 1
  local last = self.rounds > self:most_rounds()
  if last and self.pending then
    return self:fail(err)
  end
  local exchanges = self.client.exchange
  local late = not last and exchanges:pause(self.call, self.rounds, err)
  if late then
    return self:fail(late)
  end
  local current, read_err = exchanges:read(self.call, self.id, self.returns)
  if not current then
    return self:fail(read_err)
  end
  self.seen = current
  if self.guess then
    self.first, self.guess = current, nil
  end
  if current.etag == step.current.etag then
    return self:same_version(step, err)
  elseif self.pending then
    return self:settle(current)
  elseif last then
    return self:give_up(step, current, err)
  end
  return self:try(current)
end

--- A lost answer is looked into even by who wants no retries.
function Write:most_rounds()
  if self.pending then
    return math.max(self.conflict_retries, self.client.config.retries, 1)
  end
  return self.conflict_retries
end

--- Others were faster as often as this call may try.
function Write:give_up(step, current, err)
  if self:shows(step, current) then
    return self:unchanged(current)
  end
  local why = self.rounds == 1 and "another writer changed the referral"
    or ("another writer was faster %d times in a row"):format(self.rounds)
  local conflict = precondition.outrun(step, current, why)
  conflict.http_status, conflict.code, conflict.inner = err.http_status, err.code, err.inner
  conflict.request_id, conflict.attempts = err.request_id, self.call.info.attempts
  return self:fail(conflict)
end

--- Nobody wrote, we did not either: the same bytes under the same If-Match, of which at most one can apply.
function Write:same_version(step, err)
  if not self.pending then
    if self.refused == step.current then
      return self:fail(report.nobody_wrote(err, step.current.etag, self.call))
    end
    self.refused = step.current -- this version only: a stale read may look the same, and again on a later one
  elseif not self.client.exchange:may_send_again(self.call, err) then
    return self:fail(err)
  end
  return self:write(step)
end

--- Does a version show everything that the step was to write?
function Write:shows(step, current)
  return #self:ignored(step, current) == 0
end

--- Do all members that the step was to write still have the values they had in its version?
function Write.untouched(_, step, current)
  for _, difference in ipairs(step.differences) do
    local now = current.document:get(difference.pointer)
    if not equal(difference.from or "null", now or "null") then
      return false
    end
  end
  return true
end

--- A new version after a write without an answer: ours, or somebody else's?
function Write:settle(current)
  local step = self.pending.step
  if self:shows(step, current) then
    self.pending = nil
    self.call.info.resolved = "verified"
    local value, _, info = self:written(step, current)
    info.ignored = {} -- others may have added to an array meanwhile
    return value, nil, info
  elseif self:untouched(step, current) then
    self.pending, self.reopened = nil, self.pending
    return self:try(current)
  end
  return self:fail(nil, current)
end

return Write
