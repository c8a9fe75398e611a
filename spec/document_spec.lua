local applying = require "support.applying"
local core = require "referrals.core"
local random_document = require "support.random_document"
local referrals = require "referrals"

local read = core.document.read
local null = referrals.null

local PROTOTYPE = applying.PROTOTYPE
local apply, becomes, stays = applying.apply, applying.becomes, applying.stays

local MOMENT = 30 -- seconds, which also a checked build on a busy machine does not need

local function written(text)
  return assert(read(text)):written()
end

local function patch(text, change)
  local _, operations = apply(text, change, "patch")
  return operations
end

describe("document.read", function()
  it("takes an object, white space and a byte order mark around it", function()
    assert.equal('{"a": 1}', assert(read ' \n{"a": 1}\t'):text())
    assert.equal("{}", assert(read "\239\187\191{}"):text())
  end)

  it("says what was expected and where", function()
    assert.same({ nil, "a JSON object", 1 }, { read "[]" })
    assert.same({ nil, "a JSON value", 6 }, { read '{"a":}' })
    assert.same({ nil, "a JSON value", 9 }, { read '\239\187\191{"a":}' })
    assert.same({ nil, "a JSON value", 1 }, { read "" })
  end)

  it("keeps the text it was given", function()
    local text = '{ "b" : 50000.00 ,"links":{}, "@odata.context":"x" }'
    assert.equal(text, assert(read(text)):text())
  end)

  it("gives strings of the root, unescaped, the last of a name", function()
    local document = assert(read '{"a":"x","e":"\\u00e9\\ud83d\\ude00\\/","n":1,"z":null,"a":"last"}')
    assert.equal("last", document:string "a")
    assert.equal("\195\169\240\159\152\128/", document:string "e")
    assert.is_nil(document:string "n")
    assert.is_nil(document:string "z")
    assert.is_nil(document:string "x")
  end)

  it("gives the text of any value by its pointer", function()
    local document = assert(read '{"a":{"b":[1.50,{"c/d":null}]},"":2}')
    assert.equal("1.50", document:get "/a/b/0")
    assert.equal("null", document:get "/a/b/1/c~1d")
    assert.equal("2", document:get "/")
    assert.equal(document:text(), document:get "")
    assert.is_nil(document:get "/a/b/2")
    assert.is_nil(document:get "/x")
    assert.is_nil(document:get "a")
  end)

  it("keeps half a surrogate pair as it is written", function()
    local text = '{"a":"\\ud800","b":"\\ud83d\\ude00","c":"\\udc00\\ud800x","d":"\\\\ud800"}'
    assert.equal(text, assert(read(text)):text())
  end)
end)

describe("document.apply changes", function()
  local text = '{ "a" : 1 ,\n  "b":"x", "c" : [ 1 ,2 ] }'

  it("the first, a middle and the last member", function()
    becomes(text, { a = 2 }, '{ "a" : 2 ,\n  "b":"x", "c" : [ 1 ,2 ] }')
    becomes(text, { b = "y" }, '{ "a" : 1 ,\n  "b":"y", "c" : [ 1 ,2 ] }')
    becomes(text, { c = true }, '{ "a" : 1 ,\n  "b":"x", "c" : true }')
  end)

  it("several at once", function()
    becomes(text, { a = null, b = false, c = { 3 } }, '{ "a" : null ,\n  "b":false, "c" : [3] }')
  end)

  it("members of objects inside, and leaves their siblings", function()
    becomes('{"o":{ "a" : 1, "p": {"x":1.0,"y":2.0} },"z":0}', { o = { p = { x = 3 } } },
      '{"o":{ "a" : 1, "p": {"x":3,"y":2.0} },"z":0}')
  end)

  it("the last of several members of one name, which is the one that counts", function()
    becomes('{"a":1,"a":2,"b":3}', { a = 5 }, '{"a":1,"a":5,"b":3}')
    stays('{"a":1,"a":2}', { a = 2 })
    becomes('{"a":1,"\\u0061":2}', { a = 1 }, '{"a":1,"\\u0061":1}')
    becomes('{"o":{"a":1,"a":2}}', { o = { a = 1 } }, '{"o":{"a":1,"a":1}}')
    becomes('{"a":1}', '{"a":2,"a":3}', '{"a":3}')
    becomes('{"o":1,"o":{"a":1}}', { o = { a = 2 } }, '{"o":1,"o":{"a":2}}')
  end)

  it("members whose names are escaped", function()
    becomes('{"\\u0061\\/b":1}', { ["a/b"] = 2 }, '{"\\u0061\\/b":2}')
    becomes('{"\195\169":1}', '{"\\u00e9":2}', '{"\195\169":2}')
    becomes('{"\\ud83d\\ude00":1}', { ["\240\159\152\128"] = 2 }, '{"\\ud83d\\ude00":2}')
    becomes('{"q\\"":1}', { ['q"'] = 2 }, '{"q\\"":2}')
  end)

  it("one kind of value into another", function()
    becomes('{"a":{"b":1}}', { a = { 1 } }, '{"a":[1]}')
    becomes('{"a":[1]}', { a = { b = 1 } }, '{"a":{"b":1}}')
    becomes('{"a":null}', { a = { b = null } }, '{"a":{"b":null}}')
    becomes('{"a":{"b":1}}', { a = null }, '{"a":null}')
  end)
end)

