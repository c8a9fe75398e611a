--- Updates a second through one worker against a service that costs next to nothing: ours against the same job by hand
--- on cosockets, in alternating runs.   luajit throughput.lua [runs [updates]]
local jobs = require "bench.nginx.job"

local RUNS = tonumber(arg[1]) or 5
local COUNT = tonumber(arg[2]) or 5000
local WANTED = 1.5

local job = jobs.start {}
job:rate(COUNT, 64, "ours")
job:rate(COUNT, 64, "hand")
local ratios = {}
for place = 1, RUNS do
  local ours, theirs = job:rate(COUNT, 64, "ours"), job:rate(COUNT, 64, "hand")
  ratios[place] = ours / theirs
  print(("throughput: ours %.0f updates/s, by hand on cosockets %.0f updates/s, %.2f times"):format(ours, theirs,
    ratios[place]))
end
job:stop()
print(("throughput: median %.2f times (wanted: %.1f)"):format(jobs.median(ratios), WANTED))
