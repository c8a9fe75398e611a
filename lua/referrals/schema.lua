--- The members of a referral: kinds, enumerations, who sets them, which ones JSON Patch may touch. The one place that
--- knows them; validation.lua judges values by it, the C core learns each member's kind from `prototype`.
--- Source: the reference, "The referral", "Patchable paths", "Deal registration".

local member_path = require "referrals.member_path"

local M = {}

local INDEX_DIGITS = 9 -- more is no index of anything that fits into a referral

---@class referrals.schema.node
---@field type "string"|"number"|"boolean"|"date-time"|"enum"|"object"|"array"|"any"
---@field members table<string, referrals.schema.node>|nil of an object
---@field items referrals.schema.node|nil of an array
---@field key string|nil the member that tells an array's items apart
---@field values string[]|nil of an enumeration, in the reference's order
---@field closed boolean|nil an enumeration that does not grow without a new transition table
---@field pattern string|nil a Lua pattern for the whole string
---@field expected string|nil what a string with a pattern is, for people
---@field read_only boolean|nil the service sets it
---@field required boolean|nil never null, and a new referral has it
---@field envelope boolean|nil about the representation: in answers, never a member to write

local STRING = { type = "string" }
local NUMBER = { type = "number" }
local BOOLEAN = { type = "boolean" }
local DATE_TIME = { type = "date-time" }
local ANY = { type = "any" } -- occurs, but its shape is not published
local COUNTRY = { type = "string", pattern = "^%a%a$", expected = "a country code of two letters" }
local CURRENCY = { type = "string", pattern = "^%a%a%a$", expected = "a currency code of three letters" }

local function with(node, marks)
  local marked = {}
  for name, value in pairs(node) do
    marked[name] = value
  end
  for name, value in pairs(marks) do
    marked[name] = value
  end
  return marked
end

local function by_service(node)
  return with(node, { read_only = true })
end

local function required(node)
  return with(node, { required = true })
end

local function enum(...)
  return { type = "enum", values = { ... } }
end

local function object(members)
  return { type = "object", members = members }
end

local function array(items, key)
  return { type = "array", items = items, key = key }
end

-- None is in both enumerations and Error was seen under Closed: known, so that they survive, but no row of the
-- transition table leads there.
local STATUS = with(enum("New", "Active", "Closed", "None"), { closed = true, required = true })
local SUBSTATUS = with(
  enum("Pending", "Received", "Accepted", "Won", "Lost", "Declined", "Expired", "None", "Error"),
  { closed = true, required = true }
)

local SIZE = enum(
  "1to9employees",
  "10to50employees",
  "51to250employees",
  "251to1000employees",
  "1001to5000employees",
  "5001to10000employees",
  "10001to20000employees",
  "Morethan20000employees",
  "1to50employees",
  "51to500employees",
  "Morethan500employees"
)

local TEAM = array(
  object({
    firstName = STRING,
    lastName = STRING,
    phoneNumber = STRING,
    email = STRING,
    contactPreference = object({ locale = STRING, disableNotifications = BOOLEAN }),
  }),
  "email"
)

local function ids()
  return array(object({ id = STRING }), "id")
end

local CUSTOMER_PROFILE = object({
  name = STRING,
  address = object({
    addressLine1 = STRING,
    addressLine2 = STRING,
    city = STRING,
    state = STRING,
    postalCode = STRING,
    country = COUNTRY,
    region = STRING,
  }),
  size = SIZE,
  team = TEAM,
  ids = array(object({ profileType = enum("Duns", "External"), id = STRING }), "id"),
})

local DETAILS = object({
  notes = STRING,
  dealValue = NUMBER,
  currency = CURRENCY,
  closingDateTime = DATE_TIME,
  customerAction = STRING,
  customerRequestedContact = BOOLEAN,
  requirements = object({
    industries = ids(),
    products = ids(),
    services = ids(),
    solutions = array(object({ id = STRING, name = STRING, type = enum("None", "Category", "Name") }), "id"),
    offers = array(ANY),
    additionalRequirements = ANY,
  }),
})

