local faulty = require "support.faulty"
local http = require("referrals.core").http
local nginx = require "support.nginx"
local referral = require "support.referral"
local referrals = require "referrals"
local sandbox = require "referrals.sandbox"
local shell = require "support.shell"
local wire = require "support.wire"

local id = referral.id
local MILLISECOND = 0.001 -- what the record's times are cut to

describe("retries", function()
  local server, client

  setup(function()
    server = nginx.start()
  end)

  teardown(function()
    server:stop()
  end)

  local function begin(options)
    server:reset(options)
    referral.store(server, 30)
    client = referrals.new { endpoint = server.url, token = "a-token" }
  end

  before_each(function()
    begin()
  end)

  after_each(faulty.stop_all)

  --- Seconds from each request to the next.
  local function gaps(record)
    local list = {}
    for index = 2, #record do
      list[index - 1] = record[index].at - record[index - 1].at + MILLISECOND
    end
    return list
  end

  local function seconds_of(f, ...)
    local began = http.now()
    f(...)
    return http.now() - began
  end

  describe("of a read", function()
    it("come no sooner than the service asked for, and no more often than needed", function()
      server:fault { kind = "status", status = 503, retry_after = 2, times = 2 }
      local referral_read, err, info = client:get(id(1))
      assert.is_nil(err)
      assert.equal(id(1), referral_read.id)
      assert.equal(3, info.attempts)
      local between = gaps(server:record())
      assert.equal(2, #between)
      assert.is_true(between[1] >= 2, between[1])
      assert.is_true(between[2] >= 2, between[2])
    end)

    it("obey a date just so", function()
      server:fault { kind = "status", status = 503, retry_after = 1, retry_after_form = "date" }
      assert(client:get(id(1)))
      local between = gaps(server:record())
      assert.equal(1, #between)
      assert.is_true(between[1] >= 1, between[1])
    end)

    it("follow a broken connection, a cut answer, 408 and 5xx", function()
      for _, fault in ipairs {
        { kind = "close_before", mode = "fin" }, { kind = "close_before", mode = "rst" },
        { kind = "close_after", mode = "fin" }, { kind = "close_after", mode = "rst" }, { kind = "cut" },
        { kind = "wrong_length" }, { kind = "status", status = 408 }, { kind = "status", status = 500 },
        { kind = "html", status = 502 }, { kind = "status", status = 503 }, { kind = "status", status = 504 },
      } do
        server:forget()
        server:fault(fault)
        local value, err = client:get(id(1))
        assert.is_nil(err, fault.kind)
        assert.equal(id(1), value.id)
        assert.equal("GET GET", wire.methods(server:record()), fault.kind)
      end
    end)

    it("do not follow what the same request would meet again", function()
      for _, case in ipairs {
        { { kind = "garbage" }, "protocol" }, { { kind = "empty" }, "protocol" },
        { { kind = "status", status = 501 }, "server" }, { { kind = "status", status = 400 }, "rejected" },
        { { kind = "status", status = 403 }, "forbidden" }, { { kind = "status", status = 404 }, "not_found" },
      } do
        server:forget()
        server:fault(case[1])
        local value, err = client:get(id(1))
        assert.is_nil(value)
        assert.equal(case[2], err.kind)
        assert.equal("GET", wire.methods(server:record()))
      end
    end)

    it("are as many as the client allows", function()
      client = referrals.new { endpoint = server.url, token = "a-token", retries = 2 }
      server:fault { kind = "status", status = 500, times = 100 }
      local value, err = client:get(id(1))
      assert.is_nil(value)
      assert.same({ "server", 500, 3, true }, { err.kind, err.http_status, err.attempts, err.retryable })
      assert.equal(3, #server:record())
    end)
  end)

  describe("of a write", function()
    it("that meets a 503 wait as told, read, and write again only under the same version", function()
      server:fault { kind = "status", status = 503, retry_after = 1, method = "PUT" }
      local value, err = client:update(id(1), { campaignId = "mine" })
      assert.is_nil(err)
      assert.equal("mine", value.campaignId)
      local record = server:record()
      assert.equal("GET PUT GET PUT", wire.methods(record))
      assert.is_true(gaps(record)[2] >= 1, gaps(record)[2])
      assert.equal(record[2].headers["if-match"], record[4].headers["if-match"])
      wire.same_text(record[2].body, record[4].body)
    end)

    it("that meets a 503 and another writer start over on the new version", function()
      server:fault { kind = "status", status = 503, method = "PUT" }
      server:fault { kind = "other_writer", pointer = "/statusReason", value = '"theirs"', method = "GET", after = 1 }
      local value, err = client:update(id(1), { campaignId = "mine" })
      assert.is_nil(err)
      assert.same({ "mine", "theirs" }, { value.campaignId, value.statusReason })
      local record = server:record()
      assert.equal("GET PUT GET PUT", wire.methods(record))
      assert.not_equal(record[2].headers["if-match"], record[4].headers["if-match"])
    end)

    it("that meets other writers and stale reads of what they wrote over are not taken for a refused tag", function()
      server:fault { kind = "other_writer", method = "PUT" }
      server:fault { kind = "other_writer", method = "PUT", after = 1 }
      server:fault { kind = "stale", method = "GET", after = 1 }
      server:fault { kind = "stale", method = "GET", after = 2 }
      local value, err = client:update(id(1), { campaignId = "mine" })
      assert.is_nil(err)
      assert.equal("mine", value.campaignId)
      assert.equal(("GET PUT "):rep(5), wire.methods(server:record()) .. " ")
    end)

    it("that was applied behind a 503 are none", function()
      server:fault { kind = "status", status = 503, applied = true, method = "PUT" }
      local value, err, info = client:update(id(1), { campaignId = "mine" })
      assert.is_nil(err)
      assert.equal("mine", value.campaignId)
      assert.equal("verified", info.resolved)
      assert.equal("GET PUT GET", wire.methods(server:record()))
    end)

    it("that was never sent are made, and it says that nothing was written", function()
      local attempts = {}
      client = referrals.new {
        endpoint = "http://127.0.0.1:" .. shell.free_port(), token = "a-token", retries = 2,
        on_event = function(event) attempts[#attempts + 1] = tostring(event.sent) end,
      }
      local text = referral.text(1)
      wire.failed("network", false, client:replace(id(1), text, { if_match = '"1"' }))
      assert.same({ "false", "false", "false" }, attempts)
    end)

    it("made by POST are none once it may have been sent", function()
      local request = { method = "POST", path = "/referrals", body = "{}" }
      for _, step in ipairs {
        faulty.drop("fin"), faulty.drop("rst"), faulty.answer { status = 500 }, faulty.answer { status = 503 },
        faulty.answer { status = 408 }, faulty.cut("{}", 1), faulty.garbage(),
      } do
        local misbehaving = faulty.start { requests = { step, faulty.answer() } }
        client = referrals.new { endpoint = misbehaving.url, token = "a-token" }
        local response, err, sent = client.exchange:send(client.exchange:call(), request)
        assert.is_nil(response)
        assert.is_table(err)
        assert.is_true(sent)
        assert.equal("POST", wire.methods(misbehaving:requests()))
        misbehaving:stop()
      end
    end)
  end)

  describe("that the deadline leaves no time for", function()
    it("are none: a read fails at once and says when to come back", function()
      server:fault { kind = "status", status = 503, retry_after = 30, times = 2 }
      local value, err
      local took = seconds_of(function() value, err = client:get(id(1), { timeout = 5 }) end)
      assert.is_nil(value)
      assert.same({ "server", 30 }, { err.kind, err.retry_after })
      wire.says(err, "30 s")
      assert.is_true(took < 4, took)
      assert.equal(1, #server:record())
    end)

    it("are none: a write says besides that it may have been applied", function()
      server:fault { kind = "status", status = 503, retry_after = 30, method = "PUT" }
      local value, err
      local took = seconds_of(function() value, err = client:update(id(1), { campaignId = "x" }, { timeout = 5 }) end)
      wire.failed("unsettled", "unknown", value, err)
      assert.equal(30, err.retry_after)
      wire.says(err, "30 s")
      assert.is_true(took < 4, took)
      assert.equal("GET PUT", wire.methods(server:record()))
    end)

    it("are none after a 429: nothing was written, and the next verb does not ask before its time", function()
      server:fault { kind = "status", status = 429, retry_after = 30, method = "PUT" }
      local value, err = client:update(id(1), { campaignId = "x" }, { timeout = 5 })
      wire.failed("throttled", false, value, err)
      assert.equal(30, err.retry_after)
      value, err = client:get(id(2), { timeout = 5 })
      assert.is_nil(value)
      assert.equal("throttled", err.kind)
      assert.is_true(err.retry_after > 20 and err.retry_after <= 30, err.retry_after)
      wire.failed("throttled", false, client:update(id(3), { campaignId = "x" }, { timeout = 5 }))
      assert.equal("GET PUT", wire.methods(server:record()))
    end)
  end)

  describe("after a 429", function()
    local function items(count)
      local list = {}
      for number = 1, count do
        list[number] = { id = id(number), change = { campaignId = "c" .. number } }
      end
      return list
    end

    --- After the 429 come what was under way already, and then nothing until the service's second is over.
    local function assert_paused(record)
      local throttled, early, late = nil, 0, 0
      for _, entry in ipairs(record) do
        if throttled and entry.at - throttled + MILLISECOND < 1 then
          early = early + 1
        elseif throttled then
          late = late + 1
        end
        throttled = throttled or (entry.status == 429 and entry.at) or nil
      end
      assert.is_number(throttled)
      assert.is_true(early <= 3, early .. " requests in the pause")
      assert.is_true(late >= 30, late .. " requests after it")
    end

    it("the whole batch waits, and its items' clocks stand still", function()
      begin { delay = 0.02 }
      server:fault { kind = "status", status = 429, retry_after = 1, after = 3 }
      local results = client:update_many(items(30), { concurrency = 4, timeout = 0.9 })
      assert.equal(30, results.succeeded, results[30] and tostring(results[30].err))
      assert_paused(server:record())
    end)

    it("the others wait also when the verb that met it gives up", function()
      begin { delay = 0.02 }
      client = referrals.new { endpoint = server.url, token = "a-token", retries = 0 }
      server:fault { kind = "status", status = 429, retry_after = 1, after = 3 }
      local results = client:update_many(items(30), { concurrency = 4 })
      assert.same({ 29, 1 }, { results.succeeded, results.failed })
      assert_paused(server:record())
    end)

    it("no item of a batch goes on to its write, whose read was under way then", function()
      assert(client:get(id(3)))
      server:forget()
      server:fault { kind = "status", status = 429, retry_after = 1, method = "GET", path = id(1) }
      server:fault { kind = "late", delay = 0.3, method = "GET", path = id(2) }
      local change = { details = { dealValue = 1 } } -- plain enough to go on to its write at once
      local both = { { id = id(1), change = change }, { id = id(2), change = change } }
      assert.equal(2, client:update_many(both, { concurrency = 2 }).succeeded)
      wire.waited_for_a_second(server:record())
    end)

    it("a batch's deadline is not moved", function()
      server:fault { kind = "status", status = 429, retry_after = 30, times = 100 }
      local results
      local took = seconds_of(function() results = client:update_many(items(30), { concurrency = 4, deadline = 1 }) end)
      assert.is_true(took < 10, took)
      assert.equal(0, results.succeeded)
      for _, result in ipairs(results) do
        assert.is_true(result.skipped or result.err.kind == "throttled", tostring(result.err))
        assert.is_true(result.skipped or result.err.applied == false)
      end
    end)
  end)

  it("are not put off for years by one answer", function()
    local service = sandbox.new()
    local in_process = assert(referrals.new { sandbox = service })
    service:fault { kind = "status", status = 429, retry_after = 999999999 }
    local value, err = in_process:get(sandbox.EXAMPLE_ID)
    wire.failed("throttled", nil, value, err)
    assert.equal(999999999, err.retry_after)
    value, err = in_process:get(sandbox.EXAMPLE_ID)
    wire.failed("throttled", false, value, err)
    assert.is_true(err.retry_after > 3500 and err.retry_after <= 3600)
    assert.equal(1, #service.record)
    in_process.exchange.runtime:sleep(3600)
    assert(in_process:get(sandbox.EXAMPLE_ID))
  end)
end)
