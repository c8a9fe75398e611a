local backoff = require("referrals.core").backoff
local forked = require("spec.support.forked")

local DRAWS = 20000
local INTERPRETER = os.getenv("LUA_PROGRAM") or (rawget(_G, "jit") and "luajit" or "lua" .. _VERSION:match("%d%.%d"))

local function refuses(why, call, ...)
  local ok, message = pcall(call, ...)
  assert.is_false(ok, "should have raised: " .. why)
  assert.truthy(message:find(why, 1, true), message .. " should say: " .. why)
end

-- The least, the mean and the greatest of many draws.
local function spread(draw)
  local least, sum, greatest = math.huge, 0, -math.huge
  for _ = 1, DRAWS do
    local value = draw()
    least, sum, greatest = math.min(least, value), sum + value, math.max(greatest, value)
  end
  return least, sum / DRAWS, greatest
end

-- Every bound on chance here is at least seven standard deviations away.
local function fills(ceiling, attempt, base, cap)
  local least, mean, greatest = spread(function() return backoff.delay(attempt, base, cap) end)
  local range = ("%g .. %g .. %g of %g"):format(least, mean, greatest, ceiling)
  assert.is_true(least >= 0 and least < 0.01 * ceiling, range)
  assert.is_true(mean > 0.48 * ceiling and mean < 0.52 * ceiling, range)
  assert.is_true(greatest <= ceiling and greatest > 0.99 * ceiling, range)
end

