local settings = require "referrals.sandbox.settings"

describe("sandbox settings", function()
  it("fills in defaults without touching what it was given", function()
    local given = { switches = { ignore = { "a" } } }
    local options = settings.read(given)
    assert.equal(100, options.page_size)
    assert.is_true(options.switches.etag_header)
    assert.same({ "a" }, options.switches.ignore)
    assert.same({ switches = { ignore = { "a" } } }, given)
  end)

  it("gives every service tables of its own", function()
    local first, second = settings.read {}, settings.read {}
    first.switches.ignore[1] = "a"
    first.switches.created = "accepted"
    assert.same({}, second.switches.ignore)
    assert.equal("as_posted", second.switches.created)
    assert.same({}, settings.read({}).switches.ignore)
  end)

  it("refuses what it does not know", function()
    assert.has_error(function() settings.read { tokenz = {} } end)
    assert.has_error(function() settings.read { switches = { etag = true } } end)
    assert.has_error(function() settings.read { switches = { next_link = "none" } } end)
  end)
end)
