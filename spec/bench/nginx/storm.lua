--- A reload every second under load: no answer may be lost or another's, and no old worker may stay.
---   luajit storm.lua [seconds]
local application = require "support.app"
local jobs = require "bench.nginx.job"
local load = require "support.load"
local socket = require "socket"

local SECONDS = tonumber(arg[1]) or 60

local job = jobs.start { workers = 2 }
local began, reloads = socket.gettime(), 0
local result = load.run(job.app, {
  at_once = 32,
  id = function(number) return ("00000000-0000-4000-8000-%012d"):format(number) end,
  ids = 1000,
  path = "/update?id=%s",
  during = function()
    local passed = socket.gettime() - began
    if passed > reloads + 1 then
      reloads = reloads + 1
      job.app:signal("HUP")
    end
    return passed > SECONDS
  end,
})
application.until_true(function() return #job.app:worker_pids() == 2 end, "the end of the old workers")
job:stop()
print(("storm: %d reloads in %d s, %d answers, each the right one; %d connections broke; no old worker stayed"):format(
  reloads, SECONDS, result.answered, result.broken))
assert(result.broken == 0)
