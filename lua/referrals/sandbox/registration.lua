--- A deal registration: what one needs, and what the service adds to it.
local json = require "referrals.sandbox.json"
local kinds = require "referrals.sandbox.kinds"
local pointer = require "referrals.sandbox.pointer"
local values = require "referrals.sandbox.values"

local M = {}

local CONTRACT = { "value", "currency", "term" }
local TERMS = { Perpetual = true, Finite = true }
local DEPLOYMENTS = { Customer = true, Partner = true }
local PRICES = { PayAsYouGo = true, Other = true }

local function refuse(target, message)
  return { target = "registrations/" .. target, message = message }
end

--- Why the service refuses this registration, or nil.
---@param value string
---@return SandboxProblem?
function M.check(value)
  if json.kind(value) ~= "object" then
    return refuse("-", "A registration must be an object.")
  elseif values.scalar(values.member(value, "type")) ~= "AzureIPCoSell" then
    return refuse("type", "The registration type must be AzureIPCoSell.")
  end
  local contract = values.member(value, "contract")
  if not contract or json.kind(contract) ~= "object" then
    return refuse("contract", "A registration needs a contract.")
  end
  local known = values.by_name(contract)
  for _, name in ipairs(CONTRACT) do
    if (known[name] or "null") == "null" then
      return refuse("contract/" .. name, "A contract needs " .. name .. ".")
    end
  end
  if not TERMS[values.scalar(known.term)] then
    return refuse("contract/term", "The term must be Perpetual or Finite.")
  end
  local solutions = values.member(value, "solutionDetails")
  if not solutions or json.kind(solutions) ~= "array" or #json.elements(solutions) == 0 then
    return refuse("solutionDetails", "A registration needs solutionDetails.")
  end
  local problem = kinds.problem(kinds.REGISTRATION, value)
  if problem then
    return refuse(problem.target, problem.message)
  end
  for _, solution in ipairs(values.items(solutions)) do
    local members = values.by_name(solution)
    local deployed, price = values.scalar(members.primaryDeploymentOn), values.scalar(members.pricingModel)
    if deployed and not DEPLOYMENTS[deployed] then
      return refuse("solutionDetails/primaryDeploymentOn", "It is Customer or Partner.")
    elseif price and not PRICES[price] then
      return refuse("solutionDetails/pricingModel", "It is PayAsYouGo or Other.")
    end
  end
end

--- The referral with the registration appended as the service keeps it.
---@param text string
---@param value string
---@param id string
---@param now string
---@return string
function M.append(text, value, id, now)
  value = pointer.add(value, { "id" }, values.quote(id))
  value = pointer.add(value, { "registrationDateTime" }, values.quote(now))
  value = pointer.add(value, { "status" }, '"ReviewPending"')
  local list = values.member(text, "registrations")
  if not list or json.kind(list) ~= "array" then
    text = pointer.add(text, { "registrations" }, "[]")
  end
  text = pointer.add(text, { "registrations", "-" }, value)
  return pointer.add(text, { "registrationStatus" }, '"ReviewPending"')
end

return M
