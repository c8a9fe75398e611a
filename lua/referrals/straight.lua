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
  return given.id == nil
    and given.eTag == nil
    and opts.if_match == nil
    and opts.only_if == nil
    and opts.check == nil
    and opts.dry_run == nil
    and opts.method == nil
    and config.method == "PUT"
    and config.check
    and not config.dry_run
    and representation.of(given) == nil
end

--- The request that writes the change on this version; nil when it is not plain, or nothing.
---@param current referrals.representation
---@param given table
---@param path string the referral's
---@param text boolean|nil the answer's bytes are wanted
---@return referrals.request|nil request whose body is a plan of the core's
function M.request(current, given, path, text)
  local etag, document = current.etag, current.document
  local plan = etag and plan_of(document, given, PROTOTYPE, VALUES)
  return plan and {
    method = "PUT",
    path = path,
    body = plan,
    known = document,
    if_match = etag,
    referral = true,
    text = text,
  }
end

--- Is the answer all that it should be: about this referral, with an entity tag of its own, every value as asked and
--- every member still there?
---@param request referrals.request
---@param response referrals.response
---@param id string
---@return boolean
function M.is_confirmed(request, response, id)
  return response.id == id and response.etag and not response.header_etag
    and request.body:confirm(response.document, request.known)
end

--- The members that a plan sets.
---@param request referrals.request
---@return referrals.changed_member[]
function M.members(request)
  return request.body:members(PATHS)
end

return M
