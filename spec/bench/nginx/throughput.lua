--- Updates a second through one worker against a service that costs next to nothing: ours against the same job by hand
--- on cosockets, in alternating runs; and what CPU an update costs, and where. First without a copy in memory, which
--- are two round trips as by hand; then as it is by default, for referrals that were written before: one round trip.
---   luajit throughput.lua [runs [updates]]
local costs = require "bench.nginx.costs"
local jobs = require "bench.nginx.job"

local RUNS = tonumber(arg[1]) or 5
local COUNT = tonumber(arg[2]) or 10000
local WANTED = 1.5

-- Each in a worker of its own: what the other keeps in memory would be walked by its collector of garbage too.
local function measure(told, ours, hand)
  local of = { [ours] = jobs.start {}, [hand] = jobs.start {} }
  local ratios, cpu = {}, { [ours] = costs.new(), [hand] = costs.new() }
  for how, job in pairs(of) do
    job:rate(COUNT, 64, how)
  end
  for place = 1, RUNS do
    local rates = {}
    for _, how in ipairs { ours, hand } do
      local before = costs.now(of[how])
      rates[how] = of[how]:rate(COUNT, 64, how)
      cpu[how]:add(before, costs.now(of[how]), COUNT)
    end
    ratios[place] = rates[ours] / rates[hand]
    print(("throughput, %s: ours %.0f updates/s, by hand on cosockets %.0f updates/s, %.2f times"):format(told,
      rates[ours], rates[hand], ratios[place]))
  end
  for _, job in pairs(of) do
    job:stop()
  end
  print(("throughput, %s: CPU of one of ours: %s"):format(told, cpu[ours]))
  print(("throughput, %s: CPU of one by hand: %s"):format(told, cpu[hand]))
  print(("throughput, %s: median %.2f times (wanted: %.1f)"):format(told, jobs.median(ratios), WANTED))
end

measure("nothing in memory", "ours", "hand")
measure("by default", "again", "again_by_hand")
