--- What others in the same worker notice of 64 updates that wait for a service that answers after 500 ms: the p99 of a
--- static location, busy against idle in alternating runs, and the CPU that our code takes in one turn of the loop.
--- Beside it, asked in turn with it, the same location of another nginx that does nothing else: what changes there is
--- the machine, on which the service, the reactor's thread and this measuring are busy too. And idle against idle tells
--- the noise.
local application = require "support.app"
local jobs = require "bench.nginx.job"
local socket = require "socket"

local RUNS = tonumber(arg[1]) or 7
local SECONDS = tonumber(arg[2]) or 4 -- a 99th percentile wants many

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
      local semaphore = require "ngx.semaphore"
      local wait = semaphore.wait
      function semaphore.wait(...)
        count()
        local posted, why = wait(...)
        resumed[coroutine.running()] = cpu()
        return posted, why
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

local function connect(port)
  local connection = assert(socket.connect("127.0.0.1", port))
  connection:setoption("tcp-nodelay", true)
  return connection
end

local function ask(connection)
  local began = socket.gettime()
  connection:send("GET /static HTTP/1.1\r\nHost: x\r\n\r\n")
  repeat
    local line = assert(connection:receive("*l"))
  until line == ""
  assert(connection:receive(#"static"))
  return socket.gettime() - began
end

local function p99_of(times)
  table.sort(times)
  return times[math.ceil(#times * 0.99)] * 1e6
end

--- The 99th percentiles in microseconds, by one connection to each port that asks again and again.
local function p99(...)
  local connections, times, over = {}, {}, socket.gettime() + SECONDS
  for place, port in ipairs { ... } do
    connections[place], times[place] = connect(port), {}
  end
  while socket.gettime() < over do
    for place, connection in ipairs(connections) do
      table.insert(times[place], ask(connection))
      socket.sleep(0.0005)
    end
  end
  for place, connection in ipairs(connections) do
    connection:close()
    times[place] = p99_of(times[place])
  end
  return unpack(times)
end

local job = jobs.start { delay = 0.5, server = SERVER }
local other = application.start {
  http = "keepalive_requests 1000000000;", -- nginx itself ends a connection after 1,000
  server = [[ location /static { return 200 "static"; } ]],
}
p99(job.app.port, other.port)

local function measure(how, told)
  local ratios, elsewhere, noise = {}, {}, {}
  for place = 1, RUNS do
    local again = p99(job.app.port, other.port)
    local idle, other_idle = p99(job.app.port, other.port)
    job.app:get("/begin?how=" .. how)
    socket.sleep(1) -- the first of them have answers
    local busy, other_busy = p99(job.app.port, other.port)
    job.app:get("/end")
    ratios[place], elsewhere[place], noise[place] = busy / idle, other_busy / other_idle, again / idle
    print(("bystander: p99 of a static location %.0f us idle, %.0f us with 64 updates %s, %.2f times; of another "
      .. "nginx %.0f and %.0f us, %.2f times; idle against idle %.2f times"):format(idle, busy, told, ratios[place],
      other_idle, other_busy, elsewhere[place], noise[place]))
  end
  return jobs.median(ratios), jobs.median(elsewhere), jobs.median(noise)
end

local ours, elsewhere, noise = measure("ours", "under way")
local hand = measure("hand", "by hand on cosockets")
print(("bystander: median %.2f times (wanted: at most 1.2); of another nginx %.2f times; idle against idle %.2f times; "
  .. "by hand on cosockets %.2f times"):format(ours, elsewhere, noise, hand))
job.app:get("/watch")
job.app:get("/begin?how=ours")
socket.sleep(5)
job.app:get("/end")
local _, longest = job.app:get("/longest_turn")
other:stop()
job:stop()
print(("bystander: %.2f ms of CPU at most in our code in a turn of the loop (wanted: at most 5)"):format(longest * 1e3))
