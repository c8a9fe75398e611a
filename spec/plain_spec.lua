local plain = require "referrals.plain"
local schema = require "referrals.schema"

describe("plain", function()
  it("takes what is right whatever else stands there", function()
    assert.is_true(plain.fits("/status", '"Closed"'))
    assert.is_true(plain.fits("/statusReason", '"any \\"text\\""'))
    assert.is_true(plain.fits("/details/dealValue", "50000.00"))
    assert.is_true(plain.fits("/details/dealValue", "-1"))
    assert.is_true(plain.fits("/consent/consentToContact", "false"))
    assert.is_true(plain.fits("/customerProfile/address/city", '"Aachen"'))
    assert.is_true(plain.fits("/statusReason", "null"))
    assert.is_true(plain.fits("/qualification", "null"))
  end)

  it("leaves to a closer look whatever might be wrong", function()
    for pointer, text in pairs {
      ["/status"] = '"Clsoed"', -- no value of the enumeration
      ["/type"] = "null", -- has to have a value
      ["/details/dealValue"] = '"50000"', -- digits as text
      ["/consent/consentToContact"] = '"true"',
      ["/createdDateTime"] = '"yesterday"',
      ["/details/currency"] = '"EURO"', -- has a pattern
      ["/organizationName"] = '"x"', -- set by the service
      ["/eTag"] = '"x"',
      ["/team"] = "[]",
      ["/team/0/email"] = '"a@example.com"',
      ["/details"] = "{}",
      ["/nobody"] = '"x"',
      [""] = "{}",
    } do
      assert.is_false(plain.fits(pointer, text), pointer)
    end
  end)

  it("names members as the schema does, and those that it does not know too", function()
    for pointer in pairs(plain.values) do
      assert.equal(schema.path(pointer), plain.path(pointer))
    end
    assert.equal("details.dealValue", plain.path("/details/dealValue"))
    assert.equal("team[1].email", plain.path("/team/0/email"))
    assert.equal("unknown", plain.path("/unknown"))
    assert.equal("", plain.path(""))
  end)
end)
