--- What the service lets a writer do: the status table, the read-only members, the paths of a PATCH.
local values = require "referrals.sandbox.values"

local M = {}

local function set(list)
  local result = {}
  for _, item in ipairs(list) do
    result[item] = true
  end
  return result
end

local NEXT = {
  New = set { "New", "Active", "Closed" },
  Active = set { "Active", "Closed" },
  Closed = set { "Closed" },
}

local SUBSTATUSES = {
  New = set { "Pending", "Received" },
  Active = set { "Accepted" },
  Closed = set { "Won", "Lost", "Declined", "Expired" },
}

--- Members only the service sets. `links`, `eTag`, `createdDateTime` and `updatedDateTime` have rules of their own.
M.READ_ONLY = {
  "id", "organizationId", "organizationName", "acceptedDateTime", "closedDateTime", "direction",
  "registrations", "registrationStatus", "quality", "isSpam", "tags",
}

local function registration_paths()
  local paths = {}
  for _, name in ipairs { "startDateTime", "endDateTime", "signDateTime", "term", "value" } do
    paths[#paths + 1] = "/registrations/0/contract/" .. name
  end
  for _, name in ipairs {
    "value", "currency", "isDeployedOnAzure", "primaryDeploymentOn", "pricingModel",
    "marketplaceTransactionDetails/isMarketplaceTransacted",
    "marketplaceTransactionDetails/marketplaceTransactionDateTime",
  } do
    paths[#paths + 1] = "/registrations/0/solutionDetails/0/" .. name
  end
  return paths
end

--- The paths a PATCH may name.
M.PATCHABLE = set {
  "/campaignId", "/consent/consentToShareReferralWithMicrosoftSellers", "/customerProfile/team",
  "/customerProfile/team/-", "/details/closingDateTime", "/details/currency", "/details/dealValue", "/details/notes",
  "/details/requirements/solutions", "/details/requirements/solutions/-", "/externalReferenceId", "/referralProgram",
  "/registrations/-", "/salesStage", "/status", "/substatus", "/statusReason", "/team", "/team/-",
}
for _, path in ipairs(registration_paths()) do
  M.PATCHABLE[path] = true
end

---@class SandboxProblem  why a request is refused
---@field message string
---@field target string?

--- Does this substatus stand under this status?
---@param status any
---@param substatus any
---@return SandboxProblem?
function M.substatus(status, substatus)
  local allowed = SUBSTATUSES[status]
  if not allowed then
    return { target = "status", message = "Status " .. tostring(status) .. " is not valid." }
  elseif not allowed[substatus] then
    return { target = "substatus", message = "Substatus " .. tostring(substatus) .. " is not valid for status "
      .. status .. "." }
  end
end

--- May the referral move so? Judged only when one of the two values changes; an unknown current status may become any.
---@param before {status: any, substatus: any}
---@param after {status: any, substatus: any}
---@return SandboxProblem?
function M.transition(before, after)
  if before.status == after.status and before.substatus == after.substatus then
    return nil
  end
  local reachable = NEXT[before.status]
  if SUBSTATUSES[after.status] and reachable and not reachable[after.status] then
    return { target = "status", message = "Status cannot change from " .. before.status .. " to " .. after.status
      .. "." }
  end
  return M.substatus(after.status, after.substatus)
end

--- Does the new document set a read-only member to another value? Leaving one out changes nothing.
---@param current table<string, string>  values by name
---@param new table<string, string>
---@return SandboxProblem?
function M.read_only(current, new)
  for _, name in ipairs(M.READ_ONLY) do
    local before, after = current[name] or "null", new[name]
    local same = not after or values.same(before, after)
    if name == "id" and not same then
      same = string.lower(before) == string.lower(after)
    end
    if not same then
      return { target = name, message = "Property " .. name .. " is read-only." }
    end
  end
end

return M
