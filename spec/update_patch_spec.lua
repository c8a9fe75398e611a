local faulty = require "support.faulty"
local nginx = require "support.nginx"
local referrals = require "referrals"
local sandbox = require "referrals.sandbox"
local wire = require "support.wire"

local ID, EXAMPLE = sandbox.EXAMPLE_ID, sandbox.example
local TAG = '"2500ec5a-0000-0000-0000-5bf4967d0000"'
local PATH = "/v1.0/engagements/referrals/" .. ID
local REPRESENTATION = "return=representation"

-- Each leaves open whether the patch was applied; it was not.
local LOST = {
  { kind = "close_before", method = "PATCH" }, { kind = "status", status = 503, method = "PATCH" },
  { kind = "status", status = 408, method = "PATCH" },
}

describe("referrals.update by PATCH", function()
  local server, client

  setup(function()
    server = nginx.start()
  end)

  teardown(function()
    server:stop()
    faulty.stop_all()
  end)

  before_each(function()
    server:reset()
    client = referrals.new { endpoint = server.url, token = "a-token", method = "PATCH" }
  end)

  it("is one GET and one PATCH under the version it read, asking for the representation", function()
    local result, err, info = client:update(ID, { status = "Closed", substatus = "Won" })
    assert.is_nil(err)
    assert.equal("Won", result.substatus)
    local record = server:record()
    assert.equal("GET PATCH", wire.methods(record))
    assert.equal(PATH, record[2].path)
    assert.equal(TAG, record[2].headers["if-match"])
    assert.equal(REPRESENTATION, record[2].headers.prefer)
    assert.equal("application/json", record[2].headers["content-type"])
    assert.equal(
      '[{"op":"replace","path":"/status","value":"Closed"},{"op":"replace","path":"/substatus","value":"Won"}]',
      record[2].body
    )
    assert.is_true(info.changed)
    assert.same({
      { member = "status", from = "New", to = "Closed" }, { member = "substatus", from = "Pending", to = "Won" },
    }, info.members)
    assert.equal(2, info.round_trips)
    assert.is_nil(info.representation)
  end)

  it("is chosen for one call as well", function()
    local by_put = referrals.new { endpoint = server.url, token = "a-token" }
    assert(by_put:update(ID, { statusReason = "x" }, { method = "PATCH" }))
    assert(by_put:update(ID, { statusReason = "y" }))
    assert(client:update(ID, { statusReason = "z" }, { method = "PUT" }))
    assert.equal("PATCH PUT PUT", wire.methods(wire.writes(server:record())))
  end)

  it("adds what is not there, appends what is added and replaces arrays whole", function()
    local member = { firstName = "Ann", email = "ann@contoso.com" }
    assert(client:update(ID, {
      campaignId = "c-1",
      details = { dealValue = "60000.00", closingDateTime = "2018-12-01T00:00:00Z" },
      team = referrals.add(member),
      customerProfile = { team = { member } },
    }))
    local body = wire.writes(server:record())[1].body
    wire.says(
      body,
      '{"op":"add","path":"/campaignId","value":"c-1"}',
      '{"op":"add","path":"/details/closingDateTime","value":"2018-12-01T00:00:00Z"}',
      '{"op":"replace","path":"/details/dealValue","value":60000.00}',
      '{"op":"add","path":"/team/-","value":{"email":"ann@contoso.com","firstName":"Ann"}}',
      '{"op":"replace","path":"/customerProfile/team","value":[{'
    )
    local stored = server:stored(ID)
    wire.says(stored, '"dealValue": 60000.00', "john.doe@microsoft.com", '"ids": []')
    assert.is_nil(stored:find("joe.hansen", 1, true))
  end)

  it("takes a substatus along that the status allows alone", function()
    assert(client:update(ID, { status = "Active" }))
    wire.says(wire.writes(server:record())[1].body, '{"op":"replace","path":"/substatus","value":"Accepted"}')
  end)

  it("sets null, and writes nothing for what is so already", function()
    assert(client:update(ID, { statusReason = referrals.null }))
    assert.equal(
      '[{"op":"replace","path":"/statusReason","value":null}]',
      wire.writes(server:record())[1].body
    )
    local _, err, info = client:update(ID, { details = { notes = assert(client:get(ID)).details.notes } })
    assert.is_nil(err)
    assert.is_false(info.changed)
    assert.equal(1, #wire.writes(server:record()))
  end)

  it("calls a function with the referral and patches what it edited", function()
    assert(client:update(ID, function(referral)
      referral.details.notes = referral.details.notes .. " Called."
    end))
    local notes = EXAMPLE:match('"notes": "(Wants[^"]*)"')
    assert.equal(
      '[{"op":"replace","path":"/details/notes","value":"' .. notes .. ' Called."}]',
      wire.writes(server:record())[1].body
    )
  end)

  describe("of what cannot be patched", function()
    local refused = {
      { "name", { name = "New name" } },
      { "consent.consentToContact", { consent = { consentToContact = false } } },
      { "customerProfile.address.city", { customerProfile = { address = { city = "Bellevue" } } } },
      { "target", { target = referrals.add { type = "SolutionProfile", id = "x" } } },
      { "details.requirements.products", { statusReason = "ok", details = { requirements = { products = {} } } } },
    }
    for _, case in ipairs(refused) do
      it("refuses " .. case[1] .. " by name, writes nothing and never falls back to PUT", function()
        local value, err = client:update(ID, case[2])
        wire.failed("validation", false, value, err)
        assert.equal(case[1], err.member)
        wire.says(err, case[1], "PUT")
        assert.equal("GET", wire.methods(server:record()))
        assert.equal(EXAMPLE, server:stored(ID))
      end)
    end

    it("leaves a name that nobody knows to the service where such names are allowed", function()
      server:reset { switches = { patch_any_path = true } }
      assert(client:update(ID, { newMember = "x" }, { allow_unknown = true }))
      assert.equal('[{"op":"add","path":"/newMember","value":"x"}]', wire.writes(server:record())[1].body)
      local value, err = client:update(ID, { name = "x" }, { allow_unknown = true })
      wire.failed("validation", false, value, err)
      value, err = client:update(ID, { newName = "x" })
      wire.failed("validation", false, value, err)
    end)
  end)

  it("shows the patch in a dry run and the referral as it would be", function()
    local change = { status = "Active", team = referrals.add { email = "a@b.example" } }
    local result, err, info = client:update(ID, change, { dry_run = true })
    assert.is_nil(err)
    assert.equal("Accepted", result.substatus)
    assert.equal("a@b.example", result.team[2].email)
    assert.is_true(info.dry_run)
    assert.equal("PATCH", info.request.method)
    assert.equal(TAG, info.request.headers["If-Match"])
    assert.equal(REPRESENTATION, info.request.headers.Prefer)
    wire.says(info.request.body, '{"op":"add","path":"/team/-","value":{"email":"a@b.example"}}')
    assert.equal("GET", wire.methods(server:record()))
  end)

  describe("after another writer's change", function()
    it("applies the patch to the new version and keeps their member", function()
      server:fault { kind = "other_writer", method = "PATCH", pointer = "/campaignId", value = '"theirs"' }
      local result, err, info = client:update(ID, { details = { notes = "mine" } })
      assert.is_nil(err)
      assert.equal("theirs", result.campaignId)
      assert.equal("mine", result.details.notes)
      local record = server:record()
      assert.equal("GET PATCH GET PATCH", wire.methods(record))
      assert.equal(TAG, record[2].headers["if-match"])
      assert.are_not.equal(TAG, record[4].headers["if-match"])
      assert.equal(4, info.attempts)
    end)

    it("is a conflict when the version was named", function()
      server:write(ID, "/campaignId", '"theirs"')
      local value, err = client:update(ID, { details = { notes = "mine" } }, { if_match = TAG })
      wire.failed("conflict", false, value, err)
      assert.equal("details.notes", err.members[1].member)
      assert.equal("GET", wire.methods(server:record()))
    end)
  end)

  describe("whose answer got lost", function()
    it("is verified where the new version shows it", function()
      server:fault { kind = "close_after", method = "PATCH" }
      local result, err, info = client:update(ID, { status = "Closed", substatus = "Won" })
      assert.is_nil(err)
      assert.equal("Won", result.substatus)
      assert.equal("verified", info.resolved)
      assert.equal("GET PATCH GET", wire.methods(server:record()))
    end)

    it("is sent again, the same bytes under the same version, where nothing was applied", function()
      for _, fault in ipairs(LOST) do
        server:reset()
        server:fault(fault)
        local result, err = client:update(ID, { statusReason = "once" })
        assert.is_nil(err)
        assert.equal("once", result.statusReason)
        local record = server:record()
        assert.equal("GET PATCH GET PATCH", wire.methods(record))
        assert.equal(record[2].body, record[4].body)
        assert.equal(TAG, record[2].headers["if-match"])
        assert.equal(TAG, record[4].headers["if-match"])
      end
    end)

    it("is what the cause of an unsettled error tells about, also when an answer came", function()
      server:fault { kind = "garbage", method = "PATCH" }
      local value, err = client:update(ID, function(referral)
        referral.details.notes = "mine"
      end)
      wire.failed("unsettled", "unknown", value, err)
      local sent = wire.writes(server:record())[1]
      assert.equal("protocol", err.cause.kind)
      assert.equal("PATCH", err.method)
      assert.equal(sent.headers["client-request-id"], err.client_request_id)
      assert.equal(200, err.http_status)
    end)

    it("is unsettled for a function", function()
      server:fault { kind = "close_after", method = "PATCH" }
      local calls = 0
      local value, err = client:update(ID, function(referral)
        calls = calls + 1
        referral.details.dealValue = referral.details.dealValue + 1
      end)
      wire.failed("unsettled", "unknown", value, err)
      assert.equal("details.dealValue", err.intended[1].member)
      assert.equal(1, calls)
      assert.equal(1, #wire.writes(server:record()))
    end)
  end)

  describe("answered 204 without a body", function()
    local double

    local function script(...)
      double = faulty.start { requests = { ... } }
      return referrals.new { endpoint = double.url, token = "a-token", method = "PATCH", retries = 0 }
    end

    local no_content = faulty.answer { status = 204, body = "" }
    local before = faulty.answer { body = EXAMPLE }
    local new_text = wire.swap(wire.swap(EXAMPLE, "The engagement went well", "new"), "2500ec5a", "2500ec5b")
    local after = faulty.answer { body = new_text }

    after_each(function()
      double:stop()
    end)

    it("is a success whose representation is read", function()
      for _, returns in ipairs { "representation", "minimal", "text" } do
        local told = script(before, no_content, after)
        local result, err, info = told:update(ID, { statusReason = "new" }, { returns = returns })
        assert.is_nil(err)
        assert.equal("GET PATCH GET", wire.methods(double:requests()))
        assert.is_true(info.changed)
        assert.same({}, info.ignored)
        assert.is_nil(info.representation)
        if returns == "representation" then
          assert.equal("new", result.statusReason)
        elseif returns == "minimal" then
          assert.equal('"2500ec5b-0000-0000-0000-5bf4967d0000"', result.eTag)
          assert.is_nil(result.statusReason)
        else
          wire.says(result, '"statusReason": "new"')
        end
      end
    end)

    it("is a success also when the read fails, or shows the version before", function()
      for _, read in ipairs { faulty.answer { status = 503 }, faulty.drop(), before } do
        local result, err, info = script(before, no_content, read):update(ID, { statusReason = "new" })
        assert.is_nil(err)
        assert.same({ id = ID }, result)
        assert.is_true(info.changed)
        assert.is_false(info.representation)
        assert.equal("statusReason", info.members[1].member)
        assert.equal(1, #wire.writes(double:requests()))
      end
    end)
  end)

  it("is what an update by PUT is told of when the service refuses PUT", function()
    local double = faulty.start {
      requests = { faulty.answer { body = EXAMPLE }, faulty.answer { status = 405, headers = { "Allow: GET" } } },
    }
    finally(function() double:stop() end)
    local by_put = referrals.new { endpoint = double.url, token = "a-token" }
    local value, err = by_put:update(ID, { statusReason = "new" })
    wire.failed("rejected", false, value, err)
    assert.equal(405, err.http_status)
    wire.says(err, "obsolete", 'method = "PATCH"')
    assert.equal("GET PUT", wire.methods(double:requests()))
  end)
end)
