--- Judging a change without any request.

local caller = require "referrals.caller"
local change = require "referrals.change"
local config = require "referrals.config"
local errors = require "referrals.errors"
local representation = require "referrals.representation"
local transition = require "referrals.transition"
local validation = require "referrals.validation"

local OPTIONS = { allow_unknown = "boolean", check = "boolean", new = "boolean", current = "table" }

--- Judges a change, or a new referral, by the same rules as the verbs, without any request.
---@param given table|string a change as `update` takes it, but no function; or JSON text
---@param opts? table allow_unknown; check = false (status and substatus are not judged); new = true (a referral for
--- `create`); current (a referral as read: what equals it is not judged, and the status must be reachable from its own)
---@return true|nil fine
---@return referrals.error|nil err `validation` or `transition`
return function(given, opts)
  caller.expect(1, "validate", given, "table or string")
  local options = config.verb(opts, OPTIONS, caller.level)
  local text, err = change.alone(given, options.allow_unknown or options.current ~= nil)
  if not text then
    return nil, err
  end
  local judged = {
    allow_unknown = options.allow_unknown,
    status_check = options.check,
    current = options.current,
    text = text,
  }
  local value = representation.decode(text, true)
  local problem
  if options.new then
    problem = validation.check_new(value, judged)
  else
    problem = validation.check("", value, judged)
  end
  if problem then
    return nil, errors.new("validation", problem)
  elseif options.check ~= false then
    err = transition(text, options.current)
  end
  if err then
    return nil, err
  end
  return true
end
