local http = require("referrals.core").http
local nginx = require "support.nginx"
local referral = require "support.referral"
local referrals = require "referrals"
local wire = require "support.wire"

local id = referral.id

-- The service's waits are minutes, so that only the deadline ends them; LATE is what a slow machine may add.
local LONG, LATE = 120, 3

describe("the total timeout", function()
  local server, client

  setup(function()
    server = nginx.start()
  end)

  teardown(function()
    server:stop()
  end)

  before_each(function()
    server:reset()
    referral.store(server, 10)
    client = referrals.new { endpoint = server.url, token = "a-token" }
  end)

  --- Calls a verb of the client, which has to end by its timeout and not long before.
  local function bounded(timeout, verb, ...)
    local began = http.now()
    local value, err, info = client[verb](client, ...)
    local took = http.now() - began
    assert.is_true(took >= timeout - 0.01 and took < timeout + LATE, took .. " s")
    return value, err, info
  end

  it("ends a read whose answer does not come", function()
    server:fault { kind = "late", delay = LONG }
    local value, err = bounded(0.3, "get", id(1), { timeout = 0.3 })
    assert.is_nil(value)
    assert.equal("timeout", err.kind)
    assert.is_true(err.retryable)
  end)

  it("ends a read whose answer comes a byte at a time", function()
    server:fault { kind = "trickle", interval = 0.05 }
    local value, err = bounded(0.4, "get", id(1), { timeout = 0.4 })
    assert.is_nil(value)
    assert.equal("timeout", err.kind)
    assert.equal("GET", wire.methods(server:record()))
  end)

  it("ends a read whose answer is shorter than it said", function()
    server:fault { kind = "wrong_length", hold = true, extra = 10 }
    local value, err = bounded(0.3, "get", id(1), { timeout = 0.3 })
    assert.is_nil(value)
    assert.equal("timeout", err.kind)
  end)

  it("is one for all retries and waits together", function()
    server:fault { kind = "close_before", times = 1000 }
    client = referrals.new { endpoint = server.url, token = "a-token", retries = 100 }
    local began = http.now()
    local value, err = client:get(id(1), { timeout = 0.5 })
    assert.is_nil(value)
    assert.is_true(err.kind == "network" or err.kind == "timeout", err.kind)
    assert.is_true(http.now() - began < 0.5 + LATE)
    assert.is_true(#server:record() < 20, "it hammers the service")
  end)

  it("is one for all rounds of a conflict", function()
    client = referrals.new { endpoint = server.url, token = "a-token", conflict_retries = 100 }
    server:fault { kind = "other_writer", method = "PUT", times = 1000 }
    local began = http.now()
    wire.failed("timeout", false, client:update(id(1), { campaignId = "c" }, { timeout = 0.5 }))
    assert.is_true(http.now() - began < 0.5 + LATE)
    assert.is_true(#wire.writes(server:record()) > 1)
  end)

  describe("over before the write", function()
    it("says that nothing was written", function()
      server:fault { kind = "late", delay = LONG, method = "GET" }
      wire.failed("timeout", false, bounded(0.3, "update", id(1), { campaignId = "c" }, { timeout = 0.3 }))
      assert.equal("GET", wire.methods(server:record()))
    end)

    it("says so also when a function took the time", function()
      wire.failed("timeout", false, client:update(id(1), function(current)
        local entered = http.now()
        current.campaignId = "c"
        repeat until http.now() - entered > 0.2
      end, { timeout = 0.2 }))
      assert.equal("GET", wire.methods(server:record()))
    end)
  end)

  describe("over during the write", function()
    --- The write's entry, as soon as the service has applied it.
    local function applied_in_the_end()
      local limit = http.now() + 20
      repeat
        for _, entry in ipairs(server:record()) do
          if entry.method == "PUT" and entry.applied then
            return entry
          end
        end
      until http.now() > limit
      error("the service never applied the write")
    end

    local function unsettled(value, err)
      wire.failed("unsettled", "unknown", value, err)
      assert.equal("timeout", err.cause.kind)
      assert.same({ { member = "campaignId", to = "mine" } }, err.intended)
      assert.is_false(err.retryable)
      wire.says(err, "may have been")
    end

    it("says that it may have been written, when it was", function()
      server:fault { kind = "late", delay = LONG, method = "PUT" }
      unsettled(bounded(0.3, "update", id(1), { campaignId = "mine" }, { timeout = 0.3 }))
      wire.says(server:stored(id(1)), '"campaignId":"mine"')
    end)

    it("finds it out where there is time for that #once", function()
      local copied = referrals.new { endpoint = server.url, token = "a-token" }
      assert(copied:get(id(2)))
      for number, way in ipairs { client, copied } do
        server:forget()
        server:fault { kind = "late", delay = LONG, method = "PUT" }
        local began = http.now()
        local value, err, info = way:update(id(number), { campaignId = "mine" }, { timeout = 5.6 })
        assert.is_nil(err)
        assert.same({ "mine", "verified" }, { value.campaignId, info.resolved })
        assert.is_true(http.now() - began < 5.6 + LATE)
        assert.equal(1, #wire.writes(server:record()))
      end
    end)

    it("says the same when the service applies it only after the caller gave up", function()
      server:fault { kind = "late", delay = 0.8, apply = "after", method = "PUT" }
      unsettled(bounded(0.3, "update", id(1), { campaignId = "mine" }, { timeout = 0.3 }))
      assert.is_nil(server:stored(id(1)):find("mine", 1, true), "the service was not late")
      applied_in_the_end()
      wire.says(server:stored(id(1)), '"campaignId":"mine"')
    end)

    it("says the same when it never arrives", function()
      server:fault { kind = "close_before", method = "PUT", times = 1000 }
      server:fault { kind = "late", delay = LONG, method = "GET", after = 1 }
      local value, err = bounded(0.5, "update", id(1), { campaignId = "mine" }, { timeout = 0.5 })
      wire.failed("unsettled", "unknown", value, err)
      assert.equal("network", err.cause.kind)
    end)

    it("leaves a table change safe to run again, whichever way it went", function()
      for _, apply in ipairs { "before", "after" } do
        server:reset()
        referral.store(server, 1)
        server:fault { kind = "late", delay = 0.6, apply = apply, method = "PUT" }
        unsettled(client:update(id(1), { campaignId = "mine" }, { timeout = 0.2 }))
        local value, err = client:update(id(1), { campaignId = "mine" })
        assert.is_nil(err)
        assert.equal("mine", value.campaignId)
        applied_in_the_end()
        wire.says(server:stored(id(1)), '"campaignId":"mine"')
      end
    end)

    it("never lets a write that comes late undo another writer's", function()
      server:fault { kind = "late", delay = 0.6, apply = "after", method = "PUT" }
      wire.failed("unsettled", "unknown", client:update(id(1), { campaignId = "late" }, { timeout = 0.2 }))
      assert(client:update(id(1), { campaignId = "newer" }))
      local limit = http.now() + 20
      repeat
        local late = server:record()[2]
        assert.is_true(http.now() < limit)
      until late.status == 412
      wire.says(server:stored(id(1)), '"campaignId":"newer"')
    end)

    it("says the same of a batch's item, and the others go on", function()
      server:fault { kind = "late", delay = LONG, method = "PUT", path = id(2) }
      local list = {}
      for number = 1, 5 do
        list[number] = { id = id(number), change = { campaignId = "mine" } }
      end
      local results = client:update_many(list, { timeout = 0.4, concurrency = 2 })
      assert.same({ 4, 1 }, { results.succeeded, results.failed })
      unsettled(results[2].value, results[2].err)
    end)
  end)

  describe("not reached by the connection", function()
    it("leaves connect_timeout to bound it", function()
      -- A full backlog: connections are neither taken nor refused.
      local socket = require "socket"
      local listener = assert(socket.bind("127.0.0.1", 0, 0))
      local _, port = listener:getsockname()
      local waiting = {}
      for index = 1, 4 do
        waiting[index] = socket.tcp()
        waiting[index]:settimeout(0)
        waiting[index]:connect("127.0.0.1", tonumber(port))
      end
      finally(function()
        listener:close()
        for _, connection in ipairs(waiting) do
          connection:close()
        end
      end)
      client = referrals.new {
        endpoint = "http://127.0.0.1:" .. port, token = "a-token", connect_timeout = 0.2, retries = 0,
      }
      wire.failed("timeout", false, bounded(0.2, "update", id(1), { campaignId = "c" }))
    end)
  end)
end)
