local cjson = require "cjson"
local core = require "referrals.core"

local null = cjson.null

-- The table that a text reads as, and which of its tables stand in lists: table -> JSON Pointer.
local function tidied(text, nulls)
  local value = cjson.decode(text)
  local elements, pointers = core.json.tidy(value, text, nulls), core.json.element_pointers(text)
  local places = {}
  for element, number in pairs(elements) do
    places[element] = pointers[number]
  end
  return value, places
end

local function is_integer(number)
  return (math.type or function() return "integer" end)(number) == "integer"
end

describe("json.tidy", function()
  it("takes nulls out of objects, and none out of arrays", function()
    assert.same({ b = { c = {} }, d = { 1, null, { f = 2 } } },
      tidied '{"a":null,"b":{"c":{"x":null},"y":null},"d":[1,null,{"e":null,"f":2}]}')
    assert.same({ a = null, b = { c = null } }, (tidied('{"a":null,"b":{"c":null}}', true)))
  end)

  it("makes whole numbers integers, wherever they stand", function()
    local value = tidied '{"a":1,"b":[2,{"c":3.0}],"d":{"e":{"f":-4}}}'
    for _, number in ipairs { value.a, value.b[1], value.b[2].c, value.d.e.f } do
      assert.is_true(is_integer(number))
    end
    value = tidied '{"a":1.5,"b":1e300,"c":9007199254740993,"d":-0.5}'
    assert.equal(1.5, value.a)
    assert.equal(1e300, value.b)
    assert.equal(-0.5, value.d)
  end)

  it("knows each table in a list", function()
    local text = '{"team":[{"email":"a"},{"x":[[{"y":1}],[]]}],"n":[1,"s",null],"o":{"a/b~":[{}]}}'
    local value, places = tidied(text)
    assert.equal("/team/0", places[value.team[1]])
    assert.equal("/team/1", places[value.team[2]])
    assert.equal("/team/1/x/0", places[value.team[2].x[1]])
    assert.equal("/team/1/x/0/0", places[value.team[2].x[1][1]])
    assert.equal("/o/a~1b~0/0", places[value.o["a/b~"][1]])
    assert.is_nil(places[value.team])
    assert.is_nil(places[value.o])
  end)

  it("reads escaped names as they read", function()
    assert.same({ b = 2 }, (tidied '{"\\u0061":null,"b":2}'))
    local value, places = tidied '{"\\u0061":[{"x":1}]}'
    assert.equal("/a/0", places[value.a[1]])
  end)

  it("minds the last of members with one name, as the decoder does", function()
    assert.same({ a = 1 }, (tidied '{"a":null,"a":1}'))
    assert.same({}, (tidied '{"a":1,"a":null}'))
    assert.same({ a = { c = 1 } }, (tidied '{"a":[{"b":null}],"a":{"c":1}}'))
    assert.same({ a = "x" }, (tidied '{"a":{"b":null},"a":"x"}'))
  end)

  it("keeps nothing of the many tables of a list that a later member of its name replaced", function()
    local function list(item)
      return "[" .. (item .. ","):rep(20000) .. item .. "]"
    end
    local value, places = tidied('{"v":' .. list "{}" .. ',"v":' .. list "1" .. "}")
    assert.equal(20001, #value.v)
    assert.is_true(is_integer(value.v[20001]))
    assert.is_nil(next(places))
  end)

  it("goes as deep as the core lets a text be", function()
    local text = ('{"a":'):rep(61) .. '{"b":null,"c":[{}]}' .. ("}"):rep(61)
    local value = tidied(text)
    for _ = 1, 61 do
      value = value.a
    end
    assert.is_nil(value.b)
    assert.is_truthy(value.c[1])
  end)

  it("refuses what is deeper, which the core never gives it", function()
    local text = ('{"a":'):rep(80) .. "1" .. ("}"):rep(80)
    local decoder = cjson.new()
    decoder.decode_max_depth(100)
    local raised = select(2, pcall(core.json.tidy, decoder.decode(text), text))
    assert.truthy(raised:find("at most 64 objects and arrays", 1, true))
  end)
end)
