local calls = require "support.sandbox_calls"
local control = require "referrals.sandbox.control"
local sandbox = require "referrals.sandbox"
local values = require "referrals.sandbox.values"

local ID = sandbox.EXAMPLE_ID

describe("sandbox control", function()
  local holder

  before_each(function()
    holder = control.holder()
  end)

  local function ask(method, path, body)
    return control.handle(holder, { method = method, path = "/sandbox/" .. path, body = body or "" })
  end

  local function get()
    return calls.new(holder.service):get(ID)
  end

  it("hands out the record, bodies exact", function()
    calls.new(holder.service):put(ID, '{"x":"\\u0041\n', "*")
    calls.new(holder.service):put(ID, "\255\0", "*")
    local entries = values.decode(ask("GET", "record").body)
    assert.equal('{"x":"\\u0041\n', entries[1].body)
    assert.equal("ff00", entries[2].body_hex)
    assert.equal("*", entries[1].headers["if-match"])
    assert.same({ "PUT", 400, false }, { entries[1].method, entries[1].status, entries[1].applied })
    local brief = values.decode(ask("GET", "record?from=2&brief").body)
    assert.equal(1, #brief)
    assert.is_nil(brief[1].body_hex)
    assert.equal(204, ask("DELETE", "record").status)
    assert.equal("[]", ask("GET", "record").body)
  end)

  it("switches faults", function()
    assert.equal(204, ask("POST", "fault", '{"kind":"status","status":503,"times":2}').status)
    assert.equal(503, get().status)
    assert.equal(204, ask("DELETE", "fault").status)
    assert.equal(200, get().status)
    assert.equal(400, ask("POST", "fault", '{"kind":"flood"}').status)
    assert.equal(400, ask("POST", "fault", "{").status)
  end)

  it("stores, shows, changes and removes", function()
    assert.equal("abc", ask("POST", "store", '{"id":"Abc","n":1.00}').body)
    assert.equal(204, ask("POST", "write", '{"id":"abc","pointer":"/n","value":2.00}').status)
    assert.equal("2.00", values.member(ask("GET", "stored/ABC").body, "n"))
    assert.equal(204, ask("POST", "write", '{"id":"abc"}').status)
    assert.equal(204, ask("DELETE", "stored/abc").status)
    assert.equal(404, ask("GET", "stored/abc").status)
    assert.equal(400, ask("POST", "write", '{"id":"abc"}').status)
  end)

  it("starts anew with other options", function()
    holder = control.holder { seed = 7 }
    assert.equal(204, ask("POST", "reset", '{"empty":true,"switches":{"ignore":["salesStage"]}}').status)
    assert.equal(404, get().status)
    assert.same({ "salesStage" }, holder.service.switches.ignore)
    assert.equal(7, holder.service.options.seed)
    assert.equal(204, ask("POST", "reset").status)
    assert.equal(200, get().status)
    assert.equal(400, ask("POST", "reset", '{"nonsense":1}').status)
  end)

  it("turns switches, the clock and tokens", function()
    assert.equal(204, ask("POST", "switches", '{"etag_header":false}').status)
    assert.is_nil(get().headers.ETag)
    assert.equal(400, ask("POST", "switches", '{"nonsense":1}').status)
    assert.equal(400, ask("POST", "switches", '{"ignore":"x"}').status)
    local before = holder.service.clock:now()
    ask("POST", "advance", "3600")
    assert.is_true(holder.service.clock:now() - before >= 3600)
    assert.equal("1", ask("POST", "expire").body)
    assert.equal(204, ask("POST", "expire_tokens").status)
    ask("POST", "revoke", "token")
    assert.equal(401, get().status)
  end)

  it("knows its paths", function()
    assert.equal(200, ask("GET", "ready").status)
    assert.equal(404, ask("GET", "nothing").status)
    assert.equal(404, ask("POST", "ready").status)
  end)
end)
