local cjson = require "cjson"
local referrals = require "referrals"
local sandbox = require "referrals.sandbox"
local wire = require "support.wire"

local ID = sandbox.EXAMPLE_ID
local TAG = '"2500ec5a-0000-0000-0000-5bf4967d0000"'

describe("referrals.update, in each form it takes:", function()
  local service, client

  before_each(function()
    service = sandbox.new()
    client = referrals.new { sandbox = service }
  end)

  local function written()
    local writes = wire.writes(service.record)
    return #writes == 1 and writes[1].body or error(#writes .. " writes")
  end

  local function no_write()
    assert.equal("", wire.methods(wire.writes(service.record)))
  end

  describe("a table", function()
    it("merges objects member by member and replaces arrays whole", function()
      local profile = { address = { city = "Bellevue" }, team = { { email = "a@b.c" } } }
      assert(client:update(ID, { customerProfile = profile }))
      local body = written()
      wire.says(body, '"city": "Bellevue"', '"addressLine2": "34"', '"name": "Contoso Customer Inc"', '"a@b.c"')
      assert.is_nil(body:find("sue.smith", 1, true))
      assert.is_nil(body:find("joe.hansen", 1, true))
    end)

    it("sets null where it says so, and removes nothing by leaving it out", function()
      local referral, err, info = client:update(ID, { statusReason = referrals.null, details = { notes = cjson.null } })
      assert.is_nil(err)
      assert.is_nil(referral.statusReason)
      assert.is_nil(referral.details.notes)
      wire.says(written(), '"statusReason": null', '"notes": null', '"currency": "USD"')
      assert.equal(2, #info.members)
    end)

    it("adds members that the referral did not have", function()
      assert(client:update(ID, { campaignId = "c1", details = { customerAction = "call" } }))
      local body = cjson.decode(written())
      assert.equal("c1", body.campaignId)
      assert.equal("call", body.details.customerAction)
      assert.equal("USD", body.details.currency)
    end)

    it("writes an empty table as what is there", function()
      assert(client:update(ID, { customerProfile = { team = {} } }))
      wire.says(written():gsub("%s", ""), '"team":[],"ids":[]')
    end)

    it("writes an empty table as what the schema has where nothing is there", function()
      service:store((wire.swap(sandbox.example, '"ids": []', '"other": 1')))
      assert(client:update(ID, { customerProfile = { ids = {} }, details = { requirements = { offers = {} } } }))
      wire.says(written():gsub("%s", ""), '"ids":[]', '"offers":[]')
    end)

    it("writes referrals.array{} as an array where nobody knows", function()
      local value, err = client:update(ID, { brandNew = {} }, { allow_unknown = true })
      wire.failed("validation", false, value, err)
      assert(client:update(ID, { brandNew = referrals.array {} }, { allow_unknown = true }))
      wire.says(written():gsub("%s", ""), '"brandNew":[]')
    end)

    it("is left as it was", function()
      local change = { status = "Active", details = { notes = "x" }, team = { { email = "a@b.c" } } }
      assert(client:update(ID, change))
      assert.same({ status = "Active", details = { notes = "x" }, team = { { email = "a@b.c" } } }, change)
    end)

    it("that is empty changes nothing", function()
      local referral, err, info = client:update(ID, {})
      assert.is_nil(err)
      assert.is_false(info.changed)
      assert.equal("New", referral.status)
      no_write()
    end)

    it("with values as they are changes nothing, however the numbers are written", function()
      service:store(wire.swap(sandbox.example, "50000,", "50000.00,"))
      local _, err, info = client:update(ID, {
        status = "New", substatus = "Pending", details = { dealValue = 50000 }, customerProfile = { ids = {} },
      })
      assert.is_nil(err)
      assert.is_false(info.changed)
      no_write()
      assert(client:update(ID, { details = { dealValue = 50000, notes = "x" } }))
      wire.says(written(), '"dealValue": 50000.00,')
    end)

    it("keeps the bytes of array elements that only moved", function()
      local referral = assert(client:get(ID))
      local team = referral.customerProfile.team
      assert(client:update(ID, { customerProfile = { team = { team[2], team[1] } } }))
      local joe = sandbox.example:match('({\n                "contactPreference": {\n[^}]*},\n[^}]-"Joe"[^}]*})')
      wire.says(written(), assert(joe))
    end)
  end)

  describe("JSON text", function()
    it("is a change like a table, with its numbers as written", function()
      local text = '\239\187\191 {"details": {"dealValue": 123456789012345678.90, "notes": null}, "tags2": []} '
      local _, err = client:update(ID, text, { allow_unknown = true })
      assert.is_nil(err)
      wire.says(written():gsub('": ', '":'), '"dealValue":123456789012345678.90', '"notes":null', '"tags2":[]')
    end)

    it("as read and sent back changes nothing", function()
      local text = assert(client:get(ID, { returns = "text" }))
      wire.same_text(sandbox.example, text)
      local _, err, info = client:update(ID, text)
      assert.is_nil(err)
      assert.is_false(info.changed)
      no_write()
    end)

    it("is checked like a table", function()
      wire.failed("validation", false, client:update(ID, '{"Status": "New"}'))
      wire.failed("transition", false, client:update(ID, '{"status": "Closed", "substatus": "Pending"}'))
      no_write()
    end)
  end)

  describe("a function", function()
    it("that edits what it gets changes just that", function()
      local _, err, info = client:update(ID, function(current)
        current.statusReason = "mine"
        current.details.dealValue = current.details.dealValue + 1
      end)
      assert.is_nil(err)
      assert.equal(2, #info.members)
      local expected = wire.swap(wire.swap(sandbox.example, "The engagement went well", "mine"), "50000", "50001")
      wire.same_text(wire.without_links(expected), written())
    end)

    it("may return the table it got", function()
      assert(client:update(ID, function(current)
        current.statusReason = "mine"
        return current
      end))
      wire.says(written(), '"statusReason": "mine"')
    end)

    it("may return another table, which is the change; edits are then nothing", function()
      assert(client:update(ID, function(current)
        current.details.notes = "lost"
        return { statusReason = "was " .. current.status }
      end))
      wire.same_text(wire.without_links(wire.swap(sandbox.example, "The engagement went well", "was New")), written())
    end)

    it("that returns false writes nothing and says why", function()
      local referral, err, info = client:update(ID, function(current)
        current.statusReason = "lost"
        return false, "nothing to do"
      end)
      assert.is_nil(err)
      assert.equal(ID, referral.id)
      assert.equal("The engagement went well", referral.statusReason)
      assert.equal("nothing to do", info.skipped)
      assert.is_false(info.changed)
      no_write()
    end)

    it("that returns false without a reason is skipped all the same", function()
      local _, err, info = client:update(ID, function() return false end)
      assert.is_nil(err)
      assert.is_truthy(info.skipped)
      no_write()
    end)

    it("that does nothing writes nothing", function()
      local _, err, info = client:update(ID, function() end)
      assert.is_nil(err)
      assert.is_false(info.changed)
      no_write()
    end)

    it("that raises passes through as it is, and nothing is sent", function()
      local thrown = { "my own" }
      local ok, message = pcall(client.update, client, ID, function() error(thrown) end)
      assert.is_false(ok)
      assert.equal(thrown, message)
      ok, message = pcall(client.update, client, ID, function() error("plain", 0) end)
      assert.is_false(ok)
      assert.equal("plain", message)
      no_write()
      assert(client:update(ID, { statusReason = "still works" }))
    end)

    it("that returns what is no change is told what it may return", function()
      for _, odd in ipairs { 5, true, print } do
        local value, err = client:update(ID, function() return odd end)
        wire.failed("validation", false, value, err)
        wire.says(err, type(odd))
      end
      no_write()
    end)

    it("that sets a member to nil is told to use null", function()
      local value, err = client:update(ID, function(current) current.statusReason = nil end)
      wire.failed("validation", false, value, err)
      assert.equal("statusReason", err.member)
      wire.says(err, "referrals.null")
      value, err = client:update(ID, function(current) current.details.notes = nil end)
      wire.failed("validation", false, value, err)
      assert.equal("details.notes", err.member)
      no_write()
    end)

    it("cannot write the eTag, links or an @odata. name", function()
      local _, err, info = client:update(ID, function(current)
        current.eTag, current.links, current["@odata.context"] = "x", { a = 1 }, "y"
        current.statusReason = "mine"
      end)
      assert.is_nil(err)
      assert.equal(1, #info.members)
      wire.same_text(wire.without_links(wire.swap(sandbox.example, "The engagement went well", "mine")), written())
    end)

    it("is not checked for what it left as it was", function()
      service = sandbox.new { switches = { transitions = false } }
      client = referrals.new { sandbox = service }
      service:store(wire.swap(sandbox.example, '"USD"', '"Dollars of the old kind"'))
      assert(client:update(ID, function(current) current.statusReason = "mine" end))
    end)
  end)

  describe("a table as read", function()
    it("with a member set to nil is told to use null", function()
      local referral = assert(client:get(ID))
      referral.statusReason = nil
      local value, err = client:update(ID, referral)
      wire.failed("validation", false, value, err)
      assert.equal("statusReason", err.member)
      no_write()
    end)

    it("may lose elements of an array", function()
      local referral = assert(client:get(ID))
      table.remove(referral.customerProfile.team, 1)
      assert(client:update(ID, referral))
      local body = written()
      assert.is_nil(body:find("sue.smith", 1, true))
      wire.says(body, "joe.hansen")
    end)

    it("is still remembered after a collection of garbage", function()
      local referral = assert(client:get(ID))
      collectgarbage()
      collectgarbage()
      local _, err, info = client:update(ID, referral)
      assert.is_nil(err)
      assert.is_false(info.changed)
    end)

    it("by another client is a change all the same", function()
      local referral = assert(referrals.new({ sandbox = service }):get(ID))
      referral.statusReason = "mine"
      assert(client:update(ID, referral))
      wire.same_text(wire.without_links(wire.swap(sandbox.example, "The engagement went well", "mine")), written())
    end)
  end)

  describe("returns", function()
    it("minimal gives five members and no other", function()
      local result = assert(client:update(ID, { status = "Active" }, { returns = "minimal" }))
      local expected = { id = ID, status = "Active", substatus = "Accepted" }
      expected.eTag, expected.updatedDateTime = result.eTag, result.updatedDateTime
      assert.same(expected, result)
      assert.is_string(result.updatedDateTime)
      assert.are_not.equal(TAG, result.eTag)
    end)

    it("text gives the service's bytes, after a write and without one", function()
      wire.same_text(sandbox.example, (assert(client:update(ID, {}, { returns = "text" }))))
      local text = assert(client:update(ID, { status = "Active" }, { returns = "text" }))
      wire.same_text(service:stored(ID), text)
    end)

    it("with nulls gives them", function()
      local result = assert(client:update(ID, { statusReason = referrals.null }, { nulls = true }))
      assert.equal(referrals.null, result.statusReason)
    end)
  end)

  it("allow_unknown lets a new name through, and an enumeration value that is new", function()
    assert(client:update(ID, { brandNew = "x", details = { alsoNew = 5 } }, { allow_unknown = true }))
    local body = cjson.decode(written())
    assert.equal("x", body.brandNew)
    assert.equal(5, body.details.alsoNew)
    local referral = assert(client:get(ID))
    referral.brandNew = "y" -- the document has it now
    assert(client:update(ID, referral))
  end)

  describe("referrals.encode", function()
    it("gives the bytes that were read but for the links, with the edits", function()
      local referral = assert(client:get(ID))
      wire.same_text(wire.without_links(sandbox.example), referrals.encode(referral))
      referral.statusReason = "mine"
      wire.same_text(wire.without_links(wire.swap(sandbox.example, "The engagement went well", "mine")),
        referrals.encode(referral))
    end)
  end)

  it("referrals.add and referrals.remove are applied to the version at hand", function()
    service:fault {
      kind = "other_writer", method = "PUT", pointer = "/team/-", value = '{"firstName": "Jane", "email": "j@b.c"}',
    }
    assert(client:update(ID, { team = referrals.add { firstName = "Ann", email = "a@b.c" } }))
    wire.says(service:stored(ID), "Jane", "Ann", "John")
    assert(client:update(ID, { team = referrals.remove(function(member) return member.firstName == "Jane" end) }))
    assert.is_nil(service:stored(ID):find("Jane", 1, true))
    wire.says(service:stored(ID), "Ann", "John")
  end)
end)
