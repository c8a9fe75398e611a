-- What a refusal says, in every shape in which it reaches a client, through real requests.
local faulty = require "support.faulty"
local referrals = require "referrals"
local wire = require "support.wire"

local ID = "49d90c72-3326-4f61-aacc-2cb57970448c"
local REQUEST_ID = "0b5e4d0e-2f4a-4f6a-9f57-3a8d11d4f0aa"

local PRECONDITION = '{"error":{"code":"preconditionFailed","message":"A precondition failed.","target":"ETag",'
  .. '"innerError":{"code":"99918","message":"One of the specified pre-condition is not met. Etag value did not Match",'
  .. '"details":null}}}'
local NESTED = '{"error":{"code":"invalidRequest","message":"Outer.","innerError":{"code":"1000","message":"Middle.",'
  .. '"innerError":{"code":"2000","message":"Innermost.","innerError":{}}}}}'
local GATEWAY = '{"statusCode":429,"message":"Rate limit is exceeded. Try again in 57 seconds."}'
local OLDER = '{"code":"600009","description":"Referral not found.","data":[],"source":"PartnerFD"}'
local ENTRA = '{"error":"invalid_grant",'
  .. '"error_description":"AADSTS50076: Use multi-factor authentication.\\r\\nTrace ID: x",'
  .. '"error_codes":[50076],"correlation_id":"' .. REQUEST_ID .. '"}'
local PAGE = "<html><head><title>502 Bad Gateway</title></head><body><h1>502</h1></body></html>"
local BYTE_ORDER_MARK = "\239\187\191"

local CASES = {
  {
    "the service's error with its inner error", 400, PRECONDITION,
    { kind = "rejected", code = "preconditionFailed", inner = "99918", target = "ETag" }, "Etag value did not Match",
  },
  { "the innermost of several inner errors", 422, NESTED, { kind = "rejected", inner = "2000" }, "Innermost" },
  { "a byte order mark in front", 400, BYTE_ORDER_MARK .. NESTED, { kind = "rejected", inner = "2000" }, "Outer" },
  { "the gateway's throttling", 429, GATEWAY, { kind = "throttled", retry_after = 57 }, "Rate limit" },
  { "the older host's error", 404, OLDER, { kind = "not_found", code = "600009" }, "Referral not found" },
  { "Entra's error", 401, ENTRA, { kind = "auth", code = "invalid_grant", inner = "AADSTS50076" }, "multi-factor" },
  { "a proxy's HTML page", 502, PAGE, { kind = "server" }, "HTML", "502 Bad Gateway" },
  { "an HTML page under 403", 403, PAGE, { kind = "forbidden" }, "Referrals admin", "Referrals user" },
  { "an empty body", 500, "", { kind = "server" }, "500" },
  { "an empty body under 403", 403, "", { kind = "forbidden" }, "Referrals admin" },
  { "plain text", 400, "no such thing", { kind = "rejected" }, "no such thing" },
  { "broken JSON", 400, '{"error":{"code":"x"', { kind = "rejected" }, "400" },
  { "an error that is null", 400, '{"error":null}', { kind = "rejected" }, "400" },
  { "a list", 410, "[1,2]", { kind = "not_found" }, "410" },
  { "no permission", 403, '{"error":{"code":"accessDenied","message":"Access denied."}}',
    { kind = "forbidden", code = "accessDenied" }, "Access denied", "Referrals admin" },
}

describe("an error's body over HTTP", function()
  local server, client

  after_each(function()
    faulty.stop_all()
  end)

  local function answers(status, body)
    server = faulty.start(faulty.answer {
      status = status, body = body, headers = { "request-id: " .. REQUEST_ID, "Content-Type: text/plain" },
    })
    client = referrals.new { endpoint = server.url, token = "a-secret-token", retries = 0 }
  end

  local function assert_fields(case, err)
    for field, value in pairs(case[4]) do
      assert.equal(value, err[field], field)
    end
    assert.equal(case[2], err.http_status)
    assert.equal(REQUEST_ID, err.request_id)
    wire.says(err, case[5], case[6] or case[5])
    local line = tostring(err)
    assert.is_nil(line:find("[\r\n]"))
    assert.is_nil(line:find("a-secret-token", 1, true))
  end

  for _, case in ipairs(CASES) do
    it("of a read is understood: " .. case[1], function()
      answers(case[2], case[3])
      local value, err = client:get(ID)
      assert.is_nil(value)
      assert_fields(case, err)
    end)

    it("of a write is understood: " .. case[1], function()
      answers(case[2], case[3])
      local value, err = client:replace(ID, { name = "x" }, { if_match = '"x"' })
      assert.is_nil(value)
      if case[2] >= 500 then
        assert.equal("unsettled", err.kind)
        assert.equal("unknown", err.applied)
        err = err.cause
      else
        assert.equal(false, err.applied)
      end
      assert_fields(case, err)
    end)
  end

  it("that repeats the token has it in no field", function()
    local echo = [[{"error":{"code":"a\u002Dsecret-token","target":"a\u002Dsecret-token",]]
      .. [["message":"m a-secret-token","innerError":{"code":"a\u002Dsecret-token"}}}]]
    server = faulty.start(faulty.answer { status = 400, body = echo, headers = { "request-id: a-secret-token" } })
    client = referrals.new { endpoint = server.url, token = "a-secret-token", retries = 0 }
    local _, err, info = client:get(ID)
    assert.equal("rejected", err.kind)
    for name, value in pairs(err) do
      assert.is_nil(tostring(value):find("secret-token", 1, true), name)
    end
    assert.is_nil(tostring(err):find("secret-token", 1, true))
    assert.is_table(info)
  end)

  it("of a 412 names the service's innermost code in the conflict", function()
    answers(412, PRECONDITION)
    local value, err = client:replace(ID, { name = "x" }, { if_match = '"x"' })
    wire.failed("conflict", false, value, err)
    assert.equal("99918", err.inner)
    assert.equal("preconditionFailed", err.code)
  end)
end)
