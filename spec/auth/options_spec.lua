local auth = require "referrals.auth"
local calls = require "support.token_calls"
local nginx = require "support.nginx"
local sandbox = require "referrals.sandbox"

local function options(more)
  local given = {
    tenant = "t.example", client_id = "c", client_secret = "canary-secret", refresh_token = "canary-refresh",
    file = "/nowhere/token",
  }
  for name, value in pairs(more or {}) do
    given[name] = value
  end
  return given
end

local function without(name)
  local given = options()
  given[name] = nil
  return given
end

local function refused(make, given, member)
  local source, err = make(given)
  assert.is_nil(source)
  assert.equal("validation", err.kind)
  assert.equal(member, err.member)
  assert.truthy(tostring(err):find(member, 1, true))
  assert.is_nil(tostring(err):find("canary", 1, true))
  return err
end

describe("auth's options", function()
  it("are complete, or the missing one is named", function()
    assert(auth.refresh_token(options()))
    assert(auth.refresh_token(without("client_secret")))
    assert(auth.refresh_token(without("refresh_token")))
    refused(auth.refresh_token, without("tenant"), "tenant")
    refused(auth.refresh_token, without("client_id"), "client_id")
    refused(auth.refresh_token, without("file"), "file")
    local by_function = without("file")
    by_function.on_rotate = function() end
    assert(auth.refresh_token(by_function))
    by_function.refresh_token = nil
    refused(auth.refresh_token, by_function, "refresh_token")
    refused(auth.client_credentials, { tenant = "t", client_id = "c" }, "client_secret")
    refused(auth.refresh_token, nil, "tenant")
  end)

  it("have values that are told apart without telling them", function()
    local cases = {
      tenant = { "", "a/b", "..", "a b", ("x"):rep(257) },
      client_id = { "", "a\nb", ("x"):rep(4097) },
      client_secret = { "", "canary\n" },
      refresh_token = { "", "canary canary", "canary\0", ("x"):rep(65537) },
      file = { "", "a\0b", "a\nb" },
      authority = { "", "http://login.example", "https://u:canary@login.example", "login.example" },
      version = { 0, 3, 1.5 },
      resource = { "", "a b" },
      scope = { "", "a\nb" },
      margin = { -1, 1 / 0, 0 / 0 },
    }
    for name, values in pairs(cases) do
      for _, value in ipairs(values) do
        refused(auth.refresh_token, options({ [name] = value }), name)
      end
    end
    refused(auth.refresh_token, options({ version = 2, scope = "s", resource = "https://r" }), "scope")
    for _, authority in ipairs({ "http://127.0.0.1:8080", "https://login.example/", "http://localhost" }) do
      assert(auth.refresh_token(options({ authority = authority })))
    end
  end)

  it("raise at the caller's line for a wrong type or name", function()
    local line = debug.getinfo(1, "l").currentline + 2
    local ok, message = pcall(function()
      local source = auth.refresh_token(options({ tennant = "x" }))
      return source
    end)
    assert.is_false(ok)
    assert.truthy(message:find("options_spec.lua:" .. line .. ": unknown option 'tennant' (did you mean 'tenant'?)", 1,
      true))
    assert.is_false((pcall(auth.refresh_token, options({ version = "1" }))))
    assert.is_false((pcall(auth.client_credentials, options()))) -- it has no file
  end)
end)

