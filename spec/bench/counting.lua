--- The counting test in full: 8 processes, 4 updates at once in each, 10,000 calls under faults. Fails when one call
--- was told wrongly what became of its write.
local counting = require "support.counting"
local nginx = require "support.nginx"
local socket = require "socket"

local seed = tonumber(arg[1]) or 1
local server = nginx.start()
local began = socket.gettime()
local ok, figures = pcall(counting.run, { server = server, processes = 8, calls = 10000, seed = seed })
server:stop()
assert(ok, figures)

local function row(name, value, note)
  print(("%-34s %7d  %s"):format(name, value, note or ""))
end

local kinds = {}
for kind in pairs(figures.failed) do
  kinds[#kinds + 1] = kind
end
table.sort(kinds)

print(("8 processes x 4 at once, 20 referrals, seed %d, %.0f s"):format(seed, socket.gettime() - began))
row("calls", figures.calls)
row("requests", figures.requests, ("%d refused with 412: another writer was faster"):format(figures.refused))
row("successes", figures.ok)
for _, kind in ipairs(kinds) do
  row("failures, " .. kind, figures.failed[kind])
end
row("unsettled", figures.unsettled, ("%.1f %% of calls, %d of them applied"):format(
  100 * figures.unsettled / figures.calls, figures.unsettled_applied))
row("writes applied", figures.applied, "successes and applied unsettled: " .. figures.ok + figures.unsettled_applied)
row("sum of the deal values", figures.sum)
row("applied twice", figures.doubles)
row("successes that were not applied", figures.lost)
for _, text in ipairs(figures.wrong) do
  print("WRONG: " .. text)
end
os.exit(#figures.wrong == 0 and figures.sum == figures.applied
  and figures.applied == figures.ok + figures.unsettled_applied and 0 or 1)
