local nginx = require "support.nginx"
local referrals = require "referrals"
local sandbox = require "referrals.sandbox"
local wire = require "support.wire"

local ID = sandbox.EXAMPLE_ID
local TAG = '"2500ec5a-0000-0000-0000-5bf4967d0000"'

local function replace(path, value)
  return { op = "replace", path = path, value = value }
end

local function add(path, value)
  return { op = "add", path = path, value = value }
end

describe("a dry run of referrals.patch", function()
  local server, client

  setup(function()
    server = nginx.start()
  end)

  teardown(function()
    server:stop()
  end)

  before_each(function()
    server:reset()
    server:switch { patch_any_path = true }
    client = referrals.new { endpoint = server.url, token = "a-token" }
  end)

  --- What it shows; nothing is written.
  local function shown(operations, returns)
    local result, err, info = client:patch(ID, operations, { dry_run = true, allow_unknown = true, returns = returns })
    assert.is_nil(err)
    assert.is_true(info.dry_run)
    assert.is_false(info.changed)
    assert.equal("PATCH", info.request.method)
    assert.equal(TAG, info.request.headers["If-Match"])
    assert.equal("GET", wire.methods(server:record()))
    return result
  end

  it("shows the referral as it would be", function()
    local result = shown {
      replace("/status", "Active"), replace("/substatus", "Accepted"), add("/team/-", { email = "a@b.example" }),
      replace("/team/0/email", "j@d.example"), add("/trackingInfo/microsoftMsxId", "m"),
    }
    assert.equal("Accepted", result.substatus)
    assert.equal("a@b.example", result.team[2].email)
    assert.equal("j@d.example", result.team[1].email)
    assert.equal("John", result.team[1].firstName)
    assert.equal("m", result.trackingInfo.microsoftMsxId)
  end)

  it("shows an object that takes another one's place without what that had", function()
    for _, of in ipairs { replace, add } do
      server:reset()
      local result = shown { of("/customerProfile", { name = "N", address = { city = "C" } }) }
      assert.same({ name = "N", address = { city = "C" } }, result.customerProfile)
    end
    server:reset()
    local result = shown { replace("/customerProfile/address", { city = "C" }) }
    assert.same({ city = "C" }, result.customerProfile.address)
    assert.truthy(result.customerProfile.name)
  end)

  it("shows an object of an array's element in another one's place", function()
    local result = shown {
      replace("/team/0/contactPreference", { locale = "de-de" }), add("/team/0", { email = "a@b.example" }),
      replace("/team/0", { email = "c@d.example" }),
    }
    assert.same({ email = "c@d.example" }, result.team[1])
    assert.same({ locale = "de-de" }, result.team[2].contactPreference)
    assert.equal("John", result.team[2].firstName)
    assert.equal(2, #result.team)
  end)

  it("names a place that the referral does not have", function()
    local result, err = client:patch(ID, { replace("/team/7/email", "x@y.example") },
      { dry_run = true, allow_unknown = true })
    wire.failed("validation", false, result, err)
    assert.equal("team[8].email", err.member)
  end)
end)
