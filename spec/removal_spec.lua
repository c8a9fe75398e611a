local changing = require "support.changing"
local referrals = require "referrals"
local sandbox = require "referrals.sandbox"

local null = referrals.null
local becomes, refuses, raises = changing.becomes, changing.refuses, changing.raises

local service, client
before_each(function()
  service = sandbox.new()
  client = assert(referrals.new { sandbox = service, token = "t" })
end)

local function writes_nothing(given, member)
  changing.writes_nothing(service, client, given, member)
end

describe("a removal", function()
  it("is not asked with what every element has", function()
    local ok, raised = pcall(function()
      referrals.remove { email = nil }
    end)
    assert.is_false(ok)
    assert.truthy(raised:find("removal_spec.lua:%d+: bad argument #1 to 'remove' .*empty table"), raised)
  end)

  local TEAM = '"team":[{"email":"a","n":1.00},{"email":"b","o":{"x":1}},{"email":"c","n":1}]'

  it("takes an element out by its key", function()
    becomes(TEAM, { team = referrals.remove "b" }, '"team":[{"email":"a","n":1.00},{"email":"c","n":1}]')
    becomes('"target":[{"id":"1"},{"id":"2"}]', { target = referrals.remove "1" }, '"target":[{"id":"2"}]')
    becomes('"unknown":[{"id":"1"},{"id":"2"}]', { unknown = referrals.remove "1" }, '"unknown":[{"id":"2"}]')
    becomes('"customerProfile":{"team":[{"email":"a"}]}', { customerProfile = { team = referrals.remove "a" } },
      '"customerProfile":{"team":[]}')
  end)

  it("takes an element out that is the value itself", function()
    becomes('"tags":["x","y","x"]', { tags = referrals.remove "x" }, '"tags":["y"]')
    becomes('"l":[1.0,2,null]', { l = referrals.remove(1) }, '"l":[2,null]')
    becomes('"l":[1,null]', { l = referrals.remove(null) }, '"l":[1]')
    becomes('"l":[true,false]', { l = referrals.remove(false) }, '"l":[true]')
  end)

  it("takes elements out by members they have", function()
    becomes(TEAM, { team = referrals.remove { n = 1 } }, '"team":[{"email":"b","o":{"x":1}}]')
    becomes(TEAM, { team = referrals.remove { o = { x = 1 } } }, '"team":[{"email":"a","n":1.00},{"email":"c","n":1}]')
    becomes(TEAM, { team = referrals.remove { email = "a", n = 2 } }, TEAM)
  end)

  it("takes elements out by a member that is null, or is not there", function()
    local team = '"team":[{"email":"a","phone":null},{"email":"b","phone":"1"},{"email":"c"}]'
    becomes(team, { team = referrals.remove { phone = null } }, '"team":[{"email":"b","phone":"1"}]')
    becomes(team, { team = referrals.remove { email = "a", phone = null } },
      '"team":[{"email":"b","phone":"1"},{"email":"c"}]')
  end)

  it("takes elements out by a function", function()
    becomes(TEAM, { team = referrals.remove(function(member) return member.n end) },
      '"team":[{"email":"b","o":{"x":1}}]')
  end)

  it("is nothing to do where nothing matches or nothing is", function()
    becomes(TEAM, { team = referrals.remove "z" }, TEAM)
    becomes('"team":null', { team = referrals.remove "a" }, '"team":null')
    becomes('"n":1', { team = referrals.remove "a" }, '"n":1')
    becomes('"n":1', { details = { requirements = { offers = referrals.remove "a" } } }, '"n":1')
    becomes('"n":1', { details = { notes = "x", requirements = { offers = referrals.remove "a" } } },
      '"n":1,"details":{"notes":"x"}')
  end)

  it("works in a table that was read", function()
    becomes(TEAM, function(r) r.team = referrals.remove "a" end,
      '"team":[{"email":"b","o":{"x":1}},{"email":"c","n":1}]')
  end)

  it("finds members with odd names", function()
    becomes('"a/b~c":["x"],"":["y"]', { ["a/b~c"] = referrals.remove "x", [""] = referrals.remove "y" },
      '"a/b~c":[],"":[]')
  end)

  it("reads elements in which half a surrogate pair stands", function()
    becomes('"l":["\\ud800","x"]', { l = referrals.remove "x" }, '"l":["\\ud800"]')
  end)

  it("is refused on what is no array and within another array's elements", function()
    writes_nothing({ details = referrals.remove "x" }, "details")
    refuses({ team = { { tags = referrals.remove "x" } } }, "team[1].tags", "no removal here")
  end)

  it("raises without a key: it was nothing to do", function()
    raises("bad argument #1 to 'remove'", referrals.remove)
    raises("bad argument #1 to 'remove'", referrals.remove, nil)
  end)
end)
