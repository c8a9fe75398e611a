-- A lost answer to a change of an array's elements: which element is meant depends on the version.
local nginx = require "support.nginx"
local referrals = require "referrals"
local sandbox = require "referrals.sandbox"
local wire = require "support.wire"

local ID = sandbox.EXAMPLE_ID

describe("a write whose answer is lost, of an array's elements:", function()
  local server, client

  setup(function()
    server = nginx.start()
  end)

  teardown(function()
    server:stop()
  end)

  before_each(function()
    server:reset()
    client = referrals.new { endpoint = server.url, token = "t", retries = 2, timeout = 20 }
  end)

  local A, B = '{"email":"a@example.com"}', '{"email":"b@example.com"}'

  local function team(text)
    server:write(ID, "/team", text)
  end

  local function emails(referral)
    local list = {}
    for index, member in ipairs(referral.team) do
      list[index] = member.email
    end
    return table.concat(list, " ")
  end

  it("a removal is not taken for applied where the element stands elsewhere by now", function()
    for _, method in ipairs { "PUT", "PATCH" } do
      server:reset()
      team("[" .. A .. "," .. B .. "]")
      server:fault { kind = "close_before", method = method }
      server:fault { kind = "other_writer", method = "GET", after = 1, pointer = "/team", value = "[" .. B .. "]" }
      local value, err = client:update(ID, { team = referrals.remove "b@example.com" }, { method = method })
      wire.failed("unsettled", "unknown", value, err)
      wire.says(server:stored(ID), "b@example.com")
    end
  end)

  it("a removal is open, and raises nothing, where the function that tells elements apart raises by now", function()
    team("[" .. A .. "," .. B .. "]")
    server:fault { kind = "close_before", method = "PUT" }
    server:fault { kind = "other_writer", method = "GET", after = 1, pointer = "/team", value = '[{"email":null}]' }
    local value, err = client:update(ID, { team = referrals.remove(function(member)
      return member.email:find("^b@") ~= nil
    end) })
    wire.failed("unsettled", "unknown", value, err)
  end)

  it("a removal is no success for who gives up on it", function()
    team("[" .. A .. "," .. B .. "]")
    server:fault { kind = "other_writer", method = "PUT", pointer = "/team", value = "[" .. B .. "]" }
    local change = { team = referrals.remove "b@example.com" }
    local value, err = client:update(ID, change, { conflict_retries = 0 })
    wire.failed("conflict", false, value, err)
  end)

  it("a removal is found to be applied, wherever the element stood", function()
    for _, email in ipairs { "a@example.com", "b@example.com" } do
      server:reset()
      team("[" .. A .. "," .. B .. "]")
      server:fault { kind = "close_after", method = "PUT" }
      local fresh = assert(referrals.new { endpoint = server.url, token = "t", timeout = 20 })
      local referral, err, info = fresh:update(ID, { team = referrals.remove(email) })
      assert.is_nil(err)
      assert.equal("verified", info.resolved)
      assert.equal(email == "a@example.com" and "b@example.com" or "a@example.com", emails(referral))
    end
  end)

  it("what was added is not said to be ignored where others added too", function()
    team("[" .. A .. "]")
    server:fault { kind = "close_after", method = "PUT" }
    local value = '{"email":"c@example.com"}'
    server:fault { kind = "other_writer", method = "GET", after = 1, pointer = "/team/-", value = value }
    local _, err, info = client:update(ID, { team = referrals.add { email = "b@example.com" } })
    assert.is_nil(err)
    assert.same({ "verified", {} }, { info.resolved, info.ignored })
  end)
end)
