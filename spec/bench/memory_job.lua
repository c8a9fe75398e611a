--- A process whose memory is looked at:  memory_job.lua ENDPOINT TOKEN updates COUNT DIFFERENT
--- Makes COUNT updates of DIFFERENT referrals by turns; prints its kilobytes after 1,000, 3,000 and 20,000 of
--- them and at the end.
---   memory_job.lua ENDPOINT TOKEN waiting N [CA_FILE]
--- Has N updates under way at once and waits.
local referrals = require "referrals"

local function kilobytes()
  collectgarbage()
  collectgarbage()
  local file = assert(io.open("/proc/self/status"))
  local text = file:read("*a")
  file:close()
  return text:match("VmRSS:%s*(%d+)")
end

local function id(number)
  return ("00000000-0000-4000-8000-%012d"):format(number)
end

local function change(substatus)
  return { status = "Closed", substatus = substatus }
end

local WORDS = { "Won", "Lost", "Declined" }

local function updates(client, count, different)
  for number = 1, count do
    local round = math.floor((number - 1) / different)
    local _, err = client:update(id(number % different + 1), change(WORDS[round % 3 + 1]), { returns = "minimal" })
    assert(not err, tostring(err))
    if number == 1000 or number == 3000 or number == 20000 then
      print(kilobytes())
    end
  end
  print(kilobytes())
end

local function wait(client, count)
  local items = {}
  for number = 1, count do
    items[number] = { id = id(number), change = change("Won") }
  end
  client:update_many(items, { concurrency = count, returns = "minimal", timeout = 300 })
end

local is_updates = arg[3] == "updates"
local client = assert(referrals.new { endpoint = arg[1], token = arg[2], ca_file = not is_updates and arg[5] or nil })
if is_updates then
  updates(client, tonumber(arg[4]), tonumber(arg[5]))
else
  wait(client, tonumber(arg[4]))
end
