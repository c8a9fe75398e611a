-- A new item of an array is judged against what it stands for, so that only what differs is judged.
local counterparts = require "referrals.counterparts"

describe("the counterpart of a new item", function()
  local ANN, ANN_AGAIN, BOB = { email = "ann", age = 1 }, { email = "ann", age = 2 }, { email = "bob" }

  it("is the same item at its place, though others have its key", function()
    local of = counterparts("email", { ANN, ANN_AGAIN })
    assert.equal(ANN_AGAIN, of({ email = "ann", age = 2 }, 2))
  end)

  it("is the first with its key, wherever that is", function()
    local of = counterparts("email", { BOB, ANN, ANN_AGAIN })
    assert.equal(ANN, of({ email = "ann", age = 3 }, 1))
    assert.equal(ANN, of({ email = "ann", age = 3 }, 9))
  end)

  it("is what is at its place where nobody has its key", function()
    local of = counterparts("email", { BOB, ANN })
    assert.equal(BOB, of({ email = "new" }, 1))
    assert.is_nil(of({ email = "new" }, 3))
  end)

  it("is the same item anywhere, where it has no key", function()
    local keyless = { age = 5 }
    local of = counterparts("email", { BOB, "text", keyless })
    assert.equal(keyless, of({ age = 5 }, 1))
    assert.equal("text", of("text", 1))
    assert.equal(keyless, counterparts(nil, { BOB, keyless })({ age = 5 }, 1))
  end)

  it("is nothing where there is no array", function()
    assert.is_nil(counterparts("email", nil)({ email = "ann" }, 1))
    assert.is_nil(counterparts("email", "text")("text", 1))
  end)

  it("is found without looking through a long array for each item", function()
    local current, looks = {}, 0
    for number = 1, 2000 do
      current[number] = setmetatable({}, { __index = function(_, name)
        looks = looks + 1
        return name == "email" and number or nil
      end })
    end
    local of = counterparts("email", current)
    for number = 1, 2000 do
      assert.equal(current[2001 - number], of({ email = 2001 - number }, number))
    end
    assert.is_true(looks < 5 * 2000, looks .. " looks")
  end)
end)
