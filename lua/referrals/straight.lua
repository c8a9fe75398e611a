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
---@param given any
---@param opts table the verb's options
---@param config referrals.config
---@return boolean
function M.is_possible(given, opts, config)
  return type(given) == "table"
    and given.id == nil
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

---@class referrals.straight a write under way
---@field plan userdata the core's
---@field request referrals.request

--- What is to be written on this version; nil when it is not plain, or nothing.
---@param current referrals.representation
---@param given table
---@param path string the referral's
---@param text boolean|nil the answer's bytes are wanted
---@return referrals.straight|nil
function M.plan(current, given, path, text)
  local plan = current.etag and plan_of(current.document, given, PROTOTYPE, VALUES)
  return plan and {
    plan = plan,
    request = {
      method = "PUT",
      path = path,
      body = plan,
      known = current.document,
      if_match = current.etag,
      referral = true,
      text = text,
    },
  }
end

--- The representation in the answer, when it is all that it should be: about this referral, with an entity tag of its
--- own, every value as asked and every member still there.
---@param straight referrals.straight
---@param response referrals.response|nil
---@param id string
---@param info table of the call
---@return referrals.representation|nil
function M.confirmed(straight, response, id, info)
  local plan = straight.plan
  if response and response.id == id and response.etag and not response.header_etag
    and plan:confirm(response.document, straight.request.known)
  then
    info.changed, info.members, info.ignored = true, plan:members(PATHS), {}
    return representation.of_response(response)
  end
end

return M
