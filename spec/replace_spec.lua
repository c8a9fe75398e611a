local faulty = require "support.faulty"
local nginx = require "support.nginx"
local referrals = require "referrals"
local sandbox = require "referrals.sandbox"
local wire = require "support.wire"

local ID, EXAMPLE = sandbox.EXAMPLE_ID, sandbox.example
local TAG = '"2500ec5a-0000-0000-0000-5bf4967d0000"'
local OTHER_ID = "11111111-2222-4333-8444-555555555555"
local CLOSED = wire.swap(wire.swap(EXAMPLE, '"New"', '"Closed"'), '"Pending"', '"Won"')

describe("referrals.replace", function()
  local server, client

  setup(function()
    server = nginx.start()
  end)

  teardown(function()
    server:stop()
  end)

  before_each(function()
    server:reset()
    client = referrals.new { endpoint = server.url, token = "a-token", retries = 0 }
  end)

  local function only_write()
    local record = server:record()
    assert.equal("PUT", wire.methods(record))
    return record[1]
  end

  local function nothing_sent()
    assert.equal("", wire.methods(server:record()))
  end

  describe("of JSON text", function()
    it("is one PUT of exactly these bytes without the links, under its eTag", function()
      local referral, err, info = client:replace(ID, CLOSED)
      assert.is_nil(err)
      assert.equal("Won", referral.substatus)
      assert.are_not.equal(TAG, referral.eTag)
      assert.is_true(info.changed)
      local write = only_write()
      assert.equal("/v1.0/engagements/referrals/" .. ID, write.path)
      assert.equal(TAG, write.headers["if-match"])
      assert.equal("Bearer a-token", write.headers.authorization)
      wire.same_text(wire.without_links(CLOSED), write.body)
    end)

    it("takes the links out of the root and the @odata. names out of everything", function()
      local head = '{"eTag": ' .. ("%q"):format(TAG) .. ", "
      local whole = '"id": "' .. ID .. '", "status": "New", "substatus": "Pending", '
        .. '"custom": {"links": [1]}}'
      for _, extra in ipairs {
        '"links": {"self": {"a": [1, "}", {}]}}, ', '"l\\u0069nks": null, ', '"@odata.context": "x", "links": [], ',
        '"team@odata.count": 5, "links": "text, with } and \\"", ', '"\\u0040odata.type":"#x",',
        '"@odata.context": "x", ',
      } do
        server:reset()
        local _, err = client:replace(ID, head .. extra .. whole)
        assert.is_nil(err)
        wire.same_text((head .. whole):gsub("[%s,]", ""), (only_write().body:gsub("[%s,]", "")))
      end
      server:reset()
      assert(client:replace(ID, head .. whole:gsub("}$", ', "links": {}, "@odata.id": 1}')))
      wire.same_text((head .. whole):gsub("%s", ""), (only_write().body:gsub("%s", "")))
    end)

    it("takes an @odata. name out of a nested object, too", function()
      assert(client:replace(ID, wire.swap(EXAMPLE, '"ids": []', '"ids@odata.type": "#Collection", "ids": []')))
      local body = only_write().body
      assert.is_nil(body:find("@odata", 1, true))
      wire.same_text((wire.without_links(EXAMPLE):gsub("%s", "")), (body:gsub("%s", "")))
    end)

    it("keeps numbers, escapes and empty values as they are", function()
      local odd = '"links": {\n'
      local members = '"a": 50000.00, "b": 1e2, "c": 12345678901234567890, "d": [ ], "e": { }, "f": "\\u00e9\\/",'
        .. '"g": -0, '
      local text = wire.swap(EXAMPLE, odd, members .. odd)
      assert(client:replace(ID, text))
      wire.same_text(wire.without_links(text), only_write().body)
    end)

    it("that is no referral is a validation error, and nothing is sent", function()
      for _, text in ipairs {
        "", "null", "[]", '"x"', "5", "{", EXAMPLE .. "x", EXAMPLE:gsub("}%s*$", ""), EXAMPLE:gsub('"US"', '"US",'),
        EXAMPLE:gsub('"New"', "New"), EXAMPLE:gsub("50000", "050000"), ("["):rep(100) .. ("]"):rep(100), "\255\254",
      } do
        local value, err = client:replace(ID, text)
        wire.failed("validation", false, value, err)
      end
      nothing_sent()
    end)

    it("of the documentation's own request, with its trailing comma, says where it is no JSON", function()
      local file = assert(io.open("spec/sandbox/put_request.txt"))
      local text = file:read("*a")
      file:close()
      local value, err = client:replace(ID, text, { if_match = TAG })
      wire.failed("validation", false, value, err)
      wire.says(err, "line ", "column ")
      nothing_sent()
    end)
  end)

  describe("of a table", function()
    it("as read keeps the bytes that were read", function()
      local referral = assert(client:get(ID))
      referral.status, referral.substatus = "Closed", "Won"
      server:forget()
      assert(client:replace(ID, referral))
      local write = only_write()
      assert.equal(TAG, write.headers["if-match"])
      wire.same_text(wire.without_links(CLOSED), write.body)
    end)

    it("writes its empty tables as the schema has them", function()
      local document = {
        id = ID, eTag = TAG, status = "New", substatus = "Pending", team = {}, details = { dealValue = 0.1 },
        customerProfile = { name = "N", ids = {}, address = {} }, links = { self = {} }, ["@odata.context"] = "x",
        statusReason = referrals.null,
      }
      local _, err = client:replace(ID, document)
      assert.is_nil(err)
      local body = only_write().body:gsub("%s", "")
      wire.says(body, '"team":[]', '"ids":[]', '"address":{}', '"dealValue":0.1', '"statusReason":null')
      assert.is_nil(body:find("links", 1, true))
      assert.is_nil(body:find("@odata", 1, true))
      assert.is_table(document.links)
    end)

    it("that JSON cannot hold is a validation error naming the member", function()
      local cycle = {}
      cycle.cycle = cycle
      for name, odd in pairs { a = print, b = 0 / 0, c = "\255", d = cycle, e = { 1, x = 2 } } do
        local value, err = client:replace(ID, { id = ID, eTag = TAG, [name] = odd })
        wire.failed("validation", false, value, err)
        wire.says(err.member, name)
      end
      nothing_sent()
    end)
  end)

  describe("for a version", function()
    it("prefers if_match to the document's eTag, with one pair of quotes", function()
      server:write(ID)
      local current = assert(client:get(ID)).eTag
      server:forget()
      assert(client:replace(ID, CLOSED, { if_match = '"' .. current .. '"' }))
      assert.equal(current, only_write().headers["if-match"])
    end)

    it("is refused without one", function()
      local value, err = client:replace(ID, '{"id": "' .. ID .. '"}')
      wire.failed("validation", false, value, err)
      wire.says(err, "eTag", "if_match")
      nothing_sent()
    end)

    it("is refused for any version, and for what is no tag", function()
      for _, tag in ipairs { "*", "", '"', "a\r\nX: y", '"a", "b"', "a\0b" } do
        local value, err = client:replace(ID, CLOSED, { if_match = tag })
        wire.failed("validation", false, value, err)
        value, err = client:replace(ID, { id = ID, eTag = tag })
        wire.failed("validation", false, value, err)
      end
      wire.failed("validation", false, client:replace(ID, { id = ID, eTag = 5 }))
      wire.failed("validation", false, client:replace(ID, '{"id": "' .. ID .. '", "eTag": 5}'))
      nothing_sent()
    end)

    it("that is not current is a conflict after one PUT, and the other writer's change stays", function()
      server:write(ID, "/statusReason", '"theirs"')
      local value, err = client:replace(ID, CLOSED)
      wire.failed("conflict", false, value, err)
      assert.equal(412, err.http_status)
      assert.equal(1, #wire.writes(server:record()))
      wire.says(server:stored(ID), '"theirs"', '"status": "New"')
    end)
  end)

  it("must be about the id, whatever its case", function()
    wire.failed("validation", false, client:replace(OTHER_ID, CLOSED))
    wire.failed("validation", false, client:replace(OTHER_ID, { id = ID, eTag = TAG }))
    nothing_sent()
    assert(client:replace(ID:upper(), CLOSED))
  end)

  it("refuses an id that could change the request", function()
    for _, id in ipairs { "", "a/b", "..", "a\r\nX: y", "a?b", "a b" } do
      local value, err = client:replace(id, CLOSED)
      wire.failed("validation", false, value, err)
      assert.equal("id", err.member)
    end
    nothing_sent()
  end)

  it("raises a wrong Lua type or option at the caller's line", function()
    wire.raises_here(function()
      client:replace(5, CLOSED)
    end)
    wire.raises_here(function()
      client:replace(ID, nil)
    end)
    wire.raises_here(function()
      client:replace(ID, function() end)
    end)
    wire.raises_here(function()
      client:replace(ID, CLOSED, { if_match = 5 })
    end)
    local message = wire.raises_here(function()
      client:replace(ID, CLOSED, { ifmatch = TAG })
    end)
    wire.says(message, "did you mean 'if_match'")
    nothing_sent()
  end)

  it("tells what the service refuses", function()
    local value, err = client:replace(ID, wire.swap(EXAMPLE, "Contoso Company", "Fabrikam"))
    wire.failed("rejected", false, value, err)
    assert.equal(400, err.http_status)
    wire.same_text(EXAMPLE, server:stored(ID))
    wire.failed("not_found", false, client:replace(OTHER_ID, wire.swap(CLOSED, '"id": "' .. ID, '"id": "' .. OTHER_ID)))
  end)

  it("returns what is asked for", function()
    assert.same({ "eTag", "id", "status", "substatus", "updatedDateTime" }, (function()
      local names = {}
      for name in pairs(assert(client:replace(ID, CLOSED, { returns = "minimal" }))) do
        names[#names + 1] = name
      end
      table.sort(names)
      return names
    end)())
    local text = assert(client:replace(ID, server:stored(ID), { returns = "text" }))
    wire.same_text(server:stored(ID), text)
  end)

  it("as a dry run shows the request, without the token, and sends nothing", function()
    local result, err, info = client:replace(ID, CLOSED, { dry_run = true })
    assert.is_nil(err)
    assert.equal("Won", result.substatus)
    assert.equal("PUT", info.request.method)
    wire.same_text(wire.without_links(CLOSED), info.request.body)
    for _, value in pairs(info.request.headers) do
      assert.is_nil(value:find("a-token", 1, true))
    end
    nothing_sent()
  end)

  it("that is answered without a body is read, and no older version is taken for it", function()
    local none = faulty.answer { status = 204, body = "" }
    local written = wire.swap(CLOSED, "2500ec5a-", "25-")
    local other = faulty.start { requests = { none, faulty.answer { body = written }, none,
      faulty.answer { body = EXAMPLE }, none, faulty.answer { status = 400, body = "" } } }
    finally(faulty.stop_all)
    local quick = assert(referrals.new { endpoint = other.url, token = "t" })
    local value, err, info = quick:replace(ID, CLOSED)
    assert.is_nil(err)
    assert.same({ "Won", true }, { value.substatus, info.changed })
    assert.is_nil(info.representation)
    for _ = 1, 2 do -- an old version, and none
      value, err, info = quick:replace(ID, CLOSED)
      assert.is_nil(err)
      assert.same({ { id = ID }, true, false }, { value, info.changed, info.representation })
    end
  end)

  it("as a dry run takes what the real call takes", function()
    for _, document in ipairs { '{"status":"New"}', '{"status":"New","eTag":"a b"}' } do
      local options = { if_match = '"1"', dry_run = true }
      local result, err, info = client:replace(ID, document, options)
      assert.is_nil(err)
      assert.equal("New", result.status)
      wire.says(info.request.body, '"status":"New"')
      options.returns = "text"
      assert.equal(document, client:replace(ID, document, options))
      options.returns = "minimal"
      assert.equal("New", client:replace(ID, document, options).status)
    end
    nothing_sent()
  end)

  local LOST = {
    ["the connection ends"] = { kind = "close_after" },
    ["the connection is reset"] = { kind = "close_after", mode = "rst" },
    ["the answer is cut"] = { kind = "cut" },
    ["the answer is garbage"] = { kind = "garbage" },
    ["a proxy answers 502"] = { kind = "html", applied = true },
    ["the answer is 408"] = { kind = "status", status = 408, applied = true },
  }

  it("is sent again, the same bytes under the same version, where nothing was applied", function()
    server:fault { kind = "close_before", method = "PUT" }
    local referral = assert(client:replace(ID, CLOSED))
    assert.equal("Won", referral.substatus)
    local record = server:record()
    assert.equal("PUT GET PUT", wire.methods(record))
    assert.equal(record[1].body, record[3].body)
    assert.equal(record[1].headers["if-match"], record[3].headers["if-match"])
  end)

  it("is not taken for applied where a version shows a member that the document is without", function()
    server:write(ID, "/campaignId", '"kept"')
    local text = client:get(ID, { returns = "text" })
    server:fault { kind = "close_before", method = "PUT" }
    local time = '"2020-01-01T00:00:00Z"'
    server:fault { kind = "other_writer", method = "GET", pointer = "/updatedDateTime", value = time }
    local value, err = client:replace(ID, (text:gsub('"campaignId": *"kept",?%s*', "", 1):gsub(",%s*}%s*$", "}")))
    wire.failed("unsettled", "unknown", value, err)
    wire.says(server:stored(ID), '"kept"')
  end)

  it("goes by the eTag that a remembered table has, also one that came in the header or another one by now", function()
    local other = faulty.start(faulty.answer {
      headers = { 'ETag: "in-the-header"' },
      body = (EXAMPLE:gsub('"eTag": "[^,]*",\n', "")),
    })
    finally(faulty.stop_all)
    local quick = assert(referrals.new { endpoint = other.url, token = "t" })
    local referral = assert(quick:get(ID))
    assert(quick:replace(ID, referral))
    referral.eTag = '"newer"'
    assert(quick:replace(ID, referral))
    local requests = other:requests()
    wire.says(requests[2].head, 'If-Match: "in-the-header"')
    wire.says(requests[3].head, 'If-Match: "newer"')
  end)

  it("takes the answer of a patch that added to an array", function()
    local change = { team = referrals.add { email = "a@example.com" } }
    local referral = assert(client:update(ID, change, { method = "PATCH" }))
    referral.statusReason = "x"
    local replaced = assert(client:replace(ID, referral))
    assert.equal(2, #replaced.team)
  end)

  it("refuses the answer of a write that lost members", function()
    local other = faulty.start {
      requests = {
        faulty.answer { body = EXAMPLE },
        faulty.answer { body = wire.swap(EXAMPLE, '    "qualification": "SalesQualified",\n', "") },
      },
    }
    finally(faulty.stop_all)
    local quick = assert(referrals.new { endpoint = other.url, token = "t" })
    local referral = assert(quick:update(ID, { statusReason = "x" }))
    local value, err = quick:replace(ID, referral)
    wire.failed("validation", false, value, err)
    wire.says(err, "left members out")
    assert.equal(2, #other:requests())
  end)

  it("is told to be open when another version shows something else", function()
    server:fault { kind = "close_before", method = "PUT" }
    local told = assert(referrals.new {
      endpoint = server.url, token = "a-token",
      on_event = function(event)
        if event.method == "PUT" then
          server:write(ID, "/statusReason", '"theirs"')
        end
      end,
    })
    local referral, err = told:replace(ID, CLOSED)
    wire.failed("unsettled", "unknown", referral, err)
    assert.equal("PUT GET", wire.methods(server:record()))
    assert.truthy(server:stored(ID):find("theirs", 1, true))
    assert.equal("theirs", err.current.statusReason)
  end)

  for what, fault in pairs(LOST) do
    it("is written once and not said to have failed when " .. what, function()
      assert(client:get(ID)) -- so that the connection is a used one
      fault.method = "PUT"
      server:fault(fault)
      local referral, err, info = client:replace(ID, CLOSED)
      assert.equal(1, #wire.writes(server:record()))
      if referral then
        assert.equal("Won", referral.substatus)
        assert.equal("verified", info.resolved)
      else
        wire.failed("unsettled", "unknown", referral, err)
        assert.is_truthy(err.cause)
        assert.is_truthy(err.intended)
      end
    end)
  end
end)
