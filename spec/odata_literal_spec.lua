local cjson = require "cjson"
local literal = require "referrals.odata_literal"

local function refused(member, text, err)
  assert.is_nil(text)
  assert.equal("validation", err.kind)
  assert.equal(member, err.member)
  return err.message
end

describe("odata_literal.path", function()
  it("writes names with slashes", function()
    assert.equal("customerProfile/address/country", literal.path("customerProfile.address.country"))
    assert.equal("customerProfile/address/country", literal.path("customerProfile/address/country"))
    assert.equal("_a1", literal.path("_a1"))
  end)

  it("refuses what is no name", function()
    for _, name in ipairs({
      "", "a b", "a..b", ".a", "a/", "/a", "a eq 1 or b", "1a", "a'b", "a\nb", "a\0b", "a(b", ("x"):rep(257),
    }) do
      assert.is_nil(literal.path(name), name)
    end
  end)
end)

describe("odata_literal.of", function()
  it("quotes text and doubles its quotes", function()
    assert.equal("'O''Neill''s'", literal.of("name", "O'Neill's"))
    assert.equal("''", literal.of("name", ""))
    assert.equal("'\195\164'", literal.of("name", "\195\164"))
    assert.equal(
      "name: expected a text without control characters, got 'a\\nb'", refused("name", literal.of("name", "a\nb"))
    )
    refused("name", literal.of("name", "a\0b"))
  end)

  it("writes null and booleans as words", function()
    assert.equal("null", literal.of("name", cjson.null))
    assert.equal("true", literal.of("favorite", true))
    assert.equal("false", literal.of("favorite", false))
  end)

  it("writes numbers so that they read back equal", function()
    assert.equal("50000", literal.of("v", 50000))
    assert.equal("-1", literal.of("v", -1))
    assert.equal("0.1", literal.of("v", 0.1))
    assert.equal("123456789012345.67", literal.of("v", 123456789012345.67))
    assert.equal("9007199254740991", literal.of("v", 2 ^ 53 - 1))
    assert.equal("1e+300", literal.of("v", 1e300))
    if math.type then
      assert.equal("9223372036854775807", literal.of("v", math.maxinteger))
      assert.equal("-9223372036854775808", literal.of("v", math.mininteger))
    end
    for _, value in ipairs({ 0 / 0, math.huge, -math.huge }) do
      assert.equal("v: expected a finite number", refused("v", literal.of("v", value)))
    end
  end)

  it("writes date-times bare, and nothing else in their place", function()
    local text = "2018-11-06T18:43:38.9948636Z"
    assert.equal(text, literal.of("updatedDateTime", text))
    assert.equal(text, literal.of("a.closingDateTime", text))
    assert.equal(text, literal.of("moment", literal.datetime(text)))
    assert.equal("'" .. text .. "'", literal.of("moment", text))
    refused("updatedDateTime", literal.of("updatedDateTime", "yesterday"))
    refused("updatedDateTime", literal.of("updatedDateTime", "2018-11-06T18:43:38Z or true"))
    refused("moment", literal.of("moment", literal.datetime("2018-11-06")))
  end)
end)

describe("odata_literal.mistake", function()
  it("is nil for what can be compared with", function()
    for _, value in ipairs({ "x", 5, true, false, cjson.null, literal.datetime("x") }) do
      assert.is_nil(literal.mistake(value))
    end
  end)

  it("names the type of what cannot", function()
    local thread = coroutine.create(function() end)
    for kind, value in pairs({ table = {}, ["function"] = print, thread = thread }) do
      assert.equal(
        "expected a string, number, boolean, odata.datetime or referrals.null, got a " .. kind, literal.mistake(value)
      )
    end
    assert.truthy(literal.mistake(nil))
  end)
end)