describe("document.apply inserts", function()
  it("into an empty object", function()
    becomes("{}", { a = 1 }, '{"a":1}')
    becomes("{ }", { a = 1, b = 2 }, '{"a":1,"b":2 }')
    becomes('{"o":{}}', { o = { a = 1, b = { c = true } } }, '{"o":{"a":1,"b":{"c":true}}}')
  end)

  it("behind the last member", function()
    becomes('{"a":1}', { b = 2 }, '{"a":1,"b":2}')
    becomes('{"z":1}', { c = 4, b = 3, a = 2 }, '{"z":1,"a":2,"b":3,"c":4}')
    becomes('{\n  "a": 1,\n  "b": 2\n}\n', { c = 3 }, '{\n  "a": 1,\n  "b": 2,"c":3\n}')
    becomes('{"o":{ "a":1 },"z":[ ]}', { o = { b = 2 } }, '{"o":{ "a":1,"b":2 },"z":[ ]}')
  end)

  it("behind a member that is changed too", function()
    becomes('{"a":1}', { a = 2, b = 3 }, '{"a":2,"b":3}')
    becomes('{"a":1,"links":{}}', { a = 2, b = 3 }, '{"a":2,"b":3}')
  end)

  it("where only what is never written stands", function()
    becomes('{"links":{}}', { a = 1 }, '{"a":1}')
    becomes('{ "@odata.context":"x" , "links":{} }', { a = 1, b = 2 }, '{"a":1,"b":2  }')
    becomes('{"a":1,"links":{}}', { b = 2 }, '{"a":1,"b":2}')
    becomes('{"links":{},"a":1}', { b = 2 }, '{"a":1,"b":2}')
    becomes('{"o":{"@odata.type":"x"}}', { o = { a = 1 } }, '{"o":{"a":1}}')
  end)

  it("no null, for that is what absence says", function()
    stays('{"a":1}', { b = null })
    stays('{"o":{}}', { o = { b = null } })
  end)
end)

describe("document.written", function()
  it("leaves links out, first, in the middle, last, alone", function()
    assert.equal('{"a":1}', written '{"links":{"self":{}},"a":1}')
    assert.equal('{"a":1,"b":2}', written '{"a":1,"links":[1,"}"],"b":2}')
    assert.equal('{"a":1}', written '{"a":1,"links":null}')
    assert.equal("{}", written '{"links":{}}')
    assert.equal('{ "a":1 , "b":2\n}', written '{ "a":1 , "links" : 5 , "b":2\n}')
    assert.equal('{"a":1}', written '{"\\u006cinks":1,"a":1,"links":2}')
    assert.equal('{"Links":1,"link":2,"linksx":3}', written '{"Links":1,"link":2,"linksx":3}')
  end)

  it("leaves OData annotations out, first, in the middle, last, alone, several", function()
    assert.equal('{"a":1}', written '{"@odata.context":"x","a":1}')
    assert.equal('{"a":1,"b":2}', written '{"a":1,"a@odata.type":"#x","b":2}')
    assert.equal('{"a":1}', written '{"a":1,"@odata.etag":"x"}')
    assert.equal("{}", written '{"@odata.etag":"x"}')
    assert.equal("{}", written '{"@odata.etag":"x","links":1,"a@odata.type":2}')
    assert.equal('{"a":1,"b":2}', written '{"@odata.x":1,"links":2,"a":1,"@odata.y":3,"links":4,"b":2,"@odata.z":5}')
    assert.equal('{"a":1}', written '{"\\u0040odata.context":"x","a":1,"@\\u006fdata.y":2}')
  end)

  it("leaves annotations out of objects and arrays inside, and nothing else", function()
    assert.equal('{"o":{"a":1}}', written '{"o":{"@odata.type":"x","a":1}}')
    assert.equal('{"o":{"a":1, "b" : 2}}', written '{"o":{"a":1,"@odata.type":"x", "b" : 2}}')
    assert.equal('{"o":{}}', written '{"o":{"@odata.type":"x"}}')
    assert.equal('{"t":[{"a":1},{ "b":[{}]}]}', written
      '{"t":[{"a":1,"x@odata.y":1},{ "@odata.e":1,"b":[{"@odata.f":{}}]}]}')
    assert.equal('{"o":{"links":1}}', written '{"o":{"links":1}}')
    assert.equal('{"a":"@odata.context"}', written '{"a":"@odata.context"}')
    assert.equal('{"@other":1,"odata.x":2}', written '{"@other":1,"odata.x":2}')
  end)

  it("drops the same when something changes", function()
    becomes('{"@odata.context":"c","t":[{"@odata.type":"x","s":"a"}],"links":{},"n":1}', { n = 2 },
      '{"t":[{"s":"a"}],"n":2}')
  end)
end)

