--- A great many updates through one worker: memory and descriptors have to stay where they are.
---   luajit soak.lua [updates]
local application = require "support.app"
local jobs = require "bench.nginx.job"

local COUNT = tonumber(arg[1]) or 1000000
local PARTS = 10

local job = jobs.start {}
job:rate(20000, 64, "ours")
local first = application.usage(job:worker())
print(("soak: after 20000 updates %d KB, %d descriptors, %d threads"):format(first.kilobytes, first.descriptors,
  first.threads))
local last
for part = 1, PARTS do
  local rate = job:rate(COUNT / PARTS, 64, "ours")
  last = application.usage(job:worker())
  print(("soak: after %d more %d KB, %d descriptors, %d threads; %.0f updates/s"):format(part * COUNT / PARTS,
    last.kilobytes, last.descriptors, last.threads, rate))
end
job:stop()
assert(last.descriptors <= first.descriptors + 2 and last.threads == first.threads, "descriptors or threads leak")
assert(last.kilobytes < first.kilobytes * 1.25 + 4096, "memory grows")
