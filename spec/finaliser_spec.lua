-- Verbs that the application's finalisers call: whenever Lua is asked for memory, so in the middle of another verb, and
-- when the state ends, where what the module needs may be finalised already.
local nginx = require "support.nginx"
local referral = require "support.referral"
local shell = require "support.shell"

-- In processes of their own: with the collector this eager, what other specs hold on to would be walked all the time.
local WHERE_TO = [[
local finalising = require "support.finalising"
local referrals = require "referrals"
local client = assert(referrals.new { endpoint = arg[1], token = "token", cache = 0 })
local times = 0
finalising.make_eager()
for round = 1, 2000 do
  local id, other = arg[2 + round % 2], arg[3 - round % 2]
  local was, got = finalising.interrupted(function()
    local read, err = client:get(id)
    return read and read.id or tostring(err)
  end, function()
    assert(client:get(other))
  end)
  assert(got == id, id .. " was asked for and came as " .. got)
  times = times + (was and 1 or 0)
  if times == 10 then
    print "as alone"
    break
  end
end
]]

local BATCH = [[
local finalising = require "support.finalising"
local referral = require "support.referral"
local referrals = require "referrals"
local client = assert(referrals.new { endpoint = arg[1], token = "token", cache = 0 })
local times, calls = 0, 0
finalising.make_eager()
for _ = 1, 400 do
  local was, results = finalising.interrupted(function()
    return client:update_many(referral.items(4), { concurrency = 2 })
  end, function()
    calls = calls + 1
    if calls % 7 == 0 then -- Lua 5.3 has time for more than a thousand in one batch
      pcall(client.get, client, arg[3]) -- which raises where a coroutine may not be left, on Lua 5.1
    end
  end)
  times = times + (was and 1 or 0)
  assert(results.succeeded == 4, tostring(results[1].err))
  if calls > 10000 then
    break
  end
end
print(times > 0 and "as alone" or "never interrupted")
]]

local AT_THE_END = [[
local referrals = require "referrals"
local held = {}
local function finaliser()
  local done, value, err = pcall(held.client.get, held.client, arg[2])
  print("called", done, tostring(err or value))
end
if newproxy then
  held.proxy = newproxy(true)
  getmetatable(held.proxy).__gc = finaliser
else
  setmetatable(held, { __gc = finaliser })
end
held.client = assert(referrals.new { endpoint = arg[1], token = "token" })
assert(held.client:get(arg[2]))
]]

describe("a verb that a finaliser calls", function()
  local server

  setup(function()
    server = nginx.start()
    referral.store(server, 4)
  end)

  teardown(function()
    server:stop()
  end)

  local function run(script)
    local folder = shell.folder()
    finally(function()
      shell.remove_folder(folder)
    end)
    local arguments = ("arg = {%q, %q, %q}\n"):format(server.url, referral.id(1), referral.id(2))
    local output, status = shell.run_lua(folder, arguments .. script, "timeout 60")
    assert.equal(0, status, output)
    return output:gsub("%s+$", "")
  end

  it("leaves the request that it interrupts where that was to go", function()
    assert.equal("as alone", (run(WHERE_TO)))
  end)

  it("takes no answer away from who waits for it in a batch", function()
    assert.equal("as alone", (run(BATCH)))
  end)

  it("may fail where the state ends, and leaves the host alone", function()
    assert.truthy(run(AT_THE_END):find("^called"))
  end)
end)
