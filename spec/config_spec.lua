local config = require "referrals.config"
local errors = require "referrals.errors"

local function raised(...)
  local ok, message = pcall(...)
  assert.is_false(ok)
  return message
end

local function says(text, ...)
  local message = raised(...)
  assert.truthy(message:find(text, 1, true), message)
end

describe("config.resolve", function()
  it("fills in the design's defaults", function()
    local resolved = assert(config.resolve())
    assert.equal("https://api.partner.microsoft.com/v1.0/engagements", resolved.endpoint)
    assert.equal("api.partner.microsoft.com", resolved.base.host)
    assert.is_nil(resolved.token)
    assert.equal(60, resolved.timeout)
    assert.equal(10, resolved.connect_timeout)
    assert.equal(4, resolved.retries)
    assert.equal(5, resolved.conflict_retries)
    assert.equal("PUT", resolved.method)
    assert.equal(1000, resolved.cache)
    assert.equal(67108864, resolved.cache_bytes)
    assert.equal(16, resolved.concurrency)
    assert.equal(8388608, resolved.max_body)
    assert.is_false(resolved.dry_run)
    assert.is_true(resolved.check)
    assert.is_false(resolved.allow_unknown)
    assert.equal("referrals-lua/" .. require("referrals.version"), resolved.user_agent)
    assert.is_nil(resolved.http_version)
  end)

  it("keeps what is given and leaves the table alone", function()
    local options = { timeout = 0.5, check = false, retries = 0, endpoint = "https://h/x//", method = "PATCH" }
    local resolved = assert(config.resolve(options))
    assert.equal(0.5, resolved.timeout)
    assert.is_false(resolved.check)
    assert.equal(0, resolved.retries)
    assert.equal("PATCH", resolved.method)
    assert.equal("https://h/x", resolved.endpoint)
    assert.equal("https://h/x//", options.endpoint)
    assert.is_nil(options.cache)
  end)

  it("raises for an unknown option, naming the one that was meant", function()
    says("unknown option 'timout' (did you mean 'timeout'?)", config.resolve, { timout = 1 })
    assert.truthy(raised(config.resolve, { zebra = 1 }):find("unknown option 'zebra'$"))
    assert.truthy(raised(config.resolve, { "x" }):find("unknown option '1'$"))
    assert.truthy(raised(config.resolve, { insecure = true }):find("unknown option 'insecure'$"))
  end)

  it("raises for a wrong Lua type", function()
    says("option 'timeout': expected a number, got a string", config.resolve, { timeout = "60" })
    says("options: expected a table, got a string", config.resolve, "x")
    says("a string or a function or a table, got a number", config.resolve, { token = 5 })
    says("an object with a method 'token'", config.resolve, { token = {} })
    says("an object with a method 'handle'", config.resolve, { sandbox = {} })
    says("expected a function, got a boolean", config.resolve, { on_event = true })
  end)

  it("blames the line that the level says", function()
    local function new(options)
      local made, err = config.resolve(options, 2)
      return made, err
    end
    local line = debug.getinfo(1, "l").currentline + 2
    local message = raised(function()
      local made = new({ timout = 1 })
      return made
    end)
    assert.truthy(message:find("config_spec.lua:" .. line .. ": unknown option", 1, true))
  end)

  it("gives an error object for a wrong value", function()
    local cases = {
      { "timeout", 0 }, { "timeout", -1 }, { "timeout", 0 / 0 }, { "timeout", math.huge }, { "connect_timeout", 0 },
      { "retries", -1 }, { "retries", 1.5 }, { "conflict_retries", 101 }, { "concurrency", 0 }, { "cache", -1 },
      { "cache_bytes", 0.5 }, { "max_body", 0 }, { "method", "put" }, { "method", "POST" }, { "http_version", "3" },
      { "user_agent", "a\r\nb" }, { "user_agent", "" }, { "ca_file", "" }, { "ca_path", "a\0b" }, { "proxy", "a\nb" },
      { "shared", "" }, { "token", "" }, { "token", "a\r\nX: y" }, { "token", "a\0" }, { "token", "Bearer abc" },
      { "token", "caf\195\169" }, { "token", ("x"):rep(65537) }, { "endpoint", "" },
      { "endpoint", "http://example.com" },
    }
    for _, case in ipairs(cases) do
      local resolved, err = config.resolve({ [case[1]] = case[2] })
      assert.is_nil(resolved, case[1])
      assert.is_true(errors.is(err))
      assert.equal("validation", err.kind)
      assert.equal(case[1], err.member)
      assert.is_string(err.expected)
    end
    local _, err = config.resolve({ method = "put" })
    assert.equal("validation: method: expected \"PUT\" or \"PATCH\", got 'put'", tostring(err))
  end)

  it("takes a proxy's URL as libcurl reads it, and nothing that it would only fail at later", function()
    for _, proxy in ipairs({
      "", "proxy", "proxy:3128", "http://proxy.example:8080/", "HTTPS://proxy", "socks5h://user:p%40ss@10.0.0.1:1080",
      "user:pass@my_proxy", "http://[::1]:3128", "[::1]",
    }) do
      assert.equal(proxy, assert(config.resolve({ proxy = proxy })).proxy)
    end
    for _, proxy in ipairs({
      "http:/proxy", "htp://proxy", "ftp://proxy", "http://", "http://:3128", "proxy:", "proxy:port", "a proxy",
      "none,x", "proxy\0", "htp://[::1]:3128",
    }) do
      local resolved, err = config.resolve({ proxy = proxy })
      assert.is_nil(resolved, proxy)
      assert.equal("validation: proxy: expected " .. err.expected, tostring(err))
    end
  end)

  it("never prints a token, nor an endpoint's or a proxy's password", function()
    for _, options in ipairs({
      { token = "canary-1 2" }, { endpoint = "https://u:canary-1@h/" }, { proxy = "http://u:canary-1@h\n" },
    }) do
      local _, err = config.resolve(options)
      assert.is_nil(tostring(err):find("canary", 1, true))
    end
  end)

  it("takes a function or an object with a method as the token", function()
    local source = setmetatable({}, { __index = { token = function() end } })
    assert.equal(source, config.resolve({ token = source }).token)
    assert.equal(print, config.resolve({ token = print }).token)
  end)

  it("needs neither endpoint nor token with a service in this process", function()
    local service = { handle = function() end }
    local resolved = config.resolve({ sandbox = service })
    assert.equal("http://localhost/v1.0/engagements", resolved.endpoint)
    assert.equal("sandbox", resolved.token)
    assert.equal(service, resolved.sandbox)
    assert.equal("mine", config.resolve({ sandbox = service, token = "mine" }).token)
  end)
end)

