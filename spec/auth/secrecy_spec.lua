-- No secret is ever told: with canaries for all of them, whatever people and logs get to see is searched.
local auth = require "referrals.auth"
local calls = require "support.token_calls"
local faulty = require "support.faulty"
local nginx = require "support.nginx"
local referrals = require "referrals"
local sandbox = require "referrals.sandbox"

local ID = sandbox.EXAMPLE_ID
local CHANGE = { status = "Active", substatus = "Accepted" }

-- Each holds a character that forms and JSON write differently.
local SECRETS = { "canary/secret+1", "canary/refresh=2", "canary/access~3", "canary/rotated/4" }
local SECRET, REFRESH, ACCESS, ROTATED = SECRETS[1], SECRETS[2], SECRETS[3], SECRETS[4]

-- All that a value shows: itself as text, its members, its functions' names not.
local function shown(value, seen, into)
  seen, into = seen or {}, into or {}
  if type(value) == "table" and not seen[value] then
    seen[value] = true
    into[#into + 1] = tostring(value)
    for name, member in pairs(value) do
      shown(name, seen, into)
      shown(member, seen, into)
    end
  elseif type(value) ~= "table" then
    into[#into + 1] = tostring(value)
  end
  return into
end

local function search(...)
  local text = table.concat(shown({ ... }), "\n")
  assert.is_true(#text > 0)
  assert.is_nil(text:lower():find("canary", 1, true), text)
  for _, secret in ipairs(SECRETS) do
    assert.is_nil(text:find(secret, 1, true))
  end
end

describe("the canary", function()
  local server, echo, folder

  setup(function()
    server, echo = nginx.start(), faulty.start()
    folder = calls.folder()
  end)

  teardown(function()
    server:stop()
    faulty.stop_all()
    calls.remove(folder)
  end)

  local function canary_source(origin, more)
    local options = {
      tenant = "t.example", client_id = "c", client_secret = SECRET, refresh_token = REFRESH, authority = origin,
      on_rotate = function() end,
    }
    for name, value in pairs(more or {}) do
      options[name] = value
    end
    return assert(auth.refresh_token(options))
  end

  -- A client, and all that was told while it was used.
  it("a token that its function has in what it raises, or in why there is none", function()
    local canary_token = "eyJ0-the-function-s-own-token"
    for _, fail in ipairs {
      function() error("could not renew " .. canary_token) end,
      function() return nil, "could not renew " .. canary_token end,
    } do
      local asked = 0
      local client = assert(referrals.new { endpoint = server.url, token = function()
        asked = asked + 1
        if asked > 1 then
          return fail()
        end
        return canary_token
      end })
      assert(client:get(ID))
      local _, err = client:get(ID)
      assert.truthy(tostring(err):find("could not renew [redacted]", 1, true), tostring(err))
    end
  end)

  local function telling(url, source)
    local told = { tostring(source), source }
    local client = assert(referrals.new {
      endpoint = url, token = source, retries = 0, timeout = 5, cache = 0,
      on_event = function(event)
        told[#told + 1] = event
      end,
    })
    told[#told + 1] = tostring(client.exchange.source)
    return client, told
  end

  it("is not in a good call's results, events, dry runs and texts", function()
    server:reset({})
    local client, told = telling(server.url, canary_source(server.origin))
    told[#told + 1] = { client:get(ID) }
    told[#told + 1] = { client:update(ID, CHANGE, { dry_run = true }) }
    told[#told + 1] = { client:update(ID, CHANGE) }
    assert.is_true(#told >= 8)
    search(told)
    local record = server:record()
    for _, entry in ipairs(record) do -- it was there to be told
      if entry.path:find("/oauth2/", 1, true) then
        assert.truthy(entry.body:find("canary%2Fsecret%2B1", 1, true))
        return
      end
    end
    error("no token request")
  end)

  it("is not told by an endpoint that repeats what it was sent", function()
    local encoded = "canary%2Fsecret%2B1 canary%2frefresh%3d2 canary%2Frefresh%3D2 canary\\/refresh=2"
    for _, answer in ipairs({
      { status = 400, body = ('{"error":"invalid_grant","error_description":"AADSTS1: %s %s %s","error_codes":[1]}')
        :format(SECRET, REFRESH, encoded) },
      { status = 401, body = ('{"error":"%s","error_description":"%s","correlation_id":"%s"}')
        :format(SECRET, REFRESH, SECRET) },
      { status = 500, body = ('{"error":{"code":"%s","message":"%s","target":"%s"}}')
        :format(SECRET, REFRESH, encoded:gsub("\\", "")) },
      { status = 503, body = SECRET .. " " .. encoded },
      -- Where messages are cut, no half of a secret stays.
      { status = 503, body = ("x"):rep(192) .. " " .. SECRET },
      { status = 400,
        body = ('{"error":"invalid_grant","error_description":"%s%s"}'):format(("x "):rep(121), REFRESH) },
      { status = 400,
        body = ('{"error":"invalid_grant","error_description":"%s%s"}'):format(("x "):rep(496), REFRESH) },
      { status = 502, body = "<html><title>" .. REFRESH .. "</title></html>" },
      { status = 400, body = "{}", headers = { "request-id: " .. SECRET, "client-request-id: " .. REFRESH } },
      { status = 200, body = ('{"access_token":"%s x","refresh_token":"%s"}'):format(ACCESS, ROTATED) },
      { status = 200, body = ('{"access_token":"%s","refresh_token":"%s"'):format(ACCESS, ROTATED) },
      { status = 302, body = "", headers = { "Location: http://127.0.0.1/" .. SECRET } },
    }) do
      echo:plan(faulty.answer(answer))
      local client, told = telling(echo.url .. "/e", canary_source(echo.url))
      local _, err = client:get(ID)
      assert.equal("token", err.stage)
      told[#told + 1] = { err }
      told[#told + 1] = { client:update(ID, CHANGE) }
      search(told)
    end
  end)

  it("is not told by an API that repeats the token it was sent", function()
    local body = ('{"error":{"code":"unauthenticated","message":"Bearer %s is bad, %s"}}'):format(ACCESS, ACCESS)
    local cut = ("x"):rep(192) .. " " .. ACCESS
    for index, status in ipairs({ 401, 403, 400, 500, 400, 500 }) do
      echo:plan(faulty.answer({ status = status, body = index > 4 and cut or body }))
      for _, source in ipairs({
        assert(auth.static(ACCESS)), auth.func(function() return ACCESS, 1000 end),
      }) do
        local client, told = telling(echo.url .. "/e", source)
        told[#told + 1] = { client:get(ID) }
        told[#told + 1] = { client:update(ID, CHANGE) }
        search(told)
      end
    end
  end)

  it("is not told when the new refresh token cannot be kept", function()
    local answer = ('{"access_token":"%s","refresh_token":"%s","expires_in":60}'):format(ACCESS, ROTATED)
    echo:plan(faulty.answer({ body = answer }))
    local sources = {
      canary_source(echo.url, { on_rotate = function(token) error("cannot keep " .. token .. " with " .. SECRET) end }),
      canary_source(echo.url, { on_rotate = function(token) return nil, "cannot keep " .. token end }),
      canary_source(echo.url, { on_rotate = function(token) error(("x"):rep(150) .. token) end }),
      canary_source(echo.url, { on_rotate = function(token) error({ token }) end }),
      canary_source(echo.url, { file = folder .. "/none/token" }),
    }
    calls.write(folder .. "/open", ROTATED, "644")
    sources[#sources + 1] = canary_source(echo.url, { file = folder .. "/open" })
    for _, source in ipairs(sources) do
      local client, told = telling(echo.url .. "/e", source)
      local value, err = client:get(ID)
      assert.is_nil(value)
      assert.equal("auth", err.kind)
      assert.equal("token", err.stage)
      told[#told + 1] = err
      search(told)
    end
  end)

  it("is not told by what refuses options and variables", function()
    search(
      { auth.refresh_token({ tenant = "t", client_id = "c", refresh_token = REFRESH .. " ", file = "x" }) },
      { auth.client_credentials({ tenant = "t", client_id = "c", client_secret = SECRET .. "\n" }) },
      { auth.static(ACCESS .. " ") },
      { auth.from_environment(function(name)
        return ({ REFERRALS_TENANT = "t", REFERRALS_CLIENT_ID = "c", REFERRALS_REFRESH_TOKEN = REFRESH })[name]
      end) },
      { pcall(auth.refresh_token, { tenant = "t", client_secret = SECRET, refresh_tokn = REFRESH }) }
    )
  end)
end)
