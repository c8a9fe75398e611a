local query = require "referrals.sandbox.query"

describe("sandbox query", function()
  it("decodes names and values", function()
    local expected = { ["$filter"] = "a eq 'x&y'", b = "1+1", c = "" }
    assert.same(expected, query.parse("%24filter=a+eq%20%27x%26y%27&b=1%2B1&c"))
  end)

  it("takes the last of a name", function()
    assert.same({ a = "2" }, query.parse("a=1&a=2"))
  end)

  it("encodes what it decodes", function()
    local text = "a=b&c d+é%/?\0"
    assert.equal(text, query.parse("x=" .. query.encode(text)).x)
  end)

  it("leaves a plus in a path", function()
    assert.equal("a+b c", query.decode_segment("a+b%20c"))
  end)
end)
