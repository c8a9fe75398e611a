local nginx = require "support.nginx"
local referrals = require "referrals"
local sandbox = require "referrals.sandbox"
local wire = require "support.wire"

local ID, EXAMPLE = sandbox.EXAMPLE_ID, sandbox.example
local TAG = '"2500ec5a-0000-0000-0000-5bf4967d0000"'
local PATH = "/v1.0/engagements/referrals/" .. ID
local GUID = "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$"

-- Members of every kind, each written as no JSON writer would choose to write it.
local KINDS = {
  { "aNull", "null" }, { "anArray", "[]" }, { "anObject", "{}" }, { "spacedArray", "[ ]" }, { "aTrue", "true" },
  { "zero", "0" }, { "minusZero", "-0" }, { "exponent", "1e2" }, { "money", "50000.00" },
  { "longMoney", "123456789012345.67" }, { "longInteger", "12345678901234567890" }, { "tiny", "1.0E-7" },
  { "escapes", [["\u00e9\ud83d\ude00"]] }, { "slashes", [["a\/b\\c"]] }, { "raw", '"\195\169\240\159\152\128"' },
  { "controls", [["tab\tline\nzero\u0000end"]] }, { "emptyText", '""' }, { "nested", '{ "a" : [ {}, [ ], null ] }' },
  { "mixedArray", [=[[1, "1", null, [null], {"x": []}]]=] }, { [[caf\u00e9]], "1" }, { "", "2" },
}

local function with_members(members)
  local parts = {}
  for index, member in ipairs(members) do
    parts[index] = ('    "%s":  %s,\n'):format(member[1], member[2])
  end
  return wire.swap(EXAMPLE, '    "links": {', table.concat(parts) .. '    "links": {')
end

