local nginx = require "support.nginx"
local referrals = require "referrals"
local sandbox = require "referrals.sandbox"
local wire = require "support.wire"

local COLLECTION = "/v1.0/engagements/referrals"
local GUID = "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$"
local NONE = {}

--- A new referral with the members that one needs, and more.
local function new_referral(more)
  local referral = {
    type = "Independent",
    name = "Field service",
    externalReferenceId = "crm-1",
    customerProfile = { name = "Contoso Customer Inc", size = "10to50employees", team = {}, ids = {} },
    consent = { consentToContact = true, consentToToShareInfoWithOthers = true },
    details = { dealValue = "50000.00", currency = "USD", requirements = { industries = {} } },
  }
  for name, value in pairs(more or {}) do
    if value == NONE then
      value = nil
    end
    referral[name] = value
  end
  return referral
end

describe("referrals.create over HTTP", function()
  local server, client

  setup(function()
    server = nginx.start()
  end)

  teardown(function()
    server:stop()
  end)

  before_each(function()
    server:reset()
    client = referrals.new { endpoint = server.url, token = "a-token" }
  end)

  local function posts()
    return wire.writes(server:record())
  end

  it("is one POST and returns the referral as the service made it", function()
    local result, err, info = client:create(new_referral())
    assert.is_nil(err)
    assert.is_truthy(result.id:find(GUID))
    assert.equal("New", result.status)
    assert.equal("crm-1", result.externalReferenceId)
    local record = server:record()
    assert.equal("POST", wire.methods(record))
    assert.equal(COLLECTION, record[1].path)
    assert.equal("application/json", record[1].headers["content-type"])
    assert.is_nil(record[1].headers["if-match"])
    wire.says(record[1].body, '"dealValue":50000.00', '"team":[]', '"ids":[]', '"industries":[]')
    assert.is_true(info.changed)
    assert.same({}, info.ignored)
    assert.equal(1, info.round_trips)
    wire.says(server:stored(result.id), '"dealValue":50000.00')
  end)

  it("gives what it made to update, under the version it has", function()
    local made = assert(client:create(new_referral()))
    made.details.notes = "first"
    local result, err = client:update(made.id, made)
    assert.is_nil(err)
    assert.equal("first", result.details.notes)
  end)

  it("posts JSON text as it is, but for links and annotations", function()
    local text = '{ "@odata.type": "x", "type":"Independent",\n "customerProfile": {"name": "C", "new": 1.50},'
      .. ' "consent": {}, "links": {}, "details": {"dealValue": 1e2} }'
    assert(client:create(text, { allow_unknown = true }))
    assert.equal('{ "type":"Independent",\n "customerProfile": {"name": "C", "new": 1.50}, "consent": {},'
      .. ' "details": {"dealValue": 1e2} }', posts()[1].body)
  end)

  it("returns the status that the service gave, and names what differs", function()
    server:switch { created = "accepted" }
    local result, err, info = client:create(new_referral { status = "New", substatus = "Pending" })
    assert.is_nil(err)
    assert.equal("Active", result.status)
    assert.equal("Accepted", result.substatus)
    assert.same({ "status", "substatus" }, info.ignored)
  end)

  it("gives the forms that are asked for", function()
    local minimal = assert(client:create(new_referral(), { returns = "minimal" }))
    assert.is_nil(minimal.name)
    assert.is_string(minimal.eTag)
    wire.says(assert(client:create(new_referral(), { returns = "text" })), '"externalReferenceId":"crm-1"')
  end)

  it("leaves out the eTag and links of a table that was copied", function()
    local copy = new_referral { eTag = '"x"', links = { self = { uri = "u" } }, ["@odata.context"] = "y" }
    assert(client:create(copy))
    local body = posts()[1].body
    for _, name in ipairs { "eTag", "links", "@odata" } do
      assert.is_nil(body:find(name, 1, true))
    end
    assert.equal('"x"', copy.eTag)
  end)

  describe("refuses before a request", function()
    for _, name in ipairs { "type", "customerProfile", "consent", "details" } do
      it("a referral without " .. name, function()
        local value, err = client:create(new_referral { [name] = NONE })
        wire.failed("validation", false, value, err)
        assert.equal(name, err.member)
        assert.equal("", wire.methods(server:record()))
      end)
    end

    it("wrong values, members of the service's and unknown ones", function()
      local cases = {
        { "id", { id = "49d90c72-3326-4f61-aacc-2cb57970448c" } }, { "type", { type = "independent" } },
        { "details.currency", { details = { currency = "Dollar" } } }, { "nmae", { nmae = "x" } },
        { "name", { name = print } }, { "consent", { consent = referrals.array {} } },
      }
      for _, case in ipairs(cases) do
        local value, err = client:create(new_referral(case[2]))
        wire.failed("validation", false, value, err)
        assert.equal(case[1], err.member)
      end
      assert.equal("", wire.methods(server:record()))
    end)

    it("a substatus that does not belong to the status", function()
      local value, err = client:create(new_referral { status = "New", substatus = "Won" })
      wire.failed("transition", false, value, err)
      assert.same({ "Pending", "Received" }, err.allowed)
      assert.equal("", wire.methods(server:record()))
    end)

    it("text that is no JSON object, saying where", function()
      local value, err = client:create('{"type": "Independent",}')
      wire.failed("validation", false, value, err)
      wire.says(err, "line 1, column 24")
    end)
  end)

  it("shows the request and the referral in a dry run", function()
    local result, err, info = client:create(new_referral(), { dry_run = true })
    assert.is_nil(err)
    assert.equal("Field service", result.name)
    assert.equal("POST", info.request.method)
    wire.says(info.request.body, '"externalReferenceId":"crm-1"')
    assert.equal("Bearer [redacted]", info.request.headers.Authorization)
    assert.is_false(info.changed)
    result = client:create(new_referral { campaignId = referrals.null }, { dry_run = true, nulls = true })
    assert.equal(referrals.null, result.campaignId)
    local minimal = { dry_run = true, returns = "minimal" }
    assert.is_nil(client:create(new_referral(), minimal).name)
    assert.equal("", wire.methods(server:record()))
  end)

  it("judges members that are null like others", function()
    for member, expected in pairs { id = "set by the service", organizationId = "set by the service", nmae = "name" } do
      local value, err = client:create(new_referral { [member] = referrals.null })
      wire.failed("validation", false, value, err)
      wire.says(err, expected)
    end
    assert.equal("", wire.methods(server:record()))
  end)

  it("is the service's refusal, with nothing written", function()
    local value, err = client:create(new_referral { status = "Active", substatus = "Won" }, { check = false })
    wire.failed("rejected", false, value, err)
    assert.equal(400, err.http_status)
    assert.equal("POST", wire.methods(server:record()))
  end)

  it("is posted again after 429, as told", function()
    server:fault { kind = "status", status = 429, retry_after = 1, method = "POST" }
    assert(client:create(new_referral()))
    local record = server:record()
    assert.equal("POST POST", wire.methods(record))
    assert.is_true(record[2].at - record[1].at >= 1)
    assert.is_false(record[1].applied)
  end)

  describe("whose answer got lost", function()
    local applied_lost = {
      { kind = "close_after" }, { kind = "close_after", mode = "rst" }, { kind = "cut" }, { kind = "garbage" },
      { kind = "empty" }, { kind = "status", status = 500, applied = true },
      { kind = "status", status = 408, applied = true }, { kind = "html", applied = true },
    }
    for _, fault in ipairs(applied_lost) do
      fault.method = "POST"

      it(("finds it and posts nothing again (%s %s)"):format(fault.kind, fault.status or ""), function()
        server:fault(fault)
        local result, err, info = client:create(new_referral())
        assert.is_nil(err)
        assert.equal("crm-1", result.externalReferenceId)
        assert.equal("verified", info.resolved)
        assert.is_true(info.changed)
        local record = server:record()
        assert.equal("POST GET GET", wire.methods(record))
        assert.equal(COLLECTION .. "?$orderby=createdDateTime%20desc", record[2].path)
        assert.equal(COLLECTION .. "/" .. result.id, record[3].path)
        assert.is_string(result.eTag)
      end)
    end

    for _, fault in ipairs { { kind = "close_before" }, { kind = "status", status = 503 } } do
      fault.method = "POST"

      it(("is unsettled where there is none like it, and posts nothing again (%s)"):format(fault.kind), function()
        server:fault(fault)
        local value, err = client:create(new_referral())
        wire.failed("unsettled", "unknown", value, err)
        assert.equal("crm-1", err.intended.externalReferenceId)
        assert.equal(fault.kind == "status" and "server" or "network", err.cause.kind)
        assert.equal("POST GET GET GET", wire.methods(server:record()))
        assert.equal(1, #posts())
      end)
    end

    it("is unsettled where two like it were created", function()
      assert(client:create(new_referral()))
      server:fault { kind = "close_after", method = "POST" }
      local value, err = client:create(new_referral())
      wire.failed("unsettled", "unknown", value, err)
      wire.says(err, "2 like it")
      assert.equal(2, #posts())
    end)

    it("takes neither another name, nor another reference, nor one of before for it", function()
      assert(client:create(new_referral { name = "other" }))
      assert(client:create(new_referral { externalReferenceId = "crm-2" }))
      assert(client:create(new_referral { name = NONE }))
      assert(client:create(new_referral()))
      server:advance(3600)
      server:fault { kind = "close_before", method = "POST" }
      local value, err = client:create(new_referral())
      wire.failed("unsettled", "unknown", value, err)
    end)

    it("goes by the service's clock, wherever ours is", function()
      server:advance(-400 * 86400)
      server:fault { kind = "close_after", method = "POST" }
      local result, err = client:create(new_referral())
      assert.is_nil(err)
      assert.is_truthy(result.createdDateTime < os.date("!%Y-%m-%dT%H:%M:%SZ", os.time() - 300 * 86400))
    end)

    it("walks over as many pages as there are since then", function()
      server:reset { page_size = 2 }
      for index = 1, 5 do
        assert(client:create(new_referral { externalReferenceId = "x-" .. index }))
      end
      server:forget()
      server:fault { kind = "close_after", method = "POST" }
      local result, err = client:create(new_referral())
      assert.is_nil(err)
      assert.equal("crm-1", result.externalReferenceId)
      local pages = 0
      for _, entry in ipairs(server:record()) do
        pages = pages + (entry.path:find("?", 1, true) and 1 or 0)
      end
      assert.equal(4, pages)
    end)

    it("says to set an externalReferenceId where there is none", function()
      server:fault { kind = "close_after", method = "POST" }
      local value, err = client:create(new_referral { externalReferenceId = NONE })
      wire.failed("unsettled", "unknown", value, err)
      wire.says(err, "externalReferenceId")
      assert.equal("POST", wire.methods(server:record()))
    end)

    it("is looked for after the wait that the service asks for, if there is time for it", function()
      server:fault { kind = "status", status = 503, applied = true, retry_after = 1, method = "POST" }
      assert(client:create(new_referral()))
      local record = server:record()
      assert.equal("POST GET GET", wire.methods(record))
      assert.is_true(record[2].at - record[1].at >= 1)
      server:forget()
      server:fault { kind = "status", status = 503, applied = true, retry_after = 30, method = "POST" }
      local value, err = client:create(new_referral { externalReferenceId = "crm-2" }, { timeout = 5 })
      wire.failed("unsettled", "unknown", value, err)
      wire.says(err, "no time was left")
      assert.equal(30, err.retry_after)
      assert.equal("POST", wire.methods(server:record()))
    end)

    it("is unsettled when the look-up fails as well", function()
      server:fault { kind = "close_after", method = "POST" }
      server:fault { kind = "status", status = 403, method = "GET", times = 10 }
      local value, err = client:create(new_referral())
      wire.failed("unsettled", "unknown", value, err)
      wire.says(err, "looking for it failed")
      assert.equal(1, #posts())
    end)

    it("is there although reading it fails", function()
      server:fault { kind = "close_after", method = "POST" }
      server:fault { kind = "status", status = 403, method = "GET", path = COLLECTION .. "/" }
      local result, err, info = client:create(new_referral())
      assert.is_nil(err)
      assert.equal("crm-1", result.externalReferenceId)
      assert.is_false(info.representation)
    end)
  end)

  it("says that nothing was written when nothing could be sent", function()
    local gone = nginx.start()
    gone:stop()
    local attempts = 0
    local cut_off = referrals.new {
      endpoint = gone.url, token = "a-token", retries = 1,
      on_event = function(event)
        attempts = attempts + (event.type == "attempt" and 1 or 0)
      end,
    }
    local value, err = cut_off:create(new_referral())
    wire.failed("network", false, value, err)
    assert.equal(2, attempts)
    value, err = referrals.new({ endpoint = server.url, token = function() end }):create(new_referral())
    wire.failed("auth", false, value, err)
    assert.equal("", wire.methods(server:record()))
  end)

  it("raises for a wrong Lua type at the caller's line", function()
    wire.says(wire.raises_here(function()
      client:create(5)
    end), "#1 to 'create'")
    wire.says(wire.raises_here(function()
      client:create({}, { if_match = "x" })
    end), "if_match")
  end)
end)

describe("referrals.create in this process", function()
  it("is the same", function()
    local inside = referrals.new { sandbox = sandbox.new() }
    local result = assert(inside:create(new_referral()))
    assert.equal("New", result.status)
  end)
end)