describe("document.apply passes over", function()
  it("id, eTag, links and annotations in a change", function()
    local text = '{"id":"1","eTag":"x","links":{"a":1},"@odata.context":"c","n":1}'
    stays(text, '{"id":"2","eTag":"y","links":{"a":2},"@odata.context":"d","@odata.new":1,"n@odata.type":"t"}')
    becomes(text, '{"id":"2","eTag":"y","links":{},"n":2}', '{"id":"1","eTag":"x","n":2}')
    stays('{"n":1}', '{"id":"2","eTag":"y","links":{}}')
  end)

  it("annotations inside, but not what is called id, eTag or links there", function()
    becomes('{"o":{"id":1,"links":1,"eTag":1}}', '{"o":{"id":2,"links":2,"eTag":2,"@odata.x":1}}',
      '{"o":{"id":2,"links":2,"eTag":2}}')
    becomes("{}", '{"x":{"@odata.type":"t","a":1,"b@odata.c":2}}', '{"x":{"a":1}}')
  end)

  it("annotations in the elements of an array: they made the same change be found again and again", function()
    stays('{"t":[{"@odata.type":"x","s":"a"}],"n":1}', '{"t":[{"@odata.type":"x","s":"a"}]}')
    becomes('{"t":[{"s":"a"}]}', '{"t":[{"@odata.type":"x","s":"b"}]}', '{"t":[{"s":"b"}]}')
  end)
end)

