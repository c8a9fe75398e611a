local json = require("referrals.core").json

-- The marks of a change text (csrc/json.h).
local EMPTY, NUMBER = "\1", "\2"

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
