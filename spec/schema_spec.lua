local cjson = require "cjson"
local schema = require "referrals.schema"

describe("schema.node", function()
  it("finds members by dotted path, items included", function()
    assert.equal("number", schema.node("details.dealValue").type)
    assert.equal("array", schema.node("customerProfile.team").type)
    assert.equal("string", schema.node("team[1].email").type)
    assert.equal("string", schema.node("team.0.email").type)
    assert.equal("object", schema.node("team.-").type)
    assert.equal("boolean", schema.node("team.0.contactPreference.disableNotifications").type)
    assert.equal("date-time", schema.node("registrations.0.contract.signDateTime").type)
    assert.equal("any", schema.node("details.requirements.offers.0.whatever").type)
    assert.equal(schema.root, schema.node(""))
  end)

  it("knows nothing of other paths", function()
    for _, path in ipairs({
      "detials", "details.dealvalue", "team.email", "team.x.email", "status.more", "team[0].email",
      "team.9999999999.email", "team[99999999999999999999].email",
    }) do
      assert.is_nil(schema.node(path), path)
    end
  end)

  it("has the enumerations of the reference", function()
    assert.same({ "New", "Active", "Closed", "None" }, schema.node("status").values)
    assert.same(
      { "Pending", "Received", "Accepted", "Won", "Lost", "Declined", "Expired", "None", "Error" },
      schema.node("substatus").values
    )
    assert.same({ "None", "Direct", "MarketingQualified", "SalesQualified" }, schema.node("qualification").values)
    assert.same({ "Independent", "Shared" }, schema.node("type").values)
    assert.same({ "Incoming", "Outgoing" }, schema.node("direction").values)
    assert.same({ "None", "BusinessProfileLocation", "SolutionProfile" }, schema.node("target.0.type").values)
    assert.same({ "Duns", "External" }, schema.node("customerProfile.ids.0.profileType").values)
    assert.same({ "None", "Category", "Name" }, schema.node("details.requirements.solutions.0.type").values)
    assert.same({ "Perpetual", "Finite" }, schema.node("registrations.0.contract.term").values)
    assert.equal(11, #schema.node("customerProfile.size").values)
    assert.equal(7, #schema.node("inviteContext.assistanceRequestCode").values)
    assert.equal(7, #schema.node("registrationStatus").values)
    assert.is_true(schema.node("status").closed and schema.node("substatus").closed)
    assert.is_nil(schema.node("qualification").closed)
  end)

  it("says which members the service sets", function()
    local read_only = {}
    for name, node in pairs(schema.root.members) do
      if node.read_only then
        read_only[#read_only + 1] = name
      end
    end
    table.sort(read_only)
    assert.same({
      "acceptedDateTime", "closedDateTime", "direction", "id", "isSpam", "organizationId", "organizationName",
      "quality", "registrationStatus", "registrations", "tags",
    }, read_only)
    assert.is_true(schema.node("eTag").envelope and schema.node("links").envelope)
  end)

  it("says what tells the items of an array apart", function()
    local keys = {
      team = "email", ["customerProfile.team"] = "email", target = "id", ["customerProfile.ids"] = "id",
      registrations = "id", ["registrations.0.solutionDetails"] = "id",
    }
    for _, name in ipairs({ "solutions", "industries", "products", "services" }) do
      keys["details.requirements." .. name] = "id"
    end
    for path, key in pairs(keys) do
      assert.equal(key, schema.node(path).key, path)
    end
  end)
end)

describe("schema paths", function()
  it("lead to a known member for every patchable pointer", function()
    assert.equal(31, #schema.patchable_pointers)
    for _, pointer in ipairs(schema.patchable_pointers) do
      assert.truthy(schema.node(schema.path(pointer)), pointer)
      assert.equal(pointer, schema.pointer(schema.path(pointer)))
    end
  end)
end)

describe("schema.patchable", function()
  it("is the reference's list and nothing else", function()
    assert.is_true(schema.patchable("/details/notes"))
    assert.is_true(schema.patchable("/team/-"))
    assert.is_true(schema.patchable("/registrations/0/contract/term"))
    assert.is_true(schema.patchable("/registrations/-"))
    for _, pointer in ipairs({ "/name", "/team/0", "/registrations/1/contract/term", "details/notes", "", "/links" }) do
      assert.is_false(schema.patchable(pointer), pointer)
    end
  end)
end)

describe("schema.prototype", function()
  local prototype = cjson.decode(schema.prototype)

  it("shows each member's kind", function()
    assert.equal("", prototype.status)
    assert.equal("", prototype.createdDateTime)
    assert.equal(0, prototype.details.dealValue)
    assert.equal(0, prototype.registrations[1].solutionDetails[1].value)
    assert.is_false(prototype.consent.consentToContact)
    assert.equal("", prototype.team[1].contactPreference.locale)
    assert.equal("", prototype.tags[1])
    assert.is_nil(prototype.details.requirements.additionalRequirements)
    assert.truthy(schema.prototype:find('"offers":[]', 1, true))
    assert.truthy(schema.prototype:find('"ids":[{"id":"","profileType":""}]', 1, true))
  end)

  it("has every member of the reference's example", function()
    local example = cjson.decode([[{"id":"x","engagementId":"x","organizationId":"x","organizationName":"x",
      "createdDateTime":"x","updatedDateTime":"x","expirationDateTime":"x","status":"x","substatus":"x",
      "statusReason":"x","qualification":"x","type":"x","eTag":"x","inviteContext":{"notes":"x",
      "invitedBy":{"organizationId":"x"}},"links":{"self":{"uri":"x","method":"x"},
      "relatedReferrals":{"uri":"x","method":"x"}},"consent":{"consentToToShareInfoWithOthers":true,
      "consentToContact":true},"details":{"notes":"x","dealValue":1,"currency":"x"}}]])
    local function covered(value, kind, path)
      assert.equal(type(value), type(kind), path)
      if type(value) == "table" then
        for name, below in pairs(value) do
          covered(below, kind[name], path .. "." .. name)
        end
      end
    end
    covered(example, prototype, "")
  end)
end)
