local nginx = require "support.nginx"
local referrals = require "referrals"
local sandbox = require "referrals.sandbox"
local wire = require "support.wire"

local ID = sandbox.EXAMPLE_ID
local TAG = '"2500ec5a-0000-0000-0000-5bf4967d0000"'
local PATH = "/v1.0/engagements/referrals/" .. ID

local function registration(more)
  local deal = {
    type = "AzureIPCoSell",
    contract = {
      value = "50000.00", currency = "USD", term = "Finite", startDateTime = "2018-12-01T00:00:00Z",
      endDateTime = "2019-12-01T00:00:00Z", signDateTime = "2018-11-20T00:00:00Z",
    },
    solutionDetails = {
      {
        id = "solution-1", value = 50000, currency = "USD", isDeployedOnAzure = true, primaryDeploymentOn = "Customer",
        pricingModel = "PayAsYouGo", marketplaceTransactionDetails = { isMarketplaceTransacted = false },
      },
    },
  }
  for name, value in pairs(more or {}) do
    deal[name] = value
  end
  return deal
end

describe("a deal's registration over HTTP", function()
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

  local function patches()
    return wire.writes(server:record())
  end

  it("is one operation under the version it read", function()
    local result, err, info = client:register_deal(ID, registration())
    assert.is_nil(err)
    assert.equal("ReviewPending", result.registrationStatus)
    assert.equal("AzureIPCoSell", result.registrations[1].type)
    local record = server:record()
    assert.equal("GET PATCH", wire.methods(record))
    assert.equal(PATH, record[2].path)
    assert.equal(TAG, record[2].headers["if-match"])
    assert.equal('[{"op":"add","path":"/registrations/-","value":', record[2].body:sub(1, 47))
    wire.says(record[2].body, '"value":50000.00', '"term":"Finite"', '"isMarketplaceTransacted":false')
    assert.is_true(info.changed)
    assert.same({}, info.ignored)
    assert.equal("registrations", info.members[1].member)
  end)

  it("is taken as JSON text, and shown in a dry run", function()
    local text = assert(referrals.encode(registration()))
    local result, err, info = client:register_deal(ID, text, { dry_run = true })
    assert.is_nil(err)
    assert.equal("Finite", result.registrations[1].contract.term)
    assert.equal('[{"op":"add","path":"/registrations/-","value":' .. text .. "}]", info.request.body)
    local inherited = setmetatable({}, { __index = { dry_run = true } })
    assert.is_true(select(3, client:register_deal(ID, text, inherited)).dry_run)
    assert.equal("GET GET", wire.methods(server:record()))
    local value
    value, err = client:register_deal(ID, '{"type":}')
    wire.failed("validation", false, value, err)
    wire.says(err, "line 1, column 9")
  end)

  it("is checked by the rules of the reference", function()
    local cases = {
      { "type", registration { type = "AzureIpCoSell" } }, { "contract", registration { contract = referrals.null } },
      { "solutionDetails", registration { solutionDetails = {} } },
      { "contract.term", registration { contract = { term = "Finit" } } },
      { "status", registration { status = "Approved" } }, { "typ", registration { typ = "x" } },
    }
    for _, case in ipairs(cases) do
      local value, err = client:register_deal(ID, case[2])
      wire.failed("validation", false, value, err)
      assert.equal(case[1], err.member)
    end
    assert.equal("", wire.methods(patches()))
  end)

  it("goes to the next version when another writer was faster", function()
    server:fault { kind = "other_writer", method = "PATCH", pointer = "/campaignId", value = '"theirs"' }
    local result, err = client:register_deal(ID, registration())
    assert.is_nil(err)
    assert.equal("theirs", result.campaignId)
    assert.equal(1, #result.registrations)
    assert.equal(2, #patches())
  end)

  describe("whose answer got lost", function()
    it("is found", function()
      for _, options in ipairs { {}, { if_match = TAG } } do
        server:reset()
        server:fault { kind = "close_after", method = "PATCH" }
        local result, err, info = client:register_deal(ID, registration(), options)
        assert.is_nil(err)
        assert.equal(1, #result.registrations)
        assert.equal("verified", info.resolved)
        assert.equal(1, #patches())
      end
    end)

    it("is unsettled where it is not found, and never sent again", function()
      for _, fault in ipairs { { kind = "close_before" }, { kind = "status", status = 503 } } do
        server:reset()
        fault.method = "PATCH"
        server:fault(fault)
        local value, err = client:register_deal(ID, registration())
        wire.failed("unsettled", "unknown", value, err)
        assert.equal("registrations", err.intended[1].member)
        assert.equal(1, #patches())
      end
    end)

    it("is unsettled in a new version without it", function()
      server:fault { kind = "close_before", method = "PATCH" }
      server:fault { kind = "other_writer", method = "GET", after = 1, pointer = "/campaignId", value = '"theirs"' }
      local value, err = client:register_deal(ID, registration())
      wire.failed("unsettled", "unknown", value, err)
      assert.equal(1, #patches())
    end)

    it("is not mistaken for an equal one of before", function()
      assert(client:register_deal(ID, registration()))
      server:fault { kind = "close_before", method = "PATCH" }
      local value, err = client:register_deal(ID, registration())
      wire.failed("unsettled", "unknown", value, err)
      assert.equal(2, #patches())
    end)
  end)

  describe("is changed", function()
    before_each(function()
      assert(client:register_deal(ID, registration()))
      server:forget()
    end)

    it("by an operation for each value: replace where it is there, else add", function()
      local result, err, info = client:update_deal(ID, {
        contract = { value = "60000.00", term = "Perpetual" },
        solutionDetails = {
          { marketplaceTransactionDetails = { marketplaceTransactionDateTime = "2018-12-01T00:00:00Z" } },
        },
      })
      assert.is_nil(err)
      assert.equal("Perpetual", result.registrations[1].contract.term)
      assert.equal("GET PATCH", wire.methods(server:record()))
      local solution = "/registrations/0/solutionDetails/0/marketplaceTransactionDetails/"
      assert.equal('[{"op":"replace","path":"/registrations/0/contract/term","value":"Perpetual"},'
        .. '{"op":"replace","path":"/registrations/0/contract/value","value":60000.00},'
        .. '{"op":"add","path":"' .. solution .. 'marketplaceTransactionDateTime","value":"2018-12-01T00:00:00Z"}]',
        patches()[1].body)
      assert.equal("registrations[1].contract.term", info.members[1].member)
      assert.same({}, info.ignored)
    end)

    it("by patch as well", function()
      local result, err = client:patch(ID, {
        { op = "replace", path = "/registrations/0/solutionDetails/0/pricingModel", value = "Other" },
      })
      assert.is_nil(err)
      assert.equal("Other", result.registrations[1].solutionDetails[1].pricingModel)
    end)

    it("only in what the service lets be changed", function()
      local cases = {
        { "registrations[1].contract.currency", { contract = { currency = "EUR" } } },
        { "registrations[1].status", { status = "Approved" } },
        { "registrations[1].solutionDetails[2].value", { solutionDetails = { { value = 2 }, { value = 1 } } } },
        { "registrations[1].contract.term", { contract = { term = "Finit" } } }, { "changes", {} },
        { "changes", referrals.add { contract = { value = 1 } } },
        { "registrations[1].solutionDetails", { solutionDetails = referrals.add { value = 99 } } },
        { "registrations[1].solutionDetails", { solutionDetails = referrals.remove "SOL-100" } },
        { "registrations[1].solutionDetails", { solutionDetails = { [1.5] = { value = 5 } } } },
        { "registrations[1].solutionDetails", { solutionDetails = { ["0"] = { value = 5 } } } },
      }
      for _, case in ipairs(cases) do
        local value, err = client:update_deal(ID, case[2])
        wire.failed("validation", false, value, err)
        assert.equal(case[1], err.member)
      end
      assert.equal("", wire.methods(patches()))
    end)

    it("not over another writer's version", function()
      server:fault { kind = "other_writer", method = "PATCH", pointer = "/campaignId", value = '"theirs"' }
      local value, err = client:update_deal(ID, { contract = { value = 1 } })
      wire.failed("conflict", false, value, err)
      assert.equal("registrations[1].contract.value", err.members[1].member)
    end)
  end)

  it("is not changed where there is none", function()
    local value, err = client:update_deal(ID, { contract = { value = 1 } })
    wire.failed("validation", false, value, err)
    assert.equal("registrations", err.member)
    wire.says(err, "register_deal")
  end)

  it("is what an update of registrations points to", function()
    local value, err = client:update(ID, { registrations = { registration() } })
    wire.failed("validation", false, value, err)
    wire.says(err, "register_deal")
  end)
end)
