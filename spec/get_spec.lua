local faulty = require "support.faulty"
local nginx = require "support.nginx"
local referrals = require "referrals"
local sandbox = require "referrals.sandbox"
local wire = require "support.wire"

local ID, EXAMPLE = sandbox.EXAMPLE_ID, sandbox.example
local TAG = '"2500ec5a-0000-0000-0000-5bf4967d0000"'
local OTHER_ID = "11111111-2222-4333-8444-555555555555"

local function example_with(members)
  return wire.swap(EXAMPLE, '    "links": {', members .. ',\n    "links": {')
end

describe("referrals.get", function()
  local service, client

  before_each(function()
    service = sandbox.new()
    client = referrals.new { sandbox = service }
  end)

  describe("gives a plain table:", function()
    it("the example, with everything in it", function()
      local referral, err, info = client:get(ID)
      assert.is_nil(err)
      assert.is_nil(getmetatable(referral))
      assert.equal(ID, referral.id)
      assert.equal(TAG, referral.eTag)
      assert.equal("2018-11-06T18:40:42.6178337Z", referral.createdDateTime)
      assert.equal("joe.hansen@contoso.com", referral.customerProfile.team[2].email)
      assert.is_false(referral.team[1].contactPreference.disableNotifications)
      assert.same({}, referral.customerProfile.ids)
      assert.equal("GET", referral.links.self.method)
      assert.equal(1, info.attempts)
      assert.equal(1, info.round_trips)
      assert.is_string(info.request_id)
      assert.is_string(info.client_request_id)
      assert.equal("GET", wire.methods(service.record))
    end)

    it("null reads as nil, and inside an array as null", function()
      local list = '"list": [1, null, {"a": null}, [null]]'
      service:store(example_with('    "campaignId": null, "object": {"a": null}, ' .. list))
      local referral = assert(client:get(ID))
      assert.is_nil(referral.campaignId)
      assert.is_nil(next(referral.object))
      assert.equal(4, #referral.list)
      assert.equal(referrals.null, referral.list[2])
      assert.is_nil(next(referral.list[3]))
      assert.equal(referrals.null, referral.list[4][1])
    end)

    it("opts.nulls keeps all", function()
      service:store(example_with('    "campaignId": null, "object": {"a": null, "b": [{"c": null}]}'))
      local referral = assert(client:get(ID, { nulls = true }))
      assert.equal(referrals.null, referral.campaignId)
      assert.equal(referrals.null, referral.object.a)
      assert.equal(referrals.null, referral.object.b[1].c)
    end)

    it("integral numbers are integers where Lua has them", function()
      service:store(example_with('    "n": [1, 1.0, 1e2, 1.5, 9007199254740992, 123456789012345.67, -0, 1e300]'))
      local n = assert(client:get(ID)).n
      assert.same({ 1, 1, 100, 1.5, 2 ^ 53, 123456789012345.67, 0, 1e300 }, n)
      if math.type then
        for _, index in ipairs { 1, 2, 3, 5 } do
          assert.equal("integer", math.type(n[index]))
        end
        assert.equal("float", math.type(n[4]))
        assert.equal("integer", math.type(client:get(ID).details.dealValue))
      end
    end)

    it("text is what its escapes say", function()
      local escapes = [["a": "\u00e9\ud83d\ude00", "b": "\/\\\"\b\f\n\r\t", "c": "\u0000x", "d": "\u00E9"]]
      service:store(example_with("    " .. escapes))
      local referral = assert(client:get(ID))
      assert.equal("\195\169\240\159\152\128", referral.a)
      assert.equal("/\\\"\b\f\n\r\t", referral.b)
      assert.equal("\0x", referral.c)
      assert.equal("\195\169", referral.d)
    end)

    it("half a surrogate pair does not stop a read, nor a write, which keeps it", function()
      local half = [=[    "half": "x\ud800y", "list": ["\udc00"]]=]
      service:store(example_with(half))
      local referral, err = client:get(ID)
      assert.is_nil(err)
      assert.is_truthy(referral.half:find("^x.+y$"))
      assert(client:update(ID, { statusReason = "mine" }))
      wire.says(wire.writes(service.record)[1].body, half)
    end)

    it("the last of members with one name counts", function()
      service:store(wire.swap(EXAMPLE, '"status": "New"', '"status": "Active", "status": "New"'))
      assert.equal("New", client:get(ID).status)
      assert.equal("New", client:get(ID, { returns = "minimal" }).status)
    end)

    it("an enumeration's unknown value is a value", function()
      service:store(wire.swap(EXAMPLE, '"SalesQualified"', '"BrandNew"'))
      assert.equal("BrandNew", client:get(ID).qualification)
    end)

    it("each call reads anew", function()
      local first = assert(client:get(ID))
      service:write_as_other(ID, "/statusReason", '"theirs"')
      local second = assert(client:get(ID))
      assert.equal("theirs", second.statusReason)
      assert.are_not.equal(first, second)
      assert.equal("GET GET", wire.methods(service.record))
    end)

    it("an edit of one does not show in another", function()
      local first, second = assert(client:get(ID)), assert(client:get(ID))
      first.details.notes = "mine"
      assert.are_not.equal("mine", second.details.notes)
    end)
  end)

  describe("returns", function()
    it("minimal: five members and nothing else", function()
      assert.same({
        id = ID, eTag = TAG, status = "New", substatus = "Pending", updatedDateTime = "2018-11-06T18:43:38.9948636Z",
      }, client:get(ID, { returns = "minimal" }))
    end)

    it("minimal: handed back, its edits are the change", function()
      local row = assert(client:get(ID, { returns = "minimal" }))
      row.status, row.substatus = "Active", "Accepted"
      assert(client:update(ID, row))
      local write = wire.writes(service.record)[1]
      assert.equal(TAG, write.headers["if-match"])
      wire.says(write.body, '"status": "Active"', "joe.hansen@contoso.com")
    end)

    it("text: the service's bytes", function()
      service:store(EXAMPLE .. "\n \n")
      wire.same_text(service:stored(ID), (client:get(ID, { returns = "text" })))
    end)

    it("text: a byte order mark is skipped by who decodes it", function()
      local handle = service.handle
      service.handle = function(self, request)
        local response = handle(self, request)
        response.body = "\239\187\191" .. response.body
        return response
      end
      assert.equal("New", client:get(ID).status)
      assert.equal("New", client:get(ID, { returns = "minimal" }).status)
      wire.says(client:get(ID, { returns = "text" }), EXAMPLE)
    end)

    it("the ETag header's value where the body has none", function()
      service:store((EXAMPLE:gsub('%s*"eTag": "[^\n]*\n', "\n")))
      local tag = client:get(ID).eTag
      assert.is_truthy(tag:find('^"[^"]+"$'))
      assert.equal(tag, client:get(ID, { returns = "minimal" }).eTag)
    end)
  end)

  describe("fails with", function()
    local function fails(kind, fault, options)
      fault.method, fault.times = "GET", fault.times or 99
      service:fault(fault)
      client = referrals.new(options or { sandbox = service, retries = 0 })
      local value, err, info = client:get(ID)
      assert.is_nil(value)
      assert.equal(kind, err.kind, tostring(err))
      assert.is_table(info)
      return err
    end

    it("not_found", function()
      local value, err = client:get(OTHER_ID)
      assert.is_nil(value)
      assert.equal("not_found", err.kind)
      assert.equal(404, err.http_status)
      assert.equal("itemNotFound", err.code)
      assert.is_false(err.retryable)
      wire.says(err.url, OTHER_ID)
      assert.equal("GET", err.method)
      assert.is_string(err.request_id)
      assert.is_string(err.client_request_id)
      assert.equal(1, err.attempts)
      fails("not_found", { kind = "status", status = 410 })
    end)

    it("forbidden, naming the roles", function()
      wire.says(fails("forbidden", { kind = "status", status = 403 }), "Referrals admin", "Referrals user")
    end)

    it("throttled, and when to come back", function()
      local err = fails("throttled", { kind = "status", status = 429, retry_after = 57 })
      assert.equal(57, err.retry_after)
      assert.is_true(err.retryable)
    end)

    it("throttled, when to come back given as a date", function()
      local err = fails("throttled", { kind = "status", status = 429, retry_after = 57, retry_after_form = "date" })
      assert.is_true(err.retry_after > 50 and err.retry_after <= 58, tostring(err.retry_after))
    end)

    it("server after the retries", function()
      local err = fails("server", { kind = "status", status = 500 }, { sandbox = service, retries = 2 })
      assert.equal(3, #service.record)
      assert.equal(3, err.attempts)
      assert.equal(500, err.http_status)
    end)

    it("protocol for what is no referral", function()
      local of_another = wire.swap(EXAMPLE, '"id": "' .. ID, '"id": "' .. OTHER_ID)
      for _, body in ipairs {
        "", "[]", "null", "5", '"x"', "{}", '{"id": 5}', '{"id": null}', "{", EXAMPLE .. "x", "<html></html>", "\255",
        of_another, '{"id": "' .. ID .. '", "deep": ' .. ("["):rep(80) .. ("]"):rep(80) .. "}",
      } do
        local odd = sandbox.new()
        odd.handle = function(_, request)
          odd.record[#odd.record + 1] = request
          return { status = 200, headers = { ["Content-Type"] = "application/json" }, body = body }
        end
        local value, err = referrals.new({ sandbox = odd, retries = 0 }):get(ID)
        assert.is_nil(value)
        assert.equal("protocol", err.kind, body)
        assert.is_falsy(err.retryable)
        assert.same({ "GET", 1 }, { err.method, err.attempts })
        wire.says(err.url, "/referrals/" .. ID)
        assert.equal(1, #odd.record)
      end
    end)

    it("not for an id in another case", function()
      service:store(wire.swap(EXAMPLE, '"id": "' .. ID, '"id": "' .. ID:upper()))
      assert.equal(ID:upper(), assert(client:get(ID)).id)
    end)
  end)

  it("comes through after 503s that the retries outlast", function()
    service:fault { kind = "status", status = 503, retry_after = 2, times = 2 }
    local referral, err, info = client:get(ID)
    assert.is_nil(err)
    assert.equal(ID, referral.id)
    assert.equal(3, #service.record)
    assert.equal(3, info.attempts)
  end)

  it("fails at once and says when to come back when the wait is longer than the deadline", function()
    service:fault { kind = "status", status = 503, retry_after = 57, times = 9 }
    local value, err = client:get(ID, { timeout = 5 })
    assert.is_nil(value)
    assert.equal("server", err.kind)
    assert.equal(57, err.retry_after)
    assert.equal(1, #service.record)
  end)

  describe("of bad input", function()
    it("raises at the caller's line", function()
      wire.raises_here(function()
        client:get(5)
      end)
      wire.raises_here(function()
        client:get()
      end)
      wire.raises_here(function()
        client:get({ id = ID })
      end)
      wire.raises_here(function()
        client:get(ID, "text")
      end)
      wire.raises_here(function()
        client:get(ID, { returns = 5 })
      end)
      wire.says(wire.raises_here(function()
        client:get(ID, { retruns = "text" })
      end), "did you mean 'returns'")
      wire.raises_here(function()
        client:get(ID, { if_match = TAG })
      end)
      assert.same({}, service.record)
    end)

    it("is a validation error, and nothing is sent", function()
      for _, id in ipairs { "", "a/b", "..", "a?b", "a\r\nX: y", "a b", "%41", ("a"):rep(129) } do
        local value, err, info = client:get(id)
        assert.is_nil(value)
        assert.equal("validation", err.kind)
        assert.equal("id", err.member)
        assert.is_table(info)
      end
      assert.equal("validation", select(2, client:get(ID, { returns = "all" })).kind)
      assert.equal("validation", select(2, client:get(ID, { timeout = 0 })).kind)
      assert.same({}, service.record)
    end)
  end)
end)

describe("referrals.get over HTTP", function()
  after_each(function()
    faulty.stop_all()
  end)

  local function ask(server, options)
    options = options or {}
    options.endpoint, options.token, options.retries = server.url, "a-token", options.retries or 0
    return referrals.new(options):get(ID)
  end

  it("reads compressed, chunked and slow answers", function()
    local server = nginx.start()
    finally(function() server:stop() end)
    assert.equal("New", assert(ask(server)).status)
    wire.says(server:record()[1].headers["accept-encoding"], "gzip")
    local chunk = ("%x\r\n%s\r\n"):format(#EXAMPLE, EXAMPLE)
    local odd = faulty.start {
      requests = {
        faulty.raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" .. chunk .. "0\r\n\r\n"),
        faulty.interim { body = EXAMPLE },
        faulty.trickle({ body = '{"id":"' .. ID .. '"}' }, 0.001),
      },
    }
    for _ = 1, 3 do
      assert.equal(ID, assert(ask(odd)).id)
    end
  end)

  it("follows no redirect, and gives nobody else the token", function()
    local elsewhere = faulty.start(faulty.answer { body = EXAMPLE })
    local server = faulty.start(faulty.redirect(elsewhere.url .. "/referrals/" .. ID))
    local value, err = ask(server)
    assert.is_nil(value)
    assert.equal("protocol", err.kind)
    assert.equal(302, err.http_status)
    assert.same({}, elsewhere:requests())
  end)

  it("keeps no cookie", function()
    local server = faulty.start(faulty.answer { body = EXAMPLE, headers = { "Set-Cookie: a=b; Path=/" } })
    local client = referrals.new { endpoint = server.url, token = "a-token" }
    assert(client:get(ID))
    assert(client:get(ID))
    assert.is_nil(server:requests()[2].head:lower():find("cookie", 1, true))
  end)

  it("ends when an answer has no end", function()
    for _, endless in ipairs { "endless_body", "endless_headers", "endless_header_line", "endless_interim" } do
      local server = faulty.start(faulty[endless]())
      local value, err = ask(server, { timeout = 20, max_body = 100000 })
      assert.is_nil(value)
      assert.equal("protocol", err.kind, endless)
      server:stop()
    end
  end)

  it("bounds what a small answer unpacks to", function()
    local server = faulty.start(faulty.gzip_bomb(20000000))
    local value, err = ask(server)
    assert.is_nil(value)
    assert.equal("protocol", err.kind)
  end)

  it("is read again after a connection that ends, and a network error when it never comes", function()
    local server = faulty.start { requests = { faulty.drop("rst"), faulty.answer { body = EXAMPLE } } }
    assert.equal("New", assert(ask(server, { retries = 1 })).status)
    server:plan(faulty.drop("fin"))
    local value, err = ask(server)
    assert.is_nil(value)
    assert.equal("network", err.kind)
    assert.is_true(err.retryable)
    for _, request in ipairs(server:requests()) do
      assert.equal("GET", request.method)
    end
  end)
end)
