local errors = require "referrals.errors"
local service_error = require "referrals.service_error"

local function parse(status, body, headers, method, now)
  return service_error.parse(status, function(name)
    return (headers or {})[name]
  end, body, method, now)
end

describe("service_error.parse", function()
  it("reads the service's own error, as the reference prints it", function()
    local fields = parse(412, '{"error":{"code":"preconditionFailed","message":"...","target":"ETag","innerError":'
      .. '{"code":"99918","message":"One of the specified pre-condition is not met. Etag value did not Match",'
      .. '"details":null}}}', { ["request-id"] = "r-1", ["client-request-id"] = "c-1" })
    assert.same({
      kind = "conflict",
      http_status = 412,
      code = "preconditionFailed",
      message = "... (One of the specified pre-condition is not met. Etag value did not Match)",
      target = "ETag",
      inner = "99918",
      request_id = "r-1",
      client_request_id = "c-1",
    }, fields)
    assert.equal(
      "conflict: ... (One of the specified pre-condition is not met. Etag value did not Match) "
        .. "(412 preconditionFailed/99918, request r-1)",
      tostring(errors.new(fields.kind, fields))
    )
  end)

  it("finds the innermost code that it understands", function()
    local fields = parse(400, '{"error":{"code":"a","message":"m","innerError":{"code":"b","innerError":'
      .. '{"code":99918,"innerError":{"code":{"x":1},"message":5,"innerError":{}}}}}}')
    assert.equal("a", fields.code)
    assert.equal("99918", fields.inner)
    assert.equal("m (5)", fields.message)
  end)

  it("goes at most sixteen levels deep", function()
    local body = '"x"'
    for level = 40, 1, -1 do
      body = ('{"code":"level%d","innerError":%s}'):format(level, body)
    end
    local fields = parse(400, '{"error":{"code":"top","innerError":' .. body .. "}}")
    assert.equal("top", fields.code)
    assert.equal("level16", fields.inner)
  end)

  it("says nothing twice", function()
    local body = '{"error":{"code":"x","message":"%s","innerError":{"code":"y","message":"%s"}}}'
    assert.equal("bad tag here", parse(400, body:format("bad tag", "bad tag here")).message)
    assert.equal("bad tag here", parse(400, body:format("bad tag here", "tag")).message)
  end)

  it("reads the gateway's error and its wait", function()
    local body = '{"statusCode":429,"message":"Rate limit is exceeded. Try again in 57 seconds."}'
    assert.same({
      kind = "throttled",
      http_status = 429,
      message = "Rate limit is exceeded. Try again in 57 seconds.",
      retry_after = 57,
    }, parse(429, body))
    assert.equal(3, parse(429, body, { ["retry-after"] = "3" }).retry_after)
    assert.equal(57, parse(429, body, { ["retry-after"] = "soon" }).retry_after)
  end)

  it("reads the older host's error", function()
    assert.same(
      { kind = "rejected", http_status = 400, code = "2000", message = "Invalid id." },
      parse(400, '{"code":2000,"description":"Invalid id.","data":[],"source":"PartnerFD"}')
    )
  end)

  it("reads Entra's error", function()
    assert.same({
      kind = "rejected",
      http_status = 400,
      code = "invalid_grant",
      inner = "AADSTS50076",
      message = "AADSTS50076: you must use multi-factor authentication.",
      request_id = "corr",
    }, parse(400, '{"error":"invalid_grant","error_description":"AADSTS50076: you must use multi-factor '
      .. 'authentication.\\r\\nTrace ID: t\\r\\nCorrelation ID: c","error_codes":[50076],"correlation_id":"corr"}'))
    local bare = parse(401, '{"error":"invalid_client","error_description":"AADSTS7000215: no. Trace ID: t"}')
    assert.equal("AADSTS7000215", bare.inner)
    assert.equal("AADSTS7000215: no.", bare.message)
    assert.equal("invalid_client", parse(401, '{"error":"invalid_client","error_codes":"x"}').message)
  end)

  it("reads the title of an HTML page and no tag", function()
    local message = "an HTML page came instead of the service's answer"
    assert.equal(
      message .. ": 502 Bad Gateway",
      parse(502, "<html>\n<head><TITLE id=x>502\n <b>Bad</b> Gateway </TITLE></head></html>").message
    )
    assert.equal(message .. ": Blocked", parse(403, "<!DOCTYPE html><h1>Blocked</h1>").message:match("^[^;]*"))
    assert.equal(message, parse(502, "<html><title></title>").message)
    assert.equal(message, parse(502, "<").message)
  end)

  it("knows what to say when the body says nothing", function()
    local silent = { "", " \r\n", "{", '{"error":', "[1]", "{}", '{"error":{}}', '{"error":5}', '{"message":""}' }
    for _, body in ipairs(silent) do
      assert.equal("the service answered 503 without an explanation", parse(503, body).message)
    end
    assert.equal("the service answered 503 without an explanation", service_error.parse(503).message)
    assert.equal("upstream connect error", parse(503, "upstream connect\n error\n").message)
  end)

  it("skips a byte order mark", function()
    assert.equal("itemNotFound", parse(404, '\239\187\191{"error":{"code":"itemNotFound"}}').code)
  end)

  it("survives wrong types anywhere", function()
    local values = { "null", "5", "true", '"x"', "[]", "{}", '["x"]', '{"a":{}}', "1e999" }
    local names = {
      "error", "code", "message", "target", "innerError", "statusCode", "description", "error_description",
      "error_codes", "correlation_id",
    }
    for _, name in ipairs(names) do
      for _, value in ipairs(values) do
        for _, shape in ipairs({ '{"%s":%s}', '{"error":{"%s":%s}}', '{"error":{"innerError":{"%s":%s}}}' }) do
          local fields = parse(400, shape:format(name, value))
          assert.equal("rejected", fields.kind)
          assert.is_string(fields.message)
          for _, field in ipairs({ "code", "inner", "target", "request_id" }) do
            assert.truthy(fields[field] == nil or type(fields[field]) == "string")
          end
        end
      end
    end
    local odd = { parse(400, 5), parse(400, ("x"):rep(300000)), parse(400, "\0\255"), parse("x", "y") }
    assert.equal(4, #odd)
    assert.equal("protocol", odd[4].kind)
  end)

  it("makes one bounded line of the message", function()
    local fields = parse(400, '{"error":{"message":"a\\nb\\u0000c' .. ("x"):rep(5000) .. '"}}')
    assert.equal("a\\nb\\x00cxx", fields.message:sub(1, 11))
    assert.equal(1003, #fields.message)
  end)

  it("looks at a bounded part of a huge body", function()
    local huge = '{"error":{"code":"x","message":"' .. ("m"):rep(300 * 1024) .. '"}}'
    assert.is_nil(parse(500, huge).code)
    assert.equal("the service answered 500 without an explanation", parse(500, huge).message)
  end)
end)

describe("service_error by status", function()
  it("has one kind for each", function()
    local kinds = {
      [400] = "rejected", [401] = "auth", [403] = "forbidden", [404] = "not_found", [405] = "rejected",
      [406] = "rejected", [408] = "rejected", [409] = "conflict", [410] = "not_found", [411] = "rejected",
      [412] = "conflict", [413] = "rejected", [415] = "rejected", [416] = "rejected", [422] = "rejected",
      [423] = "rejected", [428] = "rejected", [429] = "throttled", [500] = "server", [501] = "server",
      [502] = "server", [503] = "server", [504] = "server", [507] = "server", [509] = "server",
      [302] = "protocol", [100] = "protocol", [600] = "protocol", [0] = "protocol",
    }
    for status, kind in pairs(kinds) do
      assert.equal(kind, parse(status, "").kind, status)
      assert.equal(status, parse(status, "").http_status)
    end
  end)

  it("says where repeating helps against the kind's rule", function()
    assert.is_true(errors.new("rejected", parse(408, "")).retryable)
    assert.is_false(errors.new("server", parse(501, "")).retryable)
    assert.is_nil(parse(503, "").retryable)
  end)

  it("names the roles after a 403", function()
    assert.equal(
      "no; it takes an App+User token of a user with the role Referrals admin or Referrals user",
      parse(403, '{"error":{"code":"accessDenied","message":"no"}}').message
    )
  end)

  it("points to PATCH after a 405 on PUT only", function()
    local advice = "x; the service calls PUT obsolete: `update` with method = \"PATCH\", or `patch`, makes a change "
      .. "without it"
    assert.equal(advice, parse(405, "x", nil, "PUT").message)
    assert.equal("x", parse(405, "x", nil, "PATCH").message)
    assert.equal("x", parse(405, "x").message)
  end)
end)

describe("service_error.retry_after", function()
  local retry_after = service_error.retry_after

  it("takes seconds", function()
    assert.equal(57, retry_after("57"))
    assert.equal(0, retry_after(" 0 "))
    assert.equal(999999999, retry_after("999999999"))
  end)

  it("takes a date, measured by the answer's own clock first", function()
    local date = "Sun, 06 Nov 1994 08:49:37 GMT"
    assert.equal(784111777, service_error.http_date(date))
    assert.equal(30, retry_after(date, 784111747))
    assert.equal(10, retry_after(date, 5, "Sun, 06 Nov 1994 08:49:27 GMT"))
    assert.equal(30, retry_after(date, 784111747, "garbage"))
    assert.equal(0, retry_after(date, 784111800))
    assert.equal(0, retry_after(date))
    assert.equal(7, parse(503, "", { ["retry-after"] = date, date = "Sun, 06 Nov 1994 08:49:30 GMT" }).retry_after)
    assert.equal(8, parse(503, "", { ["retry-after"] = date }, "GET", 784111769).retry_after)
  end)

  it("knows all three forms of a date, and leap years", function()
    assert.equal(784111777, service_error.http_date("Sunday, 06-Nov-94 08:49:37 GMT"))
    assert.equal(784111777, service_error.http_date("Sun Nov  6 08:49:37 1994"))
    assert.equal(0, service_error.http_date("Thu, 01 Jan 1970 00:00:00 GMT"))
    assert.equal(951782400, service_error.http_date("Tue, 29 Feb 2000 00:00:00 GMT"))
    assert.equal(951868800, service_error.http_date("Wed, 01 Mar 2000 00:00:00 GMT"))
    assert.equal(4102444799, service_error.http_date("Thu, 31 Dec 2099 23:59:59 GMT"))
    assert.equal(1709164800, service_error.http_date("Thursday, 29-Feb-24 00:00:00 GMT"))
  end)

  it("takes garbage for nothing", function()
    for _, value in ipairs({
      "", "soon", "-1", "1.5", "1e3", "0x10", "1234567890", "57 seconds", "Sun, 06 Foo 1994 08:49:37 GMT",
      "Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
      "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 06 Nov 1994 08:49 GMT",
      "Sun, 06 Nov 1994 08:49:37 CET", "1994-11-06T08:49:37Z", 57, true, {},
    }) do
      assert.is_nil(retry_after(value, 0))
    end
    assert.is_nil(retry_after(nil))
  end)
end)
