--- PUT: the body becomes the referral. What the body leaves out is gone, except for what only the service sets.
local kinds = require "referrals.sandbox.kinds"
local pointer = require "referrals.sandbox.pointer"
local responses = require "referrals.sandbox.responses"
local rules = require "referrals.sandbox.rules"
local values = require "referrals.sandbox.values"
local writes = require "referrals.sandbox.writes"

local M = {}

local function keep_own(body, sent, current)
  local own = { "links", "eTag", "updatedDateTime" }
  for _, name in ipairs(rules.READ_ONLY) do
    own[#own + 1] = name
  end
  for _, name in ipairs(own) do
    if current[name] and not sent[name] then
      body = pointer.add(body, { name }, current[name])
    end
  end
  if current.createdDateTime then -- whatever was sent
    body = pointer.add(body, { "createdDateTime" }, current.createdDateTime)
  end
  return body
end

---@param service SandboxService
---@param request SandboxRequest
---@param document SandboxDocument
---@return SandboxResponse
function M.answer(service, request, document)
  local body, refusal = writes.body(request, "object", "application/json")
  refusal = refusal or writes.precondition(document, request.headers["if-match"])
  if refusal then
    return refusal
  end
  local current, sent = values.by_name(document.text), values.by_name(body)
  local problem = writes.never_sent(body) or rules.read_only(current, sent)
    or kinds.problem(kinds.REFERRAL, body, document.text) or writes.transition(service, current, sent)
  if problem then
    return responses.invalid(problem)
  end
  service.documents:write(document, writes.pass_over(service, keep_own(body, sent, current), document.text))
  return service:referral(document, 200)
end

return M