local INVITE_CONTEXT = object({
  notes = STRING,
  assistanceRequestCode = enum(
    "Unknown",
    "GeneralOrOther",
    "CustomerTechnicalArchitecture",
    "ProofOfConceptOrDemo",
    "QuotesOrLicensing",
    "PostSalesCustomerSuccess",
    "WorkloadSpecificValueProposition"
  ),
  invitedBy = object({ organizationId = STRING, organizationName = STRING }),
})

--- A deal registration, as posted and as found in `registrations`.
---@type referrals.schema.node
M.registration = object({
  id = by_service(STRING),
  type = required(enum("AzureIPCoSell")),
  registrationDateTime = by_service(DATE_TIME),
  status = by_service(STRING),
  statusReason = by_service(STRING),
  statusHistory = by_service(object({
    reviewPendingDateTime = DATE_TIME,
    actionRequiredDateTime = DATE_TIME,
    passedDateTime = DATE_TIME,
    failedDateTime = DATE_TIME,
    approvedDateTime = DATE_TIME,
  })),
  contract = required(object({
    value = NUMBER,
    currency = CURRENCY,
    startDateTime = DATE_TIME,
    endDateTime = DATE_TIME,
    signDateTime = DATE_TIME,
    term = enum("Perpetual", "Finite"),
  })),
  solutionDetails = required(array(
    object({
      id = STRING,
      name = STRING,
      value = NUMBER,
      currency = CURRENCY,
      isDeployedOnAzure = BOOLEAN,
      primaryDeploymentOn = enum("Customer", "Partner"),
      pricingModel = enum("PayAsYouGo", "Other"),
      marketplaceTransactionDetails = object({
        isMarketplaceTransacted = BOOLEAN,
        marketplaceTransactionDateTime = DATE_TIME,
      }),
    }),
    "id"
  )),
})

local LINK = object({ uri = STRING, method = STRING })

--- The referral itself.
---@type referrals.schema.node
M.root = object({
  id = by_service(STRING),
  engagementId = STRING,
  organizationId = by_service(STRING),
  organizationName = by_service(STRING),
  name = STRING,
  externalReferenceId = STRING,
  statusReason = STRING,
  campaignId = STRING,
  referralProgram = STRING,
  createdDateTime = DATE_TIME,
  updatedDateTime = DATE_TIME,
  expirationDateTime = DATE_TIME,
  acceptedDateTime = by_service(DATE_TIME),
  closedDateTime = by_service(DATE_TIME),
  status = STATUS,
  substatus = SUBSTATUS,
  qualification = enum("None", "Direct", "MarketingQualified", "SalesQualified"),
  type = required(enum("Independent", "Shared")),
  salesStage = STRING, -- a stage's name in the connector, a percentage such as "100" on the wire: not judged
  direction = by_service(enum("Incoming", "Outgoing")),
  target = array(object({ type = enum("None", "BusinessProfileLocation", "SolutionProfile"), id = STRING }), "id"),
  customerProfile = required(CUSTOMER_PROFILE),
  team = TEAM,
  consent = required(object({
    consentToToShareInfoWithOthers = BOOLEAN, -- the service's own spelling
    consentToContact = BOOLEAN,
    consentToShareReferralWithMicrosoftSellers = BOOLEAN,
  })),
  details = required(DETAILS),
  inviteContext = INVITE_CONTEXT,
  registrations = by_service(array(M.registration, "id")),
  registrationStatus = by_service(
    enum("None", "ReviewPending", "ActionRequired", "Approved", "Passed", "Failed", "Closed")
  ),
  trackingInfo = object({ microsoftMsxId = STRING }),
  favorite = BOOLEAN,
  isSpam = by_service(BOOLEAN),
  quality = by_service(STRING),
  tags = by_service(array(STRING)),
  callToAction = STRING,
  referralSource = STRING,
  mpnId = STRING,
  lastModifiedVia = STRING,
  lastRunId = STRING,
  eTag = with(STRING, { envelope = true }),
  links = with(object({ relatedReferrals = LINK, self = LINK }), { envelope = true }),
})

--- What a new referral must have.
---@type string[]
M.required_for_create = { "type", "customerProfile", "consent", "details" }

