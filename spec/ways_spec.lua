local ways = require "referrals.runtime.ways"

describe("ways", function()
  it("are made while none is free", function()
    local free = ways.new()
    local one, none = free:take()
    assert.equal("userdata", type(one))
    assert.is_nil(none)
    assert.are_not.equal(one, (free:take()))
  end)

  it("are used again, with a spare where there is one", function()
    local free = ways.new()
    local one, other = free:take(), free:take()
    free:give_back(one, nil)
    free:give_back(other, "spare")
    local taken = {}
    local again, spare = free:take()
    taken[again] = true
    assert.equal("spare", spare)
    again, spare = free:take()
    taken[again] = true
    assert.is_nil(spare)
    assert.same({ [one] = true, [other] = true }, taken)
    assert.is_nil(taken[free:take()])
  end)
end)
