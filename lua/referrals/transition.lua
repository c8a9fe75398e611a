--- Status and substatus of a text on its own: may they become what it asks?

local core = require "referrals.core"
local errors = require "referrals.errors"

local function text_in(current, name)
  local value = current and current[name]
  return type(value) == "string" and value or nil
end

--- Without the current referral only: do the two go together?
---@param text string JSON
---@param current table|nil the referral as it is
---@return referrals.error|nil err `transition`
return function(text, current)
  local status, substatus = core.json.string_at(text, "/status"), core.json.string_at(text, "/substatus")
  if not current and not (status and substatus) then
    return nil
  end
  local allowed, message, details =
    core.transition.check(text_in(current, "status"), text_in(current, "substatus"), status, substatus)
  if not allowed then
    details.message = message
    return errors.new("transition", details)
  end
end
