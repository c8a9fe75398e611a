--- What an update tells besides the referral: which members changed, which ones the service ignored, and the errors
--- that say what is known about a write.

local core = require "referrals.core"
local errors = require "referrals.errors"
local plain = require "referrals.plain"
local representation = require "referrals.representation"

local M = {}

local equal = core.json.equal

local function value_of(text)
  return text and representation.decode(text)
end

---@class referrals.changed_member
---@field member string dotted path
---@field from any nil when it was not there
---@field to any

---@param differences table[] as the core's apply gives them
---@return referrals.changed_member[]
function M.members(differences)
  local members = {}
  for index, difference in ipairs(differences) do
    members[index] = {
      member = plain.path(difference.pointer), -- which may have no name
      from = value_of(difference.from),
      to = value_of(difference.to),
    }
  end
  return members
end

--- The members that the answer does not show as asked.
---@param differences table[]
---@param answer referrals.representation
---@return string[]
function M.ignored(differences, answer)
  local ignored = {}
  if answer.document:shows(differences) then
    return ignored
  end
  for _, difference in ipairs(differences) do
    if not equal(answer.document:get(difference.pointer) or "null", difference.to) then
      ignored[#ignored + 1] = plain.path(difference.pointer)
    end
  end
  return ignored
end

--- A write that may have been applied, and it could not be told.
---@param cause referrals.error why its outcome is not known
---@param call referrals.call
---@param fields table intended; message, current where there are any
---@return referrals.error
function M.open(cause, call, fields)
  fields.message = fields.message or "the write may have been applied, and it could not be told"
  fields.cause, fields.applied = cause, "unknown"
  fields.method, fields.url, fields.http_status = cause.method, cause.url, cause.http_status
  fields.attempts, fields.retry_after = call.info.attempts, cause.retry_after
  fields.client_request_id, fields.request_id = cause.client_request_id, cause.request_id
  return errors.new("unsettled", fields)
end

--- The same for a step whose outcome is pending.
---@param pending table {step, cause}
---@param call referrals.call
---@param current referrals.representation|nil what was read last
---@return referrals.error
function M.unsettled(pending, call, current)
  return M.open(pending.cause, call, {
    intended = M.members(pending.step.differences),
    current = current and current:table(),
  })
end

--- A write is out, and what it was cannot be made again: then nothing can tell what became of it.
---@param call referrals.call
---@return referrals.error
function M.unjudged(call)
  return M.open(errors.new("network", { message = "there was not enough memory to judge the answer" }), call, {})
end

--- The service refuses the current entity tag.
---@param err referrals.error the 412
---@param tag string the If-Match value
---@param call referrals.call
---@return referrals.error
function M.nobody_wrote(err, tag, call)
  local weak = tag:find("^W/") and ("; it is a weak one (%s), which If-Match never matches: a proxy that compresses "
    .. "makes it so in the ETag header"):format(tag) or ""
  return errors.new("rejected", {
    message = "the service refuses the current entity tag although nobody else wrote: "
      .. "reading the referral again gave the very tag that was sent" .. weak,
    http_status = err.http_status,
    code = err.code,
    inner = err.inner,
    request_id = err.request_id,
    client_request_id = err.client_request_id,
    attempts = call.info.attempts,
  })
end

return M
