--- The kind of error that an exchange without a complete answer is.

local KINDS = {
  busy = "busy",
  timeout = "timeout",
  protocol = "protocol",
  body_too_large = "protocol",
  header_too_large = "protocol",
  invalid = "validation",
}

--- @param outcome string what the runtime's `perform` gave instead of "ok"
--- @return referrals.error.kind
return function(outcome)
  return KINDS[outcome] or "network"
end
