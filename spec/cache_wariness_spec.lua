-- How often a referral that others write too is read first, although a copy of it is there.
local nginx = require "support.nginx"
local referral = require "support.referral"
local referrals = require "referrals"
local sandbox = require "referrals.sandbox"
local wire = require "support.wire"

local id = referral.id

describe("a copy that was out of date", function()
  local server, service, client, written

  setup(function() server = nginx.start() end)
  teardown(function() server:stop() end)

  -- Each by another way: an update within the core, one of a batch, and step by step.
  local WAYS = {
    ["in one crossing"] = function(change) return client:update(id(1), change) end,
    ["one of a batch"] = function(change)
      local result = client:update_many({ { id = id(1), change = change } })[1]
      return result.value, result.err, result.info
    end,
    ["step by step"] = function(change) return client:update(id(1), function() return change end) end,
  }

  local function begin(endpoint, of_service)
    client = assert(referrals.new { endpoint = endpoint, token = "a-token", sandbox = of_service })
    written = 0
    assert(client:update(id(1), { campaignId = "", statusReason = "" }))
  end

  --- The methods of an update's requests.
  local function update(way)
    written = written + 1
    server:forget()
    assert(way { statusReason = "ours " .. written })
    return wire.methods(server:record())
  end

  local function write_as_other()
    server:write(id(1), "/campaignId", ('"theirs %d"'):format(written))
  end

  for told, way in pairs(WAYS) do
    describe("makes the next updates, each " .. told .. ",", function()
      before_each(function()
        server:reset()
        referral.store(server, 1)
        begin(server.url)
      end)

      it("read first, the more often the more often it happens", function()
        for _, times in ipairs { 1, 3, 7 } do
          write_as_other()
          assert.equal("PUT GET PUT", update(way))
          for _ = 1, times do
            write_as_other()
            assert.equal("GET PUT", update(way))
          end
        end
      end)

      it("read first no more often than at first, once as many went well without", function()
        for _ = 1, 3 do
          write_as_other()
          assert.equal("PUT GET PUT", update(way))
          assert.equal("GET PUT", update(way))
          assert.equal("PUT", update(way))
          assert.equal("PUT", update(way))
          assert.equal(0, client.exchange.cache.wary_count)
        end
      end)
    end)
  end

  it("is as rare a cost after many years as in the first week", function()
    service = sandbox.new()
    referral.store(service, 1)
    begin(nil, service)
    for _ = 1, 12 do
      service:write_as_other(id(1), "/campaignId", ('"theirs %d"'):format(written))
      local extra = 0
      for _ = 1, 200 do
        written = written + 1
        local _, err, info = client:update(id(1), { statusReason = "ours " .. written })
        assert.is_nil(err)
        extra = extra + info.round_trips - 1
      end
      assert.equal(3, extra)
    end
  end)
end)
