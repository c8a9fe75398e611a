-- What http refuses before anything leaves: wrong types raise, wrong values are an outcome.
local asking = require("spec.support.asking")
local faulty = require("spec.support.faulty")
local http = require("referrals.core").http

describe("http refuses", function()
  local session, server

  setup(function()
    session = http.session()
    server = faulty.start()
  end)

  teardown(function()
    session:close()
    faulty.stop_all()
  end)

  local function refused(request, why)
    local exchange = session:start(request)
    assert.is_true(exchange:done())
    local result = asking.result(exchange)
    exchange:close()
    assert.same({ "invalid", false }, { result.outcome, result.sent })
    assert.is_nil(result.status)
    assert.is_nil(result.body)
    assert.truthy(result.message:find(why, 1, true), result.message)
    assert.is_nil(result.message:find("s3cret", 1, true))
  end

  it("plain http to anything but loopback", function()
    for _, host in ipairs({
      "example.com", "127.0.0.1.example.com", "127.0.0.09", "127.09.0.1", "127.0.0.00001",
      "127.evil.com", "localhost.example.com", "localhost.", "127.1",
      "0x7f.0.0.1", "2130706433", "0177.0.0.1", "127.0.0.256", "127.0.0.1.", "127.0.0", "127.0.0.0.1", "10.0.0.1",
      "[::2]", "[::ffff:127.0.0.1]", "[0:0:0:0:0:0:0:1]", "0.0.0.0", "[::]",
    }) do
      refused({ url = "http://" .. host .. "/?s3cret" }, "https is required")
      refused({ url = "HTTP://" .. host .. ":80" }, "https is required")
    end
  end)

  it("a URL in which another reader might see another host", function()
    for url, why in pairs({
      ["http://127.0.0.1@example.com/"] = "does not belong",
      ["https://user:s3cret@example.com/"] = "port",
      ["https://s3cret@example.com/"] = "does not belong",
      ["http://127.0.0.1\\@example.com/"] = "backslash",
      ["http://127.0.0.1#@example.com/"] = "does not belong",
      ["http://127.0.0.1:80:80/"] = "does not belong",
      ["http://127.0.0.1:s3cret/"] = "port",
      ["http://127.0.0.1:65536/"] = "port",
      ["http://127.0.0.1:123456/"] = "does not belong",
      ["https://"] = "no host",
      ["https:///path"] = "no host",
      ["https://[]/"] = "no host",
      ["https://[::1/"] = "no host",
      ["https://[::1%25eth0]/"] = "no host",
      ["https://ex\195\164mple.com/"] = "ASCII",
      ["https://example.com/a b"] = "white space",
      ["https://example.com/\r\nX: s3cret"] = "control character",
      ["https://example.com/\127"] = "control character",
      ["ftp://127.0.0.1/"] = "https://",
      ["file:///etc/passwd"] = "https://",
      ["127.0.0.1/"] = "https://",
      [""] = "https://",
      ["https://example.com/" .. ("x"):rep(16384)] = "longer",
    }) do
      refused({ url = url }, why)
    end
  end)

  it("a header that would be two, or none", function()
    for header, why in pairs({
      ["X: a\r\nAuthorization: s3cret"] = "CR, LF or NUL",
      ["X: a\nB: s3cret"] = "CR, LF or NUL",
      ["X: a\r"] = "CR, LF or NUL",
      ["X: a\0s3cret"] = "CR, LF or NUL",
      ["X\n: a"] = "form",
      ["X s3cret"] = "form",
      ["X Y: s3cret"] = "form",
      [": s3cret"] = "form",
      [""] = "form",
      ["@/etc/passwd"] = "form",
      ["X\0: s3cret"] = "form",
    }) do
      refused({ url = server.url, headers = { "Good: 1", header, "Also-Good: 1" } }, why)
    end
    local many = {}
    for i = 1, 65 do
      many[i] = "X-" .. i .. ": 1"
    end
    refused({ url = server.url, headers = many }, "more than 64")
    refused({ url = server.url, headers = { "X: " .. ("x"):rep(256 * 1024) } }, "256 KiB")
  end)

  it("a GET with a body", function()
    refused({ url = server.url, body = "x" }, "no body")
    assert.equal("ok", asking.ask(session, { url = server.url, body = "" }).outcome)
  end)

  it("what is already too late", function()
    for _, seconds in ipairs({ 0, -1, -math.huge, 0 / 0 }) do
      for _, name in ipairs({ "timeout", "connect_timeout" }) do
        local result = asking.ask(session, { url = server.url .. "/late", [name] = seconds })
        assert.same({ "timeout", false }, { result.outcome, result.sent })
      end
    end
  end)

  it("nothing that may be, and all of the refused never arrived", function()
    server:plan(faulty.answer())
    local most = {}
    for i = 1, 64 do
      most[i] = "X-" .. i .. ": 1"
    end
    for _, request in ipairs({
      { timeout = math.huge, connect_timeout = math.huge },
      { timeout = 1e300 },
      { max_body = 1e300, max_header = math.huge },
      { headers = { "X: caf\195\169\t", "Y:z" } },
      { headers = most, method = "PUT" },
      { url = server.url .. "?query" },
      { url = server.url:gsub("http:", "HTTP:") .. "/" },
    }) do
      request.url = request.url or server.url .. "/"
      assert.equal("ok", asking.ask(session, request).outcome)
    end
    assert.equal(7, #server:requests())
  end)

  describe("by raising", function()
    local function raises(text, f, ...)
      local ok, message = pcall(f, ...)
      assert.is_false(ok)
      assert.truthy(message:find(text, 1, true), message)
    end

    it("a wrong field of a request", function()
      local start = session.start
      raises("table expected", start, session, "url")
      raises("unknown field 'uri'", start, session, { uri = server.url })
      raises("field 'url': expected a string, got nil", start, session, {})
      raises("field 'url': expected a string, got number", start, session, { url = 1 })
      raises("field 'url': a NUL byte", start, session, { url = server.url .. "\0" })
      raises("expected GET, POST, PUT or PATCH", start, session, { url = server.url, method = "DELETE" })
      raises("expected GET, POST, PUT or PATCH", start, session, { url = server.url, method = "get" })
      raises("field 'body': expected a string, got table", start, session, { url = server.url, body = {} })
      raises("field 'timeout': expected a number, got string", start, session, { url = server.url, timeout = "1" })
      raises("field 'max_body': expected 0 or more", start, session, { url = server.url, max_body = -1 })
      raises("field 'max_body': expected 0 or more", start, session, { url = server.url, max_body = 0 / 0 })
      raises("list of \"Name: value\"", start, session, { url = server.url, headers = "X: y" })
      raises("list of \"Name: value\"", start, session, { url = server.url, headers = { 1 } })
      raises("not a string", start, session, { url = server.url, "x" })
      assert.equal(0, session:in_flight())
    end)

    it("a wrong option of a session", function()
      raises("unknown field 'verify'", http.session, { verify = false })
      raises("table expected", http.session, 1)
      raises("field 'ca_file': expected a string", http.session, { ca_file = true })
      raises("field 'user_agent': CR or LF", http.session, { user_agent = "a\r\nb: c" })
      raises("\"1.1\" or \"2\"", http.session, { http_version = "3" })
      raises("field 'max_connections': expected 0 or more", http.session, { max_connections = -1 })
      raises("not a string", http.session, { true })
    end)

    it("the wrong object", function()
      raises("referrals.http.session", session.pump, io.stdout, 1)
      raises("referrals.http.exchange", session:start({ url = server.url }).done, session)
      raises("number expected", session.pump, session, "x")
      raises("string expected", http.header, "x")
    end)
  end)
end)
