local change = require "referrals.change"
local changing = require "support.changing"
local referrals = require "referrals"
local representation = require "referrals.representation"
local sandbox = require "referrals.sandbox"

local null = referrals.null
local ID, current, becomes, text_of = changing.ID, changing.current, changing.becomes, changing.text_of
local refuses, raises = changing.refuses, changing.raises

local service, client
before_each(function()
  service = sandbox.new()
  client = assert(referrals.new { sandbox = service, token = "t" })
end)

local function writes_nothing(given, member)
  changing.writes_nothing(service, client, given, member)
end

describe("a change as a table", function()
  it("sets members and leaves what it does not mention", function()
    becomes('"status":"New","details":{"notes":"x","dealValue":50000.00}', { details = { notes = "y" } },
      '"status":"New","details":{"notes":"y","dealValue":50000.00}')
    becomes('"status":"New"', { status = null }, '"status":null')
  end)

  it("is not changed itself", function()
    local given = { team = referrals.remove "a@b.c", details = { requirements = { offers = referrals.remove "x" } } }
    becomes('"team":[{"email":"a@b.c"}]', given, '"team":[]')
    assert.equal("a@b.c", given.team.match)
    assert.equal("x", given.details.requirements.offers.match)
  end)

  it("must be a table of members", function()
    refuses({ "a", "b" }, "change", "a table of members")
    refuses(referrals.array {}, "change", "a table of members")
    refuses(referrals.add "x", "change", "a table of members")
    refuses(referrals.remove "x", "change", "no removal here")
    writes_nothing({ { status = "Closed" } }, "change")
  end)

  it("is refused with the member named, and nothing is written", function()
    local cycle = { details = {} }
    cycle.details.more = cycle
    writes_nothing({ details = { notes = "\255" } }, "details.notes")
    writes_nothing({ details = { dealValue = 0 / 0 } }, "details.dealValue")
    writes_nothing({ details = { notes = print } }, "details.notes")
    writes_nothing({ team = { "x", nil, "y" } }, "team")
    writes_nothing({ team = { "x", y = 1 } }, "team")
    writes_nothing({ unknown = {} }, "unknown")
    writes_nothing(cycle, "details.more")
  end)

  it("that contains itself is refused, not walked for ever", function()
    local cycle = {}
    cycle.a = { b = cycle }
    refuses(cycle, "a.b", "does not contain itself")
  end)

  it("that is too deep is refused by the name of its depth", function()
    local deep = {}
    local inner = deep
    for _ = 1, 70 do
      inner.a = {}
      inner = inner.a
    end
    refuses(deep, ("a."):rep(63) .. "a", "at most 64 tables inside each other")
  end)
end)

describe("a change as JSON text", function()
  it("is applied as it is written", function()
    becomes('"n":1,"l":[]', '\239\187\191 {"n": 2.50,"l":[ 1e1 ], "o":{}}', '"n":2.50,"l":[1e1],"o":{}')
  end)

  it("must be a JSON object", function()
    refuses("[1]", "change", "a JSON object")
    refuses("5", "change", "a JSON object")
    refuses('{"a":}', "change", "no valid JSON at line 1, column 6: expected a JSON value")
    refuses("", "change", "no valid JSON")
    refuses('{"a":\1}', "change", "no valid JSON") -- the core's own marks are not for users
    refuses("\1", "change", "no valid JSON")
    refuses('{"a":\4[0]}', "change", "no valid JSON")
  end)

  it("says whom it is about and which version it is for", function()
    local made = assert(change.new('{"id":"1","eTag":"\\"x\\"","n":1}'))
    assert.equal("1", made.id)
    assert.equal('"x"', made.etag)
    made = assert(change.new '{"id":null,"eTag":null}')
    assert.is_nil(made.id)
    assert.is_nil(made.etag)
  end)

  it("with an id or an eTag that is no text is refused, as in a table", function()
    writes_nothing('{"id":5,"status":"Closed"}', "id")
    writes_nothing('{"eTag":5,"status":"Closed"}', "eTag")
    writes_nothing({ id = 5, status = "Closed" }, "id")
    writes_nothing({ eTag = 5, status = "Closed" }, "eTag")
  end)
end)

