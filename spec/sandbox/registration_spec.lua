local pointer = require "referrals.sandbox.pointer"
local registration = require "referrals.sandbox.registration"
local values = require "referrals.sandbox.values"

local CONTRACT = '{"value":10000.50,"currency":"USD","term":"Perpetual"}'
local VALUE = '{"type":"AzureIPCoSell","contract":' .. CONTRACT .. ',"solutionDetails":[{"id":"s"}]}'
local NOW = "2024-01-01T00:00:00.0000000Z"

describe("a deal registration in the sandbox", function()
  --- The target of what is wrong with the registration once the value at this pointer is another one.
  local function wrong_with(at, value)
    local text = assert(pointer.add(VALUE, pointer.tokens(at), value))
    local problem = registration.check(text)
    return problem and problem.target
  end

  it("is taken with every value that the reference names", function()
    assert.is_nil(registration.check(VALUE))
    for at, known in pairs {
      ["/contract/term"] = { "Perpetual", "Finite" },
      ["/solutionDetails/0/primaryDeploymentOn"] = { "Customer", "Partner" },
      ["/solutionDetails/0/pricingModel"] = { "PayAsYouGo", "Other" },
    } do
      for _, value in ipairs(known) do
        assert.is_nil(wrong_with(at, values.quote(value)), value)
      end
      assert.is_truthy(wrong_with(at, '"Neither"'), at)
    end
  end)

  it("needs what it needs, and null is nothing", function()
    for _, name in ipairs { "value", "currency", "term" } do
      assert.equal("registrations/contract/" .. name, wrong_with("/contract/" .. name, "null"))
      local contract = pointer.without(CONTRACT, name)
      assert.equal("registrations/contract/" .. name, wrong_with("/contract", contract))
    end
    for _, none in ipairs { "null", "[]", '"x"', "{}" } do
      assert.equal("registrations/solutionDetails", wrong_with("/solutionDetails", none))
    end
    for _, none in ipairs { "null", "[]", "5" } do
      assert.equal("registrations/contract", wrong_with("/contract", none))
      assert.equal("registrations/-", registration.check(none).target)
      assert.equal("registrations/type", wrong_with("/type", none))
    end
  end)

  it("is judged in each of its solutions", function()
    local solutions = '[{"id":"s"},{"id":"t","primaryDeploymentOn":"Moon"}]'
    assert.equal("registrations/solutionDetails/primaryDeploymentOn", wrong_with("/solutionDetails", solutions))
    assert.equal("registrations/solutionDetails/1/value", wrong_with("/solutionDetails", '[{},{"value":"much"}]'))
  end)

  it("is kept as it was sent, but for what the service says of it", function()
    local sent = pointer.add(pointer.add(VALUE, { "id" }, '"mine"'), { "status" }, '"Approved"')
    local text = registration.append('{"name":"n"}', sent, "made", NOW)
    local kept = pointer.find(text, { "registrations", "0" })
    assert.same({ '"made"', '"ReviewPending"', values.quote(NOW), CONTRACT, '[{"id":"s"}]' }, {
      values.member(kept, "id"), values.member(kept, "status"), values.member(kept, "registrationDateTime"),
      values.member(kept, "contract"), values.member(kept, "solutionDetails"),
    })
    assert.equal('"ReviewPending"', values.member(text, "registrationStatus"))
    assert.equal('"n"', values.member(text, "name"))
  end)

  it("comes behind those that are there, also where the referral shows null for none", function()
    local text = registration.append('{"registrations":null,"registrationStatus":"Closed"}', VALUE, "first", NOW)
    text = registration.append(text, VALUE, "second", NOW)
    local list = values.items(values.member(text, "registrations"))
    assert.equal(2, #list)
    assert.same({ '"first"', '"second"' }, { values.member(list[1], "id"), values.member(list[2], "id") })
    assert.equal('"ReviewPending"', values.member(text, "registrationStatus"))
  end)
end)
