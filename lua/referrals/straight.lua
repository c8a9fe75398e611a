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
