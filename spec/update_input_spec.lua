local nginx = require "support.nginx"
local referrals = require "referrals"
local sandbox = require "referrals.sandbox"
local wire = require "support.wire"

local ID = sandbox.EXAMPLE_ID

describe("referrals.update of bad input", function()
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

  local function nothing_sent()
    assert.equal("", wire.methods(server:record()))
  end

  local function nothing_written()
    assert.equal("", wire.methods(wire.writes(server:record())))
    wire.same_text(sandbox.example, server:stored(ID))
  end

  --- A wrong value: an error result that names the member and says these parts.
  local function refuses(member, change, ...)
    local value, err = client:update(ID, change)
    wire.failed("validation", false, value, err)
    assert.equal(member, err.member, tostring(err))
    wire.says(err, ...)
    return err
  end

  it("that is a list is told so on every way, and nothing is written", function()
    assert(client:list {}) -- there is a connection now, and no copy
    for _, list in ipairs { { "Closed" }, { { status = "Closed" } } } do
      local value, err = client:update(ID, list)
      wire.failed("validation", false, value, err)
      assert.equal("a table of members", err.expected)
      local result = client:update_many({ { id = ID, change = list } })[1]
      wire.failed("validation", false, result.value, result.err)
    end
    nothing_written()
  end)

  it("that is more than any number holds is told so on every way, and nothing is written", function()
    for _, value in ipairs { "1e400", "-1e400", ("9"):rep(400) } do
      refuses("details.dealValue", { details = { dealValue = value } }, "finite")
      refuses("details.dealValue", ('{"details":{"dealValue":%s}}'):format(value), "finite")
    end
    nothing_written()
  end)

  it("that is an empty table says first that nobody knows its member, or what stands there", function()
    refuses("customerprofile", { customerprofile = {} }, "no such member", "customerProfile")
    refuses("details.dealValue", { details = { dealValue = {} } }, "expected a number")
    refuses("change", { [""] = {} }, "an empty table says neither")
    local value, err = client:update(ID, { unknown = {} }, { allow_unknown = true })
    wire.failed("validation", false, value, err)
    wire.says(err, "an empty table says neither")
    nothing_written()
  end)

  describe("an id", function()
    it("that could change the request is a validation error, and nothing is sent", function()
      for _, id in ipairs {
        "", " ", ".", "..", "a/b", "../x", "a?b", "a#b", "a b", "a%2Fb", "a\\b", "a\r\nX-Injected: 1", ID .. "\n",
        ID .. "\r", "a\0b", "\195\164", ("a"):rep(129), '"', "{" .. ID .. "}",
      } do
        local value, err = client:update(id, { statusReason = "x" })
        wire.failed("validation", false, value, err)
        assert.equal("id", err.member)
        assert.is_nil(tostring(err):find("[\r\n%z]"), "a control character in the message")
      end
      nothing_sent()
    end)

    it("that no referral has is not_found", function()
      for _, id in ipairs { "11111111-2222-4333-8444-555555555555", "A.b_c~d-9", "0" } do
        local value, err = client:update(id, { statusReason = "x" })
        wire.failed("not_found", false, value, err)
        assert.equal(404, err.http_status)
      end
      nothing_written()
    end)

    it("of a wrong type raises at the caller's line", function()
      for _, id in ipairs { 5, true, print } do
        local message = wire.raises_here(function()
          client:update(id, { statusReason = "x" })
        end)
        wire.says(message, type(id))
      end
      wire.raises_here(function()
        client:update(nil, { statusReason = "x" })
      end)
      nothing_sent()
    end)

    it("in a row that is no text is a validation error", function()
      for _, id in ipairs { 5, true, "", "a\r\nb" } do
        local value, err = client:update({ id = id, status = "New" }, { statusReason = "x" })
        wire.failed("validation", false, value, err)
      end
      nothing_sent()
    end)
  end)

  describe("a token", function()
    it("with a line break, given as text, is refused before anything is made", function()
      local made, err = referrals.new { endpoint = server.url, token = "abc\r\nX-Injected: 1" }
      assert.is_nil(made)
      assert.equal("validation", err.kind)
      assert.is_nil(tostring(err):find("abc", 1, true))
    end)

    it("with a line break, given by a function, is an auth error that does not show it", function()
      for _, token in ipairs { "abc\r\nX: y", "abc\n", "abc\0", "", "a b" } do
        local odd = referrals.new { endpoint = server.url, token = function() return token end }
        local value, err = odd:update(ID, { statusReason = "x" })
        wire.failed("auth", false, value, err)
        assert.equal("token", err.stage)
        assert.is_nil(tostring(err):find("abc", 1, true))
      end
      nothing_sent()
    end)

    it("that no header can carry, or that is too long, given by a function or an object, is an auth error", function()
      for _, token in ipairs { "t\255", "\195\164", "t\127", ("t"):rep(65537) } do
        local source = { token = function() return token end }
        for _, given in ipairs { source.token, source } do
          local value, err = referrals.new({ endpoint = server.url, token = given }):update(ID, { statusReason = "x" })
          wire.failed("auth", false, value, err)
          assert.equal("token", err.stage)
          assert.is_nil(tostring(err):find(token, 1, true))
        end
      end
      nothing_sent()
    end)

    it("that a function does not have is an auth error with its reason", function()
      local without = referrals.new { endpoint = server.url, token = function() return nil, "signed out" end }
      local value, err = without:update(ID, { statusReason = "x" })
      wire.failed("auth", false, value, err)
      wire.says(err, "signed out")
      nothing_sent()
    end)

    it("that is not given is an auth error", function()
      local without = referrals.new { endpoint = server.url }
      local value, err = without:update(ID, { statusReason = "x" })
      wire.failed("auth", false, value, err)
      nothing_sent()
    end)

    it("that the service refuses is an auth error, and is not shown", function()
      server:reset { tokens = { "good" } }
      client = referrals.new { endpoint = server.url, token = "bad-canary" }
      local value, err = client:update(ID, { statusReason = "x" })
      wire.failed("auth", false, value, err)
      assert.equal(401, err.http_status)
      assert.is_nil(tostring(err):find("canary", 1, true))
      nothing_written()
    end)
  end)

  describe("a change", function()
    it("of a wrong type raises at the caller's line", function()
      for _, change in ipairs { 5, true } do
        local message = wire.raises_here(function()
          client:update(ID, change)
        end)
        wire.says(message, type(change))
      end
      wire.raises_here(function()
        client:update(ID, nil)
      end)
      wire.raises_here(function()
        client:update(ID)
      end)
      nothing_sent()
    end)

    it("as text that is no JSON object is a validation error, and nothing is sent", function()
      for _, text in ipairs {
        "", " ", "{", "[]", "null", "5", '"x"', '{"status": New}', "{'status': 'New'}", '{"status": "New",}',
        '{"a": 01}', '{"a": NaN}', '{"a": 0x10}', '{"a": "\t"}', '{"a": "\\ud800"}', '{"a": 1} x', '{"a": "\255"}',
        "status=New",
      } do
        local value, err = client:update(ID, text)
        wire.failed("validation", false, value, err)
      end
      nothing_written()
    end)

    it("that JSON cannot hold is a validation error naming the member", function()
      local cycle = {}
      cycle.cycle = cycle
      local deep = {}
      for _ = 1, 100 do
        deep = { deep = deep }
      end
      refuses("details.notes", { details = { notes = "\255\254" } })
      refuses("details.dealValue", { details = { dealValue = 0 / 0 } })
      refuses("details.dealValue", { details = { dealValue = math.huge } })
      refuses("details.dealValue", { details = { dealValue = -math.huge } })
      refuses("statusReason", { statusReason = print })
      refuses("statusReason", { statusReason = io.stdout })
      refuses("statusReason", { statusReason = coroutine.create(function() end) })
      for _, odd in ipairs { cycle, deep, { 1, a = 2 }, { [1] = {}, [3] = {} }, { [1.5] = {} }, { [true] = {} } } do
        local value, err = client:update(ID, { details = odd })
        wire.failed("validation", false, value, err)
        wire.says(err.member, "details")
        value, err = client:update(ID, { newMember = odd }, { allow_unknown = true })
        wire.failed("validation", false, value, err)
        wire.says(err.member, "newMember")
      end
      nothing_written()
    end)

    it("with an unknown status or substatus says which was meant", function()
      refuses("status", { status = "closed", substatus = "Won" }, "did you mean", "Closed")
      refuses("status", { status = "Clsed", substatus = "Won" }, "did you mean", "Closed")
      refuses("substatus", { substatus = "recieved" }, "did you mean", "Received")
      refuses("status", { status = "Finished" }, "New", "Active", "Closed")
      refuses("status", { status = "" })
      refuses("status", { status = 5 })
      refuses("status", { status = referrals.null })
      nothing_written()
    end)

    it("with another unknown enumeration value says which was meant", function()
      refuses("qualification", { qualification = "salesqualified" }, "did you mean", "SalesQualified")
      refuses("customerProfile.size", { customerProfile = { size = "1to9Employees" } }, "1to9employees")
      refuses("type", { type = "shared" }, "Shared")
      nothing_written()
    end)

    it("with an unknown member says which was meant", function()
      refuses("Status", { Status = "Closed" }, "did you mean", "status")
      refuses("teem", { statusReason = "x", teem = referrals.remove "a@example.com" }, "did you mean", "team")
      refuses("name", { name = referrals.remove "x" })
      refuses("statusreason", { statusreason = "x" }, "did you mean", "statusReason")
      refuses("details.dealvalue", { details = { dealvalue = 5 } }, "did you mean", "dealValue")
      refuses("customerProfile.adress", { customerProfile = { adress = { city = "x" } } }, "did you mean", "address")
      refuses("zzzzzzzz", { zzzzzzzz = 5 })
      refuses("", { [""] = 5 }, "without a name")
      nothing_written()
    end)

    it("whose name is a way to a member, and so was written as a member of the referral's own, is unknown", function()
      refuses('["details.notes"]', { ["details.notes"] = "x" }, "no such member", "details = { notes = ... }")
      refuses('["team[1].email"]', { ["team[1].email"] = "x" }, "no such member")
      refuses('["team[1]"]', { ["team[1]"] = { email = "x" } }, "no such member")
      refuses('customerProfile["address.city"]', { customerProfile = { ["address.city"] = "x" } }, "{ city = ... }")
      refuses('details[""]', { details = { [""] = { notes = "x" } } }, "no such member")
      refuses('["details.notes"]', '{"details.notes": "x"}')
      nothing_written()
    end)

    it("whose name has a dot in it is known where the referral has it", function()
      server:store(wire.swap(sandbox.example, '"statusReason"', '"x.y": {"a[1]": 1, "": 2}, "statusReason"'))
      local _, err, info = client:update(ID, { ["x.y"] = { ["a[1]"] = 5, [""] = 6 } })
      assert.is_nil(err)
      assert.same({ '["x.y"][""]', '["x.y"]["a[1]"]' }, { info.members[1].member, info.members[2].member })
      wire.says(server:stored(ID), '"x.y": {"a[1]": 5, "": 6}')
    end)

    it("with a value of a wrong type names the member and the type", function()
      refuses("details.notes", { details = { notes = 5 } }, "string")
      refuses("details.dealValue", { details = { dealValue = "much" } }, "number")
      refuses("details.dealValue", { details = { dealValue = "" } }, "number")
      refuses("details.dealValue", { details = { dealValue = "1,000" } }, "number")
      refuses("details", { details = 5 }, "object")
      refuses("details", { details = { 1, 2 } }, "object")
      refuses("team", { team = "x" }, "array")
      refuses("team", { team = { email = "x" } }, "array")
      refuses("consent.consentToContact", { consent = { consentToContact = "yes" } }, "true or false")
      refuses("details.currency", { details = { currency = "DOLLARS" } })
      nothing_written()
    end)

    it("that puts an empty array in an object's place, or the other way round, empties neither", function()
      refuses("details", { details = referrals.array {} }, "object", "array")
      refuses("details", '{"details": []}', "object", "array")
      refuses("team", '{"team": {}}', "array", "object")
      refuses("customerProfile.ids", '{"customerProfile": {"ids": {}}}', "array", "object")
      refuses("team[1].contactPreference", '{"team": [{"email": "a@b.example", "contactPreference": []}]}', "object")
      nothing_written()
    end)

    it("of a read-only member says so", function()
      refuses("organizationName", { organizationName = "Fabrikam" }, "set by the service")
      refuses("direction", { direction = "Incoming" }, "set by the service")
      refuses("registrations", { registrations = { { id = "x" } } }, "set by the service")
      nothing_written()
    end)

    it("of a read-only member to the value it has changes nothing", function()
      local _, err, info = client:update(ID, { organizationName = "Contoso Company" })
      assert.is_nil(err)
      assert.is_false(info.changed)
      nothing_written()
    end)

    it("that is right in one member and wrong in another writes neither", function()
      refuses("details.notes", { statusReason = "right", details = { notes = 5 } })
      refuses("statusreason", { statusReason = "right", statusreason = "wrong" })
      nothing_written()
    end)

    it("keeps control characters out of its messages", function()
      for _, change in ipairs { { ["a\r\nb"] = 1 }, { status = "a\r\nb\27[31m" }, { details = { ["x\0y"] = 1 } } } do
        local value, err = client:update(ID, change)
        wire.failed("validation", false, value, err)
        assert.is_nil(tostring(err):find("[%z\1-\31]"), ("%q"):format(tostring(err)))
      end
      nothing_written()
    end)
  end)

  describe("options", function()
    it("that are unknown raise at the caller's line, naming the nearest", function()
      local message = wire.raises_here(function()
        client:update(ID, { statusReason = "x" }, { ifmatch = "x" })
      end)
      wire.says(message, "unknown option 'ifmatch'", "did you mean 'if_match'")
      message = wire.raises_here(function()
        client:update(ID, { statusReason = "x" }, { only_fi = { status = "New" } })
      end)
      wire.says(message, "did you mean 'only_if'")
      wire.raises_here(function()
        client:update(ID, { statusReason = "x" }, { substatus = "Won" })
      end)
      wire.raises_here(function()
        client:update(ID, { statusReason = "x" }, { token = "other" })
      end)
      nothing_sent()
    end)

    it("of a wrong type raise at the caller's line", function()
      for _, options in ipairs {
        { if_match = 5 }, { if_match = {} }, { only_if = "New" }, { dry_run = "yes" }, { check = 0 },
        { returns = 5 }, { nulls = "x" }, { timeout = "60" }, { conflict_retries = "1" }, { allow_unknown = 1 },
      } do
        wire.raises_here(function()
          client:update(ID, { statusReason = "x" }, options)
        end)
      end
      for _, options in ipairs { 5, "x", true } do
        wire.raises_here(function()
          client:update(ID, { statusReason = "x" }, options)
        end)
      end
      nothing_sent()
    end)

    it("with a wrong value are validation errors", function()
      for name, value in pairs {
        returns = "everything", timeout = -1, conflict_retries = -1, method = "put",
      } do
        local result, err = client:update(ID, { statusReason = "x" }, { [name] = value })
        wire.failed("validation", false, result, err)
        assert.equal(name, err.member)
      end
      nothing_sent()
    end)
  end)
end)
