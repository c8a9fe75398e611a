local clocks = require "referrals.sandbox.clock"

describe("sandbox clock", function()
  it("stamps later each time, even when it stands still", function()
    local clock = clocks.new(function() return 1541529642.5 end)
    assert.equal("2018-11-06T18:40:42.5000000Z", clock:stamp())
    assert.equal("2018-11-06T18:40:42.5000001Z", clock:stamp())
  end)

  it("stamps later when it goes back", function()
    local now = 1541529642
    local clock = clocks.new(function() return now end)
    local before = clock:stamp()
    now = now - 3600
    assert.is_true(clock:stamp() > before)
  end)

  it("is advanced by hand", function()
    local clock = clocks.new(function() return 0 end)
    clock:advance(86400)
    assert.equal("1970-01-02T00:00:00.0000000Z", clock:stamp())
  end)

  it("writes HTTP dates", function()
    assert.equal("Tue, 06 Nov 2018 18:40:42 GMT", clocks.http_date(1541529642))
  end)
end)
