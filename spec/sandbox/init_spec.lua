local calls = require "support.sandbox_calls"
local pointer = require "referrals.sandbox.pointer"
local sandbox = require "referrals.sandbox"
local values = require "referrals.sandbox.values"

local ID = sandbox.EXAMPLE_ID

describe("sandbox service", function()
  local service, call

  before_each(function()
    service = sandbox.new()
    call = calls.new(service)
  end)

  local function code(response)
    return values.decode(response.body).error.code
  end

  it("holds the documentation's example from the start", function()
    local response = call:get(ID)
    assert.equal(200, response.status)
    assert.equal(sandbox.example, response.body)
    assert.equal("application/json; charset=utf-8", response.headers["Content-Type"])
    assert.equal('"2500ec5a-0000-0000-0000-5bf4967d0000"', response.headers.ETag)
    assert.equal(404, calls.new(sandbox.new { empty = true }):get(ID).status)
  end)

  it("compares ids without case and decodes them", function()
    assert.equal(200, call:get(ID:upper()).status)
    assert.equal(200, call:get((ID:gsub("-", "%%2D"))).status)
  end)

  it("identifies its answers", function()
    local headers = call:get(ID).headers
    assert.equal("11111111-2222-4333-8444-555555555555", headers["client-request-id"])
    assert.equal(36, #headers["request-id"])
    assert.truthy(headers.Date:find("GMT$"))
    assert.not_equal(headers["request-id"], call:get(ID).headers["request-id"])
  end)

  it("can leave out the ETag header", function()
    service.switches.etag_header = false
    assert.is_nil(call:get(ID).headers.ETag)
  end)

  it("refuses what it cannot route or let in", function()
    assert.equal("itemNotFound", code(call:get("unknown")))
    assert.equal(404, call:send("GET", "/v1.0/referrals").status)
    assert.equal(404, call:send("GET", calls.COLLECTION .. "/a/b").status)
    local response = call:send("DELETE", calls.COLLECTION .. "/" .. ID)
    assert.same({ 405, "GET, PUT, PATCH" }, { response.status, response.headers.Allow })
    assert.equal(405, call:send("PUT", calls.COLLECTION, "{}").status)
    for _, header in ipairs { false, "", "Basic eA==", "Bearer", "Bearer " } do
      response = call:get(ID, { authorization = header })
      assert.same({ 401, "unauthenticated" }, { response.status, code(response) })
    end
    for _, header in ipairs { false, "1" } do
      assert.equal(400, call:get(ID, { ["client-request-id"] = header }).status)
    end
  end)

  it("records every request as it came", function()
    local body = '{"x":"\255\0"}'
    service:handle { method = "PUT", path = calls.COLLECTION .. "/" .. ID .. "?a=%20b", headers = { ["If-MATCH"] = "*",
      Authorization = "Bearer t", ["Client-Request-Id"] = "11111111-2222-4333-8444-555555555555",
      ["Content-Type"] = "application/json" }, body = body, connection = 7 }
    local entry = service.record[1]
    assert.equal("PUT", entry.method)
    assert.equal(calls.COLLECTION .. "/" .. ID .. "?a=%20b", entry.path)
    assert.equal("*", entry.headers["if-match"])
    assert.equal("Bearer t", entry.headers.authorization)
    assert.equal(body, entry.body)
    assert.equal(400, entry.status)
    assert.equal(7, entry.connection)
    assert.is_false(entry.applied)
    service:forget()
    assert.same({}, service.record)
    local silent = sandbox.new { record = false }
    calls.new(silent):get(ID)
    assert.same({}, silent.record)
  end)

  it("stores texts as they are, without a tag too", function()
    assert.equal("abc", service:store('{"id":"ABC","n":1e2}\n'))
    local response = call:get("abc")
    assert.equal('{"id":"ABC","n":1e2}\n', response.body)
    local tag = response.headers.ETag
    response = call:put("abc", '{"n":2.0}', tag)
    assert.equal(200, response.status)
    assert.is_nil(values.member(response.body, "eTag"))
    assert.not_equal(tag, response.headers.ETag)
    assert.equal(412, call:put("abc", "{}", tag).status)
    assert.has_error(function() service:store("{") end)
    assert.has_error(function() service:store("{}") end)
  end)

  it("writes as another writer", function()
    service:write_as_other(ID, "/team/-", '{"email": "x"}')
    service:write_as_other(ID, "/details/dealValue", "7.00")
    service:write_as_other(ID, "/salesStage", '"50"')
    service:write_as_other(ID, "/team/0/email", '"y"')
    local expected = sandbox.example:gsub("50000", "7.00"):gsub("john.doe@microsoft.com", "y")
    expected = pointer.add(pointer.add(expected, { "team", "-" }, '{"email": "x"}'), { "salesStage" }, '"50"')
    for _, name in ipairs { "eTag", "updatedDateTime" } do
      expected = pointer.add(expected, { name }, values.member(service:stored(ID), name))
    end
    assert.equal(expected, service:stored(ID))
    assert.has_error(function() service:write_as_other(ID, "/a/b", "1") end)
    assert.has_error(function() service:touch("unknown") end)
    assert.is_true(service:remove(ID))
    assert.is_false(service:remove(ID))
    assert.equal(404, call:get(ID).status)
  end)

  it("stamps each write later than the one before", function()
    local seen, last = {}, ""
    for _ = 1, 100 do
      service:touch(ID)
      local stamp = values.unquote(values.member(service:stored(ID), "updatedDateTime"))
      local tag = values.member(service:stored(ID), "eTag")
      assert.truthy(stamp:find("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%d%d%d%d%dZ$"))
      assert.is_true(stamp > last)
      assert.is_nil(seen[tag])
      seen[tag], last = true, stamp
    end
  end)

  it("expires New referrals after 14 days", function()
    local created = 1541529642 -- 2018-11-06T18:40:42Z, the example's
    service = sandbox.new { clock = function() return created + 14 * 86400 end }
    assert.equal(0, service:expire())
    service:advance(2)
    assert.equal(1, service:expire())
    assert.equal('"Closed"', values.member(service:stored(ID), "status"))
    assert.equal('"Expired"', values.member(service:stored(ID), "substatus"))
    assert.equal(0, service:expire())
  end)

  it("tells its carrier how long to wait", function()
    service = sandbox.new { delay = 2 }
    local delay = calls.new(service):get(ID).delay
    assert.is_true(delay > 0 and delay < 2)
  end)

  it("needs nothing of the client", function()
    local kept = {}
    for name in pairs(package.loaded) do
      if name:find("^referrals") then
        kept[name], package.loaded[name] = package.loaded[name], nil
      end
    end
    require "referrals.sandbox"
    local foreign = {}
    for name in pairs(package.loaded) do
      if name:find("^referrals") and not name:find("^referrals%.sandbox") then
        foreign[#foreign + 1] = name
      end
      package.loaded[name] = kept[name] or package.loaded[name]
    end
    for name, module in pairs(kept) do
      package.loaded[name] = module
    end
    assert.same({}, foreign)
  end)
end)
