local values = require "referrals.sandbox.values"

describe("sandbox values", function()
  it("reads strings", function()
    for quoted, text in pairs {
      ['"a\\"b"'] = 'a"b', ['"\\\\u0041"'] = "\\u0041", ['"\\u0041\\n"'] = "A\n",
      ['"\\ud83d\\ude00"'] = "\240\159\152\128",
      ['"\\u005cn"'] = "\\n", ['"\\/"'] = "/", ['"\\u0001\\u005c\\u0001"'] = "\1\\\1", ['"\\u00e9"'] = "\195\169",
      ['"\\u20AC"'] = "\226\130\172",
    } do
      assert.equal(text, values.unquote(quoted))
    end
  end)

  it("writes strings that read back", function()
    local text = "a\"\\\n\0\1\31\127\195\169/"
    assert.equal(text, values.unquote(values.quote(text)))
    assert.equal('"\\u0000\\u0001"', values.quote("\0\1"))
  end)

  it("compares by meaning", function()
    local function same(a, b) return values.same(a, b) and values.same(b, a) end
    assert.is_true(same("50000", "50000.00"))
    assert.is_true(same("1e2", "100"))
    assert.is_true(same("-0", "0.0e5"))
    assert.is_false(same("12345678901234567890", "12345678901234567891"))
    assert.is_true(same('"\\u0041"', '"A"'))
    assert.is_true(same('{"a":1,"b":[ ]}', '{ "b" : [], "a":1.0 }'))
    assert.is_false(same('{"a":1}', '{"a":1,"b":null}'))
    assert.is_false(same("[1,2]", "[2,1]"))
    assert.is_false(same("[]", "{}"))
    assert.is_false(same("null", "false"))
    assert.is_true(same('{"a":1,"a":2}', '{"a":2}'))
  end)

  it("takes the last of several members of one name", function()
    assert.equal("2", values.member('{"a":1,"\\u0061":2}', "a"))
    assert.is_nil(values.member('{"a":1}', "b"))
  end)

  it("writes objects in their order", function()
    assert.equal('{"b":1,"a":["x",false]}', values.object { "b", 1, "n", values.none, "a", { "x", false } })
  end)

  it("decodes what it encoded", function()
    local tree = { name = "x", list = { 1, 2.5, values.null }, yes = true }
    assert.same(tree, values.decode(values.encode(tree)))
  end)
end)
