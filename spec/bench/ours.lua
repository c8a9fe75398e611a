--- Ours in a process of its own:  ours.lua ENDPOINT TOKEN COUNT [option ...]
--- Makes COUNT updates of the example and prints the seconds that they took. Options: cold (nothing is kept),
--- returns=minimal, method=PATCH, change=status|deal, warm=N (so many before the clock starts).
local core = require "referrals.core"
local referrals = require "referrals"

local ID = "49d90c72-3326-4f61-aacc-2cb57970448c"

local options = { change = "status", warm = "0" }
for place = 4, #arg do
  local name, value = arg[place]:match("^([^=]+)=?(.*)$")
  options[name] = value
end

local CHANGES = {
  status = { { status = "Closed", substatus = "Won" }, { status = "Closed", substatus = "Lost" } },
  deal = { { details = { dealValue = 50001 } }, { details = { dealValue = 50002 } } },
}
local changes = assert(CHANGES[options.change])

local client = assert(referrals.new {
  endpoint = arg[1],
  token = arg[2],
  cache = options.cold and 0 or nil,
  method = options.method,
})
local opts = { returns = options.returns }

local function updates(from, to)
  for number = from, to do
    local _, err, info = client:update(ID, changes[number % 2 + 1], opts)
    if err then
      error(tostring(err))
    end
    assert(info.changed and #info.ignored == 0)
  end
end

local warm, count = tonumber(options.warm), tonumber(arg[3])
updates(1, warm)
local began = core.http.now()
updates(warm + 1, warm + count)
print(("%.6f"):format(core.http.now() - began))
