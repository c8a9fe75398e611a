local nginx = require "support.nginx"
local referrals = require "referrals"
local sandbox = require "referrals.sandbox"
local wire = require "support.wire"

local ID, EXAMPLE = sandbox.EXAMPLE_ID, sandbox.example
local TAG = '"2500ec5a-0000-0000-0000-5bf4967d0000"'
local PATH = "/v1.0/engagements/referrals/" .. ID
local OLD_TAG = '"11111111-0000-0000-0000-5bf4967d0000"'

local function replace(path, value)
  return { op = "replace", path = path, value = value }
end

local function add(path, value)
  return { op = "add", path = path, value = value }
end

local NOTES = { replace("/details/notes", "mine") }

-- Each leaves open whether the patch was applied; it was not.
local LOST = {
  { kind = "close_before", method = "PATCH" }, { kind = "status", status = 503, method = "PATCH" },
  { kind = "status", status = 408, method = "PATCH" },
}

describe("referrals.patch over HTTP", function()
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

  local function patches()
    return wire.writes(server:record())
  end

  describe("sends", function()
    it("the operations in their order, under the version it read", function()
      local result, err, info = client:patch(ID, {
        replace("/details/notes", "a \"b\" / ~"), add("/campaignId", "c-1"), add("/team/-", { email = "a@b.example" }),
        replace("/details/dealValue", "123456789012345.67"), replace("/statusReason", referrals.null),
        replace("/details/requirements/solutions", {}),
      })
      assert.is_nil(err)
      assert.equal("c-1", result.campaignId)
      local record = server:record()
      assert.equal("GET PATCH", wire.methods(record))
      assert.equal(PATH, record[2].path)
      assert.equal(TAG, record[2].headers["if-match"])
      assert.equal("return=representation", record[2].headers.prefer)
      assert.equal([=[[{"op":"replace","path":"/details/notes","value":"a \"b\" / ~"},]=]
        .. [=[{"op":"add","path":"/campaignId","value":"c-1"},]=]
        .. [=[{"op":"add","path":"/team/-","value":{"email":"a@b.example"}},]=]
        .. [=[{"op":"replace","path":"/details/dealValue","value":123456789012345.67},]=]
        .. [=[{"op":"replace","path":"/statusReason","value":null},]=]
        .. [=[{"op":"replace","path":"/details/requirements/solutions","value":[]}]]=], record[2].body)
      assert.is_true(info.changed)
      assert.same({}, info.ignored)
      assert.equal(6, #info.members)
      assert.same({ member = "campaignId", to = "c-1" }, info.members[2])
      assert.equal("team", info.members[3].member)
      assert.equal(1, #info.members[3].from)
      assert.equal(2, #info.members[3].to)
      wire.says(server:stored(ID), '"dealValue": 123456789012345.67')
    end)

    it("JSON text byte for byte", function()
      local text = '[ {"op" : "add", "value": 60000.00, "path":"/details/dealValue"},\n'
        .. ' {"op":"replace","path":"/details/notes","value":"\\u00e9"} ]'
      local result, err = client:patch(ID, text)
      assert.is_nil(err)
      assert.equal("\195\169", result.details.notes)
      assert.equal(text, patches()[1].body)
      wire.says(server:stored(ID), '"dealValue": 60000.00')
    end)

    it("JSON text that names annotations without them, since they are never written", function()
      server:switch { patch_any_path = true }
      local text = '[ {"op": "replace", "path": "/customerProfile", "value": {"companySize":"10to50employees",'
        .. '"ids":[],"ids@odata.type":"#Collection(x)","\\u0040odata.type":"y"}} ]'
      assert(client:patch(ID, text, { allow_unknown = true, if_match = TAG }))
      assert.equal('[{"op":"replace","path":"/customerProfile","value":{"companySize":"10to50employees","ids":[]}}]',
        patches()[1].body)
    end)

    it("without a read under a version that is named", function()
      local result, err, info = client:patch(ID, NOTES, { if_match = TAG, returns = "minimal" })
      assert.is_nil(err)
      assert.equal("New", result.status)
      assert.equal("PATCH", wire.methods(server:record()))
      assert.equal(TAG, patches()[1].headers["if-match"])
      assert.same({ { member = "details.notes", to = "mine" } }, info.members)
    end)

    it("without a version only where that is asked for", function()
      server:write(ID, "/campaignId", '"theirs"')
      local result, err = client:patch(ID, NOTES, { if_match = false })
      assert.is_nil(err)
      assert.equal("theirs", result.campaignId)
      assert.equal("mine", result.details.notes)
      assert.equal("PATCH", wire.methods(server:record()))
      assert.is_nil(patches()[1].headers["if-match"])
    end)
  end)

  describe("refuses before a request", function()
    local cases = {
      { "an op that the service does not know", { { op = "remove", path = "/team/0" } }, "operations[1].op", "remove" },
      { "test", { replace("/campaignId", "x"), { op = "test", path = "/status" } }, "operations[2].op", "test" },
      { "move", { { op = "move", path = "/team/-", from = "/team/0" } }, nil, "operations[1]" },
      { "replace where nothing is yet", { replace("/team/-", { email = "a@b.example" }) }, "operations[1].op", "add" },
      { "an operation without an op", { { path = "/team/-", value = {} } }, "operations[1].op", "add" },
      { "a path that is no pointer", { replace("details.notes", "x") }, "operations[1].path", "JSON Pointer" },
      { "a path with a bad escape", { replace("/a~2", "x") }, "operations[1].path", "JSON Pointer" },
      { "no value", { { op = "add", path = "/campaignId" } }, "operations[1].value", "referrals.null" },
      { "a misspelt field", { { op = "add", path = "/campaignId", vaule = "x" } }, "operations[1].vaule", "value" },
      { "no operation", {}, "operations", "at least one" },
      { "one operation without its array", replace("/details/notes", "x"), "operations", "array" },
      { "a hole", { [1] = replace("/details/notes", "x"), [3] = replace("/campaignId", "x") }, "operations", "array" },
      { "a member that cannot be patched", { replace("/name", "x") }, "name", "PUT" },
      { "an element that cannot be patched", { replace("/team/0/email", "x") }, "team[1].email", "PUT" },
      { "a member that nobody knows", { replace("/details/note", "x") }, "details.note", "did you mean 'notes'" },
      { "what the service sets", { replace("/organizationName", "x") }, "organizationName", "set by the service" },
      { "links", { replace("/links", {}) }, "operations[1].path", "never written" },
      { "items to add, which an operation would put in the place of all that is there",
        { replace("/team", referrals.add { email = "a@b.example" }) }, "operations[1].value", "'/-'" },
      { "items to add deep inside", { add("/customerProfile", { team = referrals.add {} }) }, "operations[1].value" },
      { "text that is no JSON", '[{"op":"add",}]', "operations", "line 1, column 14" },
      { "text that is no array", '{"op":"add"}', "operations", "array" },
      { "text of something else than operations", "[1]", "operations[1]", "object" },
      { "text without a value", '[{"op":"add","path":"/campaignId"}]', "operations[1].value", "a value" },
    }
    for _, case in ipairs(cases) do
      it(case[1], function()
        local value, err = client:patch(ID, case[2])
        wire.failed("validation", false, value, err)
        if case[3] then
          assert.equal(case[3], err.member)
        end
        wire.says(err, case[4] or "expected")
        assert.equal("", wire.methods(server:record()))
      end)
    end

    it("an entity tag that is none, true and '*'", function()
      for _, tag in ipairs { "*", 'a"b', true } do
        local value, err = client:patch(ID, NOTES, { if_match = tag })
        wire.failed("validation", false, value, err)
        assert.equal("if_match", err.member)
      end
      assert.equal("", wire.methods(server:record()))
    end)

    it("a never written name also where unknown ones are allowed", function()
      for _, path in ipairs { "/links/self", "/", "/eTag", "/@odata.context" } do
        local value, err = client:patch(ID, { add(path, "x") }, { allow_unknown = true })
        wire.failed("validation", false, value, err)
      end
      assert.equal("", wire.methods(server:record()))
    end)
  end)

  it("refuses a path that is no UTF-8, which would be no path in JSON", function()
    local text = '[{"op":"add","path":"/sub\\ud800status","value":1},{"op":"add","path":"/a","value":{"@odata.x":1}}]'
    for _, given in ipairs { { add("/a\255", 1) }, { add("/details/\195", 1) }, text } do
      for _, dry_run in ipairs { true, false } do
        local value, err = client:patch(ID, given, { allow_unknown = true, dry_run = dry_run })
        wire.failed("validation", false, value, err)
        assert.equal("operations[1].path", err.member)
        wire.says(err, "JSON Pointer")
      end
    end
    assert.equal("", wire.methods(server:record()))
  end)

  it("judges the values, and the move of the status, before the write", function()
    local value, err = client:patch(ID, { replace("/details/currency", "dollars") })
    wire.failed("validation", false, value, err)
    assert.equal("details.currency", err.member)
    value, err = client:patch(ID, { replace("/status", "Closed"), replace("/substatus", "Accepted") })
    wire.failed("transition", false, value, err)
    value, err = client:patch(ID, { replace("/status", "Active") }, { if_match = TAG })
    wire.failed("transition", false, value, err)
    assert.same({ "Accepted" }, err.allowed)
    wire.says(err, "/substatus")
    value, err = client:patch(ID, { replace("/substatus", "Won") }, { if_match = false })
    wire.failed("transition", false, value, err)
    assert.equal("GET GET GET GET", wire.methods(server:record()))
  end)

  it("tells an empty array from an empty object, which Lua does not", function()
    local value, err = client:patch(ID, '[{"op":"replace","path":"/team","value":{}}]')
    wire.failed("validation", false, value, err)
    assert.equal("team", err.member)
    value, err = client:patch(ID, { add("/team/-", { contactPreference = referrals.array {} }) })
    wire.failed("validation", false, value, err)
    assert.equal("team.-.contactPreference", err.member)
    assert.equal("", wire.methods(patches()))
  end)

  it("leaves the status to the service with check = false", function()
    local value, err = client:patch(ID, { replace("/status", "Active") }, { check = false })
    wire.failed("rejected", false, value, err)
    assert.equal("GET PATCH", wire.methods(server:record()))
  end)

  it("lets a path that may be new through with allow_unknown", function()
    server:switch { patch_any_path = true }
    local result, err = client:patch(ID, { add("/name", "x"), add("/newMember", "y") }, { allow_unknown = true })
    assert.is_nil(err)
    assert.equal("y", result.newMember)
  end)

  it("keeps members of array elements that nobody knows", function()
    server:write(ID, "/team/0/badge", '"gold"')
    local team = assert(client:get(ID)).team
    team[1].phoneNumber = "1"
    assert(client:patch(ID, { replace("/team", team) }))
    wire.says(patches()[1].body, '"badge":"gold"')
    local value, err = client:patch(ID, { add("/team/-", { badge = "x" }) })
    wire.failed("validation", false, value, err)
  end)

  it("tells which members the answer does not show", function()
    server:switch { ignore = { "statusReason", "team" } }
    local _, err, info = client:patch(ID, {
      replace("/statusReason", "x"), add("/campaignId", "y"), add("/team/-", { email = "a@b.example" }),
    })
    assert.is_nil(err)
    assert.same({ "statusReason", "team" }, info.ignored)
  end)

  describe("after another writer's change", function()
    local theirs = { kind = "other_writer", method = "PATCH", pointer = "/campaignId", value = '"theirs"' }

    it("sends names and /- again under the new version", function()
      server:fault(theirs)
      local both = { replace("/details/notes", "mine"), add("/team/-", { email = "a@b.example" }) }
      local result, err = client:patch(ID, both)
      assert.is_nil(err)
      assert.equal("theirs", result.campaignId)
      assert.equal("mine", result.details.notes)
      assert.equal(2, #result.team)
      local record = server:record()
      assert.equal("GET PATCH GET PATCH", wire.methods(record))
      assert.equal(record[2].body, record[4].body)
      assert.are_not.equal(TAG, record[4].headers["if-match"])
    end)

    it("is a conflict for a path with an index", function()
      server:switch { patch_any_path = true }
      server:fault(theirs)
      local value, err = client:patch(ID, { replace("/team/0/email", "a@b.example") }, { allow_unknown = true })
      wire.failed("conflict", false, value, err)
      assert.equal("team[1].email", err.members[1].member)
      assert.equal("theirs", err.current.campaignId)
      assert.equal("GET PATCH GET", wire.methods(server:record()))
    end)

    it("is a conflict under a version that was named", function()
      local value, err = client:patch(ID, NOTES, { if_match = OLD_TAG })
      wire.failed("conflict", false, value, err)
      assert.equal("details.notes", err.members[1].member)
      assert.equal("mine", err.members[1].mine)
      assert.equal("PATCH GET", wire.methods(server:record()))
    end)

    it("is a success under a version that was named where all is as asked already", function()
      assert(client:patch(ID, NOTES))
      server:forget()
      local result, err, info = client:patch(ID, NOTES, { if_match = TAG })
      assert.is_nil(err)
      assert.equal("mine", result.details.notes)
      assert.is_false(info.changed)
      assert.equal("PATCH GET", wire.methods(server:record()))
    end)

    it("judges the move of the status anew", function()
      server:fault { kind = "other_writer", method = "PATCH", pointer = "/status", value = '"Closed"' }
      local value, err = client:patch(ID, { replace("/status", "Active"), replace("/substatus", "Accepted") })
      wire.failed("transition", false, value, err)
      assert.equal(1, #patches())
    end)

    it("says that nobody else wrote when the current tag is refused", function()
      server:fault { kind = "reject_tag", method = "PATCH", times = 5 }
      local value, err = client:patch(ID, NOTES)
      wire.failed("rejected", false, value, err)
      wire.says(err, "nobody else wrote")
      assert.equal(2, #patches())
    end)
  end)

  describe("whose answer got lost", function()
    it("is verified where every value is there", function()
      for _, options in ipairs { {}, { if_match = TAG } } do
        server:reset()
        server:fault { kind = "close_after", method = "PATCH" }
        local result, err, info =
          client:patch(ID, { replace("/details/notes", "mine"), add("/team/-", { email = "a@b.example" }) }, options)
        assert.is_nil(err)
        assert.equal("mine", result.details.notes)
        assert.equal("verified", info.resolved)
        assert.equal(1, #patches())
      end
    end)

    it("is sent again, the same bytes under the same version, where nothing was applied", function()
      for _, fault in ipairs(LOST) do
        for _, options in ipairs { {}, { if_match = TAG } } do
          server:reset()
          server:fault(fault)
          local result, err = client:patch(ID, { add("/team/-", { email = "a@b.example" }) }, options)
          assert.is_nil(err)
          assert.equal(2, #result.team)
          local sent = patches()
          assert.equal(2, #sent)
          assert.equal(sent[1].body, sent[2].body)
          assert.equal(TAG, sent[1].headers["if-match"])
          assert.equal(TAG, sent[2].headers["if-match"])
        end
      end
    end)

    it("is not taken for applied where what was to be appended had been there before", function()
      server:write(ID, "/team", '[{"email":"a@b.example"}]')
      local tag = assert(client:get(ID)).eTag
      server:fault { kind = "close_before", method = "PATCH" }
      server:fault { kind = "other_writer", method = "GET", after = 1, pointer = "/campaignId", value = '"theirs"' }
      local value, err = client:patch(ID, { add("/team/-", { email = "a@b.example" }) }, { if_match = tag })
      assert.is_nil(value)
      assert.is_true(err.kind == "unsettled" or err.kind == "conflict", tostring(err))
      assert.equal(1, #patches())
    end)

    it("is sent again to a new version that has the values from before", function()
      server:fault { kind = "close_before", method = "PATCH" }
      server:fault { kind = "other_writer", method = "GET", after = 1, pointer = "/campaignId", value = '"theirs"' }
      local result, err = client:patch(ID, { add("/team/-", { email = "a@b.example" }) })
      assert.is_nil(err)
      assert.equal(2, #result.team)
      assert.equal("theirs", result.campaignId)
    end)

    it("is not taken as there for an element that was there before", function()
      local john = assert(client:get(ID)).team[1]
      server:fault { kind = "close_before", method = "PATCH" }
      server:fault { kind = "other_writer", method = "GET", after = 1, pointer = "/campaignId", value = '"theirs"' }
      local result, err, info = client:patch(ID, { add("/team/-", john) })
      assert.is_nil(err)
      assert.is_nil(info.resolved)
      assert.equal(2, #result.team)
    end)

    it("is unsettled where another writer changed the same member since", function()
      server:fault { kind = "close_after", method = "PATCH" }
      server:fault { kind = "other_writer", method = "GET", after = 1, pointer = "/details/notes", value = '"theirs"' }
      local value, err = client:patch(ID, NOTES)
      wire.failed("unsettled", "unknown", value, err)
      assert.equal("details.notes", err.intended[1].member)
      assert.equal("network", err.cause.kind)
      assert.equal("theirs", err.current.details.notes)
      assert.equal(1, #patches())
    end)

    it("is unsettled under a named version that was not read, where a new one does not show it", function()
      server:fault { kind = "close_before", method = "PATCH" }
      server:fault { kind = "other_writer", method = "GET", pointer = "/campaignId", value = '"theirs"' }
      local value, err = client:patch(ID, NOTES, { if_match = TAG })
      wire.failed("unsettled", "unknown", value, err)
      assert.equal(1, #patches())
    end)

    it("is unsettled at once without a version", function()
      server:fault { kind = "close_after", method = "PATCH" }
      local value, err = client:patch(ID, NOTES, { if_match = false })
      wire.failed("unsettled", "unknown", value, err)
      assert.equal("PATCH", wire.methods(server:record()))
    end)
  end)

  it("needs no read for what the service refuses for certain", function()
    local value, err = client:patch("00000000-0000-0000-0000-000000000000", NOTES, { if_match = TAG })
    wire.failed("not_found", false, value, err)
    assert.equal("PATCH", wire.methods(server:record()))
    assert.equal(EXAMPLE, server:stored(ID))
  end)

  it("raises for a wrong Lua type at the caller's line", function()
    wire.says(wire.raises_here(function()
      client:patch(5, {})
    end), "#1 to 'patch'")
    wire.says(wire.raises_here(function()
      client:patch(ID, 5)
    end), "#2 to 'patch'")
    wire.says(wire.raises_here(function()
      client:patch(ID, NOTES, { ifmatch = TAG })
    end), "if_match")
  end)
end)
