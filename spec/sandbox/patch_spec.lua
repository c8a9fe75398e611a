local calls = require "support.sandbox_calls"
local pointer = require "referrals.sandbox.pointer"
local sandbox = require "referrals.sandbox"
local values = require "referrals.sandbox.values"

local ID = sandbox.EXAMPLE_ID
local TAG = '"2500ec5a-0000-0000-0000-5bf4967d0000"'
local WITH_ANSWER = { prefer = "return=representation" }
local REGISTRATION = '{"type":"AzureIPCoSell","contract":{"value":10000.50,"currency":"USD","term":"Perpetual",'
  .. '"startDateTime":"2024-01-01T00:00:00Z","endDateTime":null,"signDateTime":"2024-01-01T00:00:00Z"},'
  .. '"solutionDetails":[{"id":"x","value":1e3}]}'

describe("sandbox PATCH", function()
  local service, call

  before_each(function()
    service = sandbox.new()
    call = calls.new(service)
  end)

  local function operation(op, path, value)
    return ('{"op":"%s","path":"%s","value":%s}'):format(op, path, value)
  end

  local function patch(...)
    return call:patch(ID, "[" .. table.concat({ ... }, ",") .. "]", { prefer = "return=representation" })
  end

  local function refused(target, response)
    assert.equal(400, response.status)
    assert.equal(target, values.decode(response.body).error.target)
    assert.equal(sandbox.example, service:stored(ID))
  end

  it("changes its slices and the stamps, nothing else", function()
    local response = patch(operation("replace", "/details/dealValue", "123456789012345.670"),
      operation("add", "/team/-", '{"email": "a@b.example", "x": [ ]}'), operation("add", "/salesStage", "null"))
    assert.equal(200, response.status)
    local expected = sandbox.example:gsub("50000", "123456789012345.670")
    expected = pointer.add(expected, { "team", "-" }, '{"email": "a@b.example", "x": [ ]}')
    expected = pointer.add(expected, { "salesStage" }, "null")
    for _, name in ipairs { "updatedDateTime", "eTag" } do
      expected = pointer.add(expected, { name }, values.member(response.body, name))
    end
    assert.equal(expected, response.body)
    assert.equal(expected, service:stored(ID))
  end)

  it("answers 204 without a body unless told otherwise", function()
    local response = call:patch(ID, "[" .. operation("replace", "/statusReason", '"x"') .. "]")
    assert.equal(204, response.status)
    assert.equal("", response.body)
    assert.equal(values.scalar(values.member(service:stored(ID), "eTag")), response.headers.ETag)
  end)

  it("honours If-Match and does without it", function()
    local text = "[" .. operation("replace", "/statusReason", '"x"') .. "]"
    assert.equal(412, call:patch(ID, text, { ["if-match"] = '"x"' }).status)
    assert.equal(204, call:patch(ID, text, { ["if-match"] = TAG }).status)
    assert.equal(412, call:patch(ID, text, { ["if-match"] = TAG }).status)
    assert.equal(204, call:patch(ID, text).status)
  end)

  it("takes the value of a deal as a string and keeps a number", function()
    assert.equal(200, patch(operation("replace", "/details/dealValue", '"60000.10"')).status)
    assert.equal("60000.10", pointer.find(service:stored(ID), { "details", "dealValue" }))
    service = sandbox.new()
    call = calls.new(service)
    refused("/details/dealValue", patch(operation("replace", "/details/dealValue", '"many"')))
  end)

  it("applies all of its operations or none", function()
    refused("/name", patch(operation("replace", "/statusReason", '"x"'), operation("replace", "/name", '"x"')))
  end)

  it("refuses other operations, paths and states", function()
    refused("op", patch('{"op":"remove","path":"/statusReason"}'))
    refused("op", patch('{"op":"test","path":"/statusReason","value":1}'))
    refused("/statusReason", patch('{"op":"add","path":"/statusReason"}'))
    refused("path", patch('{"op":"add","value":1}'))
    refused("/team/0", patch(operation("replace", "/team/0", "{}")))
    refused("/salesStage", patch(operation("replace", "/salesStage", '"100"')))
    refused("substatus", patch(operation("replace", "/status", '"Closed"')))
    refused("status", patch(operation("replace", "/status", '"Done"')))
    refused("team", patch(operation("replace", "/team", "{}")))
    refused("team/1", patch(operation("add", "/team/-", '"x"')))
    refused(nil, patch('"x"'))
    assert.equal(400, call:patch(ID, "{}").status)
    assert.equal(415, call:patch(ID, "[]", { ["content-type"] = false }).status)
  end)

  it("lets every path through when told to", function()
    service.switches.patch_any_path = true
    assert.equal(200, patch(operation("replace", "/team/0/email", '"x"')).status)
  end)

  it("passes over ignored members", function()
    service.switches.ignore = { "salesStage" }
    assert.equal(200, patch(operation("add", "/salesStage", '"50"')).status)
    assert.is_nil(values.member(service:stored(ID), "salesStage"))
  end)

  describe("of a deal registration", function()
    it("appends it with what the service adds", function()
      local response = patch(operation("add", "/registrations/-", REGISTRATION))
      assert.equal(200, response.status)
      local kept = pointer.find(response.body, { "registrations", "0" })
      assert.truthy(kept:find('"value":10000.50', 1, true))
      assert.truthy(kept:find('"value":1e3', 1, true))
      assert.equal('"ReviewPending"', values.member(kept, "status"))
      assert.truthy(values.member(kept, "id"))
      assert.equal('"ReviewPending"', values.member(response.body, "registrationStatus"))
      assert.equal(200, patch(operation("replace", "/registrations/0/contract/value", "7.0")).status)
      assert.equal("7.0", pointer.find(service:stored(ID), { "registrations", "0", "contract", "value" }))
    end)

    it("refuses an incomplete one", function()
      refused("registrations/type", patch(operation("add", "/registrations/-", "{}")))
      refused("registrations/contract", patch(operation("add", "/registrations/-", '{"type":"AzureIPCoSell"}')))
      refused("registrations/contract/term", patch(operation("add", "/registrations/-",
        (REGISTRATION:gsub("Perpetual", "Forever")))))
      refused("registrations/contract/value", patch(operation("add", "/registrations/-",
        (REGISTRATION:gsub('"value":10000.50,', "")))))
      refused("/registrations/-", patch(operation("replace", "/registrations/-", REGISTRATION)))
      for _, wrong in ipairs {
        { '"value":10000.50,', '"value":null,', "contract/value" },
        { '"value":10000.50,', '"value":"a lot",', "contract/value" }, { "%[.*%]", '["x"]', "solutionDetails/0" },
        { "%[.*%]", '[{"primaryDeploymentOn":"Moon"}]', "solutionDetails/primaryDeploymentOn" },
        { "%[.*%]", '[{"pricingModel":"Free"}]', "solutionDetails/pricingModel" },
      } do
        local registration = REGISTRATION:gsub(wrong[1], wrong[2])
        refused("registrations/" .. wrong[3], patch(operation("add", "/registrations/-", registration)))
      end
      refused("registrations/solutionDetails", patch(operation("add", "/registrations/-",
        (REGISTRATION:gsub("%[.*%]", "[]")))))
    end)
  end)

  it("knows no other referral", function()
    assert.equal(404, call:patch("00000000-0000-0000-0000-000000000000", "[]", WITH_ANSWER).status)
  end)
end)
