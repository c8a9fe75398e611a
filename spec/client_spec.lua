local cjson = require "cjson"
local faulty = require "support.faulty"
local nginx = require "support.nginx"
local referrals = require "referrals"
local sandbox = require "referrals.sandbox"
local shell = require "support.shell"
local wire = require "support.wire"

local ID = sandbox.EXAMPLE_ID

describe("referrals.new", function()
  it("raises an unknown option or a wrong type at the caller's line", function()
    wire.says(wire.raises_here(function()
      referrals.new { tokn = "x" }
    end), "unknown option 'tokn'", "did you mean 'token'")
    wire.raises_here(function()
      referrals.new { insecure = true }
    end)
    wire.raises_here(function()
      referrals.new { timeout = "60" }
    end)
    wire.raises_here(function()
      referrals.new "https://example.com"
    end)
    wire.raises_here(function()
      referrals.new { sandbox = {} }
    end)
  end)

  it("gives an error object for a wrong value", function()
    for name, value in pairs {
      timeout = 0, retries = -1, method = "POST", token = "a\r\nb", endpoint = "", user_agent = "a\nb", ca_file = "",
    } do
      local client, err = referrals.new { [name] = value }
      assert.is_nil(client)
      assert.equal("validation", err.kind)
      assert.equal(name, err.member)
    end
  end)

  it("says what is wrong when a verb is called with a dot", function()
    local client = assert(referrals.new { sandbox = sandbox.new() })
    local calls = {
      get = { ID }, list = { {} }, each = { {} }, related = { ID }, changes = {}, update = { ID, {} },
      update_many = { {}, {} }, replace = { ID, "{}" }, patch = { ID, "[]" }, create = { {} }, create_shared = { {} },
      register_deal = { ID, {} }, update_deal = { ID, {} },
    }
    for name, arguments in pairs(calls) do
      local message = wire.raises_here(function()
        client[name]((table.unpack or unpack)(arguments))
      end)
      wire.says(message, "'" .. name .. "' is a client's method: call it with a colon, client:" .. name .. "(...)")
    end
  end)

  it("requires https except for loopback addresses", function()
    for _, endpoint in ipairs {
      "http://example.com/v1.0", "http://10.0.0.1/", "http://localhost.example.com/", "http://127.0.0.1.example.com/",
      "http://user:secret-canary@127.0.0.1/", "ftp://127.0.0.1/", "127.0.0.1", "file:///etc/passwd",
    } do
      local client, err = referrals.new { endpoint = endpoint, token = "t" }
      assert.is_nil(client, endpoint)
      assert.equal("validation", err.kind)
      assert.equal("endpoint", err.member)
      assert.is_nil(tostring(err):find("canary", 1, true))
    end
    for _, endpoint in ipairs {
      "https://example.com/v1.0", "http://127.0.0.1:9/", "http://localhost:9", "http://[::1]:9",
    } do
      assert(referrals.new { endpoint = endpoint, token = "t" })
    end
  end)

  it("leaves its options alone and keeps clients apart", function()
    local one, two = sandbox.new(), sandbox.new()
    local options = { sandbox = one, check = false }
    local first, second = assert(referrals.new(options)), assert(referrals.new { sandbox = two })
    options.sandbox, options.check = two, true
    assert(first:update(ID, { statusReason = "first" }))
    wire.says(one:stored(ID), '"first"')
    assert.is_nil(two:stored(ID):find('"first"', 1, true))
    local change = { status = "Closed", substatus = "Pending" }
    wire.failed("rejected", false, first:update(ID, change))
    wire.failed("transition", false, second:update(ID, change))
  end)

  it("makes no global variable", function()
    local folder = shell.folder()
    finally(function() shell.remove_folder(folder) end)
    local output, status = shell.run_lua(folder, [[
      local before = {}
      for name in pairs(_G) do before[name] = true end
      local referrals, sandbox = require "referrals", require "referrals.sandbox"
      local client = referrals.new { sandbox = sandbox.new() }
      assert(client:update(sandbox.EXAMPLE_ID, { status = "Active" }))
      for name in pairs(_G) do
        -- lua-cjson may set one of its own
        if not before[name] and name ~= "cjson" then print("global " .. name) end
      end
    ]])
    assert.equal("", output)
    assert.equal(0, status)
  end)
end)

