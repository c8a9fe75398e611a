local change = require "referrals.change"
local referrals = require "referrals"
local representation = require "referrals.representation"
local sandbox = require "referrals.sandbox"

local null = referrals.null
local ID = "49d90c72-3326-4f61-aacc-2cb57970448c"

local service, client
before_each(function()
  service = sandbox.new()
  client = assert(referrals.new { sandbox = service, token = "t" })
end)

local function current(members)
  return assert(representation.read(('{"id":"%s","eTag":"\\"1\\"",%s}'):format(ID, members)))
end

-- The document that a change makes of these members, without the envelope.
local function becomes(members, given, expected)
  local version = current(members)
  local made, err = change.new(given)
  assert.is_nil(err)
  local text
  text, err = made:text_for(version)
  assert.is_nil(err)
  local differences, next_text = version.document:apply(text, change.PROTOTYPE)
  assert.truthy(differences, next_text)
  assert.equal(expected, (next_text or version.document:written()):match('^{"id":"[^"]*","eTag":"\\"1\\"",(.*)}$'))
end

local function text_of(given, members)
  local made, err = change.new(given)
  if not made then
    return nil, err
  end
  return made:text_for(current(members or '"a":1'))
end

local function refuses(given, member, expected)
  local text, err = text_of(given)
  assert.is_nil(text)
  assert.equal("validation", err.kind)
  assert.equal(member, err.member)
  assert.truthy(tostring(err):find(expected, 1, true), tostring(err))
end

-- A change that writes nothing, and why.
local function writes_nothing(given, member)
  local value, err = client:update(ID, given)
  assert.is_nil(value)
  assert.equal("validation", err.kind)
  assert.equal(member, err.member)
  assert.is_false(err.applied)
  for _, entry in ipairs(service.record) do
    assert.equal("GET", entry.method)
  end
end

local function raises(message, call, ...)
  local ok, raised = pcall(call, ...)
  assert.is_false(ok)
  assert.truthy(raised:find("spec/removal_spec.lua", 1, true) or raised:find("^bad"), raised)
  assert.truthy(raised:find(message, 1, true), raised)
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
