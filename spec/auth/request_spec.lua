local calls = require "support.token_calls"
local faulty = require "support.faulty"
local nginx = require "support.nginx"
local sandbox = require "referrals.sandbox"

local ID = sandbox.EXAMPLE_ID

describe("a token request that fails", function()
  local server

  setup(function()
    server = nginx.start()
  end)

  teardown(function()
    server:stop()
  end)

  before_each(function()
    server:reset({})
  end)

  local function failed(source_options, client_options)
    local given = { retries = 0 }
    for name, value in pairs(client_options or {}) do
      given[name] = value
    end
    local client = calls.client(server, calls.credentials(server, source_options), given)
    local value, err = client:update(ID, { status = "Active", substatus = "Accepted" })
    assert.is_nil(value)
    assert.equal("token", err.stage)
    assert.is_false(err.applied)
    assert.equal(0, select(2, calls.asked(server)))
    return err
  end

  it("keeps its kind", function()
    local cases = {
      { { kind = "status", status = 429, retry_after = 7 }, "throttled", 429, true },
      { { kind = "status", status = 503, retry_after = 9 }, "server", 503, true },
      { { kind = "status", status = 500 }, "server", 500, true },
      { { kind = "html" }, "server", 502, true },
      { { kind = "close_before" }, "network", nil, true },
      { { kind = "close_after", mode = "rst" }, "network", nil, true },
      { { kind = "cut" }, "network", 200, true },
      { { kind = "garbage" }, "protocol", 200, false },
      { { kind = "empty" }, "protocol", 200, false },
      { { kind = "status", status = 404 }, "auth", 404, false },
    }
    for _, case in ipairs(cases) do
      server:reset({})
      case[1].path = "/oauth2/"
      server:fault(case[1])
      local err = failed()
      assert.equal(case[2], err.kind, case[1].kind)
      assert.equal(case[3], err.http_status)
      assert.equal(case[4], err.retryable)
      assert.equal(case[1].retry_after, err.retry_after)
      assert.equal("POST", err.method)
      assert.equal(server.origin .. "/tenant.example/oauth2/token", err.url)
      assert.truthy(tostring(err):find("at the token request", 1, true))
    end
  end)

  it("is a timeout within the call's time", function()
    server:fault { kind = "late", path = "/oauth2/", delay = 5 }
    assert.equal("timeout", failed({}, { timeout = 0.3 }).kind)
  end)

  it("is a network error where nobody listens", function()
    assert.equal("network", failed({ authority = "http://127.0.0.1:1" }).kind)
  end)

  it("is not made again where the endpoint's certificate is not trusted", function()
    local secure = nginx.start { tls = true }
    finally(function() secure:stop() end)
    local requests = 0
    local err = failed({ authority = secure.origin }, {
      retries = 4,
      on_event = function() requests = requests + 1 end,
    })
    assert.same({ "network", false, 1 }, { err.kind, err.retryable, requests })
  end)

  it("is made again as the retry policy says", function()
    server:fault { kind = "status", status = 503, path = "/oauth2/", times = 2, retry_after = 0 }
    assert(calls.client(server, calls.credentials(server)):get(ID))
    assert.equal(3, #calls.asked(server))
  end)

  it("is not made again when the credentials are wrong", function()
    server:reset({ clients = { client = "other" } })
    local err = failed({}, { retries = 4 })
    assert.equal("auth", err.kind)
    assert.equal("AADSTS7000215", err.inner)
    assert.equal(1, #calls.asked(server))
  end)
end)

describe("a token endpoint's answer", function()
  local server

  setup(function()
    server = faulty.start()
  end)

  teardown(function()
    faulty.stop_all()
  end)

  local function answered(body, status)
    server:plan(faulty.answer({ body = body, status = status }))
    local seen
    local client = calls.client({ url = server.url .. "/e" }, calls.credentials({ origin = server.url }), {
      retries = 0,
      on_event = function(event)
        seen = event.type == "token" and event or seen
      end,
    })
    local _, err = client:get(ID)
    return err, server:requests(), seen
  end

  it("is used when it holds an access token", function()
    for _, body in ipairs({
      '{"access_token":"abc"}',
      '\239\187\191{"token_type":"bearer","expires_in":"3600","access_token":"abc","refresh_token":null}',
      '{"token_type":"BEARER","expires_in":3600.5,"access_token":"abc"}',
      '{"expires_in":"soon","access_token":"abc"}',
    }) do
      local _, requests = answered(body)
      assert.equal(2, #requests, body)
      assert.truthy(requests[2].head:find("Authorization: Bearer abc\r\n", 1, true))
    end
  end)

  it("is sent once more after a 401 although it reads as the refused one did", function()
    local token = faulty.answer { body = '{"access_token":"same","expires_in":3600}' }
    local steps = { token, faulty.answer { status = 401 }, token, faulty.answer { body = sandbox.example } }
    server:plan { requests = steps }
    local client = calls.client({ url = server.url .. "/e" }, calls.credentials({ origin = server.url }))
    assert(client:get(ID))
    local methods = {}
    for index, request in ipairs(server:requests()) do
      methods[index] = request.method
    end
    assert.same({ "POST", "GET", "POST", "GET" }, methods)
  end)

  it("is a protocol error when it does not, and nothing of it is told", function()
    for _, body in ipairs({
      '{"access_token":"can ary"}', '{"access_token":""}', '{"access_token":5}', '["canary"]', '{"canary":1}',
      '{"access_token":"canary","token_type":"pop"}', '{"access_token":"canary","refresh_token":"can\\nary"}',
      '{"access_token":"canary","refresh_token":5}', '{"access_token":"canary"', 'canary',
      '{"access_token":"' .. ("x"):rep(65537) .. '"}', '{"access_token":"' .. ("x"):rep(300000) .. '"}',
    }) do
      local err, requests, event = answered(body)
      assert.equal("protocol", err.kind, body:sub(1, 80))
      assert.equal("token", err.stage)
      assert.equal(1, #requests)
      assert.is_nil(tostring(err):find("canary", 1, true))
      assert.equal(err.message, event.error.message)
    end
  end)

  it("is a protocol error with a status that is neither 200 nor a refusal", function()
    for _, status in ipairs({ 201, 204, 302 }) do
      local err, requests = answered("", status)
      assert.equal("protocol", err.kind)
      assert.equal(1, #requests)
    end
  end)
end)
