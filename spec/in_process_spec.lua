local referrals = require "referrals"
local sandbox = require "referrals.sandbox"
local wire = require "support.wire"

local ID = sandbox.EXAMPLE_ID

describe("the sandbox in this process", function()
  local service, client

  before_each(function()
    service = sandbox.new()
    client = assert(referrals.new { sandbox = service, timeout = 10 })
  end)

  local function waited()
    return client.exchange.runtime.slept
  end

  it("answers late, which takes no time, where a client would wait for it", function()
    service:fault { kind = "late", delay = 9 }
    assert(client:get(ID))
    assert.is_true(waited() >= 9)
    service:fault { kind = "late", delay = 0.5, method = "PUT" }
    local _, err, info = client:update(ID, { statusReason = "late" })
    assert.is_nil(err)
    assert.is_nil(info.resolved)
    service:fault { kind = "trickle", interval = 0.0001 }
    assert(client:get(ID))
  end)

  it("answers too late for a client that waits less", function()
    for _, fault in ipairs { { kind = "late", delay = 11 }, { kind = "trickle" } } do
      service:fault(fault)
      local before = waited()
      local value, err = client:get(ID)
      wire.failed("timeout", nil, value, err)
      assert.equal("timeout", err.kind)
      assert.is_true(waited() - before <= 10.001)
    end
  end)

  it("applies late what is to be applied after the wait, whether a client waits for it or not", function()
    service:fault { kind = "late", apply = "after", delay = 2, method = "PUT" }
    local value = assert(client:update(ID, { statusReason = "in time" }))
    assert.equal("in time", value.statusReason)
    service:fault { kind = "late", apply = "after", delay = 60, method = "PUT" }
    local _, err = client:update(ID, { statusReason = "after a minute" }, { timeout = 5 })
    assert.equal("unsettled", err.kind)
    assert.equal("in time", client:get(ID).statusReason)
    client.exchange.runtime:sleep(60)
    assert.equal("after a minute", client:get(ID).statusReason)
  end)

  it("waits for a write that nobody could look for as long as the call has", function()
    service:fault { kind = "late", delay = 9.5, method = "POST" }
    assert(client:create {
      type = "Independent", customerProfile = {}, consent = {}, details = { dealValue = 1 },
    })
    service:fault { kind = "late", delay = 9.5, method = "PATCH" }
    local operations = { { op = "replace", path = "/statusReason", value = "x" } }
    assert(client:patch(ID, operations, { if_match = false }))
  end)

  it("asks for whole seconds, as the header has them", function()
    for _, form in ipairs { "seconds", "date" } do
      service:fault { kind = "status", status = 429, retry_after = 0.5, retry_after_form = form }
      local _, err, info = client:get(ID)
      assert.is_nil(err)
      assert.equal(2, info.attempts)
    end
  end)

  it("ends connections", function()
    service:fault { kind = "cut", times = 9 }
    local value, err = client:get(ID)
    wire.failed("network", nil, value, err)
  end)
end)
