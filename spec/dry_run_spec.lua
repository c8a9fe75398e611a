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

  describe("gives what was not read, and", function()
    local AMOUNT = "12345678901234567.89"
    local change = { status = "Closed", substatus = "Won", details = { dealValue = AMOUNT, notes = referrals.null } }

    for _, returns in ipairs { "representation", "minimal" } do
      it("of that only edits are a change, as " .. returns, function()
        local shown = assert(client:update(ID, change, { dry_run = true, returns = returns }))
        local _, _, info = client:update(ID, shown)
        assert.is_false(info.changed)
        shown.statusReason = "mine"
        assert(client:update(ID, shown))
        wire.says(service:stored(ID), '"New"', '"mine"')
      end)

      it("encoded or put as a document it has the bytes that it would have, as " .. returns, function()
        local shown, _, info = client:update(ID, change, { dry_run = true, returns = returns })
        wire.same_text(info.request.body, assert(referrals.encode(shown)))
        shown, _, info = client:replace(ID, info.request.body, { dry_run = true, returns = returns })
        wire.says(info.request.body, AMOUNT, '"notes": null')
        wire.same_text(info.request.body, assert(referrals.encode(shown)))
        assert(client:replace(ID, shown))
        wire.same_text(info.request.body, service.record[#service.record].body)
      end)
    end
  end)

  it("refuses what a write would refuse", function()
    local options = { dry_run = true }
    wire.failed("transition", false, client:update(ID, { status = "Closed", substatus = "Pending" }, options))
    wire.failed("validation", false, client:update(ID, { Status = "x" }, options))
    local stale = { dry_run = true, if_match = '"old"' }
    wire.failed("conflict", false, client:update(ID, { statusReason = "x" }, stale))
  end)
end)
