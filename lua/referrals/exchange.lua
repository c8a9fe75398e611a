--- One request answered: token, headers, the reply as a response or as an error object.

local access_token = require "referrals.access_token"
local auth = require "referrals.auth"
local cache = require "referrals.cache"
local core = require "referrals.core"
local errors = require "referrals.errors"
local failure = require "referrals.failure"
local headers_of = require "referrals.headers"
local representation = require "referrals.representation"
local retry = require "referrals.retry"

local M = {}

local HUGE = math.huge

---@class referrals.call one verb at work
---@field deadline number when its time is up, by the runtime's clock
---@field timeout number seconds it had
---@field clock_stops boolean the deadline moves while the whole client is paused
---@field limit number as far as it may move
---@field paid integer|nil what the retry that its next request is has cost
---@field info table what the verb tells besides its result
---@field request referrals.request|nil the one that it last went straight with, to be filled anew
---@field date string|nil the last answer's Date header
---@field date_at number|nil when that came, by the runtime's clock

---@class referrals.request
---@field method "GET"|"PUT"|"PATCH"|"POST"
---@field path string below the endpoint, with the query
---@field body string|userdata|nil a plan of the core's becomes the bytes that it makes of `known`
---@field if_match string|nil
---@field prefer string|nil
---@field writes string|nil the id of the referral whose copy is no base any more
---@field referral boolean|nil the answer is read as a referral
---@field known userdata|nil a document that it may repeat
---@field text boolean|nil the answer's bytes are wanted as well

---@class referrals.made an attempt that was made, and is to be judged
---@field answer referrals.answer
---@field client_request_id string
---@field token string that it went with

---@class referrals.response
---@field status integer
---@field body string|nil where no referral was asked for, or none came, or its bytes are wanted
---@field document userdata|nil the referral
---@field id string|nil its id
---@field etag string|nil its If-Match value
---@field tag string|nil its eTag
---@field header_etag string|nil the ETag header, where the body has no entity tag
---@field expected string|nil what was expected, when it is no JSON object; and `offset`

---@class referrals.exchange
---@field cache referrals.cache filled by reads by id and by sound answers to writes
local Exchange = {}
Exchange.__index = Exchange

---@param config referrals.config
---@param runtime referrals.runtime
---@return referrals.exchange
function M.new(config, runtime)
  local template = core.http.template(config.endpoint, config.connect_timeout, config.max_body)
  return setmetatable({
    config = config,
    runtime = runtime,
    retry = retry.new(config, runtime, template),
    source = auth.source(config.token),
    static_token = type(config.token) == "string" and config.token or nil, -- judged when the options were
    cache = cache.new(config.cache, config.cache_bytes),
    template = template,
    -- Nothing has to be told in the middle of an update.
    is_quiet = not config.on_event and config.writes_plainly,
  }, Exchange)
end

--- What a verb tells; the names so far ahead that the table need not grow.
local function new_info()
  return {
    attempts = 0,
    round_trips = 0,
    client_request_id = nil,
    request_id = nil,
    changed = nil,
    members = nil,
    ignored = nil,
  }
end

