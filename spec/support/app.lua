--- An application in nginx, for a spec: master, workers and a configuration around the spec's own locations. What
--- NGINX_ENVIRONMENT holds (NAME=value ...) goes into the environment of this nginx alone; NGINX_BUILD has its core.
---
---   local app
---   setup(function() app = application.start { workers = 2, server = [[ location /x { ... } ]] } end)
---   teardown(function() app:stop() end)
---   after_each(function() assert.equal("", app:error_log()) end)
local shell = require "spec.support.shell"
local site = require "referrals.sandbox.nginx"
local socket = require "socket"

local M = {}
local App = {}
App.__index = App

local WAIT = 20 -- seconds for what should be there in milliseconds
local ATTEMPTS = 5

local TEMPLATE = [[
@modules@
@user@
@main@
worker_processes @workers@;
worker_shutdown_timeout 60s;
daemon on;
pid @folder@/nginx.pid;
error_log @folder@/error.log info;
events { worker_connections @connections@; }
http {
  lua_package_path "@lua@";
  lua_package_cpath "@core@";
  lua_code_cache @cache@;
  access_log off;
  default_type text/plain;
  client_body_temp_path @folder@/body;
  proxy_temp_path @folder@/proxy;
  fastcgi_temp_path @folder@/fastcgi;
  uwsgi_temp_path @folder@/uwsgi;
  scgi_temp_path @folder@/scgi;
  @http@
  server {
    listen 127.0.0.1:@port@@listen@ backlog=4096;
    @server@
  }
}
]]

-- nginx's Lua is LuaJIT, whoever runs the spec.
local function paths()
  local root = shell.must("pwd"):gsub("%s+$", "")
  local build = os.getenv("NGINX_BUILD") or os.getenv("BUILD") or "build"
  build = build:sub(1, 1) == "/" and build or root .. "/" .. build
  return ("%s/lua/?.lua;%s/lua/?/init.lua;%s/spec/?.lua;/usr/share/lua/5.1/?.lua;;"):format(root, root, root),
    ("%s/5.1/?.so;;"):format(build)
end

local function is_root()
  return shell.must("id -u"):match("%d+") == "0"
end

-- As many as the system lets a worker have, or nginx warns.
local function connections()
  return math.min(tonumber(shell.must("ulimit -n"):match("%d+")) or 8192, 8192)
end

local function configuration(options, folder, port)
  local lua, core = paths()
  local values = {
    folder = folder,
    port = port,
    lua = lua,
    core = core,
    modules = site.module_lines(),
    user = is_root() and "user root;" or "",
    workers = options.workers or 1,
    cache = options.code_cache == false and "off" or "on",
    connections = options.connections or connections(),
    listen = options.listen or "",
    main = options.main or "",
    http = options.http or "",
    server = options.server,
  }
  return (TEMPLATE:gsub("@(%l+)@", values))
end

--- Waits for a condition; raises when it does not come true.
function M.until_true(condition, what)
  local deadline = socket.gettime() + WAIT
  while true do
    local value = condition()
    if value then
      return value
    end
    assert(socket.gettime() < deadline, "never came: " .. what)
    socket.sleep(0.005)
  end
end

-- Processes ----------------------------------------------------------------------------------------------------------

local function alive(pid)
  local file = io.open("/proc/" .. pid .. "/stat")
  local text = file and file:read("*a") -- nil when it ended since
  local state = text and text:match("%) (%a)")
  if file then
    file:close()
  end
  return state ~= nil and state ~= "Z"
end

M.alive = alive

--- What a process uses at this moment.
---@return {threads: integer, descriptors: integer, kilobytes: integer}
function M.usage(pid)
  local status = shell.read("/proc/" .. pid .. "/status")
  return {
    threads = tonumber(status:match("Threads:%s*(%d+)")),
    kilobytes = tonumber(status:match("VmRSS:%s*(%d+)")),
    descriptors = tonumber(shell.must("ls /proc/" .. pid .. "/fd | wc -l"):match("%d+")),
  }
end

