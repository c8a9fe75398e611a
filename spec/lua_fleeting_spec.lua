-- Lua collects garbage whenever memory is asked for, and a finaliser may call whatever is being called just then. Each
-- case here is called while finalisers call it too, with more and longer values, and gives what it gives alone.
local shell = require "support.shell"

-- In processes of their own: with the collector this eager, what other specs hold on to would be walked all the time.
local CORE = [=[
local fleeting = require "support.fleeting_cases"
local finalising = require "support.finalising"
local case = fleeting.CASES[arg[1]]
local one, other = fleeting.place("a", "short"), fleeting.place("b", ("long "):rep(400))
local expected, times = fleeting.shown(case(one)), 0
finalising.make_eager()
for round = 1, 3000 do
  local junk = ("x"):rep(round % 200)
  local was, got = finalising.interrupted(function()
    return fleeting.shown(case(one))
  end, function()
    case(other)
  end)
  assert(got == expected, ("%s\nbecame %s\nin round %d"):format(expected, got, round), junk)
  times = times + (was and 1 or 0)
  if times == 10 then
    print "as alone"
    break
  end
end
]=]

local function run(name)
  local folder = shell.folder()
  finally(function()
    shell.remove_folder(folder)
  end)
  local output, status = shell.run_lua(folder, ("arg = {%q}\n"):format(name) .. CORE)
  assert.equal(0, status, output)
  assert.equal("as alone", (output:gsub("%s+$", "")))
end

describe("what lasts only until a finaliser is called", function()
  for name in pairs(require("support.fleeting_cases").CASES) do
    it("is what the core gives all the same: " .. name, function()
      run(name)
    end)
  end
end)
