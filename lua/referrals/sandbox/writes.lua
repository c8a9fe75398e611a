--- What PUT, PATCH and POST share: the body they accept, the preconditions, the members they pass over.
local etag = require "referrals.sandbox.etag"
local json = require "referrals.sandbox.json"
local pointer = require "referrals.sandbox.pointer"
local responses = require "referrals.sandbox.responses"
local rules = require "referrals.sandbox.rules"
local values = require "referrals.sandbox.values"

local M = {}

--- The body when it is JSON of the kind wanted, else the response that refuses it.
---@param request SandboxRequest
---@param kind "object"|"array"
---@param media_type string that it is sent as ...
---@param other string? ... or else this
---@return string? body
---@return SandboxResponse? refusal
function M.body(request, kind, media_type, other)
  local sent_as = (request.headers["content-type"] or ""):match("^%s*([^;%s]*)"):lower()
  if sent_as ~= media_type and sent_as ~= other then
    return nil, responses.error(415, "invalidRequest", "The content type must be application/json.", "Content-Type")
  end
  local ok, why, offset = json.check(request.body)
  if not ok then
    local message = string.format("The request body is not JSON: %s at byte %d.", why, offset)
    return nil, responses.error(400, "invalidRequest", message)
  elseif json.kind(request.body) ~= kind then
    return nil, responses.error(400, "invalidRequest", "The request body must be an " .. kind .. ".")
  end
  return request.body
end

--- An annotation, which is about an answer and no part of a referral, at any depth.
---@param text string
---@return SandboxProblem?
function M.annotation(text)
  local kind = json.kind(text)
  if kind == "object" then
    for name, value in pairs(values.by_name(text)) do
      local problem = name:find("@odata.", 1, true) and { target = name, message = "Property " .. name
        .. " must not be sent." } or M.annotation(value)
      if problem then
        return problem
      end
    end
  elseif kind == "array" then
    for _, item in ipairs(values.items(text)) do
      local problem = M.annotation(item)
      if problem then
        return problem
      end
    end
  end
end

--- What a PUT must not hold.
---@param body string
---@return SandboxProblem?
function M.never_sent(body)
  if values.member(body, "links") then
    return { target = "links", message = "Property links must not be sent." }
  end
  return M.annotation(body)
end

--- The response that refuses a version, or nil when If-Match names the current one.
---@param document SandboxDocument
---@param if_match string?
---@return SandboxResponse?
function M.precondition(document, if_match)
  if if_match and not etag.matches(if_match, document.tag) then
    return responses.precondition_failed()
  end
end

local function state(members)
  return { status = values.scalar(members.status), substatus = values.scalar(members.substatus) }
end

--- May the referral move from one version to the other?
---@param service SandboxService
---@param before table<string, string>  values by name
---@param after table<string, string>
---@return SandboxProblem?
function M.transition(service, before, after)
  if service.switches.transitions then
    return rules.transition(state(before), state(after))
  end
end

--- Does the substatus of a new referral stand under its status?
---@param service SandboxService
---@param members table<string, string>
---@return SandboxProblem?
function M.initial_state(service, members)
  if service.switches.transitions then
    local new = state(members)
    return rules.substatus(new.status, new.substatus)
  end
end

--- The new text with the current values of the members the service silently ignores.
---@param service SandboxService
---@param new string
---@param current string?
---@return string
function M.pass_over(service, new, current)
  for _, name in ipairs(service.switches.ignore) do
    local value = current and values.member(current, name)
    if value then
      new = pointer.add(new, { name }, value)
    else
      new = pointer.without(new, name)
    end
  end
  return new
end

return M
