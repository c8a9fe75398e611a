--- PATCH: a JSON Patch of add and replace, applied whole or not at all.
local json = require "referrals.sandbox.json"
local kinds = require "referrals.sandbox.kinds"
local pointer = require "referrals.sandbox.pointer"
local registration = require "referrals.sandbox.registration"
local responses = require "referrals.sandbox.responses"
local rules = require "referrals.sandbox.rules"
local values = require "referrals.sandbox.values"
local writes = require "referrals.sandbox.writes"

local M = {}

local CHANGES = { add = pointer.add, replace = pointer.replace }

local function refuse(message, target)
  return nil, { message = message, target = target }
end

---@return table? operation
---@return SandboxProblem?
local function read_operation(service, text)
  if json.kind(text) ~= "object" then
    return refuse("A patch operation must be an object.")
  end
  local members = values.by_name(text)
  local operation = { op = values.scalar(members.op), path = values.scalar(members.path), value = members.value }
  if not CHANGES[operation.op] then
    return refuse("The patch operation must be add or replace.", "op")
  elseif type(operation.path) ~= "string" then
    return refuse("A patch operation needs a path.", "path")
  elseif not operation.value then
    return refuse("A patch operation needs a value.", operation.path)
  end
  operation.tokens = pointer.tokens(operation.path)
  if not operation.tokens or #operation.tokens == 0 then
    return refuse("The path is not valid.", operation.path)
  elseif not rules.PATCHABLE[operation.path] and not service.switches.patch_any_path then
    return refuse("The path cannot be patched.", operation.path)
  end
  return operation
end

-- The service takes the value of a deal as a string too, and keeps a number.
local function deal_value(value)
  local number = json.kind(value) == "string" and values.unquote(value) or value
  if not json.check(number) or json.kind(number) ~= "number" then
    return nil
  end
  return number
end

local function is_ignored(service, operation)
  for _, name in ipairs(service.switches.ignore) do
    if operation.tokens[1] == name then
      return true
    end
  end
end

---@return string? text
---@return SandboxProblem?
local function apply(service, text, operation)
  if is_ignored(service, operation) then
    return text
  elseif operation.path == "/registrations/-" then
    if operation.op ~= "add" then
      return refuse("The operation cannot be applied: nothing is there to be replaced.", operation.path)
    end
    local problem = registration.check(operation.value)
    if problem then
      return nil, problem
    end
    return registration.append(text, operation.value, service.random:guid(), service.clock:stamp())
  end
  local value = operation.value
  if operation.path == "/details/dealValue" then
    value = deal_value(value)
    if not value then
      return refuse("The value must be a number.", operation.path)
    end
  end
  local new, why = CHANGES[operation.op](text, operation.tokens, value)
  if not new then
    return refuse("The operation cannot be applied: " .. why .. ".", operation.path)
  end
  return new
end

local function apply_all(service, text, operations)
  for _, item in ipairs(values.items(operations)) do
    local operation, problem = read_operation(service, item)
    if operation then
      text, problem = apply(service, text, operation)
    end
    if problem then
      return nil, problem
    end
  end
  return text
end

local function wants_representation(request)
  return (request.headers.prefer or ""):lower():find("return=representation", 1, true) ~= nil
end

---@param service SandboxService
---@param request SandboxRequest
---@param document SandboxDocument
---@return SandboxResponse
function M.answer(service, request, document)
  local body, refusal = writes.body(request, "array", "application/json", "application/json-patch+json")
  refusal = refusal or writes.precondition(document, request.headers["if-match"])
  if refusal then
    return refusal
  end
  local text, problem = apply_all(service, document.text, body)
  problem = problem or kinds.problem(kinds.REFERRAL, text, document.text)
    or writes.transition(service, values.by_name(document.text), values.by_name(text))
  if problem then
    return responses.invalid(problem)
  end
  service.documents:write(document, text)
  if wants_representation(request) then
    return service:referral(document, 200)
  end
  local response = responses.empty(204)
  service:tag(response, document)
  return response
end

return M