describe("a client over HTTP", function()
  local server

  setup(function()
    server = nginx.start()
  end)

  teardown(function()
    server:stop()
  end)

  before_each(function()
    server:reset()
  end)

  after_each(function()
    faulty.stop_all()
  end)

  local function new(options)
    options.endpoint = server.url
    return assert(referrals.new(options))
  end

  it("asks a token function for each request", function()
    server:reset { tokens = { "first", "second", "third" } }
    local tokens = { "first", "second", "third" }
    local client = new { token = function() return table.remove(tokens, 1) end }
    assert(client:update(ID, { statusReason = "mine" }))
    local record = server:record()
    assert.equal("Bearer first", record[1].headers.authorization)
    assert.equal("Bearer second", record[2].headers.authorization)
  end)

  it("asks an object with a method token", function()
    local source = { value = "from-object" }
    function source:token()
      return self.value
    end
    assert(new({ token = source }):get(ID))
    assert.equal("Bearer from-object", server:record()[1].headers.authorization)
  end)

  it("makes an auth error of what a token function raises, and sends nothing", function()
    local client = new { token = function() error("no luck", 0) end }
    local value, err = client:update(ID, { statusReason = "mine" })
    wire.failed("auth", false, value, err)
    wire.says(err, "no luck")
    assert.equal("token", err.stage)
    assert.same({}, server:record())
  end)

  it("says who it is", function()
    assert(new({ token = "t" }):get(ID))
    assert(new({ token = "t", user_agent = "my-script/1" }):get(ID))
    local record = server:record()
    assert.equal("referrals-lua/" .. referrals._VERSION, record[1].headers["user-agent"])
    assert.equal("my-script/1", record[2].headers["user-agent"])
  end)

  it("takes a slash at the endpoint's end for nothing", function()
    local client = assert(referrals.new { endpoint = server.url .. "//", token = "t" })
    assert(client:get(ID))
    assert.equal("/v1.0/engagements/referrals/" .. ID, server:record()[1].path)
  end)

  it("tells on_event of every attempt, without the token", function()
    local events = {}
    local function note(event)
      events[#events + 1] = event
    end
    local client = new { token = "token-canary", retries = 1, on_event = note }
    server:fault { kind = "status", method = "GET", status = 503 }
    assert(client:update(ID, { statusReason = "mine" }))
    local attempts = {}
    for _, event in ipairs(events) do
      if event.type == "attempt" then
        attempts[#attempts + 1] = event.method .. " " .. tostring(event.status)
      end
      for _, value in pairs(event) do
        assert.is_nil(tostring(value):find("canary", 1, true))
      end
    end
    assert.same({ "GET 503", "GET 200", "PUT 200" }, attempts)
  end)

  it("shows no token in any error, though the service says it back", function()
    local said = "bad token token-canary-12345, Bearer abc.def"
    local body = cjson.encode { error = { code = "unauthenticated", message = said } }
    local odd = faulty.start(faulty.answer { status = 401, body = body })
    local client = assert(referrals.new { endpoint = odd.url, token = "token-canary-12345", retries = 0 })
    local value, err = client:update(ID, { statusReason = "mine" })
    wire.failed("auth", false, value, err)
    local function search(object, seen)
      if type(object) == "table" and not seen[object] then
        seen[object] = true
        for name, item in pairs(object) do
          search(name, seen)
          search(item, seen)
        end
      elseif type(object) == "string" then
        assert.is_nil(object:find("canary", 1, true), object)
        assert.is_nil(object:find("abc.def", 1, true), object)
      end
    end
    search(err, {})
    search(tostring(err), {})
  end)

  it("keeps its options' timeout for each verb", function()
    server:fault { kind = "late", method = "GET", delay = 3 }
    local _, err = new({ token = "t", timeout = 0.3 }):get(ID)
    assert.equal("timeout", err.kind)
  end)

  it("uses one connection for all that comes one after the other", function()
    local client = new { token = "t", cache = 0 }
    for index = 1, 5 do
      assert(client:update(ID, { statusReason = tostring(index) }))
    end
    local record = server:record { brief = true }
    assert.equal(10, #record)
    for _, entry in ipairs(record) do
      assert.equal(record[1].connection, entry.connection)
    end
  end)

  it("never sends a loopback request to a proxy from the environment", function()
    local proxy = faulty.start(faulty.answer { body = "{}" })
    local folder = shell.folder()
    finally(function() shell.remove_folder(folder) end)
    local script = ([[
      local referrals = require "referrals"
      print(assert(referrals.new { endpoint = %q, token = "t" }:get(%q)).status)
    ]]):format(server.url, ID)
    local names = ""
    for _, name in ipairs { "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "https_proxy" } do
      names = names .. name .. "=" .. proxy.url .. " "
    end
    assert.equal("New\n", (shell.run_lua(folder, script, names)))
    assert.same({}, proxy:requests())
  end)
end)

describe("a client over TLS", function()
  local server, other

  setup(function()
    server, other = nginx.start { tls = true }, nginx.start { tls = true }
  end)

  teardown(function()
    server:stop()
    other:stop()
  end)

  before_each(function()
    server:reset()
  end)

  local function update(options)
    options.endpoint, options.token, options.retries = options.endpoint or server.url, "t", 0
    return assert(referrals.new(options)):update(ID, { statusReason = "mine" })
  end

  it("trusts a private authority given as ca_file", function()
    assert(update { ca_file = server.ca_file })
    assert.equal("GET PUT", wire.methods(server:record()))
  end)

  it("trusts nobody it was not told to, and sends nothing", function()
    for _, options in ipairs {
      {}, { ca_file = other.ca_file }, { ca_file = "/nonexistent/ca.pem" },
      { endpoint = (server.url:gsub("127%.0%.0%.1", "127.0.0.2")), ca_file = server.ca_file },
    } do
      local value, err = update(options)
      wire.failed("network", false, value, err)
    end
    assert.same({}, server:record())
  end)

  it("does not ask again whom it does not trust: a certificate becomes no better by that", function()
    local attempts = 0
    local client = assert(referrals.new {
      endpoint = server.url, token = "t",
      on_event = function() attempts = attempts + 1 end,
    })
    local value, err = client:update(ID, { statusReason = "mine" })
    wire.failed("network", false, value, err)
    assert.same({ 1, 1, false }, { attempts, err.attempts, err.retryable })
  end)

  it("does not speak plainly to who expects TLS, nor TLS to who speaks plainly", function()
    local plain = assert(referrals.new {
      endpoint = (server.url:gsub("^https", "http")), token = "t", retries = 0,
    })
    local value, err = plain:update(ID, { statusReason = "mine" })
    assert.is_nil(value)
    assert.equal(false, err.applied)
    local unsecured = nginx.start()
    finally(function() unsecured:stop() end)
    value, err = update { endpoint = (unsecured.url:gsub("^http", "https")), ca_file = server.ca_file }
    wire.failed("network", false, value, err)
  end)
end)
