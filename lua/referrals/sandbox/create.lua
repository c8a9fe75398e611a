--- POST: a new referral from the members posted, with what the service adds.
local json = require "referrals.sandbox.json"
local kinds = require "referrals.sandbox.kinds"
local pointer = require "referrals.sandbox.pointer"
local responses = require "referrals.sandbox.responses"
local rules = require "referrals.sandbox.rules"
local values = require "referrals.sandbox.values"
local writes = require "referrals.sandbox.writes"

local M = {}

local REQUIRED = { "type", "customerProfile", "consent", "details" }
local ADDRESS = "https://api.partner.microsoft.com/v1.0/engagments/referrals" -- misspelt as the service prints it

local function missing(members)
  for _, name in ipairs(REQUIRED) do
    if (members[name] or "null") == "null" then
      return { target = name, message = "Property " .. name .. " is required." }
    end
  end
end

--- A shared one names a solution, or Microsoft as the second one of the two does.
local function without_target(members)
  local target = members.target or "null"
  if values.scalar(members.type) == "Shared" and (json.kind(target) ~= "array" or #json.elements(target) == 0) then
    return { target = "target", message = "A referral of the type Shared needs a target." }
  end
end

local function links(id, engagement_id)
  local function link(uri)
    return '{"uri":' .. values.quote(uri) .. ',"method":"GET"}'
  end
  return '{"relatedReferrals":' .. link(ADDRESS .. "?$filter=engagementId eq '" .. engagement_id .. "'")
    .. ',"self":' .. link(ADDRESS .. "/" .. id) .. "}"
end

local function set(text, name, value)
  return pointer.add(text, { name }, values.quote(value))
end

local function set_default(text, name, value)
  if values.scalar(values.member(text, name)) == nil then
    return set(text, name, value)
  end
  return text
end

local function without_own(text)
  for _, name in ipairs { "links", "eTag", "createdDateTime", "updatedDateTime" } do
    text = pointer.without(text, name)
  end
  for _, name in ipairs(rules.READ_ONLY) do
    text = pointer.without(text, name)
  end
  return text
end

-- Users report that deals they post as New/Pending come back as Active/Accepted.
local function with_state(service, text)
  if service.switches.created == "accepted" then
    return set(set(text, "status", "Active"), "substatus", "Accepted")
  end
  return set_default(set_default(text, "status", "New"), "substatus", "Pending")
end

local function completed(service, text, id)
  local now = service.clock:stamp()
  text = set_default(text, "engagementId", service.random:guid())
  text = set(set(set(text, "id", id), "createdDateTime", now), "updatedDateTime", now)
  text = set(text, "eTag", service.documents:mint_tag())
  return pointer.add(text, { "links" }, links(id, values.scalar(values.member(text, "engagementId"))))
end

---@param service SandboxService
---@param request SandboxRequest
---@return SandboxResponse
function M.answer(service, request)
  local body, refusal = writes.body(request, "object", "application/json")
  if not body then
    return refusal
  end
  local text = with_state(service, writes.pass_over(service, without_own(body)))
  local members = values.by_name(text)
  local problem = writes.annotation(body) or missing(members) or kinds.problem(kinds.REFERRAL, text)
    or without_target(members) or writes.initial_state(service, members)
  if problem then
    return responses.invalid(problem)
  end
  local id = service.random:guid()
  local document = service.documents:keep(completed(service, text, id))
  local response = service:referral(document, 201)
  response.headers.Location = service:base_url(request) .. "/v1.0/engagements/referrals/" .. id
  return response
end

return M
