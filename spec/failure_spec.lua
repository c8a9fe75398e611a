local failure = require "referrals.failure"

local TOKEN = "canary-token-of-the-failure-spec"
local CONFIG = { endpoint = "https://api.example/v1.0" }
local REQUEST = { method = "PUT", path = "/referrals/1?$select=id" }

local function call()
  return { timeout = 5, info = { attempts = 2, request_id = "r-1", client_request_id = "c-1" } }
end

local function answer(body, headers)
  return {
    body = function() return body end,
    header = function(_, name) return (headers or {})[name] end,
  }
end

describe("a failure", function()
  it("tells what is known about the request, and no secret", function()
    local fields = { kind = "network", message = "refused with " .. TOKEN }
    local err = failure.describe(CONFIG, call(), REQUEST, fields, TOKEN)
    assert.equal("network", err.kind)
    assert.equal("refused with [redacted]", err.message)
    assert.same({ "PUT", "https://api.example/v1.0/referrals/1?..." }, { err.method, err.url })
    assert.same({ 2, "r-1", "c-1" }, { err.attempts, err.request_id, err.client_request_id })
  end)

  it("without a request tells of none", function()
    local err = failure.out_of_time(CONFIG, call())
    assert.same({}, { err.method, err.url })
    assert.same({ "timeout", "the 5 s for this call are over", false }, { err.kind, err.message, err.applied })
  end)

  it("tells how long the service wants to be left alone", function()
    local late = failure.out_of_time(CONFIG, call(), nil, 30)
    assert.equal("the service asked to come back in 30 s, which this call does not have", late.message)
    assert.same({ "timeout", 30 }, { late.kind, late.retry_after })
    local paused = failure.paused(CONFIG, call(), REQUEST, 7.01)
    assert.equal("the service asked this client to wait: for 7.1 s more, which this call does not have", paused.message)
    assert.same({ "throttled", 7.01, false }, { paused.kind, paused.retry_after, paused.applied })
  end)

  it("is of the kind that the outcome or the status says", function()
    local none = answer()
    assert.equal("protocol", failure.unanswered(CONFIG, call(), REQUEST, none, "body_too_large", nil, 200, TOKEN).kind)
    assert.equal("network", failure.unanswered(CONFIG, call(), REQUEST, none, "reset", nil, nil, TOKEN).kind)
    for status, kind in pairs { [304] = "protocol", [404] = "not_found", [412] = "conflict", [503] = "server" } do
      local err = failure.refusal(CONFIG, call(), REQUEST, answer(""), status, TOKEN)
      assert.same({ kind, status }, { err.kind, err.http_status })
    end
  end)

  it("is what the status and Retry-After say also where the explanation broke off", function()
    local cut = answer(nil, { ["retry-after"] = "57" })
    local function broken(status)
      return failure.unanswered(CONFIG, call(), REQUEST, cut, "network", "transfer closed", status, TOKEN)
    end
    for status, kind in pairs { [429] = "throttled", [403] = "forbidden", [404] = "not_found", [412] = "conflict",
      [400] = "rejected", [503] = "network", [408] = "network" } do
      local err = broken(status)
      assert.same({ kind, status, 57 }, { err.kind, err.http_status, err.retry_after })
      assert.truthy(err.message:find("transfer closed", 1, true))
    end
    assert.truthy(broken(403).message:find("the service answered 403, and the explanation broke off", 1, true))
    assert.is_false(broken(400).retryable)
  end)

  it("keeps the request id that the answer names", function()
    local err = failure.refusal(CONFIG, call(), REQUEST, answer("", { ["request-id"] = "r-2" }), 404, TOKEN)
    assert.equal("r-2", err.request_id)
  end)

  it("shows no half of a token where the service's text is cut short", function()
    for before = 100, 1000 do
      local text = ("-"):rep(before) .. TOKEN
      local err = failure.refusal(CONFIG, call(), REQUEST, answer(text), 400, TOKEN)
      assert.is_nil(err.message:find("canary", 1, true))
    end
  end)

  it("shows no half of a token that the service writes with escapes", function()
    local token = "opaque/canary+" .. ("canary"):rep(20) .. "="
    for _, written in ipairs { token:gsub("/", "\\/"), (token:gsub("+", "\\u002b"):gsub("=", "\\u003D")) } do
      for before = 940, 1000 do
        local text = ('{"error":{"message":"%s%s"}}'):format(("-"):rep(before), written)
        local err = failure.refusal(CONFIG, call(), REQUEST, answer(text), 400, token)
        assert.is_nil(err.message:find("canary", 1, true), before)
      end
    end
  end)

  it("leaves open whether a write was applied, but for what was never sent and a plain refusal", function()
    for _, status in ipairs { 0, 200, 304, 408, 500, 503 } do
      assert.is_true(failure.is_unknown({ http_status = status }, true), status)
      assert.is_false(failure.is_unknown({ http_status = status }, false), status)
    end
    assert.is_true(failure.is_unknown({}, true))
    for _, status in ipairs { 400, 409, 412, 429 } do
      assert.is_false(failure.is_unknown({ http_status = status }, true), status)
    end
  end)
end)