describe("differences", function()
  it("say what, from what, to what", function()
    local differences = apply('{"a":1.0,"o":{"b":"x"},"l":["p"]}',
      { a = 2, o = { b = "y", c = true }, l = referrals.add "q" })
    assert.same({
      { pointer = "/a", act = "set", from = "1.0", to = "2" },
      { pointer = "/l", act = "append", from = '["p"]', to = '["p","q"]' },
      { pointer = "/o/b", act = "set", from = '"x"', to = '"y"' },
      { pointer = "/o/c", act = "insert", to = "true" },
    }, differences)
  end)

  it("come without the next text when only they are asked for", function()
    local differences, next_text = apply('{"a":1}', { a = 2 }, "differences")
    assert.equal(1, #differences)
    assert.is_nil(next_text)
  end)
end)

describe("as JSON Patch", function()
  it("replaces what is there, adds what is not", function()
    assert.equal('[{"op":"replace","path":"/a","value":2}]', patch('{"a":1}', { a = 2 }))
    assert.equal('[{"op":"add","path":"/b","value":{"c":[]}}]', patch('{"a":1}', { b = { c = referrals.array {} } }))
    assert.equal('[{"op":"replace","path":"/o/a","value":null},{"op":"add","path":"/o/b","value":1.50}]',
      patch('{"o":{"a":1}}', '{"o":{"a":null,"b":1.50}}'))
    assert.equal('[{"op":"replace","path":"/l","value":["x"]}]', patch('{"l":null}', { l = { "x" } }))
  end)

  it("appends each added item by itself", function()
    assert.equal('[{"op":"add","path":"/l/-","value":"b"},{"op":"add","path":"/l/-","value":"c"}]',
      patch('{"l":["a"]}', { l = referrals.add("a", "b", "c") }))
  end)

  it("escapes paths twice: as a pointer and as a string", function()
    assert.equal('[{"op":"replace","path":"/a~1b~0\\"","value":2}]', patch('{"a\\/b~\\"":1}', { ['a/b~"'] = 2 }))
    assert.equal('[{"op":"add","path":"/l~1/-","value":2}]', patch('{"l/":[1]}', { ["l/"] = referrals.add(2) }))
  end)

  it("writes half a surrogate pair in a path as the escape it was: it made the patch no JSON", function()
    local operations = patch('{"\\ud800":1}', '{"\\ud800":2}')
    assert.equal('[{"op":"replace","path":"/\\ud800","value":2}]', operations)
    assert.equal("[", (core.json.judge(operations)))
  end)

  it("is nothing when nothing differs", function()
    assert.is_nil(patch('{"a":1}', { a = 1 }))
  end)
end)

describe("big documents", function()
  local function with_members(count)
    local members = {}
    for i = 1, count do
      members[i] = ('"m%03d":%d.0'):format(i, i)
    end
    return members, "{" .. table.concat(members, ",") .. "}"
  end

  for _, count in ipairs { 31, 32, 33, 63, 64, 65, 200 } do
    it(("finds, changes and inserts among %d members"):format(count), function()
      local members, text = with_members(count)
      local change, expected = {}, {}
      for i, member in ipairs(members) do
        local name = ("m%03d"):format(i)
        change[name] = i % 2 == 0 and i or i + 0.5
        expected[i] = i % 2 == 0 and member or ('"%s":%d.5'):format(name, i)
      end
      change.new, change.another = true, false
      becomes(text, change, "{" .. table.concat(expected, ",") .. ',"another":false,"new":true}')
      becomes('{"o":' .. text .. "}", { o = change },
        '{"o":{' .. table.concat(expected, ",") .. ',"another":false,"new":true}}')
    end)

    it(("inserts behind the last of %d members in the text, whatever their names"):format(count), function()
      local members, backwards = with_members(count), {}
      for i, member in ipairs(members) do
        backwards[count + 1 - i] = member
      end
      local text = table.concat(backwards, ",")
      becomes('{"o":{' .. text .. "}}", { o = { new = true } }, '{"o":{' .. text .. ',"new":true}}')
      becomes("{" .. text .. "}", { new = true }, "{" .. text .. ',"new":true}')
    end)

    it(("takes the last of one name among %d members"):format(count), function()
      local _, text = with_members(count)
      becomes((text:gsub("}$", ',"m001":"last"}')), { m001 = "changed" }, (text:gsub("}$", ',"m001":"changed"}')))
      stays((text:gsub("^{", '{"m002":"first",')), { m002 = 2 })
    end)
  end

  it("changes a megabyte of members in a moment", function()
    local before, after, change = {}, {}, { big = {} }
    for i = 1, 20000 do
      local name, changed = ("member%05d"):format(i), i % 100 == 0
      local member = ('"%s":{"text":"%s","n":'):format(name, ("x"):rep(20))
      before[i] = ("%s%d.00}"):format(member, i)
      after[i] = changed and member .. "0}" or before[i]
      change.big[name] = { n = changed and 0 or i }
    end
    local text = '{"big":{' .. table.concat(before, ",") .. "}}"
    assert.is_true(#text > 1000000)
    local started = os.clock()
    local differences, next_text = apply(text, change)
    assert.is_true(os.clock() - started < MOMENT)
    assert.equal(200, #differences)
    assert.equal('{"big":{' .. table.concat(after, ",") .. "}}", next_text)
  end)

  it("moves ten thousand elements in a moment", function()
    local parts, values = {}, {}
    for i = 1, 10000 do
      parts[i] = ('{"id":"%d","n":%d.00}'):format(i, i)
      values[i] = { id = tostring(i), n = i }
    end
    table.insert(values, 1, "new")
    local started = os.clock()
    local _, next_text = apply('{"t":[' .. table.concat(parts, ",") .. "]}", { t = values })
    assert.is_true(os.clock() - started < MOMENT)
    assert.equal('{"t":["new",' .. table.concat(parts, ",") .. "]}", next_text)
  end)

  it("refuses a path of more than 64 KiB and says so", function()
    local differences, expected = apply("{}", { [("n"):rep(70000)] = 1 })
    assert.is_nil(differences)
    assert.truthy(expected:find("does not fit", 1, true))
  end)
end)

describe("document.resolve", function()
  it("writes a change by itself, its marks resolved by the prototype", function()
    assert.equal('{"l":[],"n":1.50,"o":{}}', core.document.resolve('{"l":\1,"n":"1.50","o":\1}', PROTOTYPE))
    assert.equal("{}", core.document.resolve("\1", PROTOTYPE))
    assert.equal("[]", core.document.resolve("\1", PROTOTYPE, "/l"))
  end)

  it("names what it cannot write", function()
    local text, expected, pointer = core.document.resolve('{"x":\1}', PROTOTYPE)
    assert.is_nil(text)
    assert.truthy(expected:find("an empty table says neither", 1, true))
    assert.equal("/x", pointer)
  end)
end)

describe("random changes of random documents", function()
  it("give what a slow model gives, and leave alone what they do not mention", function()
    local seed = tonumber(os.getenv("SPEC_SEED")) or os.time()
    local made = random_document.new(seed)
    for round = 1, 600 do
      local where = ("seed %d, round %d"):format(seed, round)
      local text, change = made:document(), made:change()
      local differences, next_text = apply(text, change)
      assert.truthy(differences, where)
      next_text = next_text or written(text)
      where = where .. "\n" .. text .. "\n" .. change .. "\n" .. next_text
      assert.same(random_document.model(text, change), random_document.meaning(next_text), where)
      assert.is_nil(random_document.lost(text, next_text, change), where)
      assert.same({}, (apply(next_text, change)), where)
    end
  end)
end)
