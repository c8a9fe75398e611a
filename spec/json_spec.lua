local comma_locale = require "support.comma_locale"
local core = require "referrals.core"
local dkjson = require "dkjson"
local referrals = require "referrals"
local shell = require "support.shell"

local json = core.json
local null = referrals.null

-- The marks of a change text (csrc/json.h).
local EMPTY, NUMBER, ADD, REMOVE = "\1", "\2", "\3", "\4"

local function unmarked(text)
  return (text:gsub(NUMBER, ""))
end

local function writes(value, expected)
  local text, is_object = json.write(value)
  assert.equal(expected, text)
  assert.equal(expected:find("^[{\1]") ~= nil, is_object)
end

local function writes_number(number, expected)
  assert.equal(expected, unmarked(assert(json.write(number))))
end

local function shortest(number)
  if number % 1 == 0 and math.abs(number) < 2 ^ 53 then
    return ("%.0f"):format(number)
  end
  for digits = 15, 17 do
    local text = ("%." .. digits .. "g"):format(number)
    if tonumber(text) == number then
      return text
    end
  end
end

local function refuses(value, expected, member)
  local text, what, where = json.write(value)
  assert.is_nil(text)
  assert.truthy(what:find(expected, 1, true), what)
  assert.equal(member, where)
end

local function nested(depth, innermost)
  local value = innermost
  for _ = 1, depth do
    value = { a = value }
  end
  return value
end