describe("config.verb", function()
  local allowed = { if_match = "string|boolean", timeout = "number", only_if = "table", extra = "any" }

  it("gives back the table, or an empty one", function()
    local options = { if_match = false, extra = print }
    assert.equal(options, config.verb(options, allowed))
    assert.same({}, config.verb(nil, allowed))
  end)

  it("raises for unknown names and wrong types, blaming the caller's caller", function()
    local function verb(options)
      local checked, err = config.verb(options, allowed)
      return checked, err
    end
    local line = debug.getinfo(1, "l").currentline + 2
    local message = raised(function()
      local checked = verb({ ifmatch = "x" })
      return checked
    end)
    local expected = ("config_spec.lua:%d: unknown option 'ifmatch' (did you mean 'if_match'?)"):format(line)
    assert.truthy(message:find(expected, 1, true))
    says("option 'if_match': expected a string or a boolean, got a number", verb, { if_match = 5 })
    says("unknown option 'sandbox'", verb, { sandbox = {} })
    says("options: expected a table, got a number", verb, 5)
  end)

  it("holds shared options to the client's values", function()
    local checked, err = config.verb({ timeout = -1 }, allowed)
    assert.is_nil(checked)
    assert.equal("timeout", err.member)
  end)
end)

describe("config.from_environment", function()
  local function environment(variables)
    return config.from_environment(function(name)
      return variables[name]
    end)
  end

  it("reads text, numbers and booleans", function()
    assert.same(
      {
        endpoint = "https://h", token = "t", timeout = 2.5, retries = 0, dry_run = true, check = false,
        method = "PATCH",
      },
      environment({
        REFERRALS_ENDPOINT = "https://h", REFERRALS_TOKEN = "t", REFERRALS_TIMEOUT = "2.5", REFERRALS_RETRIES = "0",
        REFERRALS_DRY_RUN = "YES", REFERRALS_CHECK = "0", REFERRALS_METHOD = "PATCH", REFERRALS_PROXY = "",
        REFERRALS_ON_EVENT = "x", REFERRALS_SANDBOX = "x",
      })
    )
    assert.same({}, environment({}))
  end)

  it("knows all six ways to say a boolean", function()
    local expected = { ["1"] = true, ["true"] = true, yes = true, ["0"] = false, ["false"] = false, no = false }
    for text, value in pairs(expected) do
      assert.equal(value, environment({ REFERRALS_DRY_RUN = text }).dry_run)
    end
  end)

  it("names the variable that is wrong", function()
    local cases = {
      REFERRALS_TIMEOUT = "soon", REFERRALS_RETRIES = "0x10", REFERRALS_DRY_RUN = "maybe", REFERRALS_METHOD = "POST",
      REFERRALS_CONCURRENCY = "0", REFERRALS_TOKEN = "a b", REFERRALS_ENDPOINT = "http://example.com",
    }
    for name, text in pairs(cases) do
      local options, err = environment({ [name] = text })
      assert.is_nil(options)
      assert.equal("validation", err.kind)
      assert.equal(name, err.member)
      assert.truthy(tostring(err):find(name, 1, true))
    end
    local _, err = environment({ REFERRALS_TIMEOUT = "soon" })
    assert.equal("validation: REFERRALS_TIMEOUT: expected a decimal number, got 'soon'", tostring(err))
  end)

  it("never prints a secret", function()
    local _, err = environment({ REFERRALS_TOKEN = "canary 1" })
    assert.is_nil(tostring(err):find("canary", 1, true))
  end)

  it("asks the real environment by default", function()
    assert.is_table(config.from_environment())
  end)
end)

describe("config.guid_or_id", function()
  it("accepts ids that cannot change the path", function()
    for _, id in ipairs({ "49d90c72-3326-4f61-aacc-2cb57970448c", "a", "A.b_c~d-9", "...", ("x"):rep(128) }) do
      assert.is_true(config.guid_or_id(id))
    end
  end)

  it("refuses the others", function()
    local odd = { "", ".", "..", "a/b", "a?b", "a#b", "a b", "a\r\nb", "a%2fb", "\195\164", ("x"):rep(129), "a\0b" }
    for _, id in ipairs(odd) do
      local ok, err = config.guid_or_id(id)
      assert.is_nil(ok)
      assert.equal("validation", err.kind)
      assert.equal("id", err.member)
    end
    local _, err = config.guid_or_id("a\nb")
    assert.equal(
      "validation: id: expected a referral's id: 1 to 128 letters, digits or . _ ~ -, got 'a\\nb'", tostring(err)
    )
    assert.truthy(tostring(select(2, config.guid_or_id(5))):find("got a number", 1, true))
  end)
end)
