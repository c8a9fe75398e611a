local referrals = require "referrals"
local sandbox = require "referrals.sandbox"
local wire = require "support.wire"

local ID, EXAMPLE = sandbox.EXAMPLE_ID, sandbox.example
local OTHER_ID = "11111111-2222-4333-8444-555555555555"
local UNTAGGED = EXAMPLE:gsub('%s*"eTag": "[^\n]*\n', "\n")

describe("a write", function()
  local service

  before_each(function()
    service = sandbox.new()
  end)

  local function new(options)
    options = options or {}
    options.sandbox = service
    return assert(referrals.new(options))
  end

  local function methods()
    return wire.methods(service.record)
  end

  --- From here on the answers to PUT are changed before they leave the service.
  local function answering(change_response)
    local handle = service.handle
    function service:handle(request)
      local response = handle(self, request)
      if request.method == "PUT" and response.status == 200 then
        change_response(response)
      end
      return response
    end
  end

  describe("goes by the verb's options before the client's, also where they say no:", function()
    it("dry_run", function()
      local _, err, info = new({ dry_run = true }):update(ID, { statusReason = "x" }, { dry_run = false })
      assert.is_nil(err)
      assert.is_true(info.changed)
      assert.equal("GET PUT", methods())
    end)

    it("check", function()
      local change = { status = "Closed", substatus = "Pending" }
      wire.failed("transition", false, new({ check = false }):update(ID, change, { check = true }))
      wire.failed("rejected", false, new({ check = true }):update(ID, change, { check = false }))
    end)

    it("allow_unknown", function()
      local change = { unheardOf = 1 }
      wire.failed("validation", false, new({ allow_unknown = true }):update(ID, change, { allow_unknown = false }))
      assert(new({ allow_unknown = false }):update(ID, change, { allow_unknown = true }))
    end)

    it("method and conflict_retries", function()
      service:fault { kind = "other_writer", method = "PATCH", times = 9 }
      local client = new { method = "PUT", conflict_retries = 3 }
      local opts = { method = "PATCH", conflict_retries = 0 }
      local err = wire.failed("conflict", false, client:update(ID, { statusReason = "x" }, opts))
      assert.equal("GET PATCH GET", methods())
      wire.says(err, "another writer changed the referral")
    end)
  end)

  it("tells a listener of a value that passes although it is not known, and in which referral", function()
    local warnings = {}
    local client = new { on_event = function(event)
      warnings[#warnings + 1] = event.type == "warning" and event or nil
    end }
    assert(client:update(ID, { qualification = "Unheard-of" }))
    assert.equal(1, #warnings)
    assert.same({ ID, "qualification" }, { warnings[1].id, warnings[1].member })
    wire.says(warnings[1].message, "Unheard-of")
  end)

  describe("of a referral without an entity tag", function()
    before_each(function()
      service.switches.etag_header = false
      service:store(UNTAGGED)
    end)

    it("is not made, for another's write could be lost", function()
      local err = wire.failed("protocol", false, new():update(ID, { statusReason = "x" }))
      assert.equal("eTag", err.member)
      assert.equal("GET", methods())
    end)

    it("is not missed where there is nothing to write, nor by who asks for none", function()
      local _, err, info = new():update(ID, { status = "New" })
      assert.is_nil(err)
      assert.is_false(info.changed)
      assert(new():patch(ID, { { op = "replace", path = "/statusReason", value = "x" } }, { if_match = false }))
      assert.is_nil(service.record[2].headers["if-match"])
    end)
  end)

  it("that the service refuses is over: nothing is read, nothing is sent again", function()
    for status, kind in pairs { [400] = "rejected", [403] = "forbidden", [404] = "not_found", [409] = "conflict" } do
      service:forget()
      service:fault { kind = "status", method = "PUT", status = status }
      local value, err, info = new():update(ID, { statusReason = "x" })
      wire.failed(kind, false, value, err)
      assert.equal("GET PUT", methods())
      assert.same({ status, 2 }, { err.http_status, info.attempts })
      assert.is_falsy(info.changed)
      assert.is_nil(err.current)
    end
  end)

  it("that was answered without a body is one also where the text cannot be had: it has the id at least", function()
    answering(function(response)
      response.status, response.body = 204, ""
      service:fault { kind = "status", method = "GET", status = 403 }
    end)
    local text, err, info = new():update(ID, { statusReason = "x" }, { returns = "text" })
    assert.is_nil(err)
    assert.equal('{"id":"' .. ID .. '"}', text)
    assert.same({ true, false, "statusReason" }, { info.changed, info.representation, info.members[1].member })
  end)

  it("whose answer is about another referral is looked for, and not made twice", function()
    answering(function(response)
      response.body = wire.swap(response.body, '"id": "' .. ID .. '"', '"id": "' .. OTHER_ID .. '"')
    end)
    local referral, err, info = new():update(ID, { statusReason = "x" })
    assert.is_nil(err)
    assert.same({ ID, "x", "verified" }, { referral.id, referral.statusReason, info.resolved })
    assert.equal("GET PUT GET", methods())
  end)

  describe("whose answer is lost", function()
    it("is looked for once by who wants nothing tried again", function()
      service:fault { kind = "close_after", method = "PUT" }
      local _, err, info = new({ retries = 0, conflict_retries = 0 }):update(ID, { statusReason = "x" })
      assert.is_nil(err)
      assert.equal("verified", info.resolved)
      assert.equal("GET PUT GET", methods())
    end)

    it("is sent again as often as requests or conflicts may be tried again, and then it stays open", function()
      for _, case in ipairs { { 0, 0, 2 }, { 3, 0, 4 }, { 1, 2, 3 } } do
        service:forget()
        service:fault { kind = "close_before", method = "PUT", times = 99 }
        local client = new { retries = case[1], conflict_retries = case[2] }
        local err = wire.failed("unsettled", "unknown", client:update(ID, { statusReason = "x" }))
        assert.same({ { member = "statusReason", from = "The engagement went well", to = "x" } }, err.intended)
        assert.equal(case[3], wire.count(service.record, "PUT"))
        for _, write in ipairs(wire.writes(service.record)) do
          assert.equal(service.record[2].headers["if-match"], write.headers["if-match"])
          assert.equal(service.record[2].body, write.body)
        end
        service:clear_faults()
      end
    end)

    it("is not sent again by a client whose retries are spent", function()
      local client = new()
      repeat
        local may = client.exchange:may_send_again(client.exchange:call(), { kind = "network" })
      until not may
      service:fault { kind = "close_before", method = "PUT", times = 99 }
      local err = wire.failed("unsettled", "unknown", client:update(ID, { statusReason = "x" }))
      assert.equal("GET PUT GET", methods())
      assert.equal("The engagement went well", err.current.statusReason)
    end)

    it("and was found has ignored nothing, whatever others added to its array since", function()
      service:fault { kind = "close_after", method = "PUT" }
      local theirs = '{"email":"theirs@example.com"}'
      service:fault { kind = "other_writer", method = "GET", after = 1, pointer = "/team/-", value = theirs }
      local mine = { email = "mine@example.com" }
      local referral, err, info = new():update(ID, { team = referrals.add(mine) })
      assert.is_nil(err)
      assert.equal("theirs@example.com", referral.team[#referral.team].email)
      assert.same({ "verified", {} }, { info.resolved, info.ignored })
      assert.equal("GET PUT GET", methods())
    end)
  end)

  it("that others outran to the end says how often, what stands there, and what the service said", function()
    service:fault { kind = "other_writer", method = "PUT", times = 99, pointer = "/campaignId", value = '"theirs"' }
    local err = wire.failed("conflict", false, new({ conflict_retries = 2 }):update(ID, { statusReason = "x" }))
    wire.says(err, "another writer was faster 3 times in a row")
    assert.same({ 412, "preconditionFailed", "99918", 7 }, { err.http_status, err.code, err.inner, err.attempts })
    assert.same({ "theirs", "The engagement went well" }, { err.current.campaignId, err.current.statusReason })
    assert.equal("GET PUT GET PUT GET PUT GET", methods())
    assert.is_string(err.request_id)
  end)
end)
