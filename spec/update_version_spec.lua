local referrals = require "referrals"
local sandbox = require "referrals.sandbox"
local wire = require "support.wire"

local ID = sandbox.EXAMPLE_ID
local TAG = '"2500ec5a-0000-0000-0000-5bf4967d0000"'
local OTHER_ID = "11111111-2222-4333-8444-555555555555"

describe("referrals.update of one version", function()
  local service, client

  before_each(function()
    service = sandbox.new()
    client = referrals.new { sandbox = service, cache = 0 }
  end)

  local function other_writes(pointer, value)
    service:write_as_other(ID, pointer, value)
  end

  --- Another writer comes between our read and our write.
  local function meanwhile(pointer, value)
    service:fault { kind = "other_writer", method = "PUT", pointer = pointer, value = value }
  end

  local function writes()
    return wire.writes(service.record)
  end

  local function no_write()
    assert.equal("", wire.methods(writes()))
  end

  local function conflict_about(name, mine, theirs, value, err)
    wire.failed("conflict", false, value, err)
    wire.says(err, name)
    for _, member in ipairs(err.members) do
      if member.member == name then
        assert.equal(mine, member.mine)
        assert.equal(theirs, member.theirs)
        return err
      end
    end
    error("err.members does not name " .. name)
  end

  describe("named by if_match", function()
    it("writes it under exactly this tag, however it was quoted", function()
      for _, tag in ipairs {
        TAG, TAG:sub(2, -2), '"' .. TAG .. '"', (TAG:gsub('"', '\\"')), " " .. TAG .. " ",
      } do
        service = sandbox.new()
        client = referrals.new { sandbox = service, cache = 0 }
        local referral, err = client:update(ID, { statusReason = "mine" }, { if_match = tag })
        assert.is_nil(err)
        assert.equal("mine", referral.statusReason)
        assert.equal(1, #writes())
        assert.equal(TAG, writes()[1].headers["if-match"])
      end
    end)

    it("is a conflict about the same member when another changed it, and nothing is written", function()
      other_writes("/statusReason", '"theirs"')
      local err = conflict_about("statusReason", "mine", "theirs",
        client:update(ID, { statusReason = "mine" }, { if_match = TAG }))
      assert.equal("theirs", err.current.statusReason)
      no_write()
    end)

    it("is a conflict about the same member when another changed it between read and write", function()
      meanwhile("/statusReason", '"theirs"')
      local err = conflict_about("statusReason", "mine", "theirs",
        client:update(ID, { statusReason = "mine" }, { if_match = TAG }))
      assert.equal("The engagement went well", err.members[1].base)
      assert.equal(1, #writes())
      wire.says(service:stored(ID), '"theirs"')
    end)

    it("is a conflict also when another member changed, and nothing is written", function()
      meanwhile("/campaignId", '"theirs"')
      local value, err = client:update(ID, { statusReason = "mine" }, { if_match = TAG })
      wire.failed("conflict", false, value, err)
      assert.equal("theirs", err.current.campaignId)
      assert.are_not.equal(TAG, err.current.eTag)
      assert.equal(1, #writes())
    end)

    it("is success without a change when everything asked for is already so", function()
      other_writes("/statusReason", '"same"')
      local referral, err, info = client:update(ID, { statusReason = "same" }, { if_match = TAG })
      assert.is_nil(err)
      assert.is_false(info.changed)
      assert.equal("same", referral.statusReason)
      no_write()
    end)

    it("is success also when it became so between read and write", function()
      meanwhile("/statusReason", '"same"')
      local referral, err = client:update(ID, { statusReason = "same" }, { if_match = TAG })
      assert.is_nil(err)
      assert.equal("same", referral.statusReason)
      assert.equal(1, #writes())
    end)

    it("refuses '*', which would be any version", function()
      for _, tag in ipairs { "*", " * ", '"*"' } do
        local value, err = client:update(ID, { statusReason = "mine" }, { if_match = tag })
        if tag == '"*"' then
          wire.failed("conflict", false, value, err)
        else
          wire.failed("validation", false, value, err)
          wire.says(err, "if_match")
        end
      end
      no_write()
    end)

    it("refuses what is no tag", function()
      for _, tag in ipairs { "", '""', '"', '"a', 'a"b', 'a"\r\nX: y', "a\nb", "a\0b", '"a", "b"', ("x"):rep(5000) } do
        local value, err = client:update(ID, { statusReason = "mine" }, { if_match = tag })
        wire.failed("validation", false, value, err)
      end
      local _, err = client:update(ID, { statusReason = "mine" }, { if_match = ("x"):rep(1025) })
      assert.equal("if_match: the entity tag is too long: expected at most 1024 bytes", err.message)
      assert.equal("at most 1024 bytes", err.expected)
      assert.same({}, service.record)
    end)

    it("never takes a weak tag for the current version", function()
      local value, err = client:update(ID, { statusReason = "mine" }, { if_match = "W/" .. TAG })
      assert.is_nil(value)
      assert.is_truthy(err.kind == "conflict" or err.kind == "validation", tostring(err))
      assert.equal(false, err.applied)
      no_write()
    end)
  end)

  describe("named by a remembered table", function()
    it("writes what was edited, under the version it was read from", function()
      local referral = assert(client:get(ID))
      referral.statusReason = "mine"
      referral.team[1].phoneNumber = "5550100"
      local after, err, info = client:update(ID, referral)
      assert.is_nil(err)
      assert.equal("mine", after.statusReason)
      assert.equal(2, #info.members)
      assert.equal(TAG, writes()[1].headers["if-match"])
      local expected = wire.swap(sandbox.example, "The engagement went well", "mine")
      expected = wire.without_links(wire.swap(expected, "1231231234", "5550100"))
      local function bare(text)
        return (text:gsub("%s+", ""))
      end
      wire.same_text(bare(expected), bare(writes()[1].body))
    end)

    it("is a conflict when another wrote since, naming what both changed", function()
      local referral = assert(client:get(ID))
      other_writes("/statusReason", '"theirs"')
      referral.statusReason = "mine"
      local err = conflict_about("statusReason", "mine", "theirs", client:update(ID, referral))
      assert.equal("The engagement went well", err.members[1].base)
      assert.equal("theirs", err.current.statusReason)
      no_write()
    end)

    it("is a conflict when another wrote since, though elsewhere", function()
      local referral = assert(client:get(ID))
      other_writes("/campaignId", '"theirs"')
      referral.statusReason = "mine"
      wire.failed("conflict", false, client:update(ID, referral))
      no_write()
    end)

    it("goes on with the table that the update returned", function()
      local referral = assert(client:get(ID))
      for _, reason in ipairs { "one", "two", "three" } do
        referral.statusReason = reason
        referral = assert(client:update(ID, referral))
        assert.equal(reason, referral.statusReason)
      end
      assert.equal(3, #writes())
    end)

    it("goes on with the table that an error gave as current", function()
      other_writes("/campaignId", '"theirs"')
      local _, err = client:update(ID, { statusReason = "mine" }, { if_match = TAG })
      local current = err.current
      current.statusReason = "mine"
      local referral = assert(client:update(ID, current))
      assert.equal("theirs", referral.campaignId)
      assert.equal("mine", referral.statusReason)
    end)

    it("is refused for another referral", function()
      service:store(wire.swap(sandbox.example, '"id": "' .. ID .. '"', '"id": "' .. OTHER_ID .. '"'))
      local referral = assert(client:get(ID))
      referral.statusReason = "mine"
      local value, err = client:update(OTHER_ID, referral)
      wire.failed("validation", false, value, err)
      wire.says(err, "id")
      no_write()
    end)
  end)

  describe("named by a table that was never read", function()
    it("is pinned to the eTag it carries", function()
      assert(client:update(ID, { eTag = TAG, statusReason = "one" }))
      local value, err = client:update(ID, { eTag = TAG, statusReason = "two" })
      wire.failed("conflict", false, value, err)
      assert.equal(1, #writes())
    end)

    it("of a whole document is success when it is written once more", function()
      local document = wire.swap(service:stored(ID), '"Pending"', '"Received"')
      assert(client:update(ID, document))
      local referral, err, info = client:update(ID, document)
      assert.is_nil(err)
      assert.equal("Received", referral.substatus)
      assert.is_false(info.changed)
      assert.equal(1, #writes())
      other_writes("/statusReason", '"theirs"')
      wire.failed("conflict", false, client:update(ID, document))
    end)

    it("is a conflict where nothing is asked for but what the service sets", function()
      other_writes("/campaignId", '"theirs"')
      for _, change in ipairs {
        { organizationName = "Mine" }, { registrations = { { type = "x" } } }, { quality = "Good" },
        { id = ID, eTag = TAG, organizationName = "Mine" },
        function(current) current.organizationName = "Mine" end,
      } do
        local value, err = client:update(ID, change, { if_match = TAG })
        wire.failed("conflict", false, value, err)
      end
      no_write()
    end)

    it("is pinned to the eTag in JSON text, too", function()
      local text = '{"eTag": "\\"2500ec5a-0000-0000-0000-5bf4967d0000\\"", "statusReason": %q}'
      assert(client:update(ID, text:format("one")))
      wire.failed("conflict", false, client:update(ID, text:format("two")))
      assert.equal(1, #writes())
    end)

    it("must be about the id it carries, whatever its case", function()
      local value, err = client:update(ID, { id = OTHER_ID, statusReason = "mine" })
      wire.failed("validation", false, value, err)
      wire.says(err, "id")
      no_write()
      assert(client:update(ID, { id = ID:upper(), statusReason = "mine" }))
      assert.is_nil(writes()[1].body:find(ID:upper(), 1, true))
    end)
  end)

  describe("named by what a function gives", function()
    -- Each is made of what was read before another writer wrote.
    local ways = {
      ["the table that was read"] = function(read, reason)
        read.statusReason = reason
        return read
      end,
      ["a table with its eTag"] = function(read, reason)
        return { eTag = read.eTag, statusReason = reason }
      end,
      ["a text with its eTag"] = function(read, reason)
        return ('{"eTag": "%s", "statusReason": "%s"}'):format((read.eTag:gsub('"', '\\"')), reason)
      end,
    }

    for told, make in pairs(ways) do
      it("is written when it is current, and is a conflict when it is not any more: " .. told, function()
        for _, options in ipairs { { cache = 0 }, {} } do
          service = sandbox.new()
          client = referrals.new { sandbox = service, cache = options.cache }
          local read = assert(client:get(ID))
          local change = make(read, "first")
          assert.equal("first", assert(client:update(ID, function() return change end)).statusReason)

          read = assert(client:get(ID))
          other_writes("/statusReason", '"theirs"')
          change = make(read, "mine")
          conflict_about("statusReason", "mine", "theirs", client:update(ID, function() return change end))
          assert.equal("PUT", wire.methods(writes()):match("^%S+"))
        end
      end)
    end

    it("is nothing where that version is named by if_match", function()
      local read = assert(client:get(ID))
      other_writes("/campaignId", '"theirs"')
      local now = assert(client:get(ID))
      assert.equal("mine", assert(client:update(ID, function()
        return { eTag = read.eTag, statusReason = "mine" }
      end, { if_match = now.eTag })).statusReason)
    end)

    it("is refused when it is no entity tag", function()
      wire.failed("validation", false, client:update(ID, function() return { eTag = "*", statusReason = "mine" } end))
      no_write()
    end)
  end)

  describe("with a referral in the id's place", function()
    it("takes its id, and writes on a later version when its members still stand", function()
      local row = assert(client:get(ID))
      other_writes("/campaignId", '"theirs"')
      local referral, err = client:update(row, { statusReason = "mine" })
      assert.is_nil(err)
      assert.equal("mine", referral.statusReason)
      assert.equal("theirs", referral.campaignId)
      assert.are_not.equal(TAG, writes()[1].headers["if-match"])
    end)

    it("is a conflict when a member it changes is no longer what the row showed", function()
      local row = assert(client:get(ID))
      other_writes("/statusReason", '"theirs"')
      local err = conflict_about("statusReason", "mine", "theirs", client:update(row, { statusReason = "mine" }))
      assert.equal("The engagement went well", err.members[1].base)
      no_write()
    end)

    it("is a conflict when a member that the referral was without is there by now", function()
      local referral = assert(client:get(ID))
      other_writes("/campaignId", '"theirs"')
      conflict_about("campaignId", "mine", "theirs", client:update(referral, { campaignId = "mine" }))
      no_write()
    end)

    it("is a conflict when that happens between read and write", function()
      local row = assert(client:get(ID))
      meanwhile("/details/notes", '"theirs"')
      conflict_about("details.notes", "mine", "theirs", client:update(row, { details = { notes = "mine" } }))
      assert.equal(1, #writes())
    end)

    it("holds status and substatus as one", function()
      local row = assert(client:get(ID))
      other_writes("/substatus", '"Received"')
      local value, err = client:update(row, { status = "Active" })
      wire.failed("conflict", false, value, err)
      no_write()
    end)

    it("takes a plain row with only what a list selected", function()
      local row = { id = ID, status = "New", substatus = "Pending" }
      assert(client:update(row, { statusReason = "mine" }))
      other_writes("/substatus", '"Received"')
      local value, err = client:update(row, { status = "Closed", substatus = "Won" })
      wire.failed("conflict", false, value, err)
      assert.equal(1, #writes())
    end)

    it("holds for what a function changes", function()
      local row = assert(client:get(ID))
      other_writes("/statusReason", '"theirs"')
      local value, err = client:update(row, function(current) current.statusReason = "mine" end)
      wire.failed("conflict", false, value, err)
      no_write()
      assert(client:update(row, function(current) current.campaignId = "mine" end))
    end)

    it("is refused without an id", function()
      local value, err = client:update({ status = "New" }, { statusReason = "mine" })
      wire.failed("validation", false, value, err)
      assert.same({}, service.record)
    end)
  end)
end)
