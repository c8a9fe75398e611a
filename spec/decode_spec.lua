local cjson = require "cjson"
local core = require "referrals.core"
local sandbox = require "referrals.sandbox"

local null = cjson.null

-- The table that a text reads as, and which of its tables stand in lists: table -> JSON Pointer.
local function decoded(text, nulls)
  local value, elements = assert(core.document.read(text)):decode(nulls)
  local pointers, places = core.json.element_pointers(text), {}
  for element, number in pairs(elements) do
    places[element] = pointers[number]
  end
  return value, places
end

local function is_integer(number)
  return (math.type or function() return "integer" end)(number) == "integer"
end

describe("a text that the core accepted, as Lua has it,", function()
  it("takes nulls out of objects, and none out of arrays", function()
    assert.same({ b = { c = {} }, d = { 1, null, { f = 2 } } },
      decoded '{"a":null,"b":{"c":{"x":null},"y":null},"d":[1,null,{"e":null,"f":2}]}')
    assert.same({ a = null, b = { c = null } }, (decoded('{"a":null,"b":{"c":null}}', true)))
  end)

  it("makes whole numbers integers, wherever they stand", function()
    local value = decoded '{"a":1,"b":[2,{"c":3.0}],"d":{"e":{"f":-4}}}'
    for _, number in ipairs { value.a, value.b[1], value.b[2].c, value.d.e.f } do
      assert.is_true(is_integer(number))
    end
    value = decoded '{"a":1.5,"b":1e300,"c":9007199254740993,"d":-0.5}'
    assert.equal(1.5, value.a)
    assert.equal(1e300, value.b)
    assert.equal(-0.5, value.d)
  end)

  it("knows each table in a list", function()
    local text = '{"team":[{"email":"a"},{"x":[[{"y":1}],[]]}],"n":[1,"s",null],"o":{"a/b~":[{}]}}'
    local value, places = decoded(text)
    assert.equal("/team/0", places[value.team[1]])
    assert.equal("/team/1", places[value.team[2]])
    assert.equal("/team/1/x/0", places[value.team[2].x[1]])
    assert.equal("/team/1/x/0/0", places[value.team[2].x[1][1]])
    assert.equal("/o/a~1b~0/0", places[value.o["a/b~"][1]])
    assert.is_nil(places[value.team])
    assert.is_nil(places[value.o])
  end)

  it("reads escaped names as they read", function()
    assert.same({ b = 2 }, (decoded '{"\\u0061":null,"b":2}'))
    local value, places = decoded '{"\\u0061":[{"x":1}]}'
    assert.equal("/a/0", places[value.a[1]])
  end)

  it("minds the last of members with one name, as the decoder does", function()
    assert.same({ a = 1 }, (decoded '{"a":null,"a":1}'))
    assert.same({}, (decoded '{"a":1,"a":null}'))
    assert.same({ a = { c = 1 } }, (decoded '{"a":[{"b":null}],"a":{"c":1}}'))
    assert.same({ a = "x" }, (decoded '{"a":{"b":null},"a":"x"}'))
  end)

  it("keeps nothing of the many tables of a list that a later member of its name replaced", function()
    local function list(item)
      return "[" .. (item .. ","):rep(20000) .. item .. "]"
    end
    for _, item in ipairs { "{}", '{"a":[[{}]]}' } do
      local value, places = decoded('{"v":' .. list(item) .. ',"v":' .. list "1" .. "}")
      assert.equal(20001, #value.v)
      assert.is_true(is_integer(value.v[20001]))
      assert.is_nil(next(places))
    end
    local value, places = decoded '{"v":[{"x":[{}]}],"w":[[1]],"v":[{"y":1}]}'
    assert.equal("/w/0", places[value.w[1]])
    assert.truthy(places[value.v[1]])
  end)

  it("goes as deep as the core lets a text be", function()
    local text = ('{"a":'):rep(61) .. '{"b":null,"c":[{}]}' .. ("}"):rep(61)
    local value = decoded(text)
    for _ = 1, 61 do
      value = value.a
    end
    assert.is_nil(value.b)
    assert.is_truthy(value.c[1])
  end)

  it("is what lua-cjson makes of it, for all that nothing is said of here", function()
    for _, text in ipairs {
      sandbox.example, "{}", ' {"a" : [ ] , "b":{ } }\n', '{"a":[[1,[2]],{"b":[]}],"":""}',
      '{"a":"\\u00e9\\n\\t\\"\\\\/\\/\\ud83d\\ude00","b\\u0000c":true,"d":false}',
    } do
      assert.same(cjson.decode(text), (decoded(text)))
    end
  end)

  it("is whole however many members or elements there are", function()
    for _, count in ipairs { 31, 32, 33, 64, 65, 5000 } do
      local members, elements = {}, {}
      for number = 1, count do
        members[number] = ('"m%d":{"n":%d}'):format(number, number)
        elements[number] = ("[%d]"):format(number)
      end
      local text = ('{"o":{%s},"a":[%s]}'):format(table.concat(members, ","), table.concat(elements, ","))
      local value, places = decoded(text)
      assert.equal(count, #value.a)
      for number = 1, count do
        assert.equal(number, value.o["m" .. number].n)
        assert.same({ number }, value.a[number])
        assert.equal("/a/" .. number - 1, places[value.a[number]])
      end
    end
  end)

  it("has U+FFFD for half a surrogate pair, in names too", function()
    local none = "\239\191\189"
    assert.same({ a = none, b = "\240\159\152\128", [none .. "x"] = none .. none .. "x", d = "\\ud800" },
      (decoded [[{"a":"\ud800","b":"\ud83d\ude00","\udc00x":"\ud800\ud800x","d":"\\ud800"}]]))
  end)

  it("has the number that is nearest, whatever its length and size", function()
    local value = decoded '{"a":0.1,"b":123456789012345678901234567890.5e-10,"c":1e400,"d":-1e400,"e":4e-324,"f":-0.0}'
    local huge = math.huge
    assert.same({ a = 0.1, b = 12345678901234567890.123, c = huge, d = -huge, e = 4e-324, f = 0 }, value)
  end)

  it("is made of a text with white space and a byte order mark around it", function()
    assert.same({ a = 1 }, (core.document.read("\239\187\191 \n{\"a\":1}\r\n "):decode()))
  end)
end)

describe("json.decode", function()
  it("reads any value, with or without its nulls", function()
    for text, value in pairs {
      ['"x"'] = "x", ["1.50"] = 1.5, ["true"] = true, ["null"] = null, ['"\\ud800"'] = "\239\191\189",
      ["[1,null,{\"a\":null}]"] = { 1, null, {} }, ["{}"] = {}, ["[]"] = {},
    } do
      assert.same(value, core.json.decode(text))
    end
    assert.same({ { a = null } }, core.json.decode('[{"a":null}]', true))
  end)

  it("raises on text that is no JSON", function()
    assert.has_error(function() core.json.decode "[1,]" end)
    assert.has_error(function() core.json.decode "{" end)
    assert.has_error(function() core.json.decode(("["):rep(80) .. ("]"):rep(80)) end)
  end)
end)
