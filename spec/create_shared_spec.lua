local nginx = require "support.nginx"
local referrals = require "referrals"
local wire = require "support.wire"

local COLLECTION = "/v1.0/engagements/referrals"

local function co_sell(more)
  local referral = {
    name = "Field service",
    externalReferenceId = "crm-1",
    target = { { type = "SolutionProfile", id = "solution-1" } },
    customerProfile = { name = "Contoso Customer Inc" },
    consent = { consentToContact = true },
    details = { dealValue = "50000.00", currency = "USD" },
  }
  for name, value in pairs(more or {}) do
    referral[name] = value
  end
  return referral
end

describe("referrals.create_shared over HTTP", function()
  local server, client

  setup(function()
    server = nginx.start()
  end)

  teardown(function()
    server:stop()
  end)

  before_each(function()
    server:reset()
    client = referrals.new { endpoint = server.url, token = "a-token", retries = 0 }
  end)

  local function posts()
    return wire.writes(server:record())
  end

  local function related_to(engagement)
    local rows = assert(client:list { filter = { engagementId = engagement } })
    return #rows
  end

  it("posts the own referral and then Microsoft's in the same engagement", function()
    local both, err, info = client:create_shared(co_sell())
    assert.is_nil(err)
    assert.equal("Shared", both.own.type)
    assert.same({ { type = "SolutionProfile", id = "solution-1" } }, both.own.target)
    assert.equal(both.own.engagementId, both.microsoft.engagementId)
    assert.are_not.equal(both.own.id, both.microsoft.id)
    assert.same({ { type = "BusinessProfileLocation", id = "msft" } }, both.microsoft.target)
    assert.equal("POST POST", wire.methods(server:record()))
    local first, second = posts()[1], posts()[2]
    wire.says(first.body, '"type":"Shared"', '"dealValue":50000.00')
    assert.is_nil(first.body:find("engagementId", 1, true))
    wire.says(
      second.body,
      '"type":"Shared"',
      '"dealValue":50000.00',
      '"engagementId":"' .. both.own.engagementId .. '"',
      '"target":[{"id":"msft","type":"BusinessProfileLocation"}]'
    )
    assert.equal(2, info.round_trips)
    assert.is_true(info.changed)
  end)

  it("refuses another type and a missing solution before a request", function()
    for member, wrong in pairs { type = co_sell { type = "Independent" }, target = co_sell { target = {} } } do
      local value, err = client:create_shared(wrong)
      wire.failed("validation", false, value, err)
      assert.equal(member, err.member)
    end
    local value, err = client:create_shared(co_sell(), { continue = "../x" })
    wire.failed("validation", false, value, err)
    assert.equal("continue", err.member)
    assert.equal("", wire.methods(server:record()))
  end)

  it("shows both requests in a dry run", function()
    local both, err, info = client:create_shared(co_sell(), { dry_run = true })
    assert.is_nil(err)
    assert.equal("Shared", both.own.type)
    assert.equal("msft", both.microsoft.target[1].id)
    assert.equal(2, #info.requests)
    assert.equal("", wire.methods(server:record()))
  end)

  it("fails in the first step with nothing created", function()
    server:fault { kind = "status", status = 403, method = "POST" }
    local value, err = client:create_shared(co_sell())
    wire.failed("forbidden", false, value, err)
    assert.equal(1, err.step)
    assert.is_nil(err.created)
    assert.equal(1, #posts())
  end)

  it("says how far it got when the second step is refused, and is continued", function()
    server:fault { kind = "status", status = 403, method = "POST", after = 1, message = "Not for you." }
    local value, err = client:create_shared(co_sell())
    wire.failed("forbidden", true, value, err)
    assert.equal(2, err.step)
    assert.equal("solution-1", err.created.target[1].id)
    wire.says(err, "Not for you. It takes", "Referrals user. Your own")
    wire.says(err, err.created.id, "continue = err.created", "Microsoft's referral")
    assert.equal(1, related_to(err.created.engagementId))

    local both, again, info = client:create_shared(co_sell(), { continue = err.created })
    assert.is_nil(again)
    assert.equal(err.created.id, both.own.id)
    assert.equal(err.created.engagementId, both.microsoft.engagementId)
    assert.is_true(info.changed)
    assert.is_nil(info.resolved)
    assert.equal(2, related_to(err.created.engagementId))
    assert.equal(3, #posts())
  end)

  it("is continued by an id, and says so when the second step is refused again", function()
    server:fault { kind = "status", status = 400, method = "POST", after = 1, times = 2, message = "Not so." }
    local _, err = client:create_shared(co_sell())
    local value, again = client:create_shared(co_sell(), { continue = err.created.id })
    wire.failed("rejected", false, value, again)
    wire.says(again, "two: Not so. Your own is there")
    assert.equal(err.created.id, again.created.id)
    assert.truthy(client:create_shared(co_sell(), { continue = again.created.id }))
    assert.equal(2, related_to(err.created.engagementId))
  end)

  it("that cannot read the own referral when it is continued still says how to go on", function()
    server:fault { kind = "status", status = 503, method = "GET" }
    for _, way in ipairs { "an-id", { id = "an-id" } } do
      local both, err = client:create_shared(co_sell(), { continue = way })
      assert.is_nil(both)
      assert.same({ 2, way }, { err.step, err.created })
      server:fault { kind = "status", status = 503, method = "GET" }
    end
    assert.equal(0, #posts())
  end)

  it("finds Microsoft's referral whose answer got lost", function()
    server:fault { kind = "close_after", method = "POST", after = 1 }
    local both, err, info = client:create_shared(co_sell { externalReferenceId = "crm-2" })
    assert.is_nil(err)
    assert.equal("msft", both.microsoft.target[1].id)
    assert.equal("verified", info.resolved)
    assert.equal(2, #posts())
    local query = server:record()[3].path
    wire.says(query, COLLECTION .. "?$filter=engagementId%20eq%20%27" .. both.own.engagementId)
  end)

  it("finds the own referral whose answer got lost, and goes on", function()
    server:fault { kind = "close_after", method = "POST" }
    local both, err, info = client:create_shared(co_sell())
    assert.is_nil(err)
    assert.equal(both.own.engagementId, both.microsoft.engagementId)
    assert.equal("verified", info.resolved)
    assert.equal(2, #posts())
  end)

  it("is unsettled in the second step where it cannot be told, and continuing creates none twice", function()
    server:fault { kind = "close_after", method = "POST", after = 1 }
    server:fault { kind = "status", status = 403, method = "GET", times = 1 }
    local value, err = client:create_shared(co_sell())
    wire.failed("unsettled", "unknown", value, err)
    assert.equal(2, err.step)
    local both, again, info = client:create_shared(co_sell(), { continue = err.created })
    assert.is_nil(again)
    assert.equal("msft", both.microsoft.target[1].id)
    assert.equal("verified", info.resolved)
    assert.is_false(info.changed)
    assert.equal(2, #posts())
    assert.equal(2, related_to(err.created.engagementId))
  end)
end)