describe("backoff", function()
  describe("uniform", function()
    it("lies in [0, 1), and evenly", function()
      local tenths = {}
      for tenth = 0, 9 do
        tenths[tenth] = 0
      end
      local least, mean, greatest = spread(function()
        local value = backoff.uniform()
        local tenth = math.floor(value * 10)
        tenths[tenth] = tenths[tenth] + 1
        return value
      end)
      assert.is_true(least >= 0 and greatest < 1)
      assert.is_true(mean > 0.48 and mean < 0.52, tostring(mean))
      for tenth = 0, 9 do
        local count = tenths[tenth]
        assert.is_true(count > 0.085 * DRAWS and count < 0.115 * DRAWS, ("%d in tenth %d"):format(count, tenth))
      end
    end)

    it("fills a double to its last bits", function()
      local odd = 0
      for _ = 1, 1000 do
        local bits = backoff.uniform() * 2 ^ 53
        assert.equal(0, bits % 1)
        odd = odd + bits % 2
      end
      assert.is_true(odd > 380 and odd < 620, tostring(odd))
    end)

    it("is not math.random, and its seed changes nothing", function()
      math.randomseed(1)
      local first, other = backoff.uniform(), math.random()
      math.randomseed(1)
      assert.not_equal(first, backoff.uniform())
      assert.equal(other, math.random())
    end)
  end)

  describe("where a sequence comes from", function()
    -- More draws than one filling of the pool holds, so that what follows it is compared too.
    local function draws()
      local list = {}
      for i = 1, 50 do
        list[i] = ("%.17g"):format(backoff.uniform())
      end
      return table.concat(list, "\n")
    end

    local function all_differ(...)
      local seen, count = {}, 0
      for line in table.concat({ ... }, "\n"):gmatch("[^\n]+") do
        assert.is_nil(seen[line], "drawn twice: " .. line)
        seen[line] = true
        count = count + 1
      end
      assert.equal(50 * select("#", ...), count)
    end

    it("is the process: a forked child draws neither its parent's nor its sibling's", function()
      backoff.uniform()
      local first, second = forked(draws), forked(draws)
      all_differ(first, second, draws())
    end)

    it("is the process: a child's child has its own too", function()
      backoff.uniform()
      local family = forked(function()
        backoff.uniform()
        local grandchild = forked(draws)
        return grandchild .. "\n--\n" .. draws()
      end)
      local grandchild, child = family:match("^(.*)\n%-%-\n(.*)$")
      all_differ(grandchild, child, draws())
    end)

    it("is not the program: two runs of one script differ", function()
      local script = os.tmpname()
      local file = assert(io.open(script, "w"))
      file:write([[
        local backoff = require("referrals.core").backoff
        for _ = 1, 50 do print(("%.17g"):format(backoff.uniform())) end]])
      file:close()
      local function run()
        local pipe = assert(io.popen(("LUA_CPATH='%s' '%s' '%s'"):format(package.cpath, INTERPRETER, script)))
        local text = pipe:read("*a")
        pipe:close()
        return text
      end
      local first, second = run(), run()
      os.remove(script)
      all_differ(first, second)
    end)
  end)

  describe("delay", function()
    it("is spread over all from 0 to twice as much with every attempt", function()
      fills(0.25, 0)
      fills(0.5, 1)
      fills(1, 2)
      fills(16, 6)
    end)

    it("stays below the cap", function()
      fills(20, 7)
      fills(20, 8)
    end)

    it("takes another base and another cap", function()
      fills(3, 0, 3)
      fills(24, 3, 3, 100)
      fills(5, 3, 3, 5)
      fills(2, 0, 3, 2)
      fills(0.5, 4, nil, 0.5)
    end)

    it("stays at the cap whatever the attempt", function()
      for _, attempt in ipairs({ 100, 1023, 1024, 5000, 2 ^ 31 - 1, 2 ^ 31, 2 ^ 32, 2 ^ 53, 2 ^ 63, 1e300 }) do
        local least, mean, greatest = spread(function() return backoff.delay(attempt) end)
        assert.is_true(least >= 0 and greatest <= 20, tostring(attempt))
        assert.is_true(mean > 9.6 and mean < 10.4, ("%g for attempt %g"):format(mean, attempt))
      end
    end)

    it("is finite at the edges of a double", function()
      for _ = 1, 100 do
        local value = backoff.delay(1e9, 1.7e308, 1.7e308)
        assert.is_true(value >= 0 and value <= 1.7e308)
        assert.is_true(backoff.delay(2000, 4.9406564584124654e-324) <= 20)
      end
    end)

    it("is nothing where there is nothing to wait for", function()
      assert.equal(0, backoff.delay(0, 0))
      assert.equal(0, backoff.delay(2 ^ 40, 0))
      assert.equal(0, backoff.delay(3, 1, 0))
    end)

    it("raises on anything but a whole attempt", function()
      for _, attempt in ipairs({ -1, 0.5, 3e9 + 0.5, -math.huge, math.huge, 0 / 0 }) do
        refuses("expected a whole number from 0", backoff.delay, attempt)
      end
      for _, attempt in ipairs({ "1", true, {}, print }) do
        refuses("number expected", backoff.delay, attempt)
      end
      refuses("number expected", backoff.delay, nil)
      refuses("number expected", backoff.delay)
    end)

    it("raises on anything but seconds", function()
      for _, seconds in ipairs({ -0.1, math.huge, -math.huge, 0 / 0 }) do
        refuses("#2", backoff.delay, 0, seconds)
        refuses("#3", backoff.delay, 0, 1, seconds)
        refuses("expected seconds, finite and not negative", backoff.delay, 0, seconds)
        refuses("expected seconds, finite and not negative", backoff.delay, 0, 1, seconds)
      end
      refuses("number expected", backoff.delay, 0, "1")
      refuses("number expected", backoff.delay, 0, 1, false)
    end)
  end)

  describe("budget", function()
    it("starts full, with 500 tokens", function()
      assert.equal(500, backoff.budget():level())
      assert.equal(500, backoff.budget(nil):level())
      assert.equal(7, backoff.budget(7):level())
    end)

    it("gives 5 for a retry and 10 after a timeout", function()
      local budget = backoff.budget()
      assert.equal(5, budget:take("retry"))
      assert.equal(495, budget:level())
      assert.equal(10, budget:take("timeout"))
      assert.equal(485, budget:level())
    end)

    it("allows exactly 100 retries, or 50 after timeouts", function()
      for cause, allowed in pairs({ retry = 100, timeout = 50 }) do
        local budget, taken = backoff.budget(), 0
        while budget:take(cause) do
          taken = taken + 1
        end
        assert.equal(allowed, taken)
        assert.equal(0, budget:level())
      end
    end)

    it("takes nothing when there is not enough", function()
      local budget = backoff.budget(14)
      assert.equal(10, budget:take("timeout"))
      assert.is_nil(budget:take("timeout"))
      assert.is_nil(budget:take("retry"))
      assert.equal(4, budget:level())
      budget:refund()
      assert.is_nil(budget:take("timeout"))
      assert.equal(5, budget:take("retry"))
      assert.equal(0, budget:level())
    end)

    it("gets back what the retry had cost, or 1", function()
      local budget = backoff.budget(100)
      for _ = 1, 5 do
        budget:take("timeout")
      end
      assert.equal(50, budget:level())
      budget:refund(10)
      assert.equal(60, budget:level())
      budget:refund(5)
      assert.equal(65, budget:level())
      budget:refund()
      budget:refund(nil)
      assert.equal(67, budget:level())
    end)

    it("never holds more than its capacity", function()
      local budget = backoff.budget(12)
      budget:refund()
      assert.equal(12, budget:level())
      budget:take("retry")
      budget:refund(10)
      assert.equal(12, budget:level())
      local largest = backoff.budget(1000000)
      largest:refund(10)
      assert.equal(1000000, largest:level())
    end)

    it("tells when it is full again", function()
      local budget = backoff.budget(10)
      budget:take("timeout")
      assert.is_false(budget:refund(5))
      for _ = 1, 4 do
        assert.is_false(budget:refund())
      end
      assert.is_true(budget:refund())
      assert.is_true(budget:refund())
    end)

    it("of 0 tokens allows no retry, ever", function()
      local budget = backoff.budget(0)
      budget:refund()
      assert.is_nil(budget:take("retry"))
      assert.equal(0, budget:level())
    end)

    it("is its client's own", function()
      local mine, other = backoff.budget(), backoff.budget()
      mine:take("retry")
      assert.equal(500, other:level())
    end)

    it("gives back nothing but whole tokens", function()
      local budget = backoff.budget(20.0)
      assert.equal("5", tostring(budget:take("retry")))
      assert.equal("15", tostring(budget:level()))
    end)

    it("raises on a capacity that is none", function()
      for _, capacity in ipairs({ -1, 0.5, 1000001, math.huge, 0 / 0 }) do
        refuses("expected a whole number from 0 to 1000000", backoff.budget, capacity)
      end
      refuses("number expected", backoff.budget, "500")
      refuses("number expected", backoff.budget, {})
    end)

    it("raises on another cause, and takes nothing", function()
      local budget = backoff.budget()
      for _, cause in ipairs({ "", "Retry", "retr", "retry ", "retry\0", "timeout\0x", "conflict" }) do
        refuses('expected "retry" or "timeout"', budget.take, budget, cause)
      end
      refuses("string expected", budget.take, budget, 5)
      refuses("string expected", budget.take, budget)
      assert.equal(500, budget:level())
    end)

    it("raises on a refund that take() never gave", function()
      local budget = backoff.budget()
      budget:take("timeout")
      for _, cost in ipairs({ 0, 1, -5, 5.5, 15, math.huge, 0 / 0 }) do
        refuses("expected what take() gave, 5 or 10", budget.refund, budget, cost)
      end
      refuses("number expected", budget.refund, budget, "5")
      refuses("number expected", budget.refund, budget, false)
      assert.equal(490, budget:level())
    end)

    it("raises on what is no budget", function()
      local budget = backoff.budget()
      for _, name in ipairs({ "take", "refund", "level" }) do
        refuses("referrals.backoff.budget expected", budget[name], {}, "retry")
        refuses("referrals.backoff.budget expected", budget[name], io.stdout, "retry")
        refuses("referrals.backoff.budget expected", budget[name])
      end
    end)

    it("cannot be opened", function()
      assert.equal("locked", getmetatable(backoff.budget()))
    end)
  end)
end)
