-- busted's plain output, and at the end "passed failed" in the file named by the first argument.
-- A pending test counts as failed: what is not tested has not passed.
local plain = require "busted.outputHandlers.plainTerminal"

return function(options)
  local busted = require "busted"
  local handler = plain(options)
  local path = assert(options.arguments[1], "expected the name of the file for the totals")

  busted.subscribe({ "suite", "end" }, function()
    local failed = handler.failuresCount + handler.errorsCount + handler.pendingsCount
    local file = assert(io.open(path, "w"))
    assert(file:write(handler.successesCount, " ", failed, "\n"))
    assert(file:close())
    return nil, true
  end)

  return handler
end
