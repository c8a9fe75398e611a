local rules = require "referrals.sandbox.rules"

local MOVES = {
  New = { New = true, Active = true, Closed = true },
  Active = { New = false, Active = true, Closed = true },
  Closed = { New = false, Active = false, Closed = true },
}
local OWNERS = {
  Pending = "New", Received = "New", Accepted = "Active", Won = "Closed", Lost = "Closed", Declined = "Closed",
  Expired = "Closed",
}

describe("sandbox rules", function()
  for from, targets in pairs(MOVES) do
    for to, possible in pairs(targets) do
      for substatus, owner in pairs(OWNERS) do
        it(("moves from %s to %s/%s or refuses"):format(from, to, substatus), function()
          local before, after = { status = from, substatus = "None" }, { status = to, substatus = substatus }
          local problem = rules.transition(before, after)
          if not possible then
            assert.equal("status", problem.target)
          elseif owner ~= to then
            assert.equal("substatus", problem.target)
          else
            assert.is_nil(problem)
          end
        end)
      end
    end
  end

  it("does not judge what stays", function()
    local state = { status = "Archived", substatus = "Error" }
    assert.is_nil(rules.transition(state, state))
  end)

  it("lets an unknown status become a known one and not the reverse", function()
    assert.is_nil(rules.transition({ status = "Archived" }, { status = "Closed", substatus = "Won" }))
    assert.equal("status", rules.transition({ status = "New" }, { status = "Archived" }).target)
    assert.equal("substatus", rules.transition({ status = "New" }, { status = "Closed", substatus = "Error" }).target)
  end)

  it("guards read-only members", function()
    local current = { id = '"ABC"', direction = '"Incoming"' }
    assert.is_nil(rules.read_only(current, { id = '"abc"', direction = '"Incoming"' }))
    assert.is_nil(rules.read_only(current, {}))
    assert.is_nil(rules.read_only(current, { quality = "null" }))
    assert.equal("direction", rules.read_only(current, { direction = '"Outgoing"' }).target)
    assert.equal("direction", rules.read_only(current, { direction = "null" }).target)
    assert.equal("id", rules.read_only(current, { id = '"abd"' }).target)
    assert.equal("tags", rules.read_only(current, { tags = "[]" }).target)
  end)
end)
