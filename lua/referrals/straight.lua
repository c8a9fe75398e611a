--- An update as it mostly goes: a table sets some members, plainly right on the version that is there; it is written
--- once, and the answer shows it all. Whatever goes otherwise is for update.lua to decide, which this hands over to.

local access_token = require "referrals.access_token"
local core = require "referrals.core"
local plain = require "referrals.plain"
local representation = require "referrals.representation"

local M = {}

local plan_of, of_document, remembered = core.document.plan, representation.of_document, representation.of
local RULES, PATHS = plain.rules, plain.paths

--- May this call go so? Nothing in it names a version, asks for a condition or says how to write.
---@param given any
---@param opts table the verb's options
---@param config referrals.config
---@return boolean
function M.is_possible(given, opts, config)
  return config.writes_plainly
    and opts.if_match == nil
    and opts.only_if == nil
    and opts.check == nil
    and opts.dry_run == nil
    and opts.method == nil
    and type(given) == "table"
    and given.id == nil
    and given.eTag == nil
    and remembered(given) == nil
end

---@class referrals.straight how far an update in one crossing came
---@field at "read"|"left"|"sent"
---@field call referrals.call
---@field current referrals.representation|nil what the change is for
---@field is_copy boolean was it made from a cached copy?
---@field made referrals.made an attempt that is to be judged
---@field text string|nil the change as it was when the update began, by core.json.write; nil: that is lost

--- What was handed over at the point where it was no straight way any more.
---@param token string that the requests went with
---@param call referrals.call begun when the update was
local function handed_over(exchanges, token, call, id, copy, at, answer, client_request_id, text, document, tag, etag,
  request_id)
  local stopped = { at = at, call = call, current = copy, is_copy = copy ~= nil, text = text }
  if document then
    exchanges.retry:succeeded()
    call.info.attempts, call.info.round_trips = 1, 1
    stopped.current = representation.of_document(document, id, tag, etag)
  end
  if at == "left" then
    call.info.client_request_id, call.info.request_id = client_request_id, request_id
    exchanges.cache:put(id, stopped.current)
    answer:close()
  else
    stopped.made = { answer = answer, client_request_id = client_request_id, token = token }
  end
  return stopped
end

--- What a confirmed update tells besides the referral.
local function info_of(requests, client_request_id, request_id, members)
  return {
    attempts = requests,
    round_trips = requests,
    client_request_id = client_request_id,
    request_id = request_id,
    changed = true,
    members = members,
    ignored = {},
  }
end

--- Each request of a confirmed update counts as one that took no retry.
local function all_succeeded(retry, requests)
  if retry.has_paid then
    for _ = 1, requests do
      retry:succeeded()
    end
  end
end

--- An update in one crossing of the core's border, where there is nothing to be asked, told or waited for besides.
---@param exchanges referrals.exchange
---@param id any
---@param given any
---@param opts any the verb's options
---@return table|nil value
---@return table|nil info nil without a value: nothing was sent
---@return referrals.straight|nil stopped how far it came, without a value
function M.at_once(exchanges, id, given, opts)
  local runtime = exchanges.runtime
  local session = exchanges.is_quiet and runtime.session
  if not session or runtime.task_count > 0 or exchanges.retry.paused_until or remembered(given) then
    return nil -- somebody is to be asked or told in the middle of it, or to be looked after meanwhile
  end
  local cache, document, if_match, requests = exchanges.cache, nil, nil, 2
  local place, hesitates = cache:place_of(id)
  if hesitates then
    return nil
  end
  local timeout = exchanges.config.timeout
  local token = access_token.at_hand(exchanges, timeout)
  if not token then
    return nil
  end
  local copy = place and place.representation
  if copy then
    document, if_match, requests = copy.document, copy.etag, 1
  end
  local at, a, b, c, d, e, f, g, h = session:update(exchanges.template, token, timeout, id, given, document, if_match,
    RULES, PATHS, opts, runtime.way, runtime.last)
  if at == "done" then
    all_succeeded(exchanges.retry, requests)
    local answer = of_document(b, id, c, d, g)
    if copy and place.representation == copy then
      cache:renew(place, answer)
    else
      cache:put(id, answer)
    end
    return h and answer:give_minimal(h) or answer:table(), info_of(requests, a, e, f)
  elseif at then
    return nil, nil, handed_over(exchanges, token, exchanges:call(nil, nil, a), id, copy, at, b, c, d, e, f, g, h)
  elseif at == false then -- taken by the verb that this one interrupts, or by one that raised in the middle
    runtime.way = core.http.way()
  end
