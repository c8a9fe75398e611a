local core = require "referrals.core"
local referrals = require "referrals"
local representation = require "referrals.representation"
local sandbox = require "referrals.sandbox"

local null = referrals.null
local ID = "49d90c72-3326-4f61-aacc-2cb57970448c"

-- A representation of these members; the envelope is added.
local function read(members, header_etag)
  local text = ('{"id":"%s",%s%s}'):format(ID, header_etag and "" or '"eTag":"\\"1\\"",', members)
  return assert(representation.read(text, header_etag))
end

local function edits_of(given)
  local change, err = representation.edits(given)
  assert.is_nil(err)
  return change
end

-- `edit` takes a member out of the table that was read from these members, which names it.
local function refuses_nil(members, member, edit, nulls)
  local given = read(members):table(nulls)
  edit(given)
  local change, err = representation.edits(given)
  assert.is_nil(change)
  assert.equal("validation", err.kind)
  assert.equal(member, err.member)
  assert.truthy(err.expected:find("nothing is removed by being set to nil", 1, true))
end

local function refuses(kind, text, message)
  local read_text, err = representation.read(text)
  assert.is_nil(read_text)
  assert.equal(kind, err.kind)
  assert.truthy(tostring(err):find(message, 1, true), tostring(err))
end

describe("representation.read", function()
  it("knows the id and the entity tag", function()
    local found = read '"status":"New"'
    assert.equal(ID, found.id)
    assert.equal('"1"', found.etag)
  end)

  it("takes the header's tag where the body has none", function()
    assert.equal('"h"', read('"a":1', '"h"').etag)
    assert.equal('"h"', read('"eTag":null', '"h"').etag)
    assert.equal('"h"', read('"eTag":5', '"h"').etag)
    assert.equal('"b"', assert(representation.read('{"id":"1","eTag":"\\"b\\""}', '"h"')).etag)
    assert.is_nil(assert(representation.read '{"id":"1"}').etag)
  end)

  it("refuses what is no referral", function()
    refuses("protocol", "<html>", "no valid JSON at line 1, column 1: expected a JSON value")
    refuses("protocol", '{"id":"1",\n  "a":}', "no valid JSON at line 2, column 7: expected a JSON value")
    refuses("protocol", "[]", "expected a JSON object")
    refuses("protocol", "{}", "it has no id")
    refuses("protocol", '{"id":5}', "it has no id")
    refuses("protocol", '{"id":"1","eTag":"a\\nb"}', "entity tag is unusable")
  end)

  it("skips a byte order mark", function()
    assert.equal("1", assert(representation.read '\239\187\191{"id":"1"}').id)
  end)
end)

describe("a table that was read", function()
  it("has null as nil, and in arrays as referrals.null", function()
    local given = read('"a":null,"o":{"b":null,"c":1},"l":[null,{"d":null}]'):table()
    assert.is_nil(given.a)
    assert.same({ c = 1 }, given.o)
    assert.equal(null, given.l[1])
    assert.same({}, given.l[2])
  end)

  it("keeps all nulls where that was asked for", function()
    local given = read('"a":null,"o":{"b":null},"l":[null,{"d":null}]'):table(true)
    assert.equal(null, given.a)
    assert.equal(null, given.o.b)
    assert.equal(null, given.l[2].d)
  end)

  it("has integers where Lua has them", function()
    local given = read('"a":1,"b":1.0,"c":1e2,"d":1.5,"l":[2.0],"big":1e300,"z":-0,"e":9007199254740992'):table()
    assert.same({ 1, 1, 100, 1.5, 2, 1e300, 0 }, { given.a, given.b, given.c, given.d, given.l[1], given.big, given.z })
    if math.type then
      for _, name in ipairs { "a", "b", "c", "z", "e" } do
        assert.equal("integer", math.type(given[name]), name)
      end
      assert.equal("integer", math.type(given.l[1]))
      assert.equal("float", math.type(given.d))
      assert.equal("float", math.type(given.big))
    end
  end)

  it("has date-times as the text they were", function()
    assert.equal("2018-11-06T18:40:42.6178337Z", read('"t":"2018-11-06T18:40:42.6178337Z"'):table().t)
  end)

  it("has its entity tag, also when only the header had it", function()
    assert.equal('"1"', read('"a":1'):table().eTag)
    assert.equal('"h"', read('"a":1', '"h"'):table().eTag)
    assert.equal('"h"', read('"eTag":null', '"h"'):table(true).eTag)
    assert.equal('"h"', read('"a":1', '"h"'):minimal().eTag)
  end)

  it("can be read although half a surrogate pair stands in it", function()
    assert.equal("\239\191\189x", read('"a":"\\ud800x"'):table().a)
    assert.equal("\239\191\189x", representation.decode '"\\ud800x"')
    assert.same({ "\240\159\152\128" }, representation.decode '["\\ud83d\\ude00"]')
  end)

  it("leads to what it was read from, without keeping it alive", function()
    local found = read '"a":1'
    local given = found:table()
    assert.equal(found, representation.of(given))
    assert.is_nil(representation.of {})
    assert.is_nil(representation.of "text")
    local weak = setmetatable({ given = given }, { __mode = "v" })
    given = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    assert.is_nil(weak.given)
  end)
end)

