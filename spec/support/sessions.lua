--- Specs that hold for sessions of both kinds: those that expect one exchange at a time, and those that expect many.
---   sessions(describe, "name", function(open) local session = open({...}) ... end)
local http = require("referrals.core").http

return function(describe, name, specs)
  for told, many in pairs({ [name] = false, [name .. ", many expected"] = true }) do
    describe(told, function()
      specs(function(options)
        local session = http.session(options)
        session:expect_many(many)
        return session
      end)
    end)
  end
end