--- The JSON Pointers that a JSON Patch may name, "/registrations/-" (a new deal registration) included.
---@type string[]
M.patchable_pointers = {
  "/campaignId",
  "/consent/consentToShareReferralWithMicrosoftSellers",
  "/customerProfile/team",
  "/customerProfile/team/-",
  "/details/closingDateTime",
  "/details/currency",
  "/details/dealValue",
  "/details/notes",
  "/details/requirements/solutions",
  "/details/requirements/solutions/-",
  "/externalReferenceId",
  "/referralProgram",
  "/salesStage",
  "/status",
  "/substatus",
  "/statusReason",
  "/team",
  "/team/-",
  "/registrations/-",
  "/registrations/0/contract/startDateTime",
  "/registrations/0/contract/endDateTime",
  "/registrations/0/contract/signDateTime",
  "/registrations/0/contract/term",
  "/registrations/0/contract/value",
  "/registrations/0/solutionDetails/0/value",
  "/registrations/0/solutionDetails/0/currency",
  "/registrations/0/solutionDetails/0/isDeployedOnAzure",
  "/registrations/0/solutionDetails/0/primaryDeploymentOn",
  "/registrations/0/solutionDetails/0/pricingModel",
  "/registrations/0/solutionDetails/0/marketplaceTransactionDetails/isMarketplaceTransacted",
  "/registrations/0/solutionDetails/0/marketplaceTransactionDetails/marketplaceTransactionDateTime",
}

local PATCHABLE = {}
for _, pointer in ipairs(M.patchable_pointers) do
  PATCHABLE[pointer] = true
end

--- May a JSON Patch operation name this path?
---@param pointer string a JSON Pointer such as "/details/notes"
---@return boolean
function M.patchable(pointer)
  return PATCHABLE[pointer] == true
end

--- Paths such as "team[1].email": see member_path.lua.
M.steps, M.pointer, M.path, M.join = member_path.steps, member_path.pointer, member_path.path, member_path.join

--- The node one step below another one; below a member of unpublished shape everything is of unpublished shape.
---@param node referrals.schema.node
---@param step string a member's name, or an item's index from 0 or "-"
---@return referrals.schema.node|nil
function M.below(node, step)
  if node.type == "object" then
    return node.members[step]
  elseif node.type == "array" then
    local index = step == "-" or (step:find("^%d+$") and #step <= INDEX_DIGITS)
    return index and node.items or nil
  end
  return node.type == "any" and node or nil
end

--- What the schema knows about a member.
---@param path string dotted, see `steps`; "" is the referral
---@return referrals.schema.node|nil node nil for a member that is not known
function M.node(path)
  local node = M.root
  for _, step in ipairs(M.steps(path)) do
    node = M.below(node, step)
    if not node then
      return nil
    end
  end
  return node
end

--- Is it a member that the service sets with every write or for good, and so no sign of whose write this was?
---@param pointer string
---@return boolean
function M.is_set_by_service(pointer)
  local node = M.node(M.path(pointer) or "")
  return pointer == "/updatedDateTime" or (node ~= nil and node.read_only == true)
end

--- Does all that differs come from the service?
---@param differences table[] as the core's apply gives them
---@return boolean
function M.are_set_by_service(differences)
  for _, difference in ipairs(differences) do
    if not M.is_set_by_service(difference.pointer) then
      return false
    end
  end
  return true
end

local SAMPLE = { string = '""', enum = '""', ["date-time"] = '""', number = "0", boolean = "false" }

--- The names of an object's members, sorted.
---@param node referrals.schema.node of type "object"
---@return string[]
function M.names(node)
  local sorted = {}
  for name in pairs(node.members) do
    sorted[#sorted + 1] = name
  end
  table.sort(sorted)
  return sorted
end

local function sample(node)
  if node.type == "object" then
    local parts = {}
    for _, name in ipairs(M.names(node)) do
      local text = sample(node.members[name])
      if text then -- a member of unpublished shape has no kind to show
        parts[#parts + 1] = ('"%s":%s'):format(name, text)
      end
    end
    return "{" .. table.concat(parts, ",") .. "}"
  elseif node.type == "array" then
    return "[" .. (sample(node.items) or "") .. "]"
  end
  return SAMPLE[node.type]
end

--- A referral as JSON text whose values only show each member's kind: "" for text, 0, false, arrays with one item.
---@type string
M.prototype = sample(M.root)

return M