describe("a change as a function", function()
  local function with(fn)
    return text_of(fn, '"status":"New","l":[1]')
  end

  it("may edit the table it gets", function()
    becomes('"status":"New","l":[1.0]', function(r)
      r.status = "Closed"
      table.insert(r.l, 2)
    end, '"status":"Closed","l":[1.0,2]')
    becomes('"status":"New"', function(r)
      r.status = "Closed"
      return r
    end, '"status":"Closed"')
  end)

  it("may return another table, or JSON text", function()
    becomes('"status":"New"', function(r)
      return { status = "was " .. r.status }
    end, '"status":"was New"')
    becomes('"status":"New"', function()
      return '{"status":"Closed"}'
    end, '"status":"Closed"')
    becomes('"team":[{"email":"a"},{"email":"b"}]', function()
      return { team = referrals.remove "a" }
    end, '"team":[{"email":"b"}]')
  end)

  it("may return a table read elsewhere, whose edits count", function()
    local other = current('"status":"New","n":1'):table()
    other.status = "Closed"
    becomes('"status":"New","n":2', function()
      return other
    end, '"status":"Closed","n":2')
  end)

  it("says no with false and why", function()
    assert.same({ nil, nil, "not now" }, { with(function() return false, "not now" end) })
    assert.same({ nil, nil, "the function said no" }, { with(function() return false end) })
  end)

  it("must return what can be a change", function()
    for _, wrong in ipairs { 5, true, print } do
      local text, err = with(function() return wrong end)
      assert.is_nil(text)
      assert.equal("validation", err.kind)
      assert.truthy(err.expected:find("from the function, not a " .. type(wrong), 1, true))
    end
  end)

  it("may not set a member to nil", function()
    local text, err = with(function(r) r.status = nil end)
    assert.is_nil(text)
    assert.equal("status", err.member)
  end)

  it("must be about the referral it got, whatever form its result has", function()
    local elsewhere = assert(representation.read '{"id":"other","status":"New"}'):table()
    elsewhere.status = "Closed"
    for _, result in ipairs { { id = "other", status = "Closed" }, '{"id":"other","status":"Closed"}', elsewhere } do
      local text, err = with(function() return result end)
      assert.is_nil(text)
      assert.equal("id", err.member)
    end
    local text, err = with(function(r) r.id = "other" end)
    assert.is_nil(text)
    assert.equal("id", err.member)
    assert.equal("{", (with(function(r) return { id = r.id:upper() } end)):sub(1, 1))
  end)

  it("passes its raise through, and nothing is sent", function()
    local raised = { "mine" }
    local ok, caught = pcall(client.update, client, ID, function() error(raised) end)
    assert.is_false(ok)
    assert.equal(raised, caught)
    assert.equal(1, #service.record)
  end)
end)

describe("add", function()
  it("appends items, in whatever form the change is", function()
    becomes('"team":[{"email":"a"}]', { team = referrals.add { email = "b" } }, '"team":[{"email":"a"},{"email":"b"}]')
    becomes('"tags":["x"]', function() return { tags = referrals.add("x", "y") } end, '"tags":["x","y"]')
    becomes('"tags":["x"]', function(r) r.tags = referrals.add "y" end, '"tags":["x","y"]')
    becomes('"n":1', { team = referrals.add { email = "b" } }, '"n":1,"team":[{"email":"b"}]')
    becomes('"l":[1]', { l = referrals.add(false, null, 2) }, '"l":[1,false,null,2]')
  end)

  it("raises without an item, or with one that is no value: it was nothing to do", function()
    raises("bad argument #1 to 'add'", referrals.add)
    raises("bad argument #1 to 'add'", referrals.add, nil)
    raises("bad argument #2 to 'add'", referrals.add, "x", nil, "y")
    raises("bad argument #1 to 'add'", referrals.add, print)
  end)
end)

describe("an addition within an array's element", function()
  it("is refused", function()
    local inner = { a = referrals.add("the quick brown fox jumps over the lazy dog 12345678901234567890") }
    local version = current('"l":[{"a":["x"]},{"a":[]}]')
    local text = assert(assert(change.new { l = { inner, { a = {} } } }):text_for(version))
    local differences, expected = version.document:apply(text, change.PROTOTYPE)
    assert.is_nil(differences)
    assert.truthy(expected:find("addition", 1, true) or expected:find("add", 1, true), expected)
  end)
end)

describe("array", function()
  it("marks the table it is given", function()
    local items = {}
    assert.equal(items, referrals.array(items))
    becomes('"n":1', { unknown = referrals.array {} }, '"n":1,"unknown":[]')
  end)

  it("raises on anything else", function()
    raises("bad argument #1 to 'array' (table expected, got string)", referrals.array, "x")
    raises("bad argument #1 to 'array' (table expected, got nil)", referrals.array)
  end)
end)

describe("only_if", function()
  it("is text for the core", function()
    assert.equal('{"status":"New"}', change.condition { status = "New" })
  end)

  it("names what is wrong in it", function()
    local text, err = change.condition { details = { notes = print } }
    assert.is_nil(text)
    assert.equal("only_if.details.notes", err.member)
    assert.truthy(tostring(err):find("only_if.details.notes: expected", 1, true), tostring(err))
    text, err = change.condition { "New" }
    assert.is_nil(text)
    assert.equal("only_if", err.member)
  end)
end)

describe("the version of a change", function()
  it("is the option's, else the one inside", function()
    assert.equal('"a"', (change.version("a", "b")))
    assert.equal('"b"', (change.version(nil, '"b"')))
    assert.is_nil((change.version()))
  end)

  it("is one version, and nothing else", function()
    for _, wrong in ipairs { "*", "", "a\nb", 5, true, {} } do
      local version, err = change.version(nil, wrong)
      assert.is_nil(version)
      assert.equal("eTag", err.member)
      version, err = change.version(wrong)
      assert.is_nil(version)
      assert.equal("if_match", err.member)
    end
  end)
end)

describe("check_id", function()
  it("compares GUIDs without case", function()
    assert.is_nil(change.check_id(ID:upper(), ID))
    assert.is_nil(change.check_id(nil, ID))
  end)

  it("names both ids", function()
    local err = change.check_id("other", ID)
    assert.equal("id: the change is about 'other', not about '" .. ID .. "'", err.message)
    assert.equal("validation", change.check_id({}, ID).kind)
  end)
end)

describe("encode", function()
  it("gives the bytes that were read, edits applied, without links and annotations", function()
    local given = current('"n":50000.00,"links":{},"l":[ ],"@odata.context":"c","s":"x"'):table()
    assert.equal('{"id":"' .. ID .. '","eTag":"\\"1\\"","n":50000.00,"l":[ ],"s":"x"}', change.encode(given))
    given.s, given.l = "y", referrals.add(1)
    assert.equal('{"id":"' .. ID .. '","eTag":"\\"1\\"","n":50000.00,"l":[1 ],"s":"y"}', change.encode(given))
  end)

  it("writes any other table by itself", function()
    assert.equal('{"team":[]}', change.encode { team = {} })
    assert.equal('{"details":{"dealValue":12.50}}', change.encode { details = { dealValue = "12.50" } })
    assert.equal("{}", change.encode {})
  end)

  it("names what it cannot write", function()
    local text, err = change.encode { unknown = {} }
    assert.is_nil(text)
    assert.equal("unknown", err.member)
    local given = current('"s":"x"'):table()
    given.s = nil
    text, err = change.encode(given)
    assert.is_nil(text)
    assert.equal("s", err.member)
  end)

  it("is of one referral: an id that was edited is refused and not passed over", function()
    local given = current('"s":"x"'):table()
    given.id, given.s = "another", "y"
    local text, err = change.encode(given)
    assert.is_nil(text)
    assert.same({ "validation", "id" }, { err.kind, err.member })
    given.id = ID:upper()
    assert.truthy(change.encode(given):find('"id":"' .. ID, 1, true))
  end)

  it("raises on what is no table", function()
    raises("bad argument #1 to 'encode' (table expected, got string)", referrals.encode, "{}")
  end)
end)