describe("referrals.update over HTTP", function()
  local server, client

  setup(function()
    server = nginx.start()
  end)

  teardown(function()
    server:stop()
  end)

  before_each(function()
    server:reset()
    client = referrals.new { endpoint = server.url, token = "a-token" }
  end)

  describe("the main job", function()
    local result, err, info, record

    before_each(function()
      result, err, info = client:update(ID, { status = "Closed", substatus = "Won" })
      record = server:record()
    end)

    it("is exactly one GET and one PUT of that referral", function()
      assert.is_nil(err)
      assert.equal("GET PUT", wire.methods(record))
      assert.equal(PATH, record[1].path)
      assert.equal(PATH, record[2].path)
      assert.equal(200, record[2].status)
    end)

    it("writes under the version it read, with one pair of quotes", function()
      assert.equal(TAG, record[2].headers["if-match"])
      assert.is_nil(record[1].headers["if-match"])
    end)

    it("sends the stored text byte for byte but for the two values and the links", function()
      local expected = wire.swap(wire.swap(EXAMPLE, '"status": "New"', '"status": "Closed"'), '"Pending"', '"Won"')
      wire.same_text(wire.without_links(expected), record[2].body)
      assert.is_truthy(record[2].body:find('"ids": []', 1, true))
    end)

    it("sends the headers that the service wants", function()
      local read, write = record[1].headers, record[2].headers
      assert.equal("Bearer a-token", read.authorization)
      assert.equal("Bearer a-token", write.authorization)
      assert.equal("application/json", write.accept)
      assert.equal("application/json", write["content-type"]:match("^[^;]+"))
      assert.equal(tostring(#record[2].body), write["content-length"])
      assert.is_nil(read["content-type"])
      assert.is_truthy(read["client-request-id"]:find(GUID))
      assert.is_truthy(write["client-request-id"]:find(GUID))
      assert.are_not.equal(read["client-request-id"], write["client-request-id"])
      assert.is_nil(write.expect)
      assert.is_nil(write.cookie)
    end)

    it("returns the referral as the service now has it", function()
      assert.equal(ID, result.id)
      assert.equal("Closed", result.status)
      assert.equal("Won", result.substatus)
      assert.are_not.equal(TAG, result.eTag)
      local stored = server:stored(ID)
      assert.is_truthy(stored:find(('"eTag": "\\"%s\\""'):format(result.eTag:sub(2, -2)), 1, true))
      assert.is_truthy(stored:find('"status": "Closed"', 1, true))
      assert.is_truthy(stored:find('"links": {', 1, true))
    end)

    it("tells what it did", function()
      assert.is_true(info.changed)
      assert.same({
        { member = "status", from = "New", to = "Closed" }, { member = "substatus", from = "Pending", to = "Won" },
      }, info.members)
      assert.same({}, info.ignored or {})
      assert.equal(2, info.round_trips)
      assert.equal(record[2].headers["client-request-id"], info.client_request_id)
      assert.is_truthy(info.request_id:find(GUID))
      assert.is_nil(info.skipped)
      assert.is_nil(info.resolved)
    end)
  end)

  it("writes a second time under the tag that the first write gave", function()
    local first = assert(client:update(ID, { statusReason = "one" }))
    assert(client:update(ID, { statusReason = "two" }))
    local writes = wire.writes(server:record())
    assert.equal(2, #writes)
    assert.equal(first.eTag, writes[2].headers["if-match"])
  end)

  describe("round trips", function()
    for _, kind in ipairs(KINDS) do
      local name, value = kind[1], kind[2]

      it(("sends no write for a table as read, and keeps %q: %s through another change"):format(name, value), function()
        local text = with_members { kind }
        server:store(text)
        local referral = assert(client:get(ID))
        local same, err, info = client:update(ID, referral)
        assert.is_nil(err)
        assert.is_false(info.changed)
        assert.equal(ID, same.id)
        assert.equal("", wire.methods(wire.writes(server:record())))
        assert(client:update(ID, { details = { notes = "changed" } }))
        local writes = wire.writes(server:record())
        assert.equal(1, #writes)
        local notes = EXAMPLE:match('"notes": ("Wants[^"]*")')
        wire.same_text(wire.without_links(wire.swap(text, notes, '"changed"')), writes[1].body)
      end)
    end

    it("sends no write for a whole referral as read that carries all kinds, also with nulls kept", function()
      server:store(with_members(KINDS))
      for _, options in ipairs { {}, { nulls = true } } do
        local referral = assert(client:get(ID, options))
        local _, err, info = client:update(ID, referral)
        assert.is_nil(err)
        assert.is_false(info.changed)
      end
      local _, err, info = client:update(ID, assert(client:get(ID, { returns = "text" })))
      assert.is_nil(err)
      assert.is_false(info.changed)
      assert.equal("", wire.methods(wire.writes(server:record())))
    end)

    it("keeps a text with no white space, or with line ends of another system", function()
      for _, text in ipairs { (EXAMPLE:gsub("\n%s*", "")), (EXAMPLE:gsub("\n", "\r\n")) } do
        server:store(text)
        server:forget()
        assert(client:update(ID, { statusReason = "other" }))
        local expected = wire.without_links(wire.swap(text, "The engagement went well", "other"))
        wire.same_text(expected, wire.writes(server:record())[1].body)
      end
    end)

    it("refuses a referral nested deeper than the bound, and writes nothing", function()
      server:store(with_members { { "deep", ("["):rep(150) .. ("]"):rep(150) } })
      local value, err = client:update(ID, { statusReason = "x" })
      assert.is_nil(value)
      assert.equal("protocol", err.kind)
      assert.equal(false, err.applied)
      assert.equal("", wire.methods(wire.writes(server:record())))
    end)

    it("keeps a digit string as that number, and a number that Lua prints otherwise", function()
      assert(client:update(ID, { details = { dealValue = "123456789012345678.90" } }))
      assert.is_truthy(server:stored(ID):find('"dealValue": 123456789012345678.90,', 1, true))
      assert(client:update(ID, { details = { dealValue = 0.1 } }))
      assert.is_truthy(server:stored(ID):find('"dealValue": 0.1,', 1, true))
      assert(client:update(ID, { details = { dealValue = 2 ^ 40 } }))
      assert.is_truthy(server:stored(ID):find('"dealValue": 1099511627776,', 1, true))
    end)
  end)

  describe("what is not a member to write", function()
    it("leaves every @odata. name of the root out of the body", function()
      local text = wire.swap(EXAMPLE, '{\n    "id"', '{\n    "@odata.context": "x",\n    "id"')
      server:store(text)
      assert(client:update(ID, { statusReason = "other" }))
      local body = wire.writes(server:record())[1].body
      assert.is_nil(body:find("@odata", 1, true))
      assert.is_nil(body:find('"links"', 1, true))
      assert.is_truthy(body:find('^{%s*"id"'))
    end)

    it("never writes an eTag, links or an @odata. name that a change carries", function()
      local change = {
        eTag = TAG, id = ID, links = { self = { uri = "x" } }, ["@odata.context"] = "y", statusReason = "other",
      }
      local _, err, info = client:update(ID, change)
      assert.is_nil(err)
      assert.equal("statusReason", info.members[1].member)
      assert.equal(1, #info.members)
      local expected = wire.without_links(wire.swap(EXAMPLE, "The engagement went well", "other"))
      wire.same_text(expected, wire.writes(server:record())[1].body)
    end)
  end)

  describe("what the answer does not show as asked", function()
    it("is in info.ignored, with the value the service has", function()
      server:reset { switches = { ignore = { "statusReason" } } }
      local result, err, info = client:update(ID, { statusReason = "new", campaignId = "c1" })
      assert.is_nil(err)
      assert.is_true(info.changed)
      assert.equal("The engagement went well", result.statusReason)
      assert.equal("c1", result.campaignId)
      assert.equal(1, #info.ignored)
      assert.equal("statusReason", info.ignored[1].member or info.ignored[1])
    end)
  end)

  it("reads what the service sends with a byte order mark before it", function()
    server:store(EXAMPLE)
    local service = sandbox.new()
    local handle = service.handle
    service.handle = function(self, request)
      local response = handle(self, request)
      response.body = "\239\187\191" .. response.body
      return response
    end
    local inside = referrals.new { sandbox = service }
    local result, err = inside:update(ID, { statusReason = "other" })
    assert.is_nil(err)
    assert.equal("other", result.statusReason)
    local expected = wire.without_links(wire.swap(EXAMPLE, "The engagement went well", "other"))
    wire.same_text(expected, wire.writes(service.record)[1].body)
  end)

  it("takes the version from the ETag header where the body has none", function()
    local service = sandbox.new() -- nginx makes the header's tag a weak one when it compresses
    service:store((EXAMPLE:gsub('%s*"eTag": "[^\n]*\n', "\n")))
    local inside = referrals.new { sandbox = service }
    local referral = assert(inside:get(ID))
    assert.is_truthy(referral.eTag:find('^"[^"]+"$'))
    assert(inside:update(ID, { statusReason = "other" }))
    assert.equal(referral.eTag, wire.writes(service.record)[1].headers["if-match"])
  end)

  it("says so when that header's tag is a weak one, which no write can be made under", function()
    server:store((EXAMPLE:gsub('%s*"eTag": "[^\n]*\n', "\n"))) -- nginx compresses, and so weakens the header's tag
    local value, err = client:update(ID, { statusReason = "other" })
    wire.failed("rejected", false, value, err)
    wire.says(err, "nobody else wrote", 'W/"', "weak")
    assert.equal(2, #wire.writes(server:record()))
  end)

  it("is a protocol error where there is no tag at all, and nothing is written", function()
    server:reset { switches = { etag_header = false } }
    server:store((EXAMPLE:gsub('%s*"eTag": "[^\n]*\n', "\n")))
    local value, err = client:update(ID, { statusReason = "other" })
    wire.failed("protocol", false, value, err)
    assert.equal("GET", wire.methods(server:record()))
  end)

  it("finds a referral whatever the case of its id", function()
    local result, err = client:update(ID:upper(), { statusReason = "other" })
    assert.is_nil(err)
    assert.equal(ID, result.id)
  end)

  it("is the same over TLS with HTTP/2", function()
    local secure = nginx.start { h2 = true }
    finally(function() secure:stop() end)
    local over_tls = referrals.new { endpoint = secure.url, token = "a-token", ca_file = secure.ca_file }
    local result, err = over_tls:update(ID, { status = "Closed", substatus = "Won" })
    assert.is_nil(err)
    assert.equal("Won", result.substatus)
    local record = secure:record()
    assert.equal("GET PUT", wire.methods(record))
    assert.equal(TAG, record[2].headers["if-match"])
    assert.equal(record[1].connection, record[2].connection)
  end)
end)
