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
  local text, why = json.write(value)
  assert.is_nil(why)
  assert.equal(expected, text)
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
      else
        writes_number(2 ^ 62, "4.611686018427388e+18")
      end
    end)

    it("writes numbers that read back equal, whatever their bits", function()
      local seed = os.time()
      math.randomseed(seed)
      for _ = 1, 20000 do
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

describe("json.judge", function()
  local function deep(depth)
    return ("["):rep(depth) .. ("]"):rep(depth)
  end

  -- What RFC 8259 lets through.
  local accepted = {
    "null", "true", "false", "0", "-0", "1", "-1", "10", "1234567890", "0.0", "0.5", "-0.5", "1.50", "0e0", "1e2",
    "1E2", "1e+2", "1e-2", "1.5e10", "-1.5E-10", "0e999999999999", "1e400", "12345678901234567890", "50000.00",
    ("9"):rep(5000), "0." .. ("0"):rep(5000) .. "1",
    '""', '"a"', '" "', '"\\""', '"\\\\"', '"\\/"', '"\\b\\f\\n\\r\\t"', '"\\u0000"', '"\\u00e9"', '"\\u00E9"',
    '"\\ud83d\\ude00"', '"\\uD83D\\uDE00"', '"\\ud800"', '"\\udc00"', '"\\ud800\\ud800"', '"\\ud800x"', '"\\ufffe"',
    '"\127"', '"\194\128"', '"\195\169"', '"\224\160\128"', '"\237\159\191"', '"\238\128\128"', '"\239\191\191"',
    '"\240\144\128\128"', '"\240\159\152\128"', '"\244\143\191\191"', '"\226\128\168"', '"\239\187\191"', '"/"', '"\'"',
    "[]", "[ ]", "[1]", "[1,2]", "[ 1 , 2 ]", "[[]]", "[[],[]]", "[null,true,{}]", "[\t1\r\n]",
    "{}", "{ }", '{"a":1}', '{ "a" : 1 }', '{"a":1,"b":2}', '{"a":1,"a":2}', '{"":1}', '{"a":{"b":[{}]}}',
    '{"\\u0061":1}', '{"\195\169":1}',
    " 1", "1 ", "\t\r\n 1 \t\r\n", deep(64), ('{"a":'):rep(64) .. "1" .. ("}"):rep(64),
  }
  for _, text in ipairs(accepted) do
    it("accepts " .. text:sub(1, 40):gsub("[^ -~]", "?"), function()
      local first, why = json.judge(text)
      assert.is_nil(why)
      assert.equal(text:match("[^ \t\r\n]"), first)
    end)
  end

  -- What it does not, and at which byte it goes wrong.
  local refused = {
    [""] = 1, [" "] = 2, ["\n"] = 2, ["nul"] = 1, ["nulL"] = 1, ["NULL"] = 1, ["True"] = 1, ["tru"] = 1, ["truee"] = 5,
    ["nullnull"] = 5, ["undefined"] = 1, ["NaN"] = 1, ["Infinity"] = 1, ["-Infinity"] = 1, ["-"] = 1, ["+1"] = 1,
    ["01"] = 2, ["-01"] = 3, ["00"] = 2, ["1."] = 1, [".5"] = 1, ["1.e5"] = 1, ["1e"] = 1, ["1e+"] = 1, ["1e5.5"] = 4,
    ["0x10"] = 2, ["1_000"] = 2, ["1,5"] = 2, ["--1"] = 1, ["1-"] = 2, ["- 1"] = 1, ["1 2"] = 3, ["1 000"] = 3,
    ['"'] = 2, ['"a'] = 3, ["'a'"] = 1, ["a"] = 1, ['"a"b'] = 4, ['"a" "b"'] = 5, ['"\\"'] = 4, ['"\\x41"'] = 2,
    ['"\\a"'] = 2, ['"\\\''] = 2, ['"\\'] = 2, ['"\\u"'] = 4, ['"\\u12"'] = 4, ['"\\u123g"'] = 4, ['"\\U0041"'] = 2,
    ['"\\u 041"'] = 4, ['"\\u+041"'] = 4, ['"\\ud800\\u"'] = 10, ['"a\nb"'] = 3, ['"a\tb"'] = 3, ['"\0"'] = 2,
    ['"\31"'] = 2, ['"\128"'] = 2, ['"\192\128"'] = 2, ['"\193\191"'] = 2, ['"\195"'] = 2, ['"\195('] = 2,
    ['"\224\159\191"'] = 2, ['"\237\160\128"'] = 2, ['"\237\160\189\237\184\128"'] = 2, ['"\240\143\191\191"'] = 2,
    ['"\244\144\128\128"'] = 2, ['"\245\128\128\128"'] = 2, ['"\255"'] = 2, ['"a\254"'] = 3, ['"\226\130'] = 2,
    ['"' .. ("x"):rep(40) .. '\255"'] = 42, ["\195\169"] = 1,
    ["["] = 2, ["]"] = 1, ["[1"] = 3, ["[1,"] = 4, ["[1,]"] = 4, ["[,1]"] = 2, ["[,]"] = 2, ["[1 2]"] = 4,
    ["[1,,2]"] = 4, ["[1}"] = 3, ["[1]]"] = 4, ["[1];"] = 4, ["[a]"] = 2,
    ["{"] = 2, ["}"] = 1, ["{]"] = 2, ['{"a"'] = 5, ['{"a":'] = 6, ['{"a":}'] = 6, ['{"a" 1}'] = 6, ['{"a":1'] = 7,
    ['{"a":1,'] = 8, ['{"a":1,}'] = 8, ['{,"a":1}'] = 2, ['{"a":1 "b":2}'] = 8, ['{"a"::1}'] = 6, ["{a:1}"] = 2,
    ["{'a':1}"] = 2, ["{1:1}"] = 2, ["{null:1}"] = 2, ['{"a":1}}'] = 8, ['{"a":1]'] = 7, ['{"a","b"}'] = 5,
    ['{"a\255":1}'] = 4,
    ["\239\187\191{}"] = 1, ["\11" .. "1"] = 1, ["\12" .. "1"] = 1, ["\194\1601"] = 1, ["1\0"] = 2, ["\0"] = 1,
    ["{}\0"] = 3, ["// c\n1"] = 1, ["/* c */1"] = 1, ["1#"] = 2,
    [deep(65)] = 65, [('{"a":'):rep(65) .. "1" .. ("}"):rep(65)] = 64 * 5 + 1, [("["):rep(100000)] = 65,
    -- the marks: only ever written by the core itself, never taken from users
    [EMPTY] = 1, [NUMBER .. "5"] = 1, [ADD .. "[1]"] = 1, [REMOVE .. "[0]"] = 1, ['{"a":' .. EMPTY .. "}"] = 6,
    ["[" .. NUMBER .. "1]"] = 2, ['{"a":' .. ADD .. "[]}"] = 6, [EMPTY .. "{}"] = 1, ["\5"] = 1, ["\127"] = 1,
  }
  for text, offset in pairs(refused) do
    it(("refuses %s at byte %d"):format(text:sub(1, 40):gsub("[^ -~]", "?"), offset), function()
      local first, expected, where = json.judge(text)
      assert.is_nil(first)
      assert.is_string(expected)
      assert.equal(offset, where)
    end)
  end

  it("finds the wrong byte wherever in a block of 16 it stands", function()
    for before = 0, 40 do
      local start = '["' .. ("x"):rep(before)
      assert.is_truthy(json.judge(start .. '\195\169\\n"]'))
      assert.equal(#start + 1, select(3, json.judge(start .. '\1"]')))
      assert.equal(#start + 1, select(3, json.judge(start .. '\195"]')))
      assert.equal(#start + 1, select(3, json.judge(start .. '\\q"]')))
      assert.equal(#start + 1, select(3, json.judge(start)))
    end
  end)
end)

describe("json.equal", function()
  local function equal(a, b)
    assert.is_true(json.equal(a, b), a .. " and " .. b)
  end

  local function different(a, b)
    assert.is_false(json.equal(a, b), a .. " and " .. b)
  end

  it("compares numbers by value, digit for digit", function()
    equal("50000", "50000.00")
    equal("5e4", "50000.00")
    equal("100", "1e2")
    equal("1e2", "0.1E+3")
    equal("0", "-0")
    equal("0.000", "0e5")
    equal("1.230", "1.23")
    equal("0.00123", "1.23e-3")
    equal("1" .. ("0"):rep(5000), "1e5000")
    different("12345678901234567890", "12345678901234567891")
    different("123456789012345.67", "123456789012345.68")
    different("1", "-1")
    different("1", "10")
    different("0", "1e-400")
    different("1e400", "1e401")
  end)

  it("takes a number that Lua read for the number that was read", function()
    equal("12345678901234567890", NUMBER .. "1.2345678901234567e+19")
    equal("123456789012345.67", NUMBER .. "123456789012345.67")
    equal("0.1000000000000000055511151231257827", NUMBER .. "0.1")
    equal("9007199254740993", NUMBER .. "9007199254740992")
    different("50000.01", NUMBER .. "50000")
  end)

  it("reads a number of thousands of digits as what it is", function()
    local read = NUMBER .. "12345678901234568" -- the double nearest to what stands below
    equal("12345678901234567" .. ("0"):rep(5000) .. "e-5000", read)
    equal("0." .. ("0"):rep(5000) .. "12345678901234567e5017", read)
    equal("12345678901234567." .. ("0"):rep(5000) .. "1", read)
    different("12345678901234567" .. ("0"):rep(5000) .. "e-4999", read)
    different("1e100000000", "1e100000001")
  end)

  it("takes digits in a string for the number they write", function()
    equal("50000.00", '"50000"')
    equal("0.1", '"0.10"')
    different("50000", '"50001"')
    different("5", '"5 "')
    different('"5"', "5")
    different('"5.0"', '"5"')
  end)

  it("compares strings by what they say", function()
    equal('"\\u00e9"', '"\195\169"')
    equal('"\\ud83d\\ude00"', '"\240\159\152\128"')
    equal('"\\/"', '"/"')
    equal('"a\\u0000b"', '"a\\u0000b"')
    different('"a"', '"A"')
    different('"a"', '"ab"')
    different('""', "null")
  end)

  it("compares objects by members, where null says what absence says", function()
    equal('{"a":1,"b":2}', '{"b":2.0,"a":1}')
    equal('{"a":1,"b":null}', '{"a":1}')
    equal('{"a":1}', '{"a":1,"b":null}')
    equal('{"a":1,"a":2}', '{"a":2}')
    equal('{"\\u0061":1}', '{"a":1}')
    equal("{}", '{"a":null}')
    different('{"a":1}', '{"a":2}')
    different('{"a":1}', "{}")
    different("{}", '{"a":1}')
    different('{"a":{}}', '{"a":[]}')
    different('{"a":2}', '{"a":1,"a":3}')
  end)

  it("does not count annotations", function()
    equal('[{"@odata.type":"x","a":1}]', '[{"a":1}]')
    equal('[{"a":1}]', '[{"a":1,"b@odata.count":2}]')
    equal('[{"\\u0040odata.type":"x"}]', "[{}]")
    different('{"@other":1}', "{}")
  end)

  it("compares arrays in their order", function()
    equal("[1,2]", "[ 1.0 , 2 ]")
    equal("[]", "[ ]")
    different("[1,2]", "[2,1]")
    different("[1]", "[1,2]")
    different("[1,2]", "[1]")
    different("[null]", "[]")
    different("[]", "{}")
    different("[]", "null")
  end)

  it("takes an empty table for an empty array or object", function()
    equal("[]", EMPTY)
    equal("{}", EMPTY)
    equal('{"a":null}', EMPTY)
    different("[null]", EMPTY)
    different("null", EMPTY)
    different('""', EMPTY)
  end)

  it("finds members among many", function()
    local many, other = {}, {}
    for i = 1, 100 do
      many[i] = ('"m%d":%d'):format(i, i)
      other[101 - i] = many[i]
    end
    local a, b = "{" .. table.concat(many, ",") .. "}", "{" .. table.concat(other, ",") .. "}"
    equal(a, b)
    different(a, (b:gsub('"m50":50', '"m50":51')))
    different(a, (b:gsub('"m50":50', '"n50":50')))
    equal((a:gsub("}$", ',"m7":8}')), (b:gsub('"m7":7', '"m7":8')))
  end)

  it("raises on text that is no JSON", function()
    assert.has_error(function()
      json.equal("{", "{}")
    end, "bad argument #1 to 'equal' (JSON expected: a member's name in quotes at byte 2)")
    assert.is_false(pcall(json.equal, EMPTY, "{}"))
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
