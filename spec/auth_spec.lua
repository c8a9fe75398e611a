local calls = require "support.token_calls"
local errors = require "referrals.errors"
local nginx = require "support.nginx"
local referrals = require "referrals"
local sandbox = require "referrals.sandbox"

local ID = sandbox.EXAMPLE_ID
local auth = referrals.auth

describe("auth", function()
  local server, folder

  setup(function()
    server = nginx.start()
  end)

  teardown(function()
    server:stop()
  end)

  before_each(function()
    server:reset({ rotate_strict = true })
    folder = calls.folder()
  end)

  after_each(function()
    calls.remove(folder)
  end)

  local function bearer_of_last()
    local record = server:record()
    return record[#record].headers.authorization
  end

  describe("grants", function()
    local function form_of(source)
      local client = calls.client(server, source)
      assert(client:get(ID))
      local asked, others = calls.asked(server)
      assert.equal(1, #asked)
      assert.equal(1, others)
      assert.equal(200, asked[1].status)
      assert.equal("POST", asked[1].method)
      assert.equal("application/x-www-form-urlencoded", asked[1].headers["content-type"])
      assert.equal("application/json", asked[1].headers.accept)
      assert.is_nil(asked[1].headers.authorization)
      assert.truthy(bearer_of_last():find("^Bearer sandbox%-access%-"))
      return asked[1].form, asked[1].path, asked[1].body
    end

    it("asks by refresh token at version 1", function()
      local form, path, body = form_of(calls.refresh(server, { file = folder .. "/token" }))
      assert.equal("/tenant.example/oauth2/token", path)
      assert.same({
        grant_type = "refresh_token", client_id = "client", client_secret = "s&cret/=", refresh_token = calls.FIRST,
        resource = "https://api.partner.microsoft.com", scope = "openid",
      }, form)
      assert.truthy(body:find("client_secret=s%26cret%2F%3D", 1, true))
    end)

    it("asks by refresh token at version 2", function()
      local form, path = form_of(calls.refresh(server, { file = folder .. "/token", version = 2 }))
      assert.equal("/tenant.example/oauth2/v2.0/token", path)
      assert.same({
        grant_type = "refresh_token", client_id = "client", client_secret = "s&cret/=", refresh_token = calls.FIRST,
        scope = "https://api.partner.microsoft.com/.default offline_access",
      }, form)
    end)

    it("asks for a public client without a secret", function()
      local source = assert(auth.refresh_token {
        tenant = "t", client_id = "c", refresh_token = "r", authority = server.origin, on_rotate = function() end,
      })
      local form, path = form_of(source)
      assert.is_nil(form.client_secret)
      assert.equal("/t/oauth2/token", path)
    end)

    it("asks as the application at both versions", function()
      local form, path = form_of(calls.credentials(server))
      assert.equal("/tenant.example/oauth2/token", path)
      assert.same({
        grant_type = "client_credentials", client_id = "client", client_secret = "s&cret/=",
        resource = "https://api.partner.microsoft.com",
      }, form)
      server:forget()
      form, path = form_of(calls.credentials(server, { version = 2 }))
      assert.equal("/tenant.example/oauth2/v2.0/token", path)
      assert.same({
        grant_type = "client_credentials", client_id = "client", client_secret = "s&cret/=",
        scope = "https://api.partner.microsoft.com/.default",
      }, form)
    end)

    it("asks for the resource or the scope that it is given", function()
      local client = calls.client(server, calls.credentials(server, { resource = "https://other.example" }))
      local _, err = client:get(ID)
      assert.equal("auth", err.kind) -- the service does not take a token for another audience
      assert.equal("https://other.example", calls.asked(server)[1].form.resource)
      server:forget()
      local scope = "https://api.partner.microsoft.com/user_impersonation"
      assert(calls.client(server, calls.credentials(server, { version = 2, scope = scope })):get(ID))
      assert.equal(scope, calls.asked(server)[1].form.scope)
    end)

    it("asks a service in this process too", function()
      local service = sandbox.new({ rotate_strict = true })
      local source = assert(auth.refresh_token {
        tenant = "t", client_id = "c", refresh_token = "r", file = folder .. "/token",
      })
      local client = assert(referrals.new { sandbox = service, token = source })
      assert(client:get(ID))
      assert.equal("/t/oauth2/token", service.record[1].path)
      assert.equal(2, #service.record)
    end)
  end)

  describe("a 401", function()
    it("renews the token once and repeats the request", function()
      local client = calls.client(server, calls.refresh(server, { file = folder .. "/token" }))
      assert(client:get(ID))
      server:expire_tokens()
      server:forget()
      local referral, err, info = client:update(ID, { status = "Active", substatus = "Accepted" })
      assert.is_nil(err)
      assert.equal("Active", referral.status)
      local asked, others = calls.asked(server)
      assert.equal(1, #asked)
      assert.equal(3, others) -- GET 401, GET, PUT
      assert.equal(3, info.attempts)
    end)

    it("repeats a write, which was not applied", function()
      local client = calls.client(server, calls.credentials(server))
      local current = assert(client:get(ID))
      server:fault { kind = "status", status = 401, method = "PUT", code = "unauthenticated" }
      server:forget()
      assert(client:update(ID, { status = "Active", substatus = "Accepted" }, { if_match = current.eTag }))
      local methods = {}
      for _, entry in ipairs(server:record()) do
        methods[#methods + 1] = entry.method .. entry.status
      end
      assert.equal("GET200 PUT401 POST200 PUT200", table.concat(methods, " "))
    end)

    it("is an auth error the second time", function()
      local client = calls.client(server, calls.credentials(server))
      server:fault { kind = "status", status = 401, method = "GET", times = 10, code = "unauthenticated" }
      local referral, err = client:get(ID)
      assert.is_nil(referral)
      assert.equal("auth", err.kind)
      assert.equal(401, err.http_status)
      assert.is_nil(err.stage)
      local asked, others = calls.asked(server)
      assert.equal(2, #asked)
      assert.equal(2, others)
    end)

    it("tells why no other token could be had, and that nothing was written", function()
      server:reset({ clients = { client = "s&cret/=" } })
      local client = calls.client(server, calls.credentials(server), { retries = 0 })
      assert(client:get(ID))
      server:fault { kind = "status", status = 401, method = "PUT", code = "unauthenticated" }
      server:fault { kind = "status", status = 503, path = "/oauth2/" }
      local _, err = client:update(ID, { status = "Active", substatus = "Accepted" })
      assert.equal("server", err.kind)
      assert.equal("token", err.stage)
      assert.is_false(err.applied)
      assert.truthy(server:stored(ID):find('"New"', 1, true))
    end)

    it("leaves a static token as it is", function()
      server:reset({ tokens = { "other" } })
      local client = calls.client(server, assert(auth.static("mine")))
      local _, err = client:get(ID)
      assert.equal("auth", err.kind)
      assert.equal(1, #server:record())
    end)

    it("asks a function again, and sends nothing when it gives the same token", function()
      server:reset({ tokens = { "third" } })
      local given = 0
      local function give()
        given = given + 1
        return ({ "first", "third" })[given] or "third"
      end
      assert(calls.client(server, give):get(ID))
      assert.equal(2, #server:record())
      server:forget()
      local _, err = calls.client(server, function() return "same" end):get(ID)
      assert.equal("auth", err.kind)
      assert.equal(1, #server:record())
    end)
  end)

  describe("static and func", function()
    it("takes a token", function()
      assert(calls.client(server, assert(auth.static("mine"))):get(ID))
      assert.equal("Bearer mine", bearer_of_last())
      local source, err = auth.static("mi ne")
      assert.is_nil(source)
      local expected = "an access token: visible ASCII without blanks, of at most 64 KiB"
      assert.equal("validation: token: expected " .. expected, tostring(err))
      assert.has_error(function() auth.static(5) end)
      assert.has_error(function() auth.func("x") end)
    end)

    it("calls a function for every request, unless it tells how long its token is good for", function()
      for _, case in ipairs({ { nil, 3 }, { 0, 3 }, { 1000, 1 }, { "3600", 1 }, { "0", 3 } }) do
        local called = 0
        local client = calls.client(server, auth.func(function()
          called = called + 1
          return "token-" .. called, case[1]
        end))
        for _ = 1, 3 do
          assert(client:get(ID))
        end
        assert.equal(case[2], called)
        assert.equal("Bearer token-" .. called, bearer_of_last())
      end
    end)

    it("calls a function again shortly before its token ends", function()
      local called = 0
      local client = calls.client(server, auth.func(function()
        called = called + 1
        return "token", 1000
      end))
      assert(client:get(ID))
      calls.pass(client, 690)
      assert(client:get(ID))
      assert.equal(1, called)
      calls.pass(client, 20)
      assert(client:get(ID))
      assert.equal(2, called)
    end)

    it("tells why a function gave no token", function()
      local unsettled = errors.new("network", { message = "the vault is away", stage = "token" })
      local cases = {
        { function() return nil, "the vault is sealed" end, "auth: no token: the vault is sealed" },
        { function() return 5 end, "auth: no token: the token function gave a number, not a string" },
        { function() end, "auth: no token: the token function gave a nil, not a string" },
        { function() error("no luck", 0) end, "auth: the token function raised: no luck" },
        { function() error(setmetatable({}, { __tostring = error })) end, "auth: the token function raised: table" },
        { function() coroutine.yield() end, "auth: the token function raised: it yielded" },
        { function() return "a b" end, "auth: no token: the token function gave what is no access token: expected" },
        { function() return ("x"):rep(65537) end, "auth: no token: the token function gave what is no access token" },
        { function() return "a", true end, "auth: no token: the token function gave a boolean for the seconds" },
        { function() return nil, setmetatable({}, { __tostring = function() return "why" end }) end,
          "auth: no token: why" },
        { function() return nil, unsettled end, "network: the vault is away" },
      }
      for _, case in ipairs(cases) do
        local _, err = calls.client(server, case[1], { retries = 0 }):get(ID)
        assert.equal(case[2], tostring(err):sub(1, #case[2]))
        assert.equal("token", err.stage)
      end
      assert.equal(0, #server:record())
    end)

    it("does not take what another client's verb says for what became of its own", function()
      local other = errors.new("unsettled", { message = "theirs", intended = {}, applied = "unknown" })
      local client = calls.client(server, function() return nil, other end)
      for _, given in ipairs { { ID }, { ID, { campaignId = "x" } } } do
        local value, err = client[given[2] and "update" or "get"](client, given[1], given[2])
        assert.is_nil(value)
        assert.same({ "auth", "token", false }, { err.kind, err.stage, err.applied })
        assert.equal(other, err.cause)
        assert.is_nil(err.intended)
      end
      assert.equal("unknown", other.applied)
      assert.equal(0, #server:record())
      local shown = errors.new("network", { message = "the vault is away", stage = "token" })
      local _, first = calls.client(server, function() return nil, shown end, { retries = 0 }):get(ID)
      assert.are_not.equal(shown, first)
    end)

    it("asks a function again that gave no token once, whatever it said of its life", function()
      for _, bad in ipairs { "token\n", "", "<html lang>", "Bearer x" } do
        local given = bad
        local client = calls.client(server, auth.func(function() return given, 3600 end))
        assert.equal("auth", select(2, client:get(ID)).kind)
        given = "good"
        assert(client:get(ID))
      end
    end)

    it("lets a function use another client, and not its own", function()
      local other = calls.client(server, "other")
      local own
      local client = calls.client(server, function()
        assert(other:get(ID))
        local _, err = own:get(ID)
        return nil, tostring(err)
      end)
      own = client
      local _, err = client:get(ID)
      assert.truthy(tostring(err):find("cannot use this client", 1, true))
      assert.equal(1, #server:record())
    end)

    it("lets it not use its own by way of another client's function", function()
      local one, two
      one = calls.client(server, function()
        local _, err = two:get(ID)
        return nil, err.message
      end)
      two = calls.client(server, function()
        local _, err = one:get(ID)
        return nil, err.message
      end)
      local _, err = one:get(ID)
      assert.truthy(tostring(err):find("cannot use this client", 1, true))
      assert.equal(0, #server:record())
    end)

    it("says what to give when there is no token", function()
      local _, err = calls.client(server, nil):get(ID)
      assert.equal("auth", err.kind)
      assert.truthy(err.message:find("REFERRALS_TOKEN", 1, true))
    end)
  end)

  it("takes any object with a method token", function()
    local asked = {}
    local client = calls.client(server, {
      token = function(_, context)
        asked[#asked + 1] = context
        return "own"
      end,
    }, { timeout = 5 })
    assert(client:get(ID))
    assert.equal("Bearer own", bearer_of_last())
    assert.equal(1, #asked)
    assert.truthy(asked[1].deadline > asked[1].runtime:now())
  end)
end)
