--- The kind of error that an exchange without a complete answer is.

local KINDS = {
  busy = "busy",
  timeout = "timeout",
  protocol = "protocol",
  body_too_large = "protocol",
  header_too_large = "protocol",
  invalid = "validation",
}

-- What is so the next time too: a certificate becomes no better by asking again.
local LASTING = { untrusted = true }

--- @param outcome string what the runtime's `perform` gave instead of "ok"
--- @return referrals.error.kind
--- @return boolean|nil retryable where it differs from the kind's default
return function(outcome)
  if LASTING[outcome] then
    return "network", false
  end
  return KINDS[outcome] or "network", nil
end