describe("a table that was read", function()
  it("is given up although an element of it was linked back to it", function()
    local given = read('"team":[{"email":"a"}],"details":{"notes":[[1]]}'):table()
    given.team[1].referral, given.details.notes[1].referral, given.details.referral = given, given, given
    local weak = setmetatable({ given = given }, { __mode = "v" })
    given = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    assert.is_nil(weak.given)
  end)
end)

describe("returns", function()
  local text = '{"id":"1","eTag":"\\"1\\"","status":"New","substatus":null,"updatedDateTime":"2018","details":{}}'
  local found = assert(representation.read(text))

  it("minimal is five members", function()
    assert.same({ id = "1", eTag = '"1"', status = "New", updatedDateTime = "2018" }, found:give "minimal")
  end)

  it("text is the bytes", function()
    assert.equal(text, found:give "text")
    found.body = "\239\187\191" .. text
    assert.equal("\239\187\191" .. text, found:give "text")
  end)

  it("representation is all of it", function()
    assert.same({ id = "1", eTag = '"1"', status = "New", updatedDateTime = "2018", details = {} }, found:give())
  end)
end)

describe("the edits of a table that was read", function()
  local members = '"status":"New","n":50000.00,"o":{"a":1,"p":{"x":"y"}},"l":[{"a":1,"b":null,"c":{"d":2}},{"a":2}],'
    .. '"e":[],"f":{},"z":null,"a/b~c":{"q":1}'

  local function edited(edit, nulls)
    local given = read(members):table(nulls)
    edit(given)
    return edits_of(given)
  end

  it("are none when nothing was edited", function()
    assert.same({}, edited(function() end))
    assert.same({}, edited(function() end, true))
  end)

  it("are none when everything was set to what it was", function()
    assert.same({}, edited(function(r)
      r.status, r.n, r.o, r.e, r.f = "New", 50000, { a = 1, p = { x = "y" } }, {}, {}
      r.l = { { a = 1, c = { d = 2 } }, { a = 2 } }
    end))
  end)

  it("are only the members that differ", function()
    assert.same({ status = "Closed" }, edited(function(r)
      r.status = "Closed"
    end))
    assert.same({ o = { p = { x = "z" } } }, edited(function(r)
      r.o.p.x = "z"
    end))
    assert.same({ o = { new = true }, added = "text" }, edited(function(r)
      r.o.new, r.added = true, "text"
    end))
    assert.same({ n = null, z = null }, edited(function(r)
      r.n, r.z = null, null
    end))
  end)

  it("have an array as a whole", function()
    assert.same({ l = { { a = 1, c = { d = 2 } }, { a = 3 } } }, edited(function(r)
      r.l[2].a = 3
    end))
    assert.same({ l = { { a = 2 } } }, edited(function(r)
      table.remove(r.l, 1)
    end))
    assert.same({ l = {} }, edited(function(r)
      r.l = {}
    end))
    assert.same({ e = { "x" } }, edited(function(r)
      r.e[1] = "x"
    end))
  end)

  it("keep the values with a meaning", function()
    local change = edited(function(r)
      r.l, r.e, r.new = referrals.remove { a = 1 }, referrals.add "x", referrals.array {}
    end)
    assert.equal(core.json.remove, getmetatable(change.l))
    assert.equal(core.json.add, getmetatable(change.e))
    assert.equal(core.json.array, getmetatable(change.new))
  end)

  it("pass over the eTag, links and annotations, set to nil or not", function()
    local given = read('"links":{"self":1},"@odata.context":"c","o":{"@odata.type":"t","a":1},"l":[{"@odata.id":1}]')
      :table()
    given.eTag, given.links, given["@odata.context"], given.o["@odata.type"] = nil, { 2 }, "d", nil
    given.l[1]["@odata.id"] = nil
    given["x@odata.count"] = 1
    assert.same({ l = { {} } }, edits_of(given))
  end)

  it("may set a member to null that a minimal table does not show: it was taken for nothing to do", function()
    local given = read('"statusReason":"x","details":{"notes":"y"}'):minimal()
    given.statusReason, given.details = null, { notes = null }
    assert.same({ statusReason = null, details = { notes = null } }, edits_of(given))
  end)

  it("of a minimal table are the members that were set", function()
    local given = read('"status":"New","substatus":"Pending"'):minimal()
    assert.same({}, edits_of(given))
    given.status, given.details = "Closed", { notes = "x" }
    assert.same({ status = "Closed", details = { notes = "x" } }, edits_of(given))
  end)

  it("name a member that was set to nil", function()
    refuses_nil(members, "status", function(r) r.status = nil end)
    refuses_nil(members, "o.p.x", function(r) r.o.p.x = nil end)
    refuses_nil(members, "o.p", function(r) r.o.p = nil end)
    refuses_nil(members, "o.a", function(r) r.o = { p = { x = "y" } } end)
    refuses_nil(members, "l", function(r) r.l = nil end)
    refuses_nil(members, "id", function(r) r.id = nil end)
    refuses_nil(members, "z", function(r) r.z = nil end, true)
    refuses_nil(members, "a/b~c.q", function(r) r["a/b~c"].q = nil end)
  end)

  it("name a member of an array's element that was set to nil, wherever the element moved", function()
    refuses_nil(members, "l[1].a", function(r) r.l[1].a = nil end)
    refuses_nil(members, "l[1].c.d", function(r) r.l[1].c.d = nil end)
    refuses_nil(members, "l[2].a", function(r)
      table.remove(r.l, 1)
      r.l[1].a = nil
      r.l[1].x = 1
    end)
    refuses_nil(members, "l[1].b", function(r) r.l[1].b = nil end, true)
  end)

  it("name a member lost in an array inside of an array's element: it was dropped without a word", function()
    local deep = '"registrations":[{"solutionDetails":[{"id":"s","value":1.50}],"m":[[{"a":1}]]}],"a/b":[{"c":1}]'
    refuses_nil(deep, "registrations[1].solutionDetails[1].value", function(r)
      r.registrations[1].solutionDetails[1].value = nil
    end)
    refuses_nil(deep, "registrations[1].m[1][1].a", function(r)
      r.registrations[1].m[1][1].a = nil
    end)
    refuses_nil(deep, "a/b[1].c", function(r)
      r["a/b"][1].c = nil
    end)
  end)

  it("end on an element that was put into itself", function()
    local given = read('"l":[{"m":[{"a":1}]}]'):table()
    given.l[1].m[1] = given.l[1]
    assert.equal(given.l, edits_of(given).l)
    assert.is_nil((core.json.write(given.l)))
  end)
end)

