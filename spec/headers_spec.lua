local headers = require "referrals.headers"
local referrals = require "referrals"
local sandbox = require "referrals.sandbox"

local ID = sandbox.EXAMPLE_ID

describe("the headers of a request", function()
  it("are shown as they go out, but for the token and what is new each time", function()
    for _, case in ipairs {
      { "PUT", { statusReason = "x" }, {} },
      { "PATCH", { statusReason = "x" }, { method = "PATCH" } },
    } do
      local service = sandbox.new()
      local client = assert(referrals.new { sandbox = service, token = "canary-token" })
      assert(client:update(ID, case[2], case[3]))
      local sent = service.record[2]
      assert.equal(case[1], sent.method)
      local shown = headers.shown {
        method = sent.method,
        body = sent.body,
        if_match = sent.headers["if-match"],
        prefer = sent.headers.prefer,
      }
      local expected, wire = {}, {}
      for name, value in pairs(shown) do
        expected[name:lower()] = value
      end
      for name, value in pairs(sent.headers) do
        wire[name] = value
      end
      wire.host = nil -- the carrier's
      assert.equal("Bearer canary-token", wire.authorization)
      wire.authorization, wire["client-request-id"] = "Bearer [redacted]", "[new for every request]"
      assert.same(wire, expected)
    end
  end)

  it("keep a value whole, whatever stands in it", function()
    local shown = headers.shown { method = "PUT", body = "{}", if_match = '"a: b: c"' }
    assert.equal('"a: b: c"', shown["If-Match"])
  end)

  it("are those of a read where there is no body", function()
    local shown = headers.shown { method = "GET" }
    assert.equal("application/json", shown.Accept)
    assert.same({}, { shown["Content-Type"], shown["If-Match"], shown.Prefer })
  end)
end)
