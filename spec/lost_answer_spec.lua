local faulty = require "support.faulty"
local nginx = require "support.nginx"
local referrals = require "referrals"
local sandbox = require "referrals.sandbox"
local site = require "referrals.sandbox.nginx"
local wire = require "support.wire"

local ID, EXAMPLE = sandbox.EXAMPLE_ID, sandbox.example
local CLOSING = { status = "Closed", substatus = "Won" }

describe("a write whose answer is lost", function()
  local server, client

  setup(function()
    server = nginx.start()
  end)

  teardown(function()
    server:stop()
    faulty.stop_all()
  end)

  before_each(function()
    server:reset()
    client = referrals.new { endpoint = server.url, token = "t", retries = 2, timeout = 20 }
  end)

  after_each(function()
    faulty.stop_all()
  end)

  local function puts(record)
    return wire.writes(record or server:record())
  end

  local function applied()
    local count = 0
    for _, entry in ipairs(puts()) do
      count = count + (entry.applied and 1 or 0)
    end
    return count
  end

  local function unsettled(value, err)
    wire.failed("unsettled", "unknown", value, err)
    assert.is_truthy(err.intended)
    assert.is_truthy(err.cause)
    assert.is_false(err.retryable)
    wire.says(err, "may have been written")
    return err
  end

  local function verified(referral, err, info)
    assert.is_nil(err)
    assert.equal("Won", referral.substatus)
    assert.equal("verified", info.resolved)
    assert.is_true(info.changed)
    wire.says(server:stored(ID), '"substatus": "Won"')
  end

  it("with a success that has no content is settled, whatever verb wrote", function()
    local closed = wire.swap(wire.swap(EXAMPLE, '"New"', '"Closed"'), '"Pending"', '"Won"')
    closed = wire.swap(closed, "2500ec5a-", "2500ec5b-")
    local none = faulty.answer { status = 204, body = "" }
    local other = faulty.start { requests = { none, faulty.answer { body = closed } } }
    local quick = assert(referrals.new { endpoint = other.url, token = "t", timeout = 20 })
    local document = wire.swap(wire.swap(EXAMPLE, '"New"', '"Closed"'), '"Pending"', '"Won"')
    local value, err, info = quick:replace(ID, document)
    assert.is_nil(err)
    assert.same({ "Won", true }, { value.substatus, info.changed })
    other:plan(none)
    value, err, info = quick:replace(ID, document)
    assert.is_nil(err)
    assert.same({ { id = ID }, false }, { value, info.representation })
    for verb, call in pairs {
      get = function() return quick:get(ID) end,
      related = function() return quick:related(ID) end,
      update = function() return quick:update(ID, CLOSING) end,
    } do
      value, err = call()
      assert.is_nil(value)
      assert.equal("protocol", err.kind, verb)
      wire.says(err, "no content")
    end
    value, err = quick:create { name = "n", externalReferenceId = "r" }
    assert.is_nil(value)
    assert.is_table(err)
  end)

  --- A service of one referral that answers what the plan says: {method, status or "lost" or "unsent", etag, change}.
  local function planned(plan)
    local text, place = '{"id":"r","eTag":"\\"%d\\"","campaignId":"%s","details":{"dealValue":%d}}', 0
    local tag, campaign, value = 1, "a", 1
    return assert(referrals.new { retries = 1, conflict_retries = 1, sandbox = { handle = function(_, request)
      place = place + 1
      local step = plan[place]
      assert(step, "one request too many")
      assert.equal(step[1], request.method)
      if step.theirs then
        tag, campaign = tag + 1, step.theirs
      end
      if step.applies then
        tag, value = tag + 1, value + 1
        campaign = request.body:match('"campaignId":"(%a*)"')
      end
      local fault = (step[2] == "lost" or step[2] == "unsent") and { kind = step[2] == "lost" and "close_after"
        or "close_before" } or nil
      return { status = fault and 0 or step[2], headers = {}, fault = fault, body = text:format(tag, campaign, value) }
    end } })
  end

  it("shows as current no version from before that write", function()
    local client_of = planned { { "GET", 200 }, { "PUT", 412, theirs = "b" }, { "GET", 200 },
      { "PUT", "lost", applies = true }, { "GET", 404 } }
    local err = unsettled(client_of:update("r", function(current) current.campaignId = "mine" end))
    assert.is_nil(err.current)
  end)

  it("is unsettled, and no failure of a read, where others made it look as if it had not been", function()
    local client_of = planned { { "GET", 200 }, { "PUT", "lost" }, { "GET", 200, theirs = "a" },
      { "PUT", 412, theirs = "a" }, { "GET", 404 } }
    local value, err = client_of:update("r", { campaignId = "mine" })
    wire.failed("not_found", "unknown", value, err)
    client_of = planned { { "GET", 200 }, { "PUT", "lost" }, { "GET", 200, theirs = "a" },
      { "PUT", 412, theirs = "a" }, { "GET", 501 } }
    unsettled(client_of:update("r", { campaignId = "mine" }))
  end)

  it("is found applied where a whole document was given", function()
    local service = sandbox.new()
    local quick = assert(referrals.new { sandbox = service })
    local document = wire.swap(service:stored(ID), '"Pending"', '"Received"')
    service:fault { kind = "close_after", method = "PUT" }
    local value, err, info = quick:update(ID, document)
    assert.is_nil(err)
    assert.same({ "Received", "verified" }, { value.substatus, info.resolved })
  end)

  it("is not said to have written nothing where others made it look so", function()
    local service = sandbox.new()
    local quick = assert(referrals.new { sandbox = service, conflict_retries = 1 })
    local before = service:stored(ID):match('"statusReason": ("[^"]*")')
    service:fault { kind = "close_after", method = "PUT" }
    service:fault { kind = "other_writer", method = "GET", after = 1, pointer = "/statusReason", value = before }
    service:fault { kind = "other_writer", method = "PUT", times = 9, pointer = "/campaignId", value = '"x"' }
    local value, err = quick:update(ID, { statusReason = "budget" })
    assert.is_true(service.record[2].applied)
    wire.failed("conflict", "unknown", value, err)
    wire.says(err, "may have been written")
  end)

  local LOST = {
    ["the connection ends"] = { kind = "close_after", mode = "fin" },
    ["the connection is reset"] = { kind = "close_after", mode = "rst" },
    ["the answer is cut short"] = { kind = "cut" },
    ["the answer is cut to nothing"] = { kind = "cut", keep = 0 },
    ["the answer is shorter than it says"] = { kind = "wrong_length" },
    ["the answer is garbage"] = { kind = "garbage" },
    ["the answer is empty"] = { kind = "empty" },
    ["a proxy answers HTML with 502"] = { kind = "html", applied = true },
    ["a proxy answers HTML with 200"] = { kind = "html", status = 200, applied = true },
    ["the answer is 500"] = { kind = "status", status = 500, applied = true },
    ["the answer is 503"] = { kind = "status", status = 503, applied = true },
    ["the answer is 504"] = { kind = "status", status = 504, applied = true },
    ["the answer is 408"] = { kind = "status", status = 408, applied = true },
  }

  for what, fault in pairs(LOST) do
    fault.method = "PUT"

    it("is found applied by reading, and never sent again, when " .. what, function()
      server:fault(fault)
      verified(client:update(ID, CLOSING))
      local record = server:record()
      assert.equal("GET PUT GET", wire.methods(record))
      assert.equal(record[1].connection, record[2].connection)
      assert.equal(1, applied())
    end)

    it("of a function's change is unsettled, and the function is not called again, when " .. what, function()
      server:fault(fault)
      local calls = 0
      unsettled(client:update(ID, function(current)
        calls = calls + 1
        current.details.dealValue = current.details.dealValue + 1
      end))
      assert.equal(1, calls)
      assert.equal(1, #puts())
      wire.says(server:stored(ID), '"dealValue": 50001')
    end)
  end

  local NOT_APPLIED = {
    ["the connection ended"] = { kind = "close_before", mode = "fin" },
    ["the connection was reset"] = { kind = "close_before", mode = "rst" },
    ["the answer was 503"] = { kind = "status", status = 503 },
    ["a proxy answered 502"] = { kind = "html" },
  }

  for what, fault in pairs(NOT_APPLIED) do
    fault.method = "PUT"

    it("and that was not applied is the same bytes again under the same version, when " .. what, function()
      server:fault(fault)
      local referral, err, info = client:update(ID, CLOSING)
      assert.is_nil(err)
      assert.equal("Won", referral.substatus)
      assert.is_true(info.changed)
      local writes = puts()
      assert.equal(2, #writes)
      assert.equal(writes[1].body, writes[2].body)
      assert.equal(writes[1].headers["if-match"], writes[2].headers["if-match"])
      assert.equal("GET PUT GET PUT", wire.methods(server:record()))
      assert.equal(1, applied())
    end)

    it("and that was not applied starts over on another writer's version, when " .. what, function()
      server:fault(fault)
      server:fault { kind = "other_writer", method = "GET", after = 1, pointer = "/campaignId", value = '"theirs"' }
      local referral, err = client:update(ID, CLOSING)
      assert.is_nil(err)
      assert.equal("Won", referral.substatus)
      assert.equal("theirs", referral.campaignId)
      assert.equal(1, applied())
    end)

    it("of a function's change is unsettled on another writer's version, when " .. what, function()
      server:fault(fault)
      server:fault { kind = "other_writer", method = "GET", after = 1, pointer = "/campaignId", value = '"theirs"' }
      local calls = 0
      unsettled(client:update(ID, function(current)
        calls = calls + 1
        current.statusReason = "mine"
      end))
      assert.equal(1, calls)
      assert.equal(1, #puts())
    end)
  end

  it("is unsettled when another writer then wrote one of its members", function()
    server:fault { kind = "close_after", method = "PUT" }
    server:fault { kind = "other_writer", method = "GET", after = 1, pointer = "/statusReason", value = '"theirs"' }
    unsettled(client:update(ID, { statusReason = "mine" }))
    assert.equal(1, #puts())
    wire.says(server:stored(ID), '"statusReason": "theirs"')
  end)

  it("is found applied also after another writer wrote another member", function()
    server:fault { kind = "close_after", method = "PUT" }
    server:fault { kind = "other_writer", method = "GET", after = 1, pointer = "/campaignId", value = '"theirs"' }
    verified(client:update(ID, CLOSING))
    assert.equal(1, #puts())
  end)

  it("owns the 412 that it meets when a stale read had it sent again", function()
    server:fault { kind = "close_after", method = "PUT" }
    assert(client:update(ID, { campaignId = "before" })) -- so that there is a version before
    server:forget()
    server:fault { kind = "close_after", method = "PUT" }
    server:fault { kind = "stale", method = "GET", after = 1 }
    verified(client:update(ID, CLOSING))
    assert.equal(1, applied())
  end)

  it("under a pinned version is found applied as well", function()
    server:fault { kind = "close_after", method = "PUT" }
    local referral = assert(client:get(ID))
    referral.status, referral.substatus = "Closed", "Won"
    verified(client:update(ID, referral))
    assert.equal(1, #puts())
  end)

  it("under a pinned version that another writer left is not written on theirs", function()
    server:fault { kind = "close_before", method = "PUT" }
    server:fault { kind = "other_writer", method = "GET", after = 1, pointer = "/campaignId", value = '"theirs"' }
    local value, err = client:update(ID, CLOSING, { if_match = '"2500ec5a-0000-0000-0000-5bf4967d0000"' })
    assert.is_nil(value)
    assert.is_truthy(err.kind == "conflict" or err.kind == "unsettled", tostring(err))
    assert.equal(1, #puts())
    assert.equal(0, applied())
  end)

  it("is unsettled when the deadline comes first, and applied late it is still no lie", function()
    server:fault { kind = "late", method = "PUT", delay = 1.5, apply = "after" }
    local err = unsettled(client:update(ID, CLOSING, { timeout = 0.4 }))
    assert.equal("timeout", err.cause.kind)
    assert.equal(1, #puts())
  end)

  it("is looked into before the time is over, where the call has some to spare", function()
    for _, apply in ipairs { "before", "after" } do
      local service = sandbox.new()
      local quick = assert(referrals.new { sandbox = service, timeout = 30 })
      service:fault { kind = "late", method = "PUT", delay = 3600, apply = apply }
      local value, err, info = quick:update(ID, CLOSING)
      assert.is_nil(err)
      assert.equal("Won", value.substatus)
      assert.equal(apply == "before" and "verified" or nil, info.resolved)
      assert.equal(apply == "before" and "GET PUT GET" or "GET PUT GET PUT", wire.methods(service.record))
      assert.is_true(quick.exchange.runtime.slept < 30)
    end
  end)

  it("is unsettled when it comes a byte at a time, slower than the deadline", function()
    server:fault { kind = "trickle", method = "PUT", interval = 0.5 }
    unsettled(client:update(ID, CLOSING, { timeout = 0.4 }))
    assert.equal(1, #puts())
  end)

  it("is no error to the next call, which reads the truth", function()
    server:fault { kind = "close_after", method = "PUT" }
    unsettled(client:update(ID, function(current) current.statusReason = "mine" end))
    local _, err, info = client:update(ID, { statusReason = "mine" })
    assert.is_nil(err)
    assert.is_false(info.changed)
  end)

  describe("by a server that closes", function()
    local function example(status)
      return faulty.answer { headers = { "Content-Type: application/json" }, body = status or EXAMPLE }
    end

    local function methods(odd)
      return (" " .. wire.methods(odd:requests())):gsub("[^%u]+", " ")
    end

    local function puts_of(odd)
      return select(2, methods(odd):gsub("PUT", ""))
    end

    for _, how in ipairs { "fin", "rst" } do
      it("the reused connection without an answer is sent once (" .. how .. ")", function()
        local odd = faulty.start { connections = { { example(), faulty.drop(how) }, { faulty.drop(how) } } }
        local lonely = referrals.new { endpoint = odd.url, token = "t", retries = 0, timeout = 10 }
        local err = unsettled(lonely:update(ID, CLOSING))
        wire.says(err.url, ID)
        assert.equal(1, puts_of(odd))
        assert.equal(2, #odd:record()[1].requests)
      end)
    end

    it("the idle connection before the write costs no write and makes no second one", function()
      local closed = wire.swap(wire.swap(EXAMPLE, '"New"', '"Closed"'), '"Pending"', '"Won"')
      closed = wire.swap(closed, "2500ec5a", "2500ec5b")
      local first = example()
      first.finish = "fin"
      local odd = faulty.start { connections = { { first }, { example(closed) } } }
      local lonely = referrals.new { endpoint = odd.url, token = "t", retries = 2, timeout = 10 }
      local referral, err = lonely:update(ID, CLOSING)
      assert.is_nil(err)
      assert.equal("Won", referral.substatus)
      assert.is_true(puts_of(odd) <= 1) -- it may have gone into the connection that was ending
    end)

    it("after an answer with another id is not believed", function()
      local other = wire.swap(EXAMPLE, '"id": "' .. ID, '"id": "11111111-2222-4333-8444-555555555555')
      local odd = faulty.start { requests = { example(), example(other), example(other) } }
      local lonely = referrals.new { endpoint = odd.url, token = "t", retries = 0, timeout = 10 }
      unsettled(lonely:update(ID, CLOSING))
      assert.equal(1, puts_of(odd))
    end)
  end)
end)

describe("a write that was certainly not applied", function()
  local server, client

  setup(function()
    server = nginx.start()
  end)

  teardown(function()
    server:stop()
  end)

  before_each(function()
    server:reset()
    client = referrals.new { endpoint = server.url, token = "t", retries = 0, timeout = 10 }
  end)

  local function fails(kind, fault)
    server:reset()
    server:fault(fault)
    local value, err = client:update(ID, CLOSING)
    wire.failed(kind, false, value, err)
    wire.same_text(EXAMPLE, server:stored(ID))
    return err
  end

  it("because nothing listens is a network error", function()
    local nobody = referrals.new {
      endpoint = ("http://127.0.0.1:%d/v1.0/engagements"):format(site.free_port()), token = "t", retries = 0,
    }
    local err = wire.failed("network", false, nobody:update(ID, CLOSING))
    assert.is_true(err.retryable)
    assert.equal("GET", err.method)
    wire.says(err.url, ID)
  end)

  it("because the service refuses it keeps the service's own words", function()
    for status, kind in pairs {
      [400] = "rejected", [401] = "auth", [403] = "forbidden", [404] = "not_found", [405] = "rejected",
      [409] = "conflict", [410] = "not_found", [413] = "rejected", [415] = "rejected", [422] = "rejected",
      [423] = "rejected", [428] = "rejected",
    } do
      local err = fails(kind, {
        kind = "status", method = "PUT", status = status, code = "aCode", message = "These very words.", times = 9,
      })
      assert.equal(status, err.http_status)
      assert.equal("aCode", err.code)
      wire.says(err, "These very words.", tostring(status))
      assert.equal("PUT", err.method)
    end
  end)

  it("because it is throttled says when to come back", function()
    local err = fails("throttled", { kind = "status", method = "PUT", status = 429, retry_after = 57, times = 9 })
    assert.equal(57, err.retry_after)
    assert.is_true(err.retryable)
    assert.equal(1, #wire.writes(server:record()))
  end)

  it("because the read failed says how", function()
    local faults = {
      { "server", { kind = "status", status = 503 } }, { "server", { kind = "html" } },
      { "server", { kind = "status", status = 500 } }, { "network", { kind = "close_before" } },
      { "network", { kind = "close_before", mode = "rst" } }, { "network", { kind = "cut" } },
      { "protocol", { kind = "garbage" } }, { "protocol", { kind = "empty" } },
      { "protocol", { kind = "html", status = 200 } }, { "rejected", { kind = "status", status = 400 } },
    }
    for _, case in ipairs(faults) do
      case[2].method, case[2].times = "GET", 9
      local err = fails(case[1], case[2])
      assert.equal("GET", err.method)
      assert.equal("", wire.methods(wire.writes(server:record())))
    end
  end)

  it("because the read came too late is a timeout", function()
    server:fault { kind = "late", method = "GET", delay = 2 }
    local value, err = client:update(ID, CLOSING, { timeout = 0.3 })
    wire.failed("timeout", false, value, err)
    assert.equal("", wire.methods(wire.writes(server:record())))
  end)

  it("because the read gave another referral is a protocol error", function()
    local other = wire.swap(EXAMPLE, '"id": "' .. ID, '"id": "11111111-2222-4333-8444-555555555555')
    local odd = faulty.start(faulty.answer { body = other })
    finally(function() odd:stop() end)
    local lonely = referrals.new { endpoint = odd.url, token = "t", retries = 0 }
    local value, err = lonely:update(ID, CLOSING)
    wire.failed("protocol", false, value, err)
    wire.says(err, "11111111-2222-4333-8444-555555555555")
    assert.equal("GET", wire.methods(odd:requests()))
  end)

  it("because the read was larger than max_body is a protocol error", function()
    local small = referrals.new { endpoint = server.url, token = "t", retries = 0, max_body = 1000 }
    local value, err = small:update(ID, CLOSING)
    assert.is_nil(value)
    assert.equal("protocol", err.kind)
    assert.equal(false, err.applied)
    wire.says(err, "larger")
  end)
end)
