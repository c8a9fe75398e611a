--- Ours, many at once, in a process of its own:  ours_many.lua ENDPOINT TOKEN COUNT at-once=N [option ...]
--- Updates COUNT referrals, each another one, and prints the seconds. Options: substatus=NAME, returns=minimal,
--- http2, ca=FILE, warm=N.
local core = require "referrals.core"
local referrals = require "referrals"

local options = { warm = "0" }
for place = 4, #arg do
  local name, value = arg[place]:match("^([^=]+)=?(.*)$")
  options[name] = value
end

local client = assert(referrals.new {
  endpoint = arg[1],
  token = arg[2],
  ca_file = options.ca,
  http_version = options.http2 and "2" or "1.1",
})

local number = 0

local function update(count)
  local last = number + count
  local totals = client:update_many(function()
    if number == last then
      return nil
    end
    number = number + 1
    return {
      id = ("00000000-0000-4000-8000-%012d"):format(number),
      change = { status = "Closed", substatus = options.substatus },
    }
  end, {
    concurrency = tonumber(options["at-once"]),
    returns = options.returns,
    on_result = function(result)
      if result.err then
        error(tostring(result.err))
      end
    end,
  })
  assert(totals.changed == count)
end

update(tonumber(options.warm))
local began = core.http.now()
update(tonumber(arg[3]))
print(("%.6f"):format(core.http.now() - began))