-- What the service has, byte for byte, and what it is read as; through the client, on the service's record.
describe("the round trip", function()
  local VALUES = {
    "null", "[]", "[ ]", "{}", "{ }", "true", "false", "0", "-0", "1e2", "50000.00", "123456789012345.67",
    "12345678901234567890", "0.1000000000000000055", "-1.50E-3", '"\\u00e9\\ud83d\\ude00"', '"a\\/b"', '"\\ud800"',
    '"\\u0000"', '"2018-11-06T18:40:42.6178337Z"', '"12"', "[null]", '[ 1.0 ,{"x" : null,"y":[ ]} ]',
    '{"deep" : [{"er":{"n":1.10 , "o":{}}}]}', '{"n":null}', "9007199254740993", "1e-400",
  }
  local unknown = {}
  for i, value in ipairs(VALUES) do
    unknown[i] = ('    "unknown%d" : %s,\n'):format(i, value)
  end
  local STORED = sandbox.example
    :gsub('"dealValue": 50000,', '"dealValue": 50000.00,\n        "customerAction": null,')
    :gsub('    "eTag"', function(name)
      return table.concat(unknown) .. name
    end)
  local UNLINKED = STORED:gsub(',\n    "links": %b{}', "")

  local service, client
  before_each(function()
    service = sandbox.new { empty = true }
    service:store(STORED)
    client = assert(referrals.new { sandbox = service, token = "t" })
  end)

  local function methods()
    local made = {}
    for i, entry in ipairs(service.record) do
      made[i] = entry.method
    end
    return table.concat(made, " ")
  end

  for _, options in ipairs { {}, { nulls = true }, { returns = "minimal" } } do
    local how = options.nulls and "with nulls" or options.returns or "plain"

    it("sends no write when the same table comes back, " .. how, function()
      local given = assert(client:get(ID, options))
      local _, err, info = client:update(ID, given)
      assert.is_nil(err)
      assert.is_false(info.changed)
      assert.equal("GET GET", methods())
      assert.equal(STORED, service:stored(ID))
    end)

    it("leaves every other byte when one member changes, " .. how, function()
      local given = assert(client:get(ID, options))
      given.status, given.substatus = "Closed", "Won"
      assert(client:update(ID, given))
      assert.equal("GET PUT", methods())
      local expected = UNLINKED:gsub('"status": "New"', '"status": "Closed"', 1):gsub('"Pending"', '"Won"', 1)
      assert.equal((expected:gsub("%s*$", "")), (service.record[#service.record].body:gsub("%s*$", "")))
    end)
  end

  it("sends no write when a copy of the table comes back", function()
    local function copy(value)
      if type(value) ~= "table" then
        return value
      end
      local made = {}
      for key, member in pairs(value) do
        made[key] = copy(member)
      end
      return made
    end
    local given = copy(assert(client:get(ID)))
    given.unknown18 = nil -- half a surrogate pair, which no Lua string says
    local _, err, info = client:update(ID, given)
    assert.is_nil(err)
    assert.is_false(info.changed)
    assert.equal("GET GET", methods())
  end)

  it("sends no write when the text comes back", function()
    local text = assert(client:get(ID, { returns = "text" }))
    assert.equal(STORED, text)
    local _, err, info = client:update(ID, text)
    assert.is_nil(err)
    assert.is_false(info.changed)
    assert.equal("GET GET", methods())
  end)

  for i, value in ipairs(VALUES) do
    it("leaves the bytes of the others when it changes: " .. value, function()
      local given = assert(client:get(ID, { nulls = true }))
      given["unknown" .. i] = "changed"
      assert(client:update(ID, given))
      local line = ('"unknown%d" : '):format(i)
      local from, to = UNLINKED:find(line .. value, 1, true)
      local expected = UNLINKED:sub(1, from - 1) .. line .. '"changed"' .. UNLINKED:sub(to + 1)
      assert.equal((expected:gsub("%s*$", "")), (service.record[#service.record].body:gsub("%s*$", "")))
    end)
  end

  it("refuses what is deeper than the bound", function()
    local deep = (sandbox.example:gsub('"eTag"', '"deep": ' .. ("["):rep(64) .. ("]"):rep(64) .. ', "eTag"', 1))
    service:store(deep)
    local given, err = client:get(ID)
    assert.is_nil(given)
    assert.equal("protocol", err.kind)
    assert.truthy(err.message:find("at most 64 objects and arrays inside each other", 1, true), err.message)
    service:store((deep:gsub("%[%[", "[", 1):gsub("%]%]", "]", 1)))
    assert.is_table((client:get(ID)))
  end)

  it("tells of changed members in which half a surrogate pair stands: it raised", function()
    local _, err, info = client:update(ID, { unknown18 = "mended" })
    assert.is_nil(err)
    assert.same({ { member = "unknown18", from = "\239\191\189", to = "mended" } }, info.members)
  end)
end)