describe("auth.from_environment", function()
  local FULL = {
    REFERRALS_TENANT = "t.example", REFERRALS_CLIENT_ID = "c", REFERRALS_CLIENT_SECRET = "canary",
    REFERRALS_REFRESH_TOKEN = "canary-r", REFERRALS_REFRESH_TOKEN_FILE = "/nowhere/token",
  }

  local function environment(more, none)
    local variables = {}
    for name, value in pairs(none and {} or FULL) do
      variables[name] = value
    end
    for name, value in pairs(more or {}) do
      variables[name] = value or nil
    end
    return function(name)
      return variables[name]
    end
  end

  it("is nothing where nothing is set", function()
    assert.is_nil(auth.from_environment(environment({}, true)))
    assert.is_nil(select(2, auth.from_environment(environment({ REFERRALS_TENANT = "" }, true))))
  end)

  it("finds the grant", function()
    assert.truthy(tostring(auth.from_environment(environment())):find("refresh_token of client c, tenant t.example", 1,
      true))
    local source = auth.from_environment(environment({
      REFERRALS_REFRESH_TOKEN = false, REFERRALS_REFRESH_TOKEN_FILE = false, REFERRALS_TOKEN_VERSION = "2",
      REFERRALS_TOKEN_MARGIN = "60", REFERRALS_AUTHORITY = "https://login.example", REFERRALS_SCOPE = "s",
    }))
    assert.truthy(tostring(source):find("client_credentials", 1, true))
  end)

  it("names the variable that is wrong or missing", function()
    local cases = {
      { { REFERRALS_TENANT = false }, "REFERRALS_TENANT" },
      { { REFERRALS_TENANT = "a/b" }, "REFERRALS_TENANT" },
      { { REFERRALS_CLIENT_ID = false }, "REFERRALS_CLIENT_ID" },
      { { REFERRALS_REFRESH_TOKEN_FILE = false }, "REFERRALS_REFRESH_TOKEN_FILE" },
      { { REFERRALS_REFRESH_TOKEN = "canary canary" }, "REFERRALS_REFRESH_TOKEN" },
      { { REFERRALS_TOKEN_VERSION = "3" }, "REFERRALS_TOKEN_VERSION" },
      { { REFERRALS_TOKEN_VERSION = "v2" }, "REFERRALS_TOKEN_VERSION" },
      { { REFERRALS_TOKEN_MARGIN = "soon" }, "REFERRALS_TOKEN_MARGIN" },
      { { REFERRALS_AUTHORITY = "http://login.example" }, "REFERRALS_AUTHORITY" },
      { { REFERRALS_TOKEN_VERSION = "2", REFERRALS_SCOPE = "s", REFERRALS_RESOURCE = "r" }, "REFERRALS_SCOPE" },
      { { REFERRALS_REFRESH_TOKEN = false, REFERRALS_REFRESH_TOKEN_FILE = false, REFERRALS_CLIENT_SECRET = false },
        "REFERRALS_CLIENT_SECRET" },
    }
    for _, case in ipairs(cases) do
      refused(auth.from_environment, environment(case[1]), case[2])
    end
    refused(auth.from_environment, environment({ REFERRALS_AUTHORITY = "https://l.example" }, true), "REFERRALS_TENANT")
  end)

  describe("in a script without configuration", function()
    local server, folder

    setup(function()
      server = nginx.start()
      folder = calls.folder()
    end)

    teardown(function()
      server:stop()
      calls.remove(folder)
    end)

    local function run(variables)
      variables.REFERRALS_ENDPOINT = server.url
      return calls.run(folder, ([[
        local referrals = require "referrals"
        local r, err = referrals.update("%s", { status = "Active", substatus = "Accepted" })
        print(r and r.status or tostring(err))
      ]]):format(sandbox.EXAMPLE_ID), variables)
    end

    it("gives the default client its token", function()
      server:reset({ rotate_strict = true })
      local path = folder .. "/token"
      assert.equal("Active\n", run({
        REFERRALS_TENANT = "t.example", REFERRALS_CLIENT_ID = "c", REFERRALS_REFRESH_TOKEN = "r",
        REFERRALS_REFRESH_TOKEN_FILE = path, REFERRALS_AUTHORITY = server.origin, REFERRALS_TOKEN_VERSION = "2",
      }))
      local asked = calls.asked(server)
      assert.equal(1, #asked)
      assert.equal("/t.example/oauth2/v2.0/token", asked[1].path)
      assert.equal("600", calls.mode(path))
    end)

    it("is passed over where REFERRALS_TOKEN is set", function()
      server:reset({})
      assert.equal("Active\n", run({ REFERRALS_TOKEN = "t", REFERRALS_TENANT = "t.example" }))
      assert.equal(0, #calls.asked(server))
    end)

    it("says what is missing", function()
      server:reset({})
      local output = run({ REFERRALS_TENANT = "t.example" })
      assert.truthy(output:find("validation: REFERRALS_CLIENT_ID is missing", 1, true), output)
      assert.truthy(output:find("nothing was written", 1, true))
      assert.equal(0, #server:record())
    end)
  end)
end)
