local referrals = require "referrals"
local sandbox = require "referrals.sandbox"
local wire = require "support.wire"

local ID = sandbox.EXAMPLE_ID
local TAG = '"2500ec5a-0000-0000-0000-5bf4967d0000"'

--- A service, a client of it, and `between`: what other writers do before each PUT that arrives, in order.
local function meeting(between, options)
  local service = sandbox.new()
  local handle, arrived = service.handle, 0
  service.handle = function(self, request)
    if request.method == "PUT" then
      arrived = arrived + 1
      if between[arrived] then
        between[arrived](self)
      end
    end
    return handle(self, request)
  end
  options = options or {}
  options.sandbox = service
  return referrals.new(options), service
end

local function writes(pointer, value)
  return function(service) service:write_as_other(ID, pointer, value) end
end

local function closes(service)
  service:write_as_other(ID, "/status", '"Closed"')
  service:write_as_other(ID, "/substatus", '"Lost"')
end

local function member_of(err, name)
  for _, member in ipairs(err.members or {}) do
    if member.member == name then
      return member
    end
  end
  error("err.members does not name " .. name .. ": " .. tostring(err))
end

local JANE = '{"firstName": "Jane", "lastName": "Roe", "email": "jane.roe@contoso.com"}'

describe("referrals.update while another writer writes", function()
  describe("without a version", function()
    it("keeps what the other changed in another member, and writes its own", function()
      local client, service = meeting { writes("/campaignId", '"theirs"') }
      local referral, err, info = client:update(ID, { statusReason = "mine" })
      assert.is_nil(err)
      assert.equal("mine", referral.statusReason)
      assert.equal("theirs", referral.campaignId)
      assert.equal("GET PUT GET PUT", wire.methods(service.record))
      assert.equal(412, service.record[2].status)
      assert.is_true(info.changed)
      assert.equal(4, info.round_trips)
      wire.says(service:stored(ID), '"theirs"', '"mine"')
    end)

    it("keeps what the other changed beside it in the same object", function()
      local client, service = meeting { writes("/details/notes", '"their notes"') }
      assert(client:update(ID, { details = { dealValue = 75000 } }))
      wire.says(service:stored(ID), '"their notes"', '"dealValue": 75000')
    end)

    it("never overwrites a status that the other changed", function()
      local client, service = meeting { closes }
      local value, err = client:update(ID, { status = "Active", substatus = "Accepted" })
      wire.failed("conflict", false, value, err)
      assert.equal("GET PUT GET", wire.methods(service.record))
      local status = member_of(err, "status")
      assert.equal("Active", status.mine)
      assert.equal("Closed", status.theirs)
      assert.equal("New", status.base)
      assert.equal("Closed", err.current.status)
      assert.equal("Lost", err.current.substatus)
      wire.says(err, "status")
      wire.says(service:stored(ID), '"status": "Closed"', '"substatus": "Lost"')
    end)

    it("never overwrites a substatus that the other changed", function()
      local client, service = meeting { writes("/substatus", '"Received"') }
      local value, err = client:update(ID, { status = "Closed", substatus = "Won" })
      wire.failed("conflict", false, value, err)
      assert.equal("Received", member_of(err, "substatus").theirs)
      assert.equal(1, #wire.writes(service.record))
    end)

    it("never overwrites a substatus that the other changed by the one that goes with a new status", function()
      for _, method in ipairs { "PUT", "PATCH" } do
        local client, service = meeting({}, { method = method })
        service:fault { kind = "other_writer", method = method, pointer = "/substatus", value = '"Received"' }
        local value, err = client:update(ID, { status = "Active" })
        wire.failed("conflict", false, value, err)
        local substatus = member_of(err, "substatus")
        assert.same({ "Received", "Pending" }, { substatus.theirs, substatus.base })
        assert.equal(1, #wire.writes(service.record))
        wire.says(service:stored(ID), '"status": "New"', '"substatus": "Received"')
      end
    end)

    it("leaves the other's substatus to the service with check = false", function()
      local client, service = meeting { writes("/substatus", '"Received"') }
      local value, err = client:update(ID, { status = "Active" }, { check = false })
      wire.failed("rejected", false, value, err)
      wire.says(wire.writes(service.record)[2].body, '"status": "Active"', '"substatus": "Received"')
    end)

    it("takes a status that is already as asked for success", function()
      local client, service = meeting { closes }
      local referral, err = client:update(ID, { status = "Closed", substatus = "Lost" })
      assert.is_nil(err)
      assert.equal("Lost", referral.substatus)
      assert.equal("GET PUT GET", wire.methods(service.record))
    end)

    it("writes the rest when the status is already as asked", function()
      local client, service = meeting { closes }
      local referral, err = client:update(ID, { status = "Closed", substatus = "Lost", statusReason = "mine" })
      assert.is_nil(err)
      assert.equal("mine", referral.statusReason)
      assert.equal("GET PUT GET PUT", wire.methods(service.record))
    end)

    it("never overwrites a whole array that the other changed", function()
      local client, service = meeting { writes("/team/-", JANE) }
      local value, err = client:update(ID, { team = { { firstName = "Ann", email = "ann@contoso.com" } } })
      wire.failed("conflict", false, value, err)
      member_of(err, "team")
      assert.equal(2, #err.current.team)
      wire.says(err, "team")
      wire.says(service:stored(ID), "Jane", "john.doe@microsoft.com")
    end)

    it("never overwrites an array below an object that the other changed", function()
      local client, service = meeting { writes("/customerProfile/team/-", JANE) }
      local value, err = client:update(ID, { customerProfile = { team = { { firstName = "Ann" } } } })
      wire.failed("conflict", false, value, err)
      member_of(err, "customerProfile.team")
      wire.says(service:stored(ID), "Jane", "Joe", "Sue")
    end)

    it("takes a text of digits for another value than the number it writes, when the other put it there", function()
      local client, service = meeting { writes("/codes", '["7"]') }
      service:write_as_other(ID, "/codes", "[7]")
      wire.failed("conflict", false, client:update(ID, { codes = { 9 } }))
      wire.says(service:stored(ID), '["7"]')
    end)

    it("keeps an array that the other changed when the change does not mention it", function()
      local client, service = meeting { writes("/team/-", JANE) }
      assert(client:update(ID, { statusReason = "mine" }))
      wire.says(service:stored(ID), "Jane", '"mine"')
    end)

    it("checks the status anew after each read", function()
      local client, service = meeting { closes }
      local value, err = client:update(ID, function(referral) referral.status = "Active" end)
      wire.failed("transition", false, value, err)
      assert.equal("Closed", err.from)
      assert.equal("GET PUT GET", wire.methods(service.record))
    end)

    it("calls a function again with the fresh referral", function()
      local client, service = meeting { writes("/team/-", JANE), writes("/campaignId", '"c"') }
      local seen = {}
      local referral, err = client:update(ID, function(current)
        seen[#seen + 1] = #current.team
        table.insert(current.team, { firstName = "Ann", email = "ann@contoso.com" })
      end)
      assert.is_nil(err)
      assert.same({ 1, 2, 2 }, seen)
      assert.equal(3, #referral.team)
      assert.equal("GET PUT GET PUT GET PUT", wire.methods(service.record))
      wire.says(service:stored(ID), "Jane", "Ann", "John", '"campaignId":')
    end)

    it("lets a function stop when what it sees has changed", function()
      local client, service = meeting { closes }
      local referral, err, info = client:update(ID, function(current)
        if current.status == "Closed" then
          return false, "closed meanwhile"
        end
        current.statusReason = "mine"
      end)
      assert.is_nil(err)
      assert.equal("Closed", referral.status)
      assert.equal("closed meanwhile", info.skipped)
      assert.is_falsy(info.changed)
      assert.equal("GET PUT GET", wire.methods(service.record))
    end)

    it("gives up after conflict_retries further attempts", function()
      for _, retries in ipairs { 0, 1, 2 } do
        local between = {}
        for index = 1, 10 do
          between[index] = writes("/campaignId", '"' .. index .. '"')
        end
        local client, service = meeting(between, { conflict_retries = retries })
        local value, err = client:update(ID, { statusReason = "mine" })
        wire.failed("conflict", false, value, err)
        assert.equal(retries + 1, #wire.writes(service.record))
        assert.equal(tostring(retries + 1), err.current.campaignId)
        local before = "The engagement went well"
        local expected = { member = "statusReason", mine = "mine", theirs = before, base = before }
        assert.same(expected, member_of(err, "statusReason"))
        assert.is_nil(service:stored(ID):find('"mine"', 1, true))
      end
    end)
  end)

  it("has success at the last attempt when it turns out as asked", function()
    local client, service = meeting({ writes("/statusReason", '"mine"') }, { conflict_retries = 0 })
    local referral, err = client:update(ID, { statusReason = "mine" })
    assert.is_nil(err)
    assert.equal("mine", referral.statusReason)
    assert.equal("GET PUT GET", wire.methods(service.record))
  end)

  describe("412 to the current tag", function()
    it("is tried once more, then rejected, saying that nobody else wrote", function()
      local client, service = meeting {}
      service:fault { kind = "reject_tag", method = "PUT", times = 100 }
      local value, err = client:update(ID, { statusReason = "mine" })
      wire.failed("rejected", false, value, err)
      assert.equal(2, #wire.writes(service.record))
      assert.equal(412, err.http_status)
      wire.says(err, "nobody else wrote")
    end)

    it("is not taken for another writer by who wants no retries", function()
      local client, service = meeting({}, { conflict_retries = 0 })
      service:fault { kind = "reject_tag", method = "PUT", times = 100 }
      wire.says(wire.failed("rejected", false, client:update(ID, { statusReason = "mine" })), "nobody else wrote")
    end)

    it("passes when it comes once only", function()
      local client, service = meeting {}
      service:fault { kind = "reject_tag", method = "PUT" }
      local referral, err = client:update(ID, { statusReason = "mine" })
      assert.is_nil(err)
      assert.equal("mine", referral.statusReason)
      assert.equal("GET PUT GET PUT", wire.methods(service.record))
      assert.equal(TAG, service.record[4].headers["if-match"])
    end)

    it("is the same under a pinned version", function()
      local client, service = meeting {}
      service:fault { kind = "reject_tag", method = "PUT", times = 100 }
      local value, err = client:update(ID, { statusReason = "mine" }, { if_match = TAG })
      wire.failed("rejected", false, value, err)
      assert.equal(2, #wire.writes(service.record))
      wire.says(err, "nobody else wrote")
    end)
  end)

  it("does not overwrite an array that went with the object around it", function()
    for pointer, change in pairs {
      ["/details/requirements"] = { details = { requirements = { solutions = { { id = "mine" } } } } },
      ["/customerProfile"] = { customerProfile = { team = { { email = "mine@example.com" } } } },
    } do
      local client, service = meeting({ writes(pointer, "null") }, { cache = 0 })
      local value, err = client:update(ID, change)
      wire.failed("conflict", false, value, err)
      assert.equal(1, #wire.writes(service.record))
    end
  end)

  describe("with only_if", function()
    it("that asks for nothing is refused", function()
      local client, service = meeting {}
      local value, err = client:update(ID, { statusReason = "mine" }, { only_if = {} })
      wire.failed("validation", false, value, err)
      assert.equal("only_if", err.member)
      assert.equal("", wire.methods(service.record))
    end)

    it("writes on a version where it holds", function()
      local client = meeting {}
      local only_if = { status = "New", details = { dealValue = 50000, currency = "USD" } }
      local referral, err = client:update(ID, { statusReason = "mine" }, { only_if = only_if })
      assert.is_nil(err)
      assert.equal("mine", referral.statusReason)
    end)

    it("is a conflict where it does not hold, and nothing is written", function()
      local client, service = meeting {}
      for _, only_if in ipairs {
        { status = "Active" }, { status = "New", details = { dealValue = 50001 } }, { campaignId = "x" },
        { team = {} }, { statusReason = referrals.null },
      } do
        local value, err = client:update(ID, { statusReason = "mine" }, { only_if = only_if })
        wire.failed("conflict", false, value, err)
        assert.equal("New", err.current.status)
        assert.is_truthy(#err.members > 0)
      end
      assert.equal("", wire.methods(wire.writes(service.record)))
    end)

    it("on a name that nobody knows is a mistake and no conflict", function()
      local client, service = meeting {}
      for member, only_if in pairs {
        ["only_if.substaus"] = { substaus = "Pending" },
        ["only_if.details.dealvalue"] = { details = { dealvalue = 50000 } },
      } do
        local value, err = client:update(ID, { statusReason = "mine" }, { only_if = only_if })
        wire.failed("validation", false, value, err)
        assert.equal(member, err.member)
        wire.says(tostring(err), "did you mean")
      end
      local value, err = client:update(ID, { statusReason = "mine" }, { only_if = { new = "x" }, allow_unknown = true })
      wire.failed("conflict", false, value, err)
      assert.equal("", wire.methods(wire.writes(service.record)))
    end)

    it("on what would be passed over is refused, at any depth", function()
      local client, service = meeting {}
      for member, only_if in pairs {
        ["only_if.x@odata.type"] = { ["x@odata.type"] = "y" },
        ["only_if.details.x@odata.type"] = { details = { ["x@odata.type"] = "y", dealValue = 50000 } },
        ["only_if.eTag"] = { eTag = '"1"' },
        ["only_if.details"] = { status = "New", details = {} },
      } do
        local value, err = client:update(ID, { statusReason = "mine" }, { only_if = only_if })
        wire.failed("validation", false, value, err)
        assert.equal(member, err.member)
      end
      assert.equal("", wire.methods(service.record))
    end)

    it("holds on each version that is read", function()
      local client, service = meeting { writes("/substatus", '"Received"') }
      local value, err = client:update(ID, { statusReason = "mine" }, { only_if = { substatus = "Pending" } })
      wire.failed("conflict", false, value, err)
      assert.equal("Received", member_of(err, "substatus").theirs)
      assert.equal("GET PUT GET", wire.methods(service.record))
    end)

    it("takes a member that is not there for null", function()
      local client = meeting {}
      assert(client:update(ID, { campaignId = "first" }, { only_if = { campaignId = referrals.null } }))
      wire.failed("conflict", false, client:update(ID, { campaignId = "second" },
        { only_if = { campaignId = referrals.null } }))
    end)
  end)
end)