--- The workers that exist now, old ones too.
---@return integer[]
function App:worker_pids()
  local pids = {}
  for pid in shell.run("pgrep -P " .. self.pid):gmatch("%d+") do
    if alive(pid) then
      pids[#pids + 1] = tonumber(pid)
    end
  end
  table.sort(pids)
  return pids
end

function App:signal(name, pid)
  shell.must(("kill -%s %d"):format(name, pid or self.pid))
end

--- Waits until none of these processes is left.
function M.wait_for_end(pids)
  for _, pid in ipairs(pids) do
    M.until_true(function() return not alive(pid) end, "the end of process " .. pid)
  end
end

--- Reads the configuration again and waits for the new workers.
function App:reload()
  local old = {}
  for _, pid in ipairs(self:worker_pids()) do
    old[pid] = true
  end
  self:signal("HUP")
  M.until_true(function()
    local fresh = 0
    for _, pid in ipairs(self:worker_pids()) do
      fresh = fresh + (old[pid] and 0 or 1)
    end
    return fresh >= self.workers
  end, "the new workers")
end

--- The new lines of the error log at warn or above, without those that match `expected`.
---@param expected string? a pattern
function App:error_log(expected)
  local text = shell.read(self.folder .. "/error.log")
  local lines = {}
  for line in text:sub(self.log_read + 1):gmatch("[^\n]+") do
    local level = line:match("%[(%l+)%]")
    local bad = level ~= "info" and level ~= "notice"
    if bad and not (expected and line:find(expected)) then
      lines[#lines + 1] = line
    end
  end
  self.log_read = #text
  return table.concat(lines, "\n")
end

--- Ends everything and removes the folder. Gives the new lines of the error log, and says so when nginx did not end.
---@param signal string? "QUIT" by default
function App:stop(expected, signal)
  if not self.folder then
    return ""
  end
  local workers = self:worker_pids()
  shell.run(("kill -%s %d"):format(signal or "QUIT", self.pid))
  local ended = pcall(function()
    M.wait_for_end({ self.pid })
    M.wait_for_end(workers)
  end)
  if not ended then
    shell.run(("kill -KILL %d %s"):format(self.pid, table.concat(workers, " ")))
  end
  shell.run("kill " .. self.watcher)
  local log = self:error_log(expected)
  shell.remove_folder(self.folder)
  self.folder = nil
  return ended and log or "nginx did not end\n" .. log
end

-- Requests -----------------------------------------------------------------------------------------------------------

local Connection = {}
Connection.__index = Connection

--- Sends a request and does not wait for the answer.
function App:open(path, method)
  local connection = assert(socket.tcp())
  connection:settimeout(WAIT)
  assert(connection:connect("127.0.0.1", self.port))
  assert(connection:send(("%s %s HTTP/1.0\r\nHost: localhost\r\n\r\n"):format(method or "GET", path)))
  return setmetatable({ socket = connection }, Connection)
end

--- The status and the body, once they are there; nil and why when the connection broke.
function Connection:read()
  local text, why, partial = self.socket:receive("*a")
  self.socket:close()
  text = text or partial or ""
  local status, body = text:match("^HTTP/1%.%d (%d+).-\r\n\r\n(.*)$")
  if not status then
    return nil, why or ("no answer: '%s'"):format(text)
  end
  return tonumber(status), body
end

--- Goes away without waiting.
function Connection:abort()
  self.socket:close()
end

function App:get(path)
  return self:open(path):read()
end

-- Starting -----------------------------------------------------------------------------------------------------------

-- The handles that this process has open are closed: a daemon that kept them would keep connections open.
local CLOSE_HANDLES = "3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-"

-- However this process ends, nginx does too.
local WATCH = [[while [ -d /proc/%d ]; do sleep 1; done; kill -QUIT %d; rm -rf %s]]

local function launch(options, folder)
  local port = site.free_port()
  shell.write(folder .. "/nginx.conf", configuration(options, folder, port))
  return port, shell.run(("%s PATH=$PATH:/usr/sbin %s nginx -p %s -c %s/nginx.conf -e %s/error.log %s"):format(
    os.getenv("NGINX_ENVIRONMENT") or "", options.under or "", folder, folder, folder, CLOSE_HANDLES))
end

--- Starts nginx and waits until it listens.
---@param options {server: string, http: string?, main: string?, listen: string?, workers: integer?,
---  code_cache: boolean?, prepare: (fun(folder: string))?, under: string?}  under: a program that runs nginx
function M.start(options)
  local folder = shell.folder()
  local port, output, status
  if options.prepare then
    options.prepare(folder)
  end
  for _ = 1, ATTEMPTS do -- somebody else may take the port between our finding it and nginx's using it
    port, output, status = launch(options, folder)
    if status == 0 then
      break
    end
  end
  if status ~= 0 then
    shell.remove_folder(folder)
    error("nginx did not start\n" .. output, 2)
  end
  local app = setmetatable({ folder = folder, port = port, workers = options.workers or 1, log_read = 0 }, App)
  app.origin = "http://127.0.0.1:" .. port
  app.pid = tonumber(M.until_true(function()
    local file = io.open(folder .. "/nginx.pid")
    local pid = file and file:read("*a"):match("^(%d+)\n")
    return file and file:close() and pid
  end, "nginx's process id"))
  local watch = WATCH:format(site.own_pid(), app.pid, folder)
  app.watcher = shell.must("sh -c " .. shell.quote(watch) .. " >/dev/null 2>&1 " .. CLOSE_HANDLES .. " & echo $!")
    :match("%d+")
  M.until_true(function() return #app:worker_pids() == app.workers end, "the workers")
  return app
end

return M
