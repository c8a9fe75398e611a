--- Memory: whether a great many updates make the process grow, and what an update holds while it waits for its answer.
local common = require "bench.common"
local instructions = require "bench.instructions"
local shell = require "support.shell"
local socket = require "socket"

local M = {}

local COUNT = 100000
local WAITING = 256

-- Growth -------------------------------------------------------------------------------------------------------------

local function growth(figures, different, lua)
  local upstream = common.upstream()
  local rest = ("%s %s updates %d %d"):format(upstream.endpoint, common.TOKEN, COUNT, different)
  local output = shell.must(instructions.script(lua, "memory_job.lua", rest))
  upstream:stop()
  local early, later, settled, late = output:match("(%d+)%s+(%d+)%s+(%d+)%s+(%d+)")
  local key = ("growth_%d_%s"):format(different, lua)
  local whose = different == 1 and "of one referral" or ("of %d referrals by turns"):format(different)
  local label = ("%d updates %s, Lua %s"):format(COUNT, whose, lua)
  figures:note("memory", key .. "_size", label .. ": after the first thousand", tonumber(early), "KB")
  figures:note("memory", key, label .. ": growth from there on", late - early, "KB")
  if different > 1 then
    figures:note("memory", ("later_%d_%s"):format(different, lua), label .. ": growth after the first 3,000",
      late - later, "KB")
  end
  figures:note("memory", ("settled_%d_%s"):format(different, lua), label .. ": growth after the first 20,000",
    late - settled, "KB")
end

-- Waiting ------------------------------------------------------------------------------------------------------------

local function writes_in(upstream)
  local _, count = shell.read(upstream.folder .. "/record"):gsub("PUT /", "")
  return count
end

local function resident(pid)
  return tonumber(shell.read("/proc/" .. pid .. "/status"):match("VmRSS:%s*(%d+)"))
end

--- Kilobytes of a process whose `count` writes all wait for their answers.
local function kilobytes_waiting(count, secure)
  local upstream = common.upstream { hold = true, record = true }
  local endpoint, ca_file = upstream.endpoint, ""
  if secure then
    upstream:secure()
    endpoint, ca_file = upstream.secure_endpoint, upstream.ca_file
  end
  local command = instructions.script("5.4", "memory_job.lua", ("%s %s waiting %d %s"):format(endpoint, common.TOKEN,
    count, ca_file))
  local pid = shell.must("env " .. command .. " >/dev/null 2>&1 </dev/null & echo $!"):match("%d+")
  local limit = socket.gettime() + 20
  while writes_in(upstream) < count and socket.gettime() < limit do
    socket.sleep(0.05)
  end
  local all_wait, size = writes_in(upstream) == count, resident(pid)
  shell.run("kill " .. pid)
  upstream:stop()
  assert(all_wait, "not all of the writes arrived")
  return size
end

local function waiting(figures, key, label, secure)
  local few, many = kilobytes_waiting(1, secure), kilobytes_waiting(WAITING, secure)
  figures:note("memory", key, ("an update that waits for its answer, %s: it holds"):format(label),
    (many - few) * 1024 / (WAITING - 1), "bytes")
end

function M.run(figures)
  growth(figures, 1, "5.4")
  growth(figures, 5000, "5.4")
  growth(figures, 1, "jit")
  waiting(figures, "waiting_h1", ("HTTP/1.1, %d at once"):format(WAITING), false)
  waiting(figures, "waiting_h2", ("HTTP/2 and TLS, %d at once"):format(WAITING), true)
end

return M
