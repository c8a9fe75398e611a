local cjson = require "cjson"
local referrals = require "referrals"
local sandbox = require "referrals.sandbox"
local wire = require "support.wire"

local ID = sandbox.EXAMPLE_ID
local TAG = '"2500ec5a-0000-0000-0000-5bf4967d0000"'

describe("a dry run", function()
  local service, client

  before_each(function()
    service = sandbox.new()
    client = referrals.new { sandbox = service, token = "t" }
  end)

  local function check(result, err, info)
    assert.is_nil(err)
    assert.equal("", wire.methods(wire.writes(service.record)))
    assert.equal("Closed", result.status)
    assert.equal("Won", result.substatus)
    assert.equal(2, #info.members)
    local request = info.request
    assert.equal("PUT", request.method)
    wire.says(request.url, ID)
    local closed = wire.swap(wire.swap(sandbox.example, '"New"', '"Closed"'), '"Pending"', '"Won"')
    wire.same_text(wire.without_links(closed), request.body)
    local text = cjson.encode(request)
    assert.is_nil(text:find("canary", 1, true))
    wire.says(text, "If-Match", TAG:sub(2, -2))
  end

  it("as an option of the call or of the client shows the request and sends none", function()
    client = referrals.new { sandbox = service, token = "canary" }
    local change = { status = "Closed", substatus = "Won" }
    check(client:update(ID, change, { dry_run = true }))
    check(referrals.new({ sandbox = service, token = "canary", dry_run = true }):update(ID, change))
    wire.same_text(sandbox.example, service:stored(ID))
  end)

  describe("gives what can be written", function()
    local AMOUNT = "12345678901234567.89"
    local change = { status = "Closed", substatus = "Won", details = { dealValue = AMOUNT, notes = referrals.null } }

    for _, returns in ipairs { "representation", "minimal", "text" } do
      local function shown_by(a_change)
        return assert(client:update(ID, a_change, { dry_run = true, returns = returns }))
      end

      it("byte for byte, as " .. returns, function()
        local shown = shown_by(change)
        local _, err, info = client:update(ID, returns == "text" and shown or function() return shown end)
        assert.is_nil(err)
        assert.is_true(info.changed)
        wire.says(service:stored(ID), '"Closed"', '"Won"', '"dealValue": ' .. AMOUNT, '"notes": null', '"ids": []')
        shown = shown_by { details = { dealValue = "0.10", notes = "mine" } }
        assert(client:update(ID, shown))
        wire.says(service:stored(ID), '"Closed"', '"dealValue": 0.10', '"notes": "mine"', '"ids": []')
      end)

      it("and with what was edited since, on the version that it was made for, as " .. returns, function()
        local shown = shown_by(change)
        if returns ~= "text" then
          shown.substatus = "Lost"
          assert(client:update(ID, shown))
          wire.says(service:stored(ID), '"Lost"', AMOUNT)
        end
        shown = shown_by { statusReason = "x" }
        service:touch(ID)
        wire.failed("conflict", false, client:update(ID, shown))
      end)
    end

    it("and in the id's place shows the version that it was made of", function()
      local shown = assert(client:update(ID, { status = "Active" }, { dry_run = true }))
      assert.equal("Closed", assert(client:update(shown, { status = "Closed", substatus = "Lost" })).status)
    end)

    it("and encoded has the bytes that it would have", function()
      local shown, _, info = client:update(ID, change, { dry_run = true })
      wire.same_text(info.request.body, assert(referrals.encode(shown)))
    end)
  end)

  it("refuses what a write would refuse", function()
    local options = { dry_run = true }
    wire.failed("transition", false, client:update(ID, { status = "Closed", substatus = "Pending" }, options))
    wire.failed("validation", false, client:update(ID, { Status = "x" }, options))
    local stale = { dry_run = true, if_match = '"old"' }
    wire.failed("conflict", false, client:update(ID, { statusReason = "x" }, stale))
  end)
end)
