local randoms = require "referrals.sandbox.random"

describe("sandbox random", function()
  it("gives the same numbers for the same seed, on every Lua", function()
    local random = randoms.new(42)
    local parts = {}
    for index = 1, 3 do
      parts[index] = string.format("%.6f", random:number())
    end
    assert.equal("0.908991 0.415245 0.022918", table.concat(parts, " "))
  end)

  it("makes version 4 GUIDs, each another", function()
    local random = randoms.new(1)
    local seen = {}
    for _ = 1, 1000 do
      local guid = random:guid()
      assert.truthy(guid:find("^%x%x%x%x%x%x%x%x%-%x%x%x%x%-4%x%x%x%-8%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$"))
      assert.is_nil(seen[guid])
      seen[guid] = true
    end
  end)

  it("is about as often as asked", function()
    local random, hits = randoms.new(7), 0
    for _ = 1, 10000 do
      hits = hits + (random:number() < 0.05 and 1 or 0)
    end
    assert.is_true(hits > 400 and hits < 600)
  end)
end)
