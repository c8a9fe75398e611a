local nginx = require "support.nginx"
local referral = require "support.referral"
local referrals = require "referrals"
local shell = require "support.shell"

local id = referral.id

describe("a client's retries", function()
  local server, client

  setup(function()
    server = nginx.start()
  end)

  teardown(function()
    server:stop()
  end)

  before_each(function()
    server:reset()
    referral.store(server, 30)
    client = referrals.new { endpoint = server.url, token = "a-token" }
  end)

  describe("in an outage", function()
    local FIRST, RETRIES = 1000, 100 -- the budget's 500 tokens, 5 for a retry

    local function updates(options)
      local made = 0
      options.token = "a-token"
      client = referrals.new(options)
      return client:update_many(function()
        made = made + 1
        return made <= FIRST and { id = id(made), change = { campaignId = "c" } } or nil
      end, { concurrency = 500, on_result = function() end })
    end

    it("are as many as the budget has, however many updates are under way", function()
      local attempts = 0
      local totals = updates {
        endpoint = "http://127.0.0.1:" .. shell.free_port(),
        on_event = function(event) attempts = attempts + (event.type == "attempt" and 1 or 0) end,
      }
      assert.equal(FIRST, totals.failed)
      assert.equal(FIRST + RETRIES, attempts)
    end)

    it("are the same when it is the service that says so", function()
      server:fault { kind = "status", status = 503, times = 100000 }
      local totals = updates { endpoint = server.url }
      assert.equal(FIRST, totals.failed)
      assert.equal(FIRST + RETRIES, #server:record { brief = true })
    end)

    describe("are possible again after it", function()
      -- What a client without a retry left does, until it has some again.
      local function spent(options)
        options.token = options.token or "a-token"
        client = assert(referrals.new(options))
        for _ = 1, RETRIES do
          client.exchange.retry:pay { kind = "network" }
        end
        assert.is_nil(client.exchange.retry:pay { kind = "network" })
      end

      local function assert_some_again()
        local budget = client.exchange.retry.budget
        assert.is_true(budget:level() >= 10, budget:level() .. " tokens")
        assert.equal(5, client.exchange.retry:pay { kind = "network" })
      end

      it("when reads went through", function()
        spent { endpoint = server.url }
        for _ = 1, 10 do
          assert(client:get(id(1)))
        end
        assert_some_again()
      end)

      it("when updates did, straight and by the longer way", function()
        for _, options in ipairs { { cache = 0 }, {}, { on_event = function() end } } do
          options.endpoint = server.url
          spent(options)
          local requests = 0
          for number = 1, 10 do
            local _, err, info = client:update(id(1), { campaignId = "c" .. number })
            assert.is_nil(err)
            requests = requests + info.round_trips
          end
          assert.equal(requests, client.exchange.retry.budget:level())
        end
      end)

      it("when updates that had nothing to write did", function()
        spent { endpoint = server.url }
        for _ = 1, 10 do
          local _, err, info = client:update(id(1), {})
          assert.is_nil(err)
          assert.is_false(info.changed)
        end
        assert_some_again()
      end)

      it("when those of a batch did, each request for itself where it is no straight way", function()
        spent { endpoint = server.url }
        for _, round in ipairs { { value = "added", tokens = 20 }, { value = "replaced", tokens = 30 } } do
          local list = {}
          for number = 1, 10 do
            list[number] = { id = id(number), change = { campaignId = round.value } }
          end
          assert.equal(10, client:update_many(list).changed)
          assert.equal(round.tokens, client.exchange.retry.budget:level())
        end
      end)

      it("up to as many as before", function()
        spent { endpoint = server.url }
        for _ = 1, 520 do
          assert(client:get(id(1)))
        end
        assert.equal(500, client.exchange.retry.budget:level())
      end)
    end)

    it("of writes only: each is looked at, and few are written again", function()
      server:reset()
      referral.store(server, 200)
      server:fault { kind = "status", status = 503, method = "PUT", times = 100000 }
      local list = {}
      for number = 1, 200 do
        list[number] = { id = id(number), change = { campaignId = "c" } }
      end
      local results = client:update_many(list, { concurrency = 200 })
      local reads, writes = 0, 0
      for _, entry in ipairs(server:record { brief = true }) do
        reads = reads + (entry.method == "GET" and 1 or 0)
        writes = writes + (entry.method == "PUT" and 1 or 0)
      end
      assert.equal(200, results.failed)
      for _, result in ipairs(results) do
        assert.equal("unsettled", result.err.kind)
      end
      assert.is_true(writes <= 200 + RETRIES + reads / 5, ("%d writes, %d reads"):format(writes, reads))
    end)
  end)
end)
