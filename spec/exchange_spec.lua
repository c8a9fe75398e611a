local nginx = require "support.nginx"
local referral = require "support.referral"
local referrals = require "referrals"
local sandbox = require "referrals.sandbox"
local shell = require "support.shell"
local wire = require "support.wire"

local ID = sandbox.EXAMPLE_ID
local URL = "http://localhost/v1.0/engagements/referrals"

describe("an exchange", function()
  local service, request_ids

  before_each(function()
    service, request_ids = sandbox.new(), {}
    local handle = service.handle
    function service:handle(request)
      local response = handle(self, request)
      request_ids[#self.record] = response.headers["request-id"]
      return response
    end
  end)

  local function new(options)
    options = options or {}
    options.sandbox = service
    return assert(referrals.new(options))
  end

  local function sent_id(number)
    return service.record[number].headers["client-request-id"]
  end

  describe("tells of its requests:", function()
    it("an attempt without an answer is no round trip", function()
      service:fault { kind = "close_before" }
      service:fault { kind = "status", status = 503 }
      local _, err, info = new():get(ID)
      assert.is_nil(err)
      assert.same({ 3, 2, 3 }, { info.attempts, info.round_trips, #service.record })
      service:fault { kind = "cut", times = 9 }
      _, err, info = new({ retries = 1 }):get(ID)
      assert.equal("network", err.kind)
      assert.same({ 2, 0, 2 }, { info.attempts, info.round_trips, err.attempts })
    end)

    it("all those of a verb are counted together, and the next verb's anew", function()
      local client = new { cache = 0 }
      service:fault { kind = "other_writer", method = "PUT" }
      local _, _, first = client:update(ID, { statusReason = "x" })
      assert.equal("GET PUT GET PUT", wire.methods(service.record))
      assert.same({ 4, 4 }, { first.attempts, first.round_trips })
      local ids = { first.client_request_id, first.request_id }
      local _, _, second = client:update(ID, { statusReason = "y" })
      assert.same({ 2, 2 }, { second.attempts, second.round_trips })
      assert.same({ 4, 4 }, { first.attempts, first.round_trips })
      assert.same(ids, { first.client_request_id, first.request_id })
    end)

    it("each goes under an id of its own, and the last one's is told, with the service's", function()
      service:fault { kind = "status", status = 503, times = 2 }
      local _, _, info = new():get(ID)
      assert.not_equal(sent_id(1), sent_id(2))
      assert.not_equal(sent_id(2), sent_id(3))
      assert.same({ sent_id(3), request_ids[3] }, { info.client_request_id, info.request_id })
      local _, err = new():get("00000000-0000-0000-0000-000000000000")
      assert.same({ sent_id(4), request_ids[4] }, { err.client_request_id, err.request_id })
    end)

    it("one that was not answered has no id of the service's, whatever the one before had", function()
      service:fault { kind = "close_after", after = 1 }
      local _, err, info = new({ retries = 0 }):related(ID)
      assert.equal("network", err.kind)
      assert.is_string(request_ids[1])
      assert.is_nil(info.request_id)
      assert.is_nil(err.request_id)
      assert.same({ sent_id(2), sent_id(2) }, { info.client_request_id, err.client_request_id })
    end)

    it("none is counted that had no token to go with", function()
      local _, err, info = new({ token = function() return nil, "none today" end }):get(ID)
      assert.equal("auth", err.kind)
      assert.same({ 0, 0 }, { info.attempts, info.round_trips })
      assert.is_nil(info.client_request_id)
      assert.same({}, service.record)
    end)
  end)

  describe("tells a listener", function()
    local events

    local function note(event)
      events[#events + 1] = event
    end

    before_each(function()
      events = {}
    end)

    it("all about each attempt, and no query", function()
      service:fault { kind = "status", status = 503 }
      assert(new({ on_event = note }):list { filter = { status = "New" } })
      assert.is_truthy(service.record[1].path:find("?", 1, true))
      local failure = events[1].error
      assert.same({ "server", 503 }, { failure.kind, failure.http_status })
      for number, status in ipairs { 503, 200 } do
        local event = events[number]
        assert.is_number(event.seconds)
        assert.same({
          type = "attempt", method = "GET", url = URL .. "?...", status = status, outcome = "ok", sent = true,
          attempt = number, seconds = event.seconds, client_request_id = sent_id(number),
          request_id = request_ids[number], error = number == 1 and failure or nil,
        }, event)
      end
      assert.equal(2, #events)
    end)

    it("what came instead of an answer, and how long that took", function()
      service:fault { kind = "late", delay = 600, method = "PUT" }
      local client = new { on_event = note, timeout = 30, retries = 0 }
      assert(client:update(ID, { statusReason = "x" }))
      local event = events[2]
      assert.same({ "PUT", "timeout", true, 2 }, { event.method, event.outcome, event.sent, event.attempt })
      assert.is_nil(event.status)
      assert.is_nil(event.request_id)
      assert.equal("timeout", event.error.kind)
      assert.is_true(event.seconds >= 25) -- of the service's own clock: the last five are for looking
    end)

    it("that a write was not made, where it never left this machine", function()
      local client = assert(referrals.new {
        endpoint = "http://127.0.0.1:" .. shell.free_port(), token = "t", retries = 0,
        on_event = function(event) -- the verb says more of the same error later
          events[#events + 1] = { event.method, tostring(event.sent), tostring(event.error.applied) }
        end,
      })
      client:replace(ID, sandbox.example)
      client:get(ID)
      assert.same({ { "PUT", "false", "false" }, { "GET", "false", "nil" } }, events)
    end)

    it("who may use the client, and whose calls are not counted with the verb's", function()
      local client, inner
      client = new { on_event = function()
        if not inner then
          inner = {}
          inner = { client:get(ID) }
        end
      end }
      local _, err, info = client:update(ID, { statusReason = "x" })
      assert.is_nil(err)
      assert.equal(ID, inner[1].id)
      assert.same({ 2, 1 }, { info.attempts, inner[3].attempts })
      assert.equal(sent_id(3), info.client_request_id)
      assert.equal("GET GET PUT", wire.methods(service.record))
    end)

    it("who may do so in the middle of a batch, also where its coroutine cannot be left", function()
      local server = nginx.start()
      finally(function() server:stop() end)
      referral.store(server, 2)
      local client, read
      client = assert(referrals.new { endpoint = server.url, token = "t", on_event = function()
        if not read then
          read = {}
          table.sort({ 2, 1 }, function(a, b) -- out of which no Lua yields, and 5.1 cannot tell
            read[#read + 1] = client:get(ID)
            return a < b
          end)
        end
      end })
      local results = client:update_many(referral.items(2), { concurrency = 2 })
      assert.equal(2, results.succeeded)
      assert.equal(ID, read[1].id)
    end)
  end)

  describe("in a call", function()
    it("has the time that is given, and in a batch no more than the batch has", function()
      local exchange = new({ timeout = 40 }).exchange
      local now = 1000
      function exchange.runtime.now() return now end
      assert.same({ 1040, 40 }, { exchange:call().deadline, exchange:call().timeout })
      assert.same({ 1007, 7 }, { exchange:call(7).deadline, exchange:call(7).timeout })
      assert.equal(1003, exchange:call(7, { limit = 1003 }).deadline)
      assert.equal(1007, exchange:call(7, { limit = 1020 }).deadline)
      assert.equal(1007, exchange:call(7, {}).deadline)
      assert.equal(990, exchange:call(7, nil, 990).deadline) -- begun before
    end)

    it("that takes over a finished one's table has nothing of that one's", function()
      local exchange = new({}).exchange
      local finished = exchange:call(5)
      local info = finished.info
      info.attempts, info.changed = 3, true
      exchange:finished(finished)
      local call = exchange:call(9)
      assert.equal(9, call.timeout)
      assert.same({ attempts = 0, round_trips = 0 }, call.info)
      assert.same({ attempts = 3, round_trips = 0, changed = true }, info)
      assert.is_true(call.deadline > exchange.runtime:now() + 8)
      assert.not_equal(call, exchange:call(9)) -- it is in use again
    end)

    it("of a batch is left to it, whose clock may stand still", function()
      local exchange = new({}).exchange
      local of_batch = exchange:call(5, { limit = 1 })
      exchange:finished(of_batch)
      assert.is_false(exchange:call(5).clock_stops)
    end)
  end)

  describe("pauses before a referral is read again", function()
    local exchange, runtime

    before_each(function()
      exchange = new({}).exchange
      runtime = exchange.runtime
    end)

    it("for as long as the service asked", function()
      assert.is_nil(exchange:pause(exchange:call(60), 1, { retry_after = 7 }))
      assert.equal(7, runtime.slept)
    end)

    it("else for a moment, longer in later rounds, and never for long", function()
      local function longest(round)
        local most = 0
        for _ = 1, 200 do
          local before = runtime.slept
          assert.is_nil(exchange:pause(exchange:call(60), round, {}))
          most = math.max(most, runtime.slept - before)
        end
        return most
      end
      local first, fourth, late = longest(1), longest(4), longest(90)
      assert.is_true(first > 0 and first <= 0.05, first)
      assert.is_true(fourth > 0.05 and fourth <= 0.4, fourth)
      assert.is_true(late > 0.4 and late <= 2, late)
    end)

    it("not at all where the call would be over by then: it says when to come back", function()
      local err = exchange:pause(exchange:call(5), 1, { retry_after = 30 })
      assert.same({ "timeout", 30, false }, { err.kind, err.retry_after, err.applied })
      assert.equal(0, runtime.slept)
    end)

    it("not at all where there is no way to wait", function()
      function runtime.sleep() return false end
      local err = exchange:pause(exchange:call(5), 1, { retry_after = 1 })
      assert.same({ "busy", false }, { err.kind, err.applied })
    end)
  end)

  describe("sends a write again", function()
    local GET = { method = "GET", path = "/referrals/" .. ID }

    --- How often it may, until the client's budget is spent; and the last call that it could be for.
    local function spend(exchange, err)
      local count, last = 0, nil
      repeat
        local call = exchange:call(60)
        local may = exchange:may_send_again(call, err)
        count, last = count + (may and 1 or 0), may and call or last
        assert.is_true(count < 1000)
      until not may
      return count, last
    end

    it("as often as the client's budget has a retry, and after a timeout half as often", function()
      assert.equal(100, (spend(new({}).exchange, { kind = "network" })))
      assert.equal(50, (spend(new({}).exchange, { kind = "timeout" })))
    end)

    it("at a price that comes back once, with the success of the request that it was paid for", function()
      local exchange, err = new({}).exchange, { kind = "network" }
      local _, call = spend(exchange, err)
      assert(exchange:send(call, GET))
      assert.equal(1, (spend(exchange, err)))
      assert(exchange:send(call, GET)) -- a success that took no retry gives back a little, and no whole one
      assert.equal(0, (spend(exchange, err)))
    end)
  end)

  describe("forgets the copy in memory", function()
    local client

    before_each(function()
      client = new { retries = 0 }
      assert(client:get(ID))
    end)

    --- What an update of one member takes from here on.
    local function requests_of_an_update()
      service:forget()
      assert(client:update(ID, { statusReason = "x" }))
      return wire.methods(service.record)
    end

    it("of a referral that a read finds to be gone, should it ever come back", function()
      service:remove(ID)
      assert.equal("not_found", select(2, client:get(ID)).kind)
      service:store(sandbox.example)
      assert.equal("GET PUT", requests_of_an_update())
    end)

    it("of none that a read failed to find out about", function()
      for _, status in ipairs { 500, 403, 400 } do
        service:fault { kind = "status", status = status }
        assert.equal(status, select(2, client:get(ID)).http_status)
      end
      assert.equal("PUT", requests_of_an_update())
    end)

    it("as soon as a write is under way, so that nobody else writes from it meanwhile", function()
      local handle, held = service.handle, nil
      function service:handle(request)
        held = client.exchange.cache:get(ID) or "none"
        return handle(self, request)
      end
      assert(client:get(ID))
      assert.not_equal("none", held)
      assert(client:update(ID, { statusReason = "x" }))
      assert.equal("none", held)
      assert.is_not_nil(client.exchange.cache:get(ID)) -- the answer's
    end)
  end)
end)
