local core = require "referrals.core"
local forked = require "spec.support.forked"
local nginx = require "support.nginx"

local http = core.http

describe("a request by a client's template", function()
  it("has these header lines", function()
    assert.same({
      "Accept: application/json",
      "Authorization: Bearer secret",
      "client-request-id: a-guid",
    }, http.lines({ method = "GET", path = "/x" }, "secret", "a-guid"))
    assert.same({
      "Accept: application/json",
      "Authorization: Bearer secret",
      "client-request-id: a-guid",
      "Content-Type: application/json",
      'If-Match: "1"',
      "Prefer: return=representation",
    }, http.lines({ method = "PATCH", path = "/x", body = "[]", if_match = '"1"', prefer = "return=representation" },
      "secret", "a-guid"))
  end)

  describe("over HTTP", function()
    local server, session, template

    setup(function()
      server = nginx.start()
    end)

    teardown(function()
      server:stop()
    end)

    before_each(function()
      server:reset()
      session = http.session()
      template = http.template(server.url, 10, 1024 * 1024)
    end)

    local function ask(request, token)
      local exchange, id, outcome, sent, status, request_id, message = session:ask(request, template, token or "t", 10)
      return { exchange = exchange, id = id, outcome = outcome, sent = sent, status = status,
        request_id = request_id, message = message }
    end

    it("has an id in a child of the process that nobody else's has", function()
      local first = ask { method = "GET", path = "/referrals?$top=1" }
      local function asked_by_a_child()
        session = http.session()
        return ask({ method = "GET", path = "/referrals?$top=1" }).id
      end
      local ids = { first.id, forked(asked_by_a_child), forked(asked_by_a_child) }
      ids[4] = ask({ method = "GET", path = "/referrals?$top=1" }).id
      local seen = {}
      for _, id in ipairs(ids) do
        assert.equal(36, #id)
        assert.is_nil(seen[id], "there twice: " .. id)
        seen[id] = true
      end
      assert.equal(4, #server:record())
    end)

    it("goes to the endpoint, with an id that is new each time, and its answer can be asked", function()
      local first = ask { method = "GET", path = "/referrals?$top=1" }
      local second = ask { method = "GET", path = "/referrals/none" }
      assert.same({ "ok", true, 200, nil }, { first.outcome, first.sent, first.status, first.message })
      assert.same({ "ok", 404 }, { second.outcome, second.status })
      assert.not_equal(first.id, second.id)
      local record = server:record()
      assert.equal("/v1.0/engagements/referrals?$top=1", record[1].path)
      assert.equal(first.id, record[1].headers["client-request-id"])
      assert.equal(second.id, record[2].headers["client-request-id"])
      assert.equal(first.request_id, first.exchange:header("Request-Id"))
      assert.truthy(first.exchange:body():find('"value"', 1, true))
      assert.truthy(first.exchange:header("content-type"):find("json", 1, true))
      assert.is_nil(first.exchange:header("x-none"))
    end)

    it("is refused here with CR, LF or NUL in what goes into a line", function()
      for _, bad in ipairs { "a\rb", "a\nb", "a\r\nX: y", "a\0b" } do
        local asked = ask({ method = "GET", path = "/referrals" }, bad)
        assert.same({ "invalid", false }, { asked.outcome, asked.sent })
        assert.truthy(asked.message:find("CR, LF or NUL", 1, true))
        asked = ask { method = "PUT", path = "/referrals/x", body = "{}", if_match = bad }
        assert.same({ "invalid", false }, { asked.outcome, asked.sent })
      end
      assert.has_error(function() ask { method = "GET", path = "/a\0b" } end)
      assert.same({}, server:record())
    end)

    it("names the field that is of another type", function()
      assert.error_matches(function() ask { method = "DELETE", path = "/" } end, "expected GET, POST, PUT or PATCH")
      assert.error_matches(function() ask { method = "GET" } end, "field 'path'")
      assert.error_matches(function() ask { method = "PUT", path = "/", body = 1 } end, "field 'body'")
      assert.error_matches(function() ask { method = "PUT", path = "/", body = "", if_match = {} } end, "'if_match'")
    end)

    it("reads an answer as a referral", function()
      local sandbox = require "referrals.sandbox"
      local asked = ask { method = "GET", path = "/referrals/" .. sandbox.EXAMPLE_ID }
      local document, id, etag, header, tag = asked.exchange:referral()
      assert.equal(sandbox.EXAMPLE_ID, id)
      assert.equal('"2500ec5a-0000-0000-0000-5bf4967d0000"', etag)
      assert.is_nil(header) -- the body's own wins over it
      assert.equal(etag, tag)
      assert.equal("New", document:string("status"))
      local other = ask { method = "GET", path = "/referrals?$top=1" }
      local _, none = other.exchange:referral()
      assert.is_nil(none)
      asked.exchange:close()
      assert.has_error(function() asked.exchange:body() end)
    end)
  end)
end)