describe("json.write", function()
  it("writes what JSON has", function()
    writes("text", '"text"')
    writes(true, "true")
    writes(false, "false")
    writes(null, "null")
    writes({ a = "x" }, '{"a":"x"}')
    writes({ "x", null, false }, '["x",null,false]')
    writes(referrals.array {}, "[]")
    writes(referrals.array { { a = null } }, '[{"a":null}]')
  end)

  it("marks what is more than JSON", function()
    writes({}, EMPTY)
    writes({ a = {} }, '{"a":' .. EMPTY .. "}")
    writes(5, NUMBER .. "5")
    writes(referrals.add("x", "y"), ADD .. '["x","y"]')
    writes(setmetatable({ 0, 2 }, json.remove), REMOVE .. "[" .. NUMBER .. "0," .. NUMBER .. "2]")
  end)

  it("escapes what a string may not hold, and nothing else", function()
    writes('"\\/', '"\\"\\\\/"')
    writes("\b\f\n\r\t", '"\\b\\f\\n\\r\\t"')
    writes("\0\1\31\127", '"\\u0000\\u0001\\u001f\\u007f"')
    writes("\195\169\240\159\152\128", '"\195\169\240\159\152\128"')
    writes({ ['a"b'] = true }, '{"a\\"b":true}')
    writes("", '""')
  end)

  it("keeps long strings whole, wherever the escapes stand", function()
    for length = 0, 70 do
      local text = ("x"):rep(length) .. '"' .. ("y"):rep(length)
      writes(text, '"' .. ("x"):rep(length) .. '\\"' .. ("y"):rep(length) .. '"')
    end
  end)

  describe("numbers", function()
    it("writes integral ones below 2^53 without point or exponent", function()
      writes_number(0, "0")
      writes_number(-1, "-1")
      writes_number(50000, "50000")
      writes_number(50000.0, "50000")
      writes_number(1e15, "1000000000000000")
      writes_number(2 ^ 53 - 1, "9007199254740991")
      writes_number(-(2 ^ 53 - 1), "-9007199254740991")
    end)

    it("writes with the fewest of 15, 16 and 17 digits that read back equal", function()
      writes_number(0.1, "0.1")
      writes_number(0.5, "0.5")
      writes_number(1.5, "1.5")
      writes_number(-2.25, "-2.25")
      writes_number(123456789012.34, "123456789012.34") -- 14
      writes_number(0.1234567890123456, "0.1234567890123456") -- 16
      writes_number(123456789012345.67, "123456789012345.67") -- 17
      writes_number(0.1 + 0.2, "0.30000000000000004") -- 17
      writes_number(1e300, "1e+300")
      writes_number(5e-324, "4.94065645841247e-324")
    end)

    it("writes 64-bit integers digit for digit where Lua has them", function()
      local tointeger = math.tointeger
      if tointeger then
        writes(tointeger(2 ^ 62) + 1, "4611686018427387905")
        writes(math.mininteger, "-9223372036854775808")
        writes(math.maxinteger, "9223372036854775807")
        writes(tointeger(2 ^ 53) + 1, "9007199254740993")
        writes_number(tointeger(2 ^ 53), "9007199254740992") -- as which 9007199254740993 is read
        writes_number(-tointeger(2 ^ 53), "-9007199254740992")
      else
        writes_number(2 ^ 62, "4.611686018427388e+18")
      end
    end)

    it("writes numbers that read back equal, whatever their bits", function()
      local seed = os.time()
      math.randomseed(seed)
      for _ = 1, 5000 do
        local number = (math.random() - 0.5) * 2 ^ math.random(-1060, 1020)
        local text = unmarked(json.write(number))
        assert.equal(number, tonumber(text), "seed " .. seed)
        assert.truthy(json.judge(text), text)
        assert.equal(#shortest(number), #text, text .. ", seed " .. seed) -- LuaJIT rounds another last digit
      end
    end)

    it("reads and writes the JSON point whatever the locale's is", function()
      local folder = shell.folder()
      finally(function()
        shell.remove_folder(folder)
      end)
      local output, status = shell.run_lua(folder, [[
        local core = require "referrals.core"
        local representation = require "referrals.representation"
        assert(os.setlocale("comma", "numeric") == "comma")
        local has_comma = ("%.1f"):format(1.5) == "1,5"
        assert(has_comma or rawget(_G, "jit"), "the locale has no comma") -- LuaJIT formats without the locale
        local function out(text)
          print((text:gsub("%c", "")))
        end
        out(core.json.write { 1.5, 0.1, -2.25, 1e300, 50000, 123456789012345.67 })
        print(core.json.equal("1.50", core.json.write(1.5)), core.json.equal("1.25", core.json.write(1.5)))
        print(core.json.equal("123456789012345.67", core.json.write(123456789012345.67)))
        print(representation.decode "0.5" == 0.5, representation.decode "[1.25,2.5]"[2] == 2.5)
        os.setlocale("C", "numeric")
        print(representation.decode "0.5" == 0.5)
      ]], comma_locale.make(folder))
      assert.equal(0, status, output)
      assert.equal(table.concat({
        "[1.5,0.1,-2.25,1e+300,50000,123456789012345.67]", "true\tfalse", "true", "true\ttrue", "true", "",
      }, "\n"), output)
    end)
  end)

  describe("refusals name the member:", function()
    it("a string that is no UTF-8", function()
      for _, bytes in ipairs {
        "\128", "\191", "\192\128", "\193\191", "\195", "\195(", "\224\159\191", "\237\160\128", "\237\191\191",
        "\240\143\191\191", "\244\144\128\128", "\245\128\128\128", "\255", "\226\130", "ok\240\159\152",
      } do
        refuses({ a = { b = bytes } }, "UTF-8", "a.b")
        refuses({ a = { "ok", bytes } }, "UTF-8", "a[2]")
      end
    end)

    it("a name that is no UTF-8", function()
      refuses({ a = { ["\255"] = true } }, "UTF-8", "a.\255")
    end)

    it("NaN and the infinities", function()
      refuses({ a = 0 / 0 }, "a finite number", "a")
      refuses({ a = { math.huge } }, "a finite number", "a[1]")
      refuses(-math.huge, "a finite number", "")
    end)

    it("functions, coroutines and userdata", function()
      local expected = "a string, number, boolean, table or referrals.null"
      refuses({ a = { b = print } }, expected, "a.b")
      refuses({ a = coroutine.create(function() end) }, expected, "a")
      refuses({ a = io.stdout }, expected, "a")
      refuses(print, expected, "")
    end)

    it("names and positions in one table", function()
      local expected = "either names or positions as keys, not both"
      refuses({ a = { "x", b = true } }, expected, "a")
      refuses({ "x", b = true }, expected, "")
      refuses({ a = { [true] = 1 } }, expected, "a")
      refuses({ a = referrals.array { x = 1 } }, expected, "a")
    end)

    it("arrays with holes, or that do not begin at 1", function()
      local expected = "an array without holes, from 1 on"
      refuses({ a = { "x", nil, "z" } }, expected, "a")
      refuses({ a = { [2] = "x" } }, expected, "a")
      refuses({ a = { [0] = "x", "y" } }, expected, "a")
      refuses({ a = { [-1] = "x" } }, expected, "a")
      refuses({ a = { [1.5] = "x" } }, expected, "a")
      refuses({ a = { [2 ^ 40] = "x" } }, expected, "a")
      refuses({ a = referrals.array { [3] = "x" } }, expected, "a")
    end)

    it("a table that contains itself", function()
      local value = { a = { b = {} } }
      value.a.b.c = value.a
      refuses(value, "a value that does not contain itself", "a.b.c")
      local list = {}
      list[1] = list
      refuses(list, "a value that does not contain itself", "[1]")
    end)

    it("the same table twice side by side is no cycle", function()
      local twice = { x = true }
      writes({ twice, twice }, '[{"x":true},{"x":true}]')
    end)

    it("depth over 64", function()
      assert.truthy(json.write(nested(64, true)))
      refuses(nested(65, true), "at most 64 tables inside each other", ("a."):rep(63) .. "a")
      assert.truthy(json.judge((json.write(nested(64, true)))))
    end)
  end)

  it("is as good as new after a refusal", function()
    refuses({ a = 0 / 0 }, "a finite number", "a")
    writes({ b = true }, '{"b":true}')
  end)
end)

describe("json.string_at", function()
  local text = '{"a":"x","b":{"c/d":"\\u00e9","~":"t","":"empty"},"l":["p","q"],"n":1.50,"z":null,"a":"last"}'

  it("follows a pointer to a string", function()
    assert.equal("last", json.string_at(text, "/a"))
    assert.equal("\195\169", json.string_at(text, "/b/c~1d"))
    assert.equal("t", json.string_at(text, "/b/~0"))
    assert.equal("empty", json.string_at(text, "/b/"))
    assert.equal("q", json.string_at(text, "/l/1"))
  end)

  it("follows a pointer over names however long they are", function()
    local name, token = ("n/~"):rep(1000), ("n~1~0"):rep(1000)
    local long = ('{"%s":{"%s":"found"},"%s":1}'):format(("x"):rep(5000), name, ("x"):rep(4999))
    assert.equal("found", json.string_at(long, "/" .. ("x"):rep(5000) .. "/" .. token))
    assert.is_nil((json.string_at(long, "/" .. ("x"):rep(5000) .. "/" .. token .. "~0")))
  end)

  it("gives the text of what is no string", function()
    assert.same({ nil, "1.50" }, { json.string_at(text, "/n") })
    assert.same({ nil, "null" }, { json.string_at(text, "/z") })
    assert.same({ nil, '["p","q"]' }, { json.string_at(text, "/l") })
    assert.same({ nil, text }, { json.string_at(text, "") })
  end)

  it("finds nothing where a pointer leads nowhere", function()
    for _, pointer in ipairs {
      "/x", "/a/b", "/l/2", "/l/-", "/l/x", "/l/99999999999999999999", "/n/0", "/b/c", "/" .. ("x"):rep(5000),
    } do
      assert.same({ n = 1 }, { n = select("#", json.string_at(text, pointer)), (json.string_at(text, pointer)) })
    end
  end)

  it("does not take an empty token or 01 for a position, nor a name without a slash for a pointer", function()
    for _, pointer in ipairs { "/l/", "/l/01", "/l/00", "a", "xa", "b/c" } do
      assert.equal(1, select("#", json.string_at(text, pointer)), pointer)
      assert.is_nil((json.string_at(text, pointer)))
    end
    assert.equal("p", json.string_at(text, "/l/0"))
  end)
end)

describe("json.elements", function()
  it("gives the texts of an array's elements", function()
    assert.same({ "1.50", '"],"', "{ }", "[2,3]" }, json.elements('{"a":[ 1.50, "],", { } ,[2,3]]}', "/a"))
    assert.same({}, json.elements("[ ]", ""))
  end)

  it("gives nil where there is no array", function()
    assert.is_nil(json.elements('{"a":{}}', "/a"))
    assert.is_nil(json.elements('{"a":{}}', "/b"))
  end)
end)

describe("what one side writes", function()
  it("is read by another reader as the same value", function()
    local seed = os.time()
    math.randomseed(seed)
    local function value(depth)
      local kind = math.random(depth > 3 and 4 or 6)
      if kind == 1 then
        return math.random(-1000, 1000) / 4
      elseif kind == 2 then
        return math.random(2) == 1
      elseif kind <= 4 then
        return ('a"\\/\195\169\n\0'):rep(math.random(0, 3))
      end
      local made = {}
      for i = 1, math.random(1, 5) do
        made[kind == 5 and i or "k" .. i] = value(depth + 1)
      end
      return made
    end
    for _ = 1, 500 do
      local made = value(1)
      assert.same(made, dkjson.decode(unmarked(json.write(made))), "seed " .. seed)
    end
  end)
end)
