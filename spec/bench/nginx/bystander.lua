--- What others in the same worker notice of 64 updates that wait for a service that answers after 500 ms: the p99 of a
--- static location, busy against idle in alternating runs, and the CPU that our code takes in one turn of the loop.
local jobs = require "bench.nginx.job"
local socket = require "socket"

local RUNS = tonumber(arg[1]) or 7
local SECONDS = tonumber(arg[2]) or 2

-- Our code runs between an answer of a cosocket and the next wait; all that in one turn of the loop, which is as long
-- as nginx's cached time stands still, is added up.
local SERVER = [[
  location /watch {
    content_by_lua_block {
      local ffi = require "ffi"
      ffi.cdef "typedef struct { long s, ns; } cpu_time; int clock_gettime(int, cpu_time *);"
      local time = ffi.new("cpu_time")
      local function cpu()
        ffi.C.clock_gettime(3, time) -- this thread's
        return tonumber(time.s) + tonumber(time.ns) / 1e9
      end
      local tcp, resumed = ngx.socket.tcp, setmetatable({}, { __mode = "k" })
      local turn, spent = 0, 0
      package.loaded.longest_turn = 0
      local function count()
        local began = resumed[coroutine.running()]
        if began then
          if ngx.now() ~= turn then
            turn, spent = ngx.now(), 0
          end
          spent = spent + cpu() - began
          package.loaded.longest_turn = math.max(package.loaded.longest_turn, spent)
        end
      end
      ngx.socket.tcp = function()
        local real = tcp()
        return setmetatable({}, { __index = function(_, name)
          return function(_, ...)
            if name ~= "receive" then
              return real[name](real, ...)
            end
            count()
            local line, why = real:receive(...)
            resumed[coroutine.running()] = cpu()
            return line, why
          end
        end })
      end
    }
  }
  location /longest_turn { content_by_lua_block { ngx.print(package.loaded.longest_turn) } }
  location /begin {
    content_by_lua_block {
      ngx.shared.job:delete("stop")
      ngx.shared.job:set("running", true)
      local how = ngx.var.arg_how
      ngx.timer.at(0, function()
        run_job(1e9, 64, how)
        ngx.shared.job:delete("running")
      end)
    }
  }
  location /end {
    content_by_lua_block {
      ngx.shared.job:set("stop", true)
      while ngx.shared.job:get("running") do
        ngx.sleep(0.01)
      end
    }
  }
]]

--- The 99th percentile in microseconds, by one connection that asks again and again.
local function p99(port)
  local connection = assert(socket.connect("127.0.0.1", port))
  connection:setoption("tcp-nodelay", true)
  local times, over = {}, socket.gettime() + SECONDS
  while socket.gettime() < over do
    local began = socket.gettime()
    connection:send("GET /static HTTP/1.1\r\nHost: x\r\n\r\n")
    repeat
      local line = assert(connection:receive("*l"))
    until line == ""
    assert(connection:receive(#"static"))
    times[#times + 1] = socket.gettime() - began
    socket.sleep(0.0005)
  end
  connection:close()
  table.sort(times)
  return times[math.ceil(#times * 0.99)] * 1e6
end

local job = jobs.start { delay = 0.5, server = SERVER }
p99(job.app.port)

local function measure(how, told)
  local ratios = {}
  for place = 1, RUNS do
    local idle = p99(job.app.port)
    job.app:get("/begin?how=" .. how)
    socket.sleep(1) -- the first of them have answers
    local busy = p99(job.app.port)
    job.app:get("/end")
    ratios[place] = busy / idle
    print(("bystander: p99 of a static location %.0f us idle, %.0f us with 64 updates %s, %.2f times"):format(idle,
      busy, told, ratios[place]))
  end
  return jobs.median(ratios)
end

local ours = measure("ours", "under way")
local hand = measure("hand", "by hand on cosockets")
print(("bystander: median %.2f times (wanted: at most 1.2); by hand on cosockets %.2f times"):format(ours, hand))
job.app:get("/watch")
job.app:get("/begin")
socket.sleep(5)
job.app:get("/end")
local _, longest = job.app:get("/longest_turn")
job:stop()
print(("bystander: %.2f ms of CPU at most in our code in a turn of the loop (wanted: at most 5)"):format(longest * 1e3))
