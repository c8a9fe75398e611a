local errors = require "referrals.errors"
local kind_of = require "referrals.outcome"

describe("the kind of an outcome", function()
  -- Every outcome but "ok" that the core, a runtime or the sandbox's carrier has a name for.
  local KINDS = {
    busy = "busy",
    body_too_large = "protocol",
    cancelled = "network",
    header_too_large = "protocol",
    invalid = "validation",
    memory = "network",
    name_lookup = "network",
    network = "network",
    protocol = "protocol",
    resend_refused = "network",
    timeout = "timeout",
    tls = "network",
    untrusted = "network",
  }

  it("is what a caller can do something about", function()
    for outcome, kind in pairs(KINDS) do
      assert.equal(kind, (kind_of(outcome)), outcome)
    end
  end)

  it("is worth another try where the kind is, but for a certificate: it becomes no better by that", function()
    local lasting = {}
    for outcome in pairs(KINDS) do
      local kind, retryable = kind_of(outcome)
      local err = errors.new(kind, { retryable = retryable })
      if err.retryable ~= errors.new(kind, {}).retryable then
        lasting[#lasting + 1] = outcome
      end
    end
    assert.same({ "untrusted" }, lasting)
    assert.is_false(select(2, kind_of("untrusted")))
  end)

  it("is a broken connection where a newer core names one that nobody knows here", function()
    assert.same({ "network" }, { kind_of("solar_flare") })
  end)
end)
