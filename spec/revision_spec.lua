-- A revision through a reactor that is waited for no longer in its middle: whether its write was begun is known then,
-- and when it was not it never is.
local answer = require "referrals.runtime.answer"
local core = require "referrals.core"
local nginx = require "support.nginx"
local plain = require "referrals.plain"
local sandbox = require "referrals.sandbox"
local wire = require "support.wire"

local ID = sandbox.EXAMPLE_ID
local CHANGE = { statusReason = "x" }

describe("a revision that is recalled", function()
  local server, reactor, template, way

  setup(function() server = nginx.start() end)
  teardown(function() server:stop() end)
  before_each(function()
    server:reset()
    reactor = assert(core.reactor.new({}, 4))
    template = core.http.template(server.url, 10, 1024 * 1024)
    way = core.http.way()
  end)
  after_each(function() reactor:close() end)

  local function begin()
    return reactor:begin_update(template, "token", 20, ID, CHANGE, nil, nil, plain.rules, plain.paths, nil, way, nil)
  end

  local function end_by(exchange)
    return reactor:end_update(template, "token", 20, ID, CHANGE, nil, nil, plain.rules, plain.paths, nil, way, exchange)
  end

  local function recalled(ticket)
    ticket:recall(way)
    ticket:close()
    return answer.new { outcome = "network", sent = true, message = "nobody waits" }
  end

  local function wait_for(method)
    local until_when = core.http.now() + 10
    repeat
      if wire.count(server:record { brief = true }, method) > 0 then
        return
      end
    until core.http.now() > until_when
    error("no " .. method .. " came")
  end

  it("has sent nothing that could have been applied while it reads", function()
    server:fault { kind = "late", method = "GET", delay = 0.3 }
    local ticket = begin()
    ticket:start()
    wait_for "GET"
    local given = recalled(ticket)
    local at, _, exchange = end_by(given)
    assert.equal("read", at)
    assert.equal(given, exchange)
    ticket = begin() -- whose read and write come after the late answer
    server:fault { kind = "late", method = "GET", delay = 0.5 }
    ticket:start()
    wait_for "PUT"
    assert.equal(1, wire.count(server:record { brief = true }, "PUT"))
    ticket:close()
  end)

  it("says what it has sent while it writes, and on which version", function()
    server:fault { kind = "late", method = "PUT", delay = 0.3 }
    local ticket = begin()
    ticket:start()
    wait_for "PUT"
    local given = recalled(ticket)
    local at, deadline, exchange, id, change, document, tag, etag = end_by(given)
    assert.equal("sent", at)
    assert.is_true(deadline > core.http.now())
    assert.equal(given, exchange)
    assert.equal(server:record()[2].headers["client-request-id"], id)
    assert.equal('{"statusReason":"x"}', change)
    assert.equal(ID, document:string "id")
    assert.equal(tag, document:string "eTag")
    assert.equal(server:record()[2].headers["if-match"], etag)
  end)

  it("that was not begun is none", function()
    local ticket = begin()
    assert.equal("read", (end_by(recalled(ticket))))
    assert.same({}, server:record())
  end)

  it("cannot be ended before its time, nor with another way", function()
    server:fault { kind = "late", method = "GET", delay = 0.3 }
    local ticket = begin()
    ticket:start()
    assert.has_error(function() end_by(ticket) end)
    assert.has_error(function() ticket:recall({}) end)
    ticket:close()
    assert.has_error(function() ticket:recall(way) end)
  end)
end)
