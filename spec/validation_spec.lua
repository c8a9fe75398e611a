local cjson = require "cjson"
local validation = require "referrals.validation"

local null = cjson.null
local check = validation.check

local function message(path, value, options)
  local found = check(path, value, options)
  return found and found.message
end

describe("validation.check of single values", function()
  it("accepts what the reference shows", function()
    local good = {
      { "name", "x" }, { "name", "" }, { "name", null }, { "details.dealValue", 50000 },
      { "details.dealValue", "50000.00" }, { "details.dealValue", "-0.10" }, { "details.dealValue", 0 },
      { "details.currency", "USD" }, { "customerProfile.address.country", "US" },
      { "consent.consentToContact", false }, { "details.closingDateTime", "2018-11-06T18:40:42.6178337Z" },
      { "details.requirements.offers", { 1, { a = {} } } }, { "target", {} }, { "details", {} },
      { "salesStage", "100" }, { "team[1].email", "a@b" }, { "team.-", { email = "a@b" } },
      { "substatus", "Error" }, { "customerProfile.size", "10to50employees" },
      { "status", null, { status_check = false } }, { "eTag", 5 }, { "links.self", 5 }, { "@odata.context", 5 },
      { "ids@odata.type", 5 },
    }
    for _, case in ipairs(good) do
      assert.is_nil(message(case[1], case[2], case[3]), case[1])
    end
  end)

  it("names the member, what it may hold and what came", function()
    assert.same(
      { member = "details.notes", expected = "a string", message = "details.notes: expected a string, got a table" },
      check("details.notes", {})
    )
    local cases = {
      { "details.notes", 5, "details.notes: expected a string, got a number" },
      { "consent.consentToContact", "true", "consent.consentToContact: expected true or false, got a string" },
      { "details", "x", "details: expected an object, got a string" },
      { "details", { 1 }, "details: expected an object, got an array" },
      { "team", "x", "team: expected an array, got a string" },
      { "team", { email = "x" }, "team: expected an array, got an object" },
      { "team", { [1] = {}, [3] = {} }, "team: expected an array without holes, nothing is at 2" },
      { "team[2].email", 5, "team[2].email: expected a string, got a number" },
      { "team.1.email", 5, "team[2].email: expected a string, got a number" },
      { "team", { {}, { email = 5 } }, "team[2].email: expected a string, got a number" },
      { "status", null, "status: expected a value, it cannot be null" },
      { "consent", null, "consent: expected a value, it cannot be null" },
      { "status.x", 1, "status: expected no member below it, got 'x'" },
      { "team.email", 1, "team: expected no member below it, got 'email'" },
      { "details.currency", "DOLLAR", "details.currency: expected a currency code of three letters, got 'DOLLAR'" },
      { "customerProfile.address.country", "USA",
        "customerProfile.address.country: expected a country code of two letters, got 'USA'" },
      { "customerProfile.address.country", 1,
        "customerProfile.address.country: expected a country code of two letters, got a number" },
      { "", 5, "the value: expected an object, got a number" },
    }
    for _, case in ipairs(cases) do
      assert.equal(case[3], message(case[1], case[2]))
    end
  end)

  it("takes numbers and their exact digits, nothing else", function()
    for _, bad in ipairs({ "", "1,5", "0x10", "01", "1e2", ".5", "5.", "-", "1 ", "nan" }) do
      assert.equal("details.dealValue: expected a number, got '" .. bad .. "'", message("details.dealValue", bad))
    end
    for _, bad in ipairs({ 0 / 0, math.huge, -math.huge }) do
      assert.equal("details.dealValue: expected a finite number", message("details.dealValue", bad))
    end
    assert.equal("details.dealValue: expected a number, got a boolean", message("details.dealValue", true))
  end)

  it("takes a date-time as the service writes one", function()
    assert.equal(
      "details.closingDateTime: expected a UTC date-time such as 2018-11-06T18:40:42.6178337Z, got 'soon'",
      message("details.closingDateTime", "soon")
    )
  end)
end)

