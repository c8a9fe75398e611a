--- What the hand-written scripts share: the change, which differs each time, and the headers, which are ours.
local M = {}

function M.options()
  local options = { change = "status", warm = "0" }
  for place = 4, #arg do
    local name, value = arg[place]:match("^([^=]+)=?(.*)$")
    options[name] = value
  end
  options.url = arg[1] .. "/referrals/49d90c72-3326-4f61-aacc-2cb57970448c"
  options.token, options.count, options.warm = arg[2], tonumber(arg[3]), tonumber(options.warm)
  return options
end

function M.apply(referral, kind, number)
  if kind == "deal" then
    referral.details.dealValue = 50001 + number % 2
  else
    referral.status = "Closed"
    referral.substatus = number % 2 == 0 and "Won" or "Lost"
  end
  referral.links = nil
end

local random = math.random

function M.request_id()
  return ("%04x%04x-%04x-4%03x-%04x-%04x%04x%04x"):format(random(0, 65535), random(0, 65535), random(0, 65535),
    random(0, 4095), random(32768, 49151), random(0, 65535), random(0, 65535), random(0, 65535))
end

--- Runs `update(number)` so many times and prints the seconds.
function M.run(options, update, now)
  for number = 1, options.warm do
    update(number)
  end
  local began = now()
  for number = options.warm + 1, options.warm + options.count do
    update(number)
  end
  print(("%.6f"):format(now() - began))
end

return M
