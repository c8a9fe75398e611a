local nearest = require "referrals.nearest"

describe("nearest", function()
  local options = { "connect_timeout", "method", "retries", "timeout", "token" }

  it("finds the name that was meant", function()
    assert.same({ "timeout", 1 }, { nearest("timout", options) })
    assert.same({ "retries", 1 }, { nearest("retires", options) }) -- two neighbours swapped
    assert.is_nil(nearest("metd", options)) -- two edits are too many for four characters
    assert.equal("connect_timeout", (nearest("conect_timeot", options)))
  end)

  it("prefers a name that differs in case only", function()
    assert.same({ "eTag", 0 }, { nearest("etag", { "etah", "eTag" }) })
  end)

  it("keeps the first of two equally near ones", function()
    assert.equal("bat", (nearest("cat", { "bat", "rat" })))
  end)

  it("stays silent when nothing is near", function()
    assert.is_nil(nearest("zebra", options))
    assert.is_nil(nearest("x", { "y" }))
    assert.is_nil(nearest("", { "a" }))
    assert.is_nil(nearest(12, options))
    assert.is_nil(nearest(("a"):rep(65), { ("a"):rep(65) }))
    assert.is_nil(nearest("timeout", {}))
  end)
end)
