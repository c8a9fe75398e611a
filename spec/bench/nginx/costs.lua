--- What CPU a job costs and where: the worker, the reactor's thread, the upstream; user and system apart. The kernel
--- counts both in its ticks, so a run should last some seconds; what nobody of ours used was somebody else's or idle.
local shell = require "spec.support.shell"

local M = {}
local Costs = {}
Costs.__index = Costs

local TICK = 1e6 / tonumber((shell.must("getconf CLK_TCK"))) -- microseconds

local function ticks_of(path)
  local user, system = shell.read(path):match("%) %a" .. (" %S+"):rep(10) .. " (%d+) (%d+)")
  return { user = user * TICK, system = system * TICK }
end

-- The worker's first thread has the process's number.
local function thread_of(pid)
  for id in shell.must("ls /proc/" .. pid .. "/task"):gmatch("%d+") do
    if tonumber(id) ~= pid then
      return id
    end
  end
end

--- All of the machine, in microseconds of its CPUs.
local function whole()
  local all, idle = 0, 0
  local place = 0
  for number in shell.read("/proc/stat"):match("^cpu ([^\n]+)"):gmatch("%d+") do
    place = place + 1
    all = all + number * TICK
    idle = idle + ((place == 4 or place == 5) and number * TICK or 0)
  end
  return { user = all - idle, system = idle }
end

function M.now(job)
  local worker, upstream = job:worker(), job.upstream:worker_pids()[1]
  local thread = thread_of(worker)
  return {
    worker = ticks_of(("/proc/%d/task/%d/stat"):format(worker, worker)),
    thread = thread and ticks_of(("/proc/%d/task/%d/stat"):format(worker, thread)),
    upstream = ticks_of(("/proc/%d/stat"):format(upstream)),
    whole = whole(),
  }
end

function M.new()
  return setmetatable({ count = 0, sums = {} }, Costs)
end

function Costs:add(before, after, count)
  self.count = self.count + count
  for name, used in pairs(after) do
    local from = before[name] or { user = 0, system = 0 }
    local sum = self.sums[name] or { user = 0, system = 0 }
    sum.user, sum.system = sum.user + used.user - from.user, sum.system + used.system - from.system
    self.sums[name] = sum
  end
end

function Costs:__tostring()
  local parts, ours = {}, 0
  for _, name in ipairs { "worker", "thread", "upstream" } do
    local sum = self.sums[name]
    if sum then
      parts[#parts + 1] = ("%s %.1f + %.1f us"):format(name, sum.user / self.count, sum.system / self.count)
      ours = ours + sum.user + sum.system
    end
  end
  local all = self.sums.whole
  return ("%s (user + system); others %.1f us, idle %.1f us"):format(table.concat(parts, ", "),
    (all.user - ours) / self.count, all.system / self.count)
end

return M