--- Starts a verb's clock. In a batch it stands still while the whole client is paused, up to the batch's own deadline.
---@param timeout number|nil seconds
---@param batch table|nil {limit: number|nil by the runtime's clock}
---@param deadline number|nil where the clock was started before, by the runtime's clock
---@return referrals.call
function Exchange:call(timeout, batch, deadline)
  timeout = timeout or self.config.timeout
  deadline = deadline or self.runtime:now() + timeout
  local limit = batch and batch.limit or HUGE
  if limit < deadline then
    deadline = limit
  end
  local call = not batch and self.spare_call
  if call then
    self.spare_call = nil
    call.deadline, call.timeout, call.info = deadline, timeout, new_info()
    return call
  end
  return {
    deadline = deadline,
    timeout = timeout,
    clock_stops = batch ~= nil,
    limit = limit,
    paid = nil,
    request = nil,
    info = new_info(),
  }
end

--- A call that went straight to its end, and so has nothing of its own to it, serves the next verb.
---@param call referrals.call
function Exchange:finished(call)
  if not call.clock_stops then
    self.spare_call = call
  end
end

-- Sending ------------------------------------------------------------------------------------------------------------

--- The request as it would go out, without the token: for dry runs.
---@param request referrals.request
---@return table {method, url, headers: table<string, string>, body}
function Exchange:described(request)
  return {
    method = request.method,
    url = self.config.endpoint .. request.path,
    headers = headers_of.shown(request),
    body = request.body,
  }
end

function Exchange:tell(event)
  local listener = self.config.on_event
  if listener then
    local held = self.runtime:hold()
    listener(event)
    self.runtime:release(held)
  end
end

--- After a 401, which refused the token: the request with another one. What another worker shares may be refused, too.
function Exchange:send_again(call, request, refused, err, sent)
  local response
  for _ = 1, self.config.shared and 2 or 1 do
    local token, token_err = access_token.instead(self, call, refused)
    if not token then
      return nil, token_err or err, not token_err and sent
    end
    response, err, sent, refused = self:attempt(call, request, token)
    if not refused then
      break
    end
  end
  return response, err, sent
end

--- Gets a request answered, by as many attempts as the retry policy allows.
---@param call referrals.call
---@param request referrals.request
---@param made referrals.made|nil its first attempt, when that was made already
---@return referrals.response|nil response of a status below 300
---@return referrals.error|nil err
---@return boolean|nil sent may the last attempt have reached the service?
function Exchange:send(call, request, made)
  local tries, cost, renewed = 0, call.paid, false
  call.paid = nil
  if request.writes then
    self.cache:drop(request.writes)
  end
  while true do
    local beyond = not made and self.retry.paused_until and self.retry:wait_for_pause(call)
    if beyond then
      return nil, failure.paused(self.config, call, request, beyond), false
    end
    local response, err, sent, refused = self:attempt(call, request, nil, made)
    made = nil
    if refused and not renewed then
      renewed = true
      response, err, sent = self:send_again(call, request, refused, err, sent)
    end
    if response then
      self.retry:succeeded(cost)
      return response
    elseif not retry.may_repeat(request, err, sent) then
      return nil, err, sent
    end
    cost = self.retry:wait(call, err, tries)
    if not cost then
      return nil, err, sent
    end
    tries = tries + 1
  end
end

local NO_CONTENT = 204

--- An answer below 300.
local function accept(answer, status, request)
  if not request.referral or status == NO_CONTENT then
    return { status = status, body = answer:body() }
  end
  local document, id, etag, header_etag, tag = answer:referral(request.known, request.body)
  if not document then
    return { status = status, body = answer:body(), expected = id, offset = etag }
  end
  local response = { status = status, document = document, id = id, etag = etag, tag = tag }
  if header_etag then
    response.header_etag = header_etag
  end
  if request.text then
    response.body = answer:body()
  end
  return response
end

function Exchange:tell_attempt(call, request, started, event)
  event.type = "attempt"
  event.method = request.method
  event.url = errors.safe_url(self.config.endpoint .. request.path)
  event.seconds = self.runtime:now() - started
  event.attempt = call.info.attempts
  event.client_request_id, event.request_id = call.info.client_request_id, call.info.request_id
  self:tell(event)
end

--- The last seconds of a call are for looking at what became of a write, where that can be looked for.
local function time_for(request, remaining)
  if request.method == "GET" or request.whole_time then
    return remaining
  end
  return core.http.time_for_write(remaining)
end

--- One attempt. Gives the response, or an error object, whether the request may have reached the service, and the token
--- when that is what it refused.
function Exchange:attempt(call, request, token, made)
  local runtime, info, started = self.runtime, call.info, nil
  local answer, client_request_id, outcome, sent, status, request_id, message
  if made then
    token, answer, client_request_id = made.token, made.answer, made.client_request_id
    outcome, sent, status, request_id, message = answer:head()
  else
    if not token then
      local token_err
      token, token_err = access_token.of(self, call)
      if not token then
        return nil, token_err, false
      end
    end
    started = runtime:now()
    local remaining = call.deadline - started
    if remaining <= 0 then
      return nil, failure.out_of_time(self.config, call, request), false
    end
    answer, client_request_id, outcome, sent, status, request_id, message =
      runtime:ask(request, self.template, token, time_for(request, remaining))
  end
  info.attempts = info.attempts + 1
  info.client_request_id, info.request_id = client_request_id, request_id
  if call.keeps_date then
    call.date, call.date_at = answer:header("date"), runtime:now()
  end
  local response, err
  if outcome ~= "ok" then
    err = failure.unanswered(self.config, call, request, answer, outcome, message, status, token)
  else
    info.round_trips = info.round_trips + 1
    if status >= 200 and status < 300 then
      response = accept(answer, status, request)
    else
      err = failure.refusal(self.config, call, request, answer, status, token)
    end
  end
  answer:close()
  if err and not sent and request.method ~= "GET" then
    err.applied = false
  end
  if self.config.on_event then
    local event = { status = status, outcome = outcome, sent = sent, error = err }
    self:tell_attempt(call, request, started, event)
  end
  return response, err, sent, status == 401 and token or nil
end

local CONFLICT_BASE = 0.05 -- seconds: about what a read and a write take
local CONFLICT_CAP = 2

--- Waits before the referral is read again: as long as the service asked for, else a random while, longer each round,
--- so that writers who met do not meet again.
---@param call referrals.call
---@param round integer from 1
---@param err referrals.error why
---@return referrals.error|nil err `timeout` at once when the wait would last beyond the deadline; `busy`
function Exchange:pause(call, round, err)
  local seconds = err.retry_after or core.backoff.delay(round - 1, CONFLICT_BASE, CONFLICT_CAP)
  if self.runtime:now() + seconds >= call.deadline then
    return failure.out_of_time(self.config, call, nil, err.retry_after)
  end
  if self.runtime:sleep(seconds) == false then
    return failure.no_way_to_wait(self.config, call)
  end
end

--- Takes a retry's price for a write whose answer got lost; it comes back when the next request succeeds.
---@param call referrals.call
---@param err referrals.error
---@return boolean
function Exchange:may_send_again(call, err)
  call.paid = self.retry:pay(err)
  return call.paid ~= nil
end

--- A referral's path below the endpoint.
---@param id string
---@return string
function M.path(id)
  return "/referrals/" .. id
end

--- The representation in a response, which must be about this referral.
---@param response referrals.response
---@param id string
---@return referrals.representation|nil
---@return referrals.error|nil err `protocol`
function M.representation(response, id)
  local read, err = representation.of_response(response)
  if not read then
    err.http_status = response.status
    return nil, err
  elseif read.id ~= id and read.id:lower() ~= id:lower() then
    local message = ("the answer is about another referral: %s instead of %s"):format(errors.visible(read.id), id)
    return nil, errors.new("protocol", { member = "id", message = message, http_status = response.status })
  end
  return read
end

--- Reads a referral by its id.
---@param call referrals.call
---@param id string
---@param returns referrals.returns|nil
---@param known userdata|nil a document that the answer may repeat
---@param made referrals.made|nil
---@return referrals.representation|nil
---@return referrals.error|nil err
function Exchange:read(call, id, returns, known, made)
  local request = { method = "GET", path = M.path(id), referral = true, known = known, text = returns == "text" }
  local response, err = self:send(call, request, made)
  if not response then
    if err.kind == "not_found" then
      self.cache:drop(id)
    end
    return nil, err
  end
  local read, unusable = M.representation(response, id)
  if not read then
    return nil, failure.describe(self.config, call, request, unusable)
  end
  self.cache:put(id, read)
  return read
end

return M