end

--- Seconds for one update.
local function time_for(exchanges, opts, batch)
  local timeout = opts.timeout or exchanges.config.timeout
  return batch and batch.limit and math.min(timeout, batch.limit - exchanges.runtime:now()) or timeout
end

--- The same as one of many: others go on while this one waits, those of a batch or whatever else the host runs.
---@param exchanges referrals.exchange
---@param id string
---@param given table
---@param opts table the verb's options
---@param batch table|nil {limit}
---@param copy referrals.representation|nil the cached one that it is written from; nil: it is read first
---@return table|nil value
---@return table|nil info nil without a value: nothing was sent
---@return referrals.straight|nil stopped how far it came, without a value
function M.as_one_of_many(exchanges, id, given, opts, batch, copy)
  local runtime, template = exchanges.runtime, exchanges.template
  local carrier = exchanges.is_quiet and runtime:carrier()
  local timeout = time_for(exchanges, opts, batch)
  local token = carrier and access_token.at_hand(exchanges, timeout)
  if not token or exchanges.retry.paused_until or timeout <= 0 then
    return nil
  end
  local document, if_match, requests = nil, nil, 2
  if copy then
    document, if_match, requests = copy.document, copy.etag, 1
  end
  local way, spare = runtime.ways:take()
  local exchange = carrier:begin_update(template, token, timeout, id, given, document, if_match, RULES, PATHS,
    opts.returns, way, spare)
  if not exchange then
    runtime.ways:give_back(way, spare)
    return nil
  end
  local cache = exchanges.cache
  local aside = cache:set_aside(id) -- for whoever goes on beside it; whoever waits may be ended, and a write goes on
  exchange = runtime:await(carrier, exchange, timeout, way) or exchange
  local at, a, b, c, d, e, f, g, h = carrier:end_update(template, token, timeout, id, given, document, if_match, RULES,
    PATHS, nil, way, exchange)
  runtime.ways:give_back(way, at == "done" and exchange or nil)
  if at ~= "done" then
    if at == "read" then
      cache:put_back(aside)
    end
    local call = exchanges:call(opts.timeout, batch, a)
    return nil, nil, handed_over(exchanges, token, call, id, copy, at, b, c, d, e, f, g, h)
  end
  all_succeeded(exchanges.retry, requests)
  local answer = of_document(b, id, c, d, g)
  cache:put(id, answer)
  return h and answer:give_minimal(h) or answer:table(), info_of(requests, a, e, f)
end

--- The request that writes the change on this version; nil when it is not plain, or nothing.
---@param call referrals.call whose last such request is filled anew
---@param current referrals.representation
---@param given table
---@param id string
---@param text boolean|nil the answer's bytes are wanted
---@return referrals.request|nil request whose body is a plan of the core's
function M.request(call, current, given, id, text)
  local etag, document = current.etag, current.document
  local plan = etag and plan_of(document, given, RULES)
  if not plan then
    return nil
  end
  local request = call.request
  if not request then
    request = { method = "PUT", path = nil, body = nil, known = nil, if_match = nil, writes = nil, referral = true }
    call.request = request
  end
  if request.writes ~= id then
    request.path, request.writes = "/referrals/" .. id, id
  end
  request.body, request.known, request.if_match, request.text = plan, document, etag, text
  return request
end

--- The representation in an answer that is all that it should be: about this referral, with an entity tag of its own,
--- every value as asked and every member still there. What changed is told in `info`.
---@param request referrals.request
---@param response referrals.response
---@param info table
---@return referrals.representation|nil
function M.confirmed(request, response, info)
  local plan = request.body
  if response.id == request.writes and response.tag and response.etag
    and plan:confirm(response.document, request.known)
  then
    info.changed, info.members, info.ignored = true, plan:members(PATHS), {}
    return representation.of_response(response)
  end
end

return M
