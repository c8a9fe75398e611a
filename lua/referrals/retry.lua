--- Which requests are made again, when, and how many: one policy for all verbs of a client, so that an outage is not
--- multiplied by them.

local core = require "referrals.core"

local M = {}

local backoff = core.backoff

local LONGEST_PAUSE = 3600 -- seconds: then the service is asked again, should one answer have named years

---@class referrals.retry
---@field budget userdata the client's retry budget
---@field has_paid boolean the budget is not full
---@field paused_until number|nil by the runtime's clock: a 429 holds up the whole client
local Retry = {}
Retry.__index = Retry

---@param config referrals.config
---@param runtime referrals.runtime
---@param template userdata the client's, which the core looks at where one request follows another by itself
---@return referrals.retry
function M.new(config, runtime, template)
  return setmetatable({
    retries = config.retries,
    runtime = runtime,
    template = template,
    budget = backoff.budget(),
    has_paid = false,
  }, Retry)
end

local TRANSPORT = { network = true, timeout = true }

--- May this request be made again as it is? What was never sent may, whatever it was; so may what was throttled. Of
--- what was sent only a read: a write that got no usable answer is for its verb to settle.
---@param request referrals.request
---@param err referrals.error
---@param sent boolean
---@return boolean
function M.may_repeat(request, err, sent)
  if err.http_status == 429 then
    return true
  elseif not sent and TRANSPORT[err.kind] then
    return err.retryable
  elseif err.stage == "token" then
    return err.retryable
  elseif request.method ~= "GET" or not sent then
    return false
  elseif err.kind == "server" then
    return err.retryable
  end
  return err.kind == "network" or err.http_status == 408
end

local function too_long(err, seconds)
  err.retry_after = seconds
  err.message = ("%s; the wait of %g s before the next try does not fit into this call's time"):format(
    err.message,
    math.ceil(seconds * 10) / 10
  )
  return err
end

--- Waits as long as the whole client is paused.
---@param call referrals.call
---@return number|nil seconds of a pause that lasts beyond the call's deadline, or that there is no way to wait for
function Retry:wait_for_pause(call)
  local runtime = self.runtime
  while self.paused_until do
    local seconds = self.paused_until - runtime:now()
    if seconds <= 0 then
      self.paused_until = nil
      return nil
    elseif call.clock_stops then
      call.deadline = math.min(call.deadline + seconds, call.limit)
    end
    if self.paused_until >= call.deadline then
      return seconds
    end
    if runtime:sleep(seconds) == false then
      return seconds
    end
  end
end

--- Takes what a retry costs.
---@param err referrals.error why it is due
---@return integer|nil cost for succeeded(); nil: the budget is spent
function Retry:pay(err)
  local cost = self.budget:take(err.kind == "timeout" and "timeout" or "retry")
  self.has_paid = self.has_paid or cost ~= nil
  return cost
end

--- Takes what a retry costs and waits until it is time for it.
---@param call referrals.call
---@param err referrals.error why it is due
---@param tries integer how often it was tried again before, from 0
---@return integer|nil cost for succeeded(); nil: no retry
---@return referrals.error|nil err the same error, which says why there is none
function Retry:wait(call, err, tries)
  local seconds = err.retry_after or backoff.delay(tries)
  local due = self.runtime:now() + seconds
  local pauses = err.http_status == 429
  if pauses then -- the others too, even when this verb gives up
    local until_when = math.min(due, self.runtime:now() + LONGEST_PAUSE)
    self.paused_until = math.max(self.paused_until or until_when, until_when)
    core.http.pause(self.template, self.paused_until)
  end
  if tries >= self.retries then
    return nil, err
  elseif due >= (pauses and call.clock_stops and call.limit or call.deadline) then
    return nil, (err.retry_after and err.kind ~= "timeout") and too_long(err, seconds) or err
  end
  local cost = self:pay(err)
  if not cost then
    err.message = err.message .. "; this client's retry budget is spent"
    return nil, err
  elseif not pauses and self.runtime:sleep(seconds) == false then
    err.message = err.message .. "; there was no way to wait for the next try"
    return nil, err
  end
  return cost
end

--- A request succeeded: what its last retry cost comes back, or a little of what others lost.
---@param cost integer|nil nil: it took no retry
function Retry:succeeded(cost)
  if self.has_paid then
    self.has_paid = not self.budget:refund(cost)
  end
end

return M
