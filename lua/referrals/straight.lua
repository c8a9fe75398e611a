--- An update as it mostly goes: a table sets some members, plainly right on the version that is there; it is written once,
--- and the answer shows it all. Whatever goes otherwise is for update.lua to decide, which this module hands over to.

local core = require "referrals.core"
local change = require "referrals.change"
local plain = require "referrals.plain"
local representation = require "referrals.representation"

local M = {}

local plan_of = core.document.plan
local PROTOTYPE, VALUES, PATHS = change.PROTOTYPE, plain.values, plain.paths

--- May this call go so? Nothing in it names a version, asks for a condition or says how to write.
---@param given table
---@param opts table the verb's options
---@param config referrals.config
---@return boolean
function M.is_possible(given, opts, config)
  return config.writes_plainly
    and (next(opts) == nil or M.only_reads(opts))
    and given.id == nil
    and given.eTag == nil
    and representation.of(given) == nil
end

local READING = { returns = true, nulls = true, timeout = true }

--- Do the options only say what the result is to look like?
function M.only_reads(opts)
  for name in next, opts do
    if not READING[name] then
      return false
    end
  end
  return true
end

---@class referrals.straight how far an update in one crossing came
---@field at "read"|"left"|"sent"
---@field call referrals.call
---@field current referrals.representation|nil what the change is for
---@field made referrals.made an attempt that is to be judged
---@field plan userdata|nil

--- What was handed over at the point where it was no straight way any more.
local function handed_over(exchanges, id, opts, copy, at, deadline, answer, client_request_id, ...)
  local call = exchanges:call(opts.timeout, nil, deadline)
  local stopped = { at = at, call = call, current = copy }
  local document, tag, etag, request_id = ...
  if at == "sent" then
    stopped.plan, document, tag, etag = ...
  end
  if document then
    call.info.attempts, call.info.round_trips = 1, 1
    stopped.current = representation.of_document(document, id, tag, etag)
  end
  if at == "left" then
    call.info.client_request_id, call.info.request_id = client_request_id, request_id
    exchanges.cache:put(id, stopped.current)
    answer:close()
  else
    stopped.made = { answer = answer, client_request_id = client_request_id }
  end
  return nil, stopped
end

local function finished(exchanges, id, opts, copy, at, ...)
  if not at then
    return nil
  elseif at ~= "done" then
    return handed_over(exchanges, id, opts, copy, at, ...)
  end
  local client_request_id, document, tag, etag, request_id, members, minimal = ...
  local requests = copy and 1 or 2
  local answer = representation.of_document(document, id, tag, etag)
  exchanges.cache:put(id, answer)
  return minimal and answer:give_minimal(minimal) or answer:table(opts.nulls), {
    attempts = requests,
    round_trips = requests,
    client_request_id = client_request_id,
    request_id = request_id,
    changed = true,
    members = members,
    ignored = {},
  }
end

--- An update in one crossing of the core's border.
---@param exchanges referrals.exchange
---@param id string
---@param given table
---@param opts table the verb's options
---@param copy referrals.representation|nil the cached one that it is written from; nil: it is read first
---@return table|nil value
---@return table|referrals.straight|nil info or how far it came without a value; nil: nothing was sent
function M.at_once(exchanges, id, given, opts, copy)
  local document, etag
  if copy then
    document, etag = copy.document, copy.etag
  end
  local minimal = opts.returns == "minimal"
  return finished(exchanges, id, opts, copy,
    exchanges:update(opts.timeout, id, given, document, etag, PROTOTYPE, VALUES, PATHS, minimal, exchanges.runtime.last))
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
  local plan = etag and plan_of(document, given, PROTOTYPE, VALUES)
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
