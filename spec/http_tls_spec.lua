-- http over TLS: whom it trusts, and HTTP/2 where that is negotiated. The server is nginx.
local asking = require("spec.support.asking")
local faulty = require("spec.support.faulty")
local tls_server = require("spec.support.tls_server")
local sessions = require("spec.support.sessions")

local ask = asking.ask

sessions(describe, "http over TLS", function(open)
  local server, stranger

  setup(function()
    server = tls_server.start()
    stranger = tls_server.start({ name = "DNS:other.example" })
  end)

  teardown(function()
    server:stop()
    stranger:stop()
  end)

  -- An own session for each: none profits from another one's connection.
  local function alone(options, request)
    local session = open(options)
    local result = ask(session, request)
    session:close()
    return result
  end

  it("trusts the authority it is given", function()
    local result = alone({ ca_file = server.ca_file }, { url = server.url .. "/" })
    assert.same({ "ok", 200 }, { result.outcome, result.status })
    assert.is_true(result.transfer.tls > 0)
  end)

  it("trusts nobody else", function()
    local result = alone({}, { method = "PUT", url = server.url .. "/", body = "x" })
    assert.same({ "untrusted", false }, { result.outcome, result.sent })
    assert.truthy(result.message:find("certificate", 1, true), result.message)
    assert.equal("untrusted", alone({ ca_file = stranger.ca_file }, { url = server.url .. "/" }).outcome)
  end)

  it("trusts no certificate of another host", function()
    local result = alone({ ca_file = stranger.ca_file }, { url = stranger.url .. "/" })
    assert.same({ "untrusted", false }, { result.outcome, result.sent })
    assert.truthy(result.message:find("127.0.0.1", 1, true), result.message)
  end)

  it("says so when the authority's file is missing", function()
    assert.equal("untrusted", alone({ ca_file = "/nonexistent" }, { url = server.url .. "/" }).outcome)
  end)

  it("meets a server without TLS with an error", function()
    local plain = faulty.start()
    finally(faulty.stop_all)
    local url = plain.url:gsub("http:", "https:") .. "/"
    local result = alone({}, { url = url, method = "PUT", body = "x", timeout = 5 })
    assert.is_true(result.outcome == "tls" or result.outcome == "timeout", result.outcome)
    assert.is_false(result.sent)
    assert.equal(0, #plain:requests())
  end)

  it("speaks HTTP/2 when that is negotiated, else 1.1", function()
    local trusting = { ca_file = server.ca_file }
    assert.equal(2, alone(trusting, { url = server.url .. "/" }).transfer.http_version)
    trusting.http_version = "2"
    assert.equal(2, alone(trusting, { url = server.url .. "/" }).transfer.http_version)
    trusting.http_version = "1.1"
    assert.equal(1.1, alone(trusting, { url = server.url .. "/" }).transfer.http_version)
  end)

  it("carries many exchanges on one connection of HTTP/2", function()
    local session = open({ ca_file = server.ca_file })
    local exchanges = {}
    for i = 1, 64 do
      exchanges[i] = session:start({
        method = i % 2 == 0 and "PUT" or "GET", url = server.url .. "/many", body = i % 2 == 0 and "x" or nil,
      })
    end
    local connections = 0
    for i = 1, 64 do
      local result = asking.wait(session, exchanges[i])
      assert.same({ "ok", 200, 2 }, { result.outcome, result.status, result.transfer.http_version })
      assert.truthy(result.headers:find("^HTTP/2 200"))
      connections = connections + result.transfer.connections_made
    end
    assert.equal(1, connections)
    local seen, kinds = {}, 0
    local lines = server:log("/many", 64)
    for _, line in ipairs(lines) do
      local connection = line:match("^(%d+)")
      kinds = kinds + (seen[connection] and 0 or 1)
      seen[connection] = true
    end
    assert.same({ 64, 1 }, { #lines, kinds })
    session:close()
  end)

  it("keeps its connection for the next exchange", function()
    local session = open({ ca_file = server.ca_file })
    assert.equal(1, ask(session, { url = server.url .. "/" }).transfer.connections_made)
    assert.equal(0, ask(session, { method = "PUT", url = server.url .. "/", body = "x" }).transfer.connections_made)
    session:close()
  end)
end)
