local core = require "referrals.core"

local TELLS = _VERSION ~= "Lua 5.1" or rawget(_G, "jit") ~= nil -- Lua 5.1 itself cannot

local function told(value)
  if TELLS then
    return value
  end
end

describe("core.is_yieldable", function()
  local function in_coroutine(run)
    local result
    local thread = coroutine.create(function()
      result = { run() }
    end)
    assert(coroutine.resume(thread))
    return result[1]
  end

  it("is true in a coroutine", function()
    assert.equal(told(true), in_coroutine(core.is_yieldable))
  end)

  it("is false where a function of C stands between", function()
    assert.equal(told(false), in_coroutine(function()
      local result
      string.gsub("a", "a", function()
        result = core.is_yieldable()
      end)
      return result
    end))
  end)

  it("is what Lua's own function says", function()
    if coroutine.isyieldable then
      assert.equal(coroutine.isyieldable(), core.is_yieldable())
      assert.equal(in_coroutine(coroutine.isyieldable), in_coroutine(core.is_yieldable))
    else
      assert.is_nil(core.is_yieldable())
    end
  end)
end)
