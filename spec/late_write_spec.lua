--- A write that the service applies after its answer was given up: the hardest case of a lost answer.
local referrals = require "referrals"
local sandbox = require "referrals.sandbox"
local wire = require "support.wire"

local ID = sandbox.EXAMPLE_ID

--- A service whose first PUT gets this answer and is applied only when the next PUT arrives, just before it.
local function late(answer)
  local service = sandbox.new()
  local handle, first = service.handle, nil
  service.applied = 0
  service.handle = function(self, request)
    if request.method ~= "PUT" then
      return handle(self, request)
    elseif not first then
      first = request
      self.record[#self.record + 1] = request
      return answer
    elseif first ~= "applied" then
      local mine = first
      first = "applied"
      local before = #self.record
      if handle(self, mine).status == 200 then
        self.applied = self.applied + 1
      end
      self.record[before + 1] = nil
    end
    local response = handle(self, request)
    self.applied = self.applied + (response.status == 200 and 1 or 0)
    return response
  end
  return service, referrals.new { sandbox = service, cache = 0 }
end

local GATEWAY_TIMEOUT = { status = 504, headers = {}, body = "" }
local BROKEN = { status = 0, headers = {}, body = "", fault = { kind = "close_before" } }

describe("a write that is applied late", function()
  for what, answer in pairs { ["a gateway's 504"] = GATEWAY_TIMEOUT, ["a broken connection"] = BROKEN } do
    it("is applied once and found by its 412, after " .. what, function()
      local service, client = late(answer)
      local referral, err, info = client:update(ID, { status = "Closed", substatus = "Won" })
      assert.is_nil(err)
      assert.equal("Won", referral.substatus)
      assert.equal("verified", info.resolved)
      assert.is_true(info.changed)
      assert.equal("GET PUT GET PUT GET", wire.methods(service.record))
      assert.equal(412, service.record[4].status)
      assert.equal(1, service.applied)
    end)

    it("of a function's change is applied once, and unsettled, after " .. what, function()
      local service, client = late(answer)
      local calls = 0
      local value, err = client:update(ID, function(current)
        calls = calls + 1
        current.details.dealValue = current.details.dealValue + 1
      end)
      wire.failed("unsettled", "unknown", value, err)
      assert.equal(1, calls)
      assert.equal(1, service.applied)
      wire.says(service:stored(ID), '"dealValue": 50001')
      assert.equal(50001, err.current.details.dealValue)
    end)

    it("under a pinned version is applied once and found, after " .. what, function()
      local service, client = late(answer)
      local referral = assert(client:get(ID))
      referral.statusReason = "mine"
      local after, err, info = client:update(ID, referral)
      assert.is_nil(err)
      assert.equal("mine", after.statusReason)
      assert.equal("verified", info.resolved)
      assert.equal(1, service.applied)
    end)
  end

  it("names what it was about to write and why it is not known", function()
    local _, client = late(GATEWAY_TIMEOUT)
    local _, err, info = client:update(ID, function(current) current.statusReason = "mine" end)
    assert.same({ { member = "statusReason", from = "The engagement went well", to = "mine" } }, err.intended)
    assert.equal("server", err.cause.kind)
    assert.equal(504, err.cause.http_status)
    assert.is_falsy(info.changed)
    assert.is_false(err.retryable)
  end)
end)

describe("a write with an answer that the API does not use", function()
  local function answering(change_response)
    local service = sandbox.new()
    local handle = service.handle
    service.handle = function(self, request)
      local response = handle(self, request)
      if request.method == "PUT" then
        change_response(response)
      end
      return response
    end
    return service, referrals.new { sandbox = service, cache = 0 }
  end

  it("is read back after 204, and applied whatever becomes of that read", function()
    local service, client = answering(function(response) response.status, response.body = 204, "" end)
    local referral, err, info = client:update(ID, { statusReason = "mine" })
    assert.is_nil(err)
    assert.equal("mine", referral.statusReason)
    assert.is_true(info.changed)
    assert.equal("GET PUT GET", wire.methods(service.record))
    service:fault { kind = "status", method = "GET", status = 500, after = 1, times = 99 }
    referral, err, info = client:update(ID, { statusReason = "again" })
    assert.is_nil(err)
    assert.same({ id = ID }, referral)
    assert.is_false(info.representation)
  end)

  it("is settled by reading after a redirect and after an empty 202", function()
    for _, status in ipairs { 302, 202 } do
      local service, client = answering(function(response) response.status, response.body = status, "" end)
      local referral, err, info = client:update(ID, { statusReason = "mine" })
      assert.is_nil(err)
      assert.equal("mine", referral.statusReason)
      assert.equal("verified", info.resolved)
      assert.equal("GET PUT GET", wire.methods(service.record))
    end
  end)
end)
