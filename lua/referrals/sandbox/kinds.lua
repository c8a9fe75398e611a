--- What kind of value stands in each member of a referral. Null may stand anywhere, other names hold anything; which
--- values an enumeration has is not judged here, for those grow.
local json = require "referrals.sandbox.json"
local values = require "referrals.sandbox.values"

local M = {}

local TEXT, NUMBER, FLAG = "string", "number", "boolean"

local function object(members)
  return { kind = "object", members = members }
end

local function array(items)
  return { kind = "array", items = items }
end

local TEAM = array(object {
  firstName = TEXT, lastName = TEXT, phoneNumber = TEXT, email = TEXT,
  contactPreference = object { locale = TEXT, disableNotifications = FLAG },
})
local NAMED = array(object { id = TEXT, name = TEXT, type = TEXT })

local SOLUTION = object {
  id = TEXT, value = NUMBER, currency = TEXT, isDeployedOnAzure = FLAG, primaryDeploymentOn = TEXT,
  pricingModel = TEXT,
  marketplaceTransactionDetails = object { isMarketplaceTransacted = FLAG, marketplaceTransactionDateTime = TEXT },
}

--- A deal registration.
M.REGISTRATION = object {
  type = TEXT,
  contract = object {
    value = NUMBER, currency = TEXT, term = TEXT, startDateTime = TEXT, endDateTime = TEXT, signDateTime = TEXT,
  },
  solutionDetails = array(SOLUTION),
}

--- A referral.
M.REFERRAL = object {
  name = TEXT, externalReferenceId = TEXT, statusReason = TEXT, campaignId = TEXT, referralProgram = TEXT,
  salesStage = TEXT, qualification = TEXT, type = TEXT, status = TEXT, substatus = TEXT, engagementId = TEXT,
  target = array(object { type = TEXT, id = TEXT }),
  customerProfile = object {
    name = TEXT, size = TEXT, team = TEAM, ids = array(object { profileType = TEXT, id = TEXT }),
    address = object {
      addressLine1 = TEXT, addressLine2 = TEXT, city = TEXT, state = TEXT, postalCode = TEXT, country = TEXT,
      region = TEXT,
    },
  },
  team = TEAM,
  consent = object {
    consentToToShareInfoWithOthers = FLAG, consentToContact = FLAG,
    consentToShareReferralWithMicrosoftSellers = FLAG,
  },
  details = object {
    notes = TEXT, dealValue = NUMBER, currency = TEXT, closingDateTime = TEXT, customerRequestedContact = FLAG,
    requirements = object { industries = NAMED, products = NAMED, services = NAMED, solutions = NAMED },
  },
  inviteContext = object {
    notes = TEXT, assistanceRequestCode = TEXT,
    invitedBy = object { organizationId = TEXT, organizationName = TEXT },
  },
  registrations = array(M.REGISTRATION),
}

local check

local function check_members(members, text, current, path)
  local before = current and json.kind(current) == "object" and values.by_name(current) or {}
  for name, value in pairs(values.by_name(text)) do
    local problem = members[name] and check(members[name], value, before[name], path .. "/" .. name)
    if problem then
      return problem
    end
  end
end

local function stands_in(items, item)
  for _, other in ipairs(items) do
    if values.same(item, other) then
      return true
    end
  end
  return false
end

local function check_items(kind, text, current, path)
  local before = current and json.kind(current) == "array" and values.items(current) or {}
  for index, item in ipairs(values.items(text)) do
    local problem = not stands_in(before, item) and check(kind, item, before[index], path .. "/" .. index - 1)
    if problem then
      return problem
    end
  end
end

function check(kind, text, current, path)
  local expected = type(kind) == "table" and kind.kind or kind
  local found = json.kind(text)
  if found == "null" or current and values.same(text, current) then
    return nil
  elseif found ~= expected then
    return { target = path:sub(2), message = ("Expected a value of the type %s, not %s."):format(expected, found) }
  elseif expected == "object" then
    return check_members(kind.members, text, current, path)
  elseif expected == "array" then
    return check_items(kind.items, text, current, path)
  end
end

--- What is wrong with the kinds of what differs from the current text, or nil.
---@param kind table
---@param text string
---@param current string?
---@return SandboxProblem?
function M.problem(kind, text, current)
  return check(kind, text, current, "")
end

return M