describe("validation.check of enumerations", function()
  it("closes status and substatus, unless told to leave them to the service", function()
    assert.equal(
      "status: expected one of New, Active, Closed, None, got 'closed' (did you mean 'Closed'?)",
      message("status", "closed")
    )
    assert.equal("status: expected one of New, Active, Closed, None, got 'Paused'", message("status", "Paused"))
    assert.is_nil(check("status", "Paused", { status_check = false }))
    assert.is_nil(check("substatus", "Paused", { status_check = false }))
    assert.truthy(message("substatus", 5, { status_check = false }))
    assert.truthy(message("status", "Paused", { allow_unknown = true }))
  end)

  it("lets an unknown value of the others through with a warning", function()
    local warnings = {}
    local options = { on_warning = function(problem)
      warnings[#warnings + 1] = problem
    end }
    assert.is_nil(check("qualification", "PartnerQualified", options))
    assert.equal(1, #warnings)
    assert.equal("qualification", warnings[1].member)
    assert.equal(
      "qualification: expected one of None, Direct, MarketingQualified, SalesQualified, got 'PartnerQualified'",
      warnings[1].message
    )
    assert.is_nil(check("qualification", "Direct", options))
    assert.equal(1, #warnings)
    assert.is_nil(check("qualification", "PartnerQualified"))
  end)

  it("refuses a near miss and the empty text", function()
    assert.equal(
      "type: expected one of Independent, Shared, got 'shared' (did you mean 'Shared'?)", message("type", "shared")
    )
    assert.truthy(message("type", "Independant"):find("did you mean 'Independent'?", 1, true))
    assert.truthy(message("type", ""))
    assert.is_nil(check("type", "Independant", { allow_unknown = true }))
  end)

  it("takes other digits for another value", function()
    assert.is_nil(check("customerProfile.size", "1to5employees"))
    assert.truthy(message("customerProfile.size", "1to9Employees"):find("did you mean '1to9employees'?", 1, true))
  end)
end)

describe("validation.check of names", function()
  it("refuses an unknown one with the name that was meant", function()
    assert.same(
      {
        member = "details.dealVallue",
        expected = "a known member",
        message = "details.dealVallue: no such member (did you mean 'dealValue'?)",
      },
      check("details.dealVallue", 1)
    )
    assert.equal("Status: no such member (did you mean 'status'?)", message("", { Status = "New" }))
    assert.equal("details.zebra: no such member", message("details", { notes = "x", zebra = 1 }))
    assert.equal("team[1].mail: no such member (did you mean 'email'?)", message("team", { { mail = "x" } }))
  end)

  it("shows where a name stands that is another object's", function()
    for name, meant in pairs {
      closingDateTime = "details = { closingDateTime = ... }",
      dealvalue = "details = { dealValue = ... }",
      customerprofile = "customerProfile", Name = "name", TEAM = "team", Notes = "details = { notes = ... }",
    } do
      assert.equal(("%s: no such member (did you mean '%s'?)"):format(name, meant), message("", { [name] = 1 }))
    end
  end)

  it("accepts it on request, or when the document has it", function()
    assert.is_nil(check("", { zebra = 1 }, { allow_unknown = true }))
    local asked = {}
    local function known(path)
      asked[#asked + 1] = path
      return path == "details.zebra"
    end
    assert.is_nil(check("details", { zebra = 1 }, { known = known }))
    assert.truthy(check("details", { horse = 1 }, { known = known }))
    assert.same({ "details.zebra", "details.horse" }, asked)
    assert.is_nil(check("details", { zebra = 1 }, { current = { zebra = 2 } }))
  end)

  it("skips what is never written", function()
    assert.is_nil(check("", { ["@odata.etag"] = 5, ["ids@odata.type"] = 5, eTag = "x", links = {} }))
  end)

  it("finds the first mistake in the order of names", function()
    assert.equal("name", check("", { target = 1, name = 2, status = 3 }).member)
  end)
end)

describe("validation.check of members that the service sets", function()
  it("names them", function()
    assert.same(
      { member = "organizationName", expected = "no change", message = "organizationName is set by the service" },
      check("organizationName", "x")
    )
    assert.equal("direction is set by the service", message("", { direction = "Incoming" }))
    assert.truthy(message("registrations", {}):find("registrations is set by the service: use register_deal", 1, true))
    assert.truthy(message("registrations.0.status", "x"))
    assert.truthy(message("registrations.1.contract.value", 5))
  end)

  it("lets the patchable ones of a registration through, judged", function()
    assert.is_nil(check("registrations.0.contract.value", 5))
    assert.is_nil(check("registrations[1].contract.value", 5))
    assert.equal(
      "registrations[1].contract.value: expected a number, got a boolean",
      message("registrations.0.contract.value", true)
    )
  end)

  it("does not mind them when they are as they were", function()
    local current = { direction = "Incoming", tags = { "a" }, name = "old" }
    assert.is_nil(check("", { direction = "Incoming", tags = { "a" }, name = "new" }, { current = current }))
    assert.equal("tags", check("", { tags = { "b" } }, { current = current }).member)
  end)
end)

describe("validation.check beside the current value", function()
  it("judges only what differs", function()
    local current = { { email = "a@b", phoneNumber = 5, odd = true }, { email = "c@d" } }
    local options = { current = current }
    assert.is_nil(check("team", { { email = "a@b", phoneNumber = 5, odd = true } }, options))
    assert.is_nil(check("team", { { email = "n@n" }, { email = "a@b", phoneNumber = 5, odd = true } }, options))
    assert.is_nil(check("team", { { email = "a@b", phoneNumber = 5, odd = true, lastName = "x" } }, options))
    assert.equal("team[1].phoneNumber", check("team", { { email = "a@b", phoneNumber = 6 } }, options).member)
    assert.equal("team[3].odd", check("team", { {}, {}, { email = "z", odd = true } }, options).member)
  end)
end)

describe("validation.check_new", function()
  local function referral()
    return { type = "Independent", customerProfile = {}, consent = {}, details = {} }
  end

  it("wants the four required members", function()
    assert.is_nil(validation.check_new(referral()))
    for _, name in ipairs({ "type", "customerProfile", "consent", "details" }) do
      local without, with_null = referral(), referral()
      without[name], with_null[name] = nil, null
      local expected = { member = name, expected = "a value", message = name .. ": expected a value, it is required" }
      assert.same(expected, validation.check_new(without))
      assert.same(expected, validation.check_new(with_null))
    end
    assert.equal("the value: expected an object, got a string", validation.check_new("x").message)
    assert.equal("the value: expected an object, got nil", validation.check_new(nil).message)
  end)

  it("judges the rest", function()
    local odd = referral()
    odd.organizationId = "x"
    assert.equal("organizationId is set by the service", validation.check_new(odd).message)
  end)
end)

describe("validation.check_registration", function()
  local function registration()
    return {
      type = "AzureIPCoSell",
      contract = { value = 10, currency = "USD", term = "Finite", startDateTime = "2020-01-01T00:00:00Z" },
      solutionDetails = { { id = "s", value = "10.50", isDeployedOnAzure = true, pricingModel = "Other" } },
    }
  end

  it("accepts one by the reference's rules, also as a patch operation's value", function()
    assert.is_nil(validation.check_registration(registration()))
    assert.is_nil(check("registrations.-", registration()))
  end)

  it("says what is wrong with another one", function()
    local function found(change)
      local value = registration()
      change(value)
      return validation.check_registration(value).message
    end
    assert.equal("contract: expected a value, it is required", found(function(r)
      r.contract = nil
    end))
    assert.equal("solutionDetails: expected at least one solution", found(function(r)
      r.solutionDetails = {}
    end))
    local near = "contract.term: expected one of Perpetual, Finite, got 'finite' (did you mean 'Finite'?)"
    assert.equal(near, found(function(r)
      r.contract.term = "finite"
    end))
    assert.equal("status is set by the service", found(function(r)
      r.status = "Approved"
    end))
    assert.equal("solutionDetails[1].isDeployedOnAzure: expected true or false, got a string", found(function(r)
      r.solutionDetails[1].isDeployedOnAzure = "yes"
    end))
    assert.equal("type: expected a value, it is required", check("registrations.-", {}).message)
  end)
end)
