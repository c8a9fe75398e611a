local referrals = require "referrals"
local sandbox = require "referrals.sandbox"
local wire = require "support.wire"

local validate = referrals.validate

local function refused(kind, member, given, opts)
  local fine, err = validate(given, opts)
  assert.is_nil(fine)
  assert.is_table(err, "expected an error object")
  assert.equal(kind, err.kind)
  assert.equal(member, err.member)
  return err
end

describe("referrals.validate", function()
  it("passes what can be written, as a table and as text", function()
    local fine = {
      { status = "Closed", substatus = "Won" }, { details = { dealValue = "50000.00", currency = "EUR" } }, {},
      { team = referrals.add { email = "a@b.example" } }, { team = referrals.remove "a@b.example" },
      { customerProfile = { ids = {} } }, { statusReason = referrals.null }, { eTag = "x", links = {} },
      '{"details": {"closingDateTime": "2018-11-14T00:00:00Z"}}', "{}",
    }
    for index, change in ipairs(fine) do
      local ok, err = validate(change)
      assert.is_nil(err, "change " .. index)
      assert.is_true(ok)
    end
  end)

  it("names the member that is wrong, and what it may hold", function()
    refused("validation", "details.dealValue", { details = { dealValue = "a lot" } })
    refused("validation", "details.currency", '{"details":{"currency":"dollars"}}')
    refused("validation", "customerProfile.address.country", { customerProfile = { address = { country = "USA" } } })
    refused("validation", "status", { status = "Won" })
    refused("validation", "type", { type = referrals.null })
    refused("validation", "organizationName", { organizationName = "x" })
    refused("validation", "teem", { teem = referrals.remove "a@b.example" })
    refused("validation", "team[1].email", { team = referrals.add { email = 5 } })
    refused("validation", "details.closingDateTime", { details = { closingDateTime = "tomorrow" } })
    local err = refused("validation", "details.note", { details = { note = "x" } })
    wire.says(err, "did you mean 'notes'")
    refused("validation", "name", { name = print })
  end)

  it("tells an empty array from an empty object, which Lua does not", function()
    refused("validation", "details", '{"details":[]}')
    refused("validation", "details", { details = referrals.array {} })
    refused("validation", "team", '{"team":{}}')
    refused("validation", "team[1].contactPreference", '{"team":[{"contactPreference":[]}]}')
    refused("validation", "consent", '{"type":"Shared","customerProfile":{},"consent":[],"details":{}}', { new = true })
    assert.is_true(validate '{"details":{},"team":[],"customerProfile":{"ids":[],"address":{}}}')
    assert.is_true(validate { details = {}, team = {}, customerProfile = { ids = {} } })
  end)

  it("says where text is no JSON object", function()
    wire.says(refused("validation", "change", '{"status":}'), "line 1, column 11")
    refused("validation", "change", "[]")
  end)

  it("judges status and substatus together", function()
    local err = refused("transition", "substatus", { status = "Closed", substatus = "Pending" })
    assert.same({ "Won", "Lost", "Declined", "Expired" }, err.allowed)
    assert.is_true(validate({ status = "Closed", substatus = "Pending" }, { check = false }))
    assert.is_true(validate { substatus = "Pending" })
  end)

  it("judges against a referral as read", function()
    local client = referrals.new { sandbox = sandbox.new() }
    local current = assert(client:get(sandbox.EXAMPLE_ID))
    assert.is_true(validate({ status = "Active" }, { current = current }))
    refused("transition", "substatus", { substatus = "Won" }, { current = current })
    assert.is_true(validate(current, { current = current }))
    assert.is_true(validate({ status = "Active" }, { current = { status = "New", substatus = referrals.null } }))
    assert.is_true(validate({ status = "Active" }, { current = { status = 5, substatus = {} } }))
    current.status, current.substatus = "Closed", "Won"
    refused("transition", "status", { status = "New" }, { current = { status = "Closed", substatus = "Won" } })
  end)

  it("judges a new referral", function()
    local new = { type = "Shared", customerProfile = {}, consent = {} }
    refused("validation", "details", new, { new = true })
    new.details = { dealValue = 1 }
    assert.is_true(validate(new, { new = true }))
    refused("validation", "type", '{"type":null,"customerProfile":{},"consent":{},"details":{}}', { new = true })
  end)

  it("lets unknown names through where they are allowed", function()
    assert.is_true(validate({ newMember = 1 }, { allow_unknown = true }))
  end)

  it("raises for what is a mistake in the program, at the caller's line", function()
    wire.says(wire.raises_here(function()
      validate(print)
    end), "#1 to 'validate'")
    wire.says(wire.raises_here(function()
      validate({}, { allow_unknwon = true })
    end), "allow_unknown")
  end)
end)
