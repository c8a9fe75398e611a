local counting = require "support.counting"
local nginx = require "support.nginx"

-- The long form, 8 processes and 10,000 calls: make counting.
describe("many writers under faults", function()
  it("are each told the truth: a success is applied once, a failure never, an unsettled write at most once", function()
    local server = nginx.start()
    finally(function() server:stop() end)
    local figures = counting.run { server = server, processes = 3, calls = 300, seed = 7 }
    assert.same({}, figures.wrong)
    assert.equal(300, figures.calls)
    assert.equal(figures.applied, figures.sum)
    assert.equal(figures.applied, figures.ok + figures.unsettled_applied)
    assert.same({ 0, 0 }, { figures.doubles, figures.lost })
    -- The faults were met, and most calls came through them.
    assert.is_true(figures.requests > 500, figures.requests .. " requests")
    assert.is_true(figures.ok > 200, figures.ok .. " successes")
    assert.is_true(figures.unsettled > 0)
  end)
end)
