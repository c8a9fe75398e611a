local nginx = require "support.nginx"
local referrals = require "referrals"
local sandbox = require "referrals.sandbox"
local wire = require "support.wire"

local ID = sandbox.EXAMPLE_ID

describe("only_if with members", function()
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

  local function nothing_sent()
    assert.equal("", wire.methods(server:record()))
  end

  local function nothing_written()
    assert.equal("", wire.methods(wire.writes(server:record())))
    wire.same_text(sandbox.example, server:stored(ID))
  end

  it("that no referral can fulfil hold the write back and are named", function()
    for name, value in pairs { Status = "New", statsu = "New", status = "new" } do
      local result, err = client:update(ID, { statusReason = "x" }, { only_if = { [name] = value } })
      wire.failed("conflict", false, result, err)
      wire.says(err, name)
    end
    nothing_written()
  end)

  it("that were passed over, and so held for every referral, are validation errors", function()
    for name, value in pairs {
      eTag = '"other"', id = "11111111-2222-4333-8444-555555555555", links = { self = { method = "POST" } },
      ["@odata.type"] = "x",
    } do
      local result, err = client:update(ID, { statusReason = "x" }, { only_if = { [name] = value } })
      wire.failed("validation", false, result, err)
      wire.says(err, name)
    end
    nothing_sent()
    assert(client:update(ID, { statusReason = "x" }, { only_if = { id = ID:upper() } }))
  end)

  it("of which nothing is asked, or that nobody knows, and so held for every referral, are named", function()
    for name, only_if in pairs {
      details = { details = {} },
      ["customerProfile.address"] = { status = "New", customerProfile = { address = {} } },
      stauts = { stauts = referrals.null },
      ["details.dealvalue"] = { details = { dealvalue = referrals.null } },
    } do
      local result, err = client:update(ID, { statusReason = "x" }, { only_if = only_if })
      wire.failed("validation", false, result, err)
      wire.says(err, "only_if." .. name)
    end
    nothing_written()
    local only_if = { stauts = referrals.null }
    assert(client:update(ID, { statusReason = "x" }, { only_if = only_if, allow_unknown = true }))
  end)

  it("that JSON cannot hold are validation errors", function()
    for _, odd in ipairs { print, 0 / 0, "\255", { [1] = 1, a = 2 } } do
      local result, err = client:update(ID, { statusReason = "x" }, { only_if = { statusReason = odd } })
      wire.failed("validation", false, result, err)
      wire.says(err, "only_if.statusReason")
    end
    nothing_written()
  end)

  it("that are a removal, and so were no condition at all, are validation errors", function()
    for _, which in ipairs { "nobody@example.com", "john.doe@microsoft.com", function() return true end } do
      local only_if = { team = referrals.remove(which) }
      local result, err = client:update(ID, { statusReason = "x" }, { only_if = only_if })
      wire.failed("validation", false, result, err)
      wire.says(err, "only_if.team")
    end
    nothing_written()
  end)
end)
