--- What the benchmarks share: the programs they build, the upstream, the figures of several runs.
local certificate = require "referrals.sandbox.certificate"
local example = require "referrals.sandbox.example"
local shell = require "support.shell"
local site = require "referrals.sandbox.nginx"
local socket = require "socket"

local M = {}

M.ROOT = shell.must("pwd"):gsub("%s+$", "")
M.BUILD = os.getenv("BUILD") or "build"
M.BUILD = M.BUILD:sub(1, 1) == "/" and M.BUILD or M.ROOT .. "/" .. M.BUILD
M.ID = example.ID

--- For the limit: ours says who it is.
M.AGENT = "agent=referrals-lua/" .. require "referrals.version"

--- As long as a short token; every header byte costs anyone the same.
M.TOKEN = ("t"):rep(100)

local FLAGS = "-std=c11 -O2 -g -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror"

local built = {}

--- Builds one of the C programs that stand here.
---@param name string
---@param sources string[] without their endings
---@param others string? libraries, or the core's own sources and where their headers are
---@return string path
function M.build(name, sources, others)
  if built[name] then
    return built[name]
  end
  local folder = M.BUILD .. "/bench"
  local path = folder .. "/" .. name
  local files = {}
  for place, source in ipairs(sources) do
    files[place] = M.ROOT .. "/spec/bench/" .. source .. ".c"
  end
  shell.must(("mkdir -p %s && %s %s -o %s %s %s"):format(shell.quote(folder), os.getenv("CC") or "cc", FLAGS,
    shell.quote(path), table.concat(files, " "), others or ""))
  built[name] = path
  return path
end

function M.build_upstream()
  return M.build("upstream", { "upstream", "upstream_text" })
end

function M.build_limit()
  return M.build("limit", { "limit", "limit_exchange" }, "$(curl-config --libs)")
end

function M.build_apply_core()
  return M.build("apply_core", { "apply_core" },
    "-Icsrc csrc/annotation.c csrc/buffer.c csrc/document*.c csrc/json*.c csrc/render*.c")
end

--- A command on the machine's first processor, or on its last: a client and the upstream on one would wait for each
--- other.
---@param place "first"|"last"
function M.pinned(place, command)
  local count = tonumber(shell.must("nproc"))
  if count < 2 or select(2, shell.run("command -v taskset")) ~= 0 then
    return command
  end
  return ("taskset -c %d env %s"):format(place == "first" and 0 or count - 1, command)
end

-- The upstream -------------------------------------------------------------------------------------------------------

local Upstream = {}
Upstream.__index = Upstream

local function wait_for(path)
  local limit = socket.gettime() + 10
  repeat
    local file = io.open(path)
    local line = file and file:read("*l")
    if file then
      file:close()
    end
    if line then
      return tonumber(line)
    end
    socket.sleep(0.005)
  until socket.gettime() > limit
  error("the upstream does not start")
end

--- Starts the upstream; it ends when it is stopped, and when this program ends.
---@param options {delay: number?, hold: boolean?, record: boolean?}?  delay: milliseconds
function M.upstream(options)
  options = options or {}
  local folder = shell.folder()
  local command = { M.build_upstream(), folder .. "/example", folder .. "/port" }
  command[#command + 1] = options.delay and "delay=" .. options.delay
  command[#command + 1] = options.hold and "hold"
  command[#command + 1] = options.record and "record=" .. folder .. "/record"
  shell.write(folder .. "/example", example.TEXT)
  local pipe = io.popen("exec " .. M.pinned("last", table.concat(command, " ")), "w")
  local upstream = setmetatable({ folder = folder, pipe = pipe }, Upstream)
  upstream.port = wait_for(folder .. "/port")
  upstream.endpoint = ("http://127.0.0.1:%d/v1.0/engagements"):format(upstream.port)
  return upstream
end

function Upstream:stop()
  if self.proxy then
    shell.run("kill $(cat " .. self.folder .. "/pid)")
  end
  self.pipe:close()
  shell.remove_folder(self.folder)
end

--- The bytes of the requests so far, with `record`.
---@return string[]
function Upstream:requests()
  local text = shell.read(self.folder .. "/record")
  local requests, at = {}, 1
  while at <= #text do
    local head_end = select(2, text:find("\r\n\r\n", at, true))
    local length = tonumber(text:sub(at, head_end):lower():match("content%-length: (%d+)")) or 0
    requests[#requests + 1] = text:sub(at, head_end + length)
    at = head_end + length + 1
  end
  return requests
end

local PROXY = [[
daemon on;
pid FOLDER/pid;
error_log FOLDER/error.log warn;
worker_processes 1;
worker_rlimit_nofile 8192;
events { worker_connections 2048; }
http {
  access_log off;
  client_body_temp_path FOLDER/body;
  proxy_temp_path FOLDER/proxy;
  fastcgi_temp_path FOLDER/fastcgi;
  uwsgi_temp_path FOLDER/uwsgi;
  scgi_temp_path FOLDER/scgi;
  client_body_buffer_size 64k;
  keepalive_requests 1000000000;
  keepalive_time 30d;
  keepalive_timeout 300s;
  upstream service { server 127.0.0.1:UPSTREAM; keepalive 256; keepalive_requests 1000000000; keepalive_time 30d; }
  server {
    listen 127.0.0.1:PORT ssl http2;
    ssl_certificate FOLDER/server.pem;
    ssl_certificate_key FOLDER/server.key;
    location / {
      proxy_pass http://service;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_pass_request_headers on;
    }
  }
}
]]

local NGINX = "PATH=$PATH:/usr/sbin nginx -p %s -c %s/nginx.conf -e %s/error.log"

--- nginx before the upstream, for HTTP/2 over TLS: `secure_endpoint` and `ca_file`.
function Upstream:secure()
  local folder = self.folder
  local minted = certificate.mint(folder, site.quote, site.run)
  local status, output
  for _ = 1, 5 do -- another program may take the free port in between
    local port = shell.free_port()
    local values = { FOLDER = folder, PORT = port, UPSTREAM = self.port }
    shell.write(folder .. "/nginx.conf", (PROXY:gsub("%u%u%u%u+", values)))
    output, status = shell.run(M.pinned("last", NGINX:format(folder, folder, folder)))
    if status == 0 then
      self.proxy = true
      self.secure_endpoint = ("https://127.0.0.1:%d/v1.0/engagements"):format(port)
      self.ca_file = minted.ca
      return self
    end
  end
  error("nginx does not start: " .. output)
end

-- Figures ------------------------------------------------------------------------------------------------------------

---@return {median: number, low: number, high: number}
function M.spread(values)
  local sorted = {}
  for place, value in ipairs(values) do
    sorted[place] = value
  end
  table.sort(sorted)
  local middle = (#sorted + 1) / 2
  local median = (sorted[math.floor(middle)] + sorted[math.ceil(middle)]) / 2
  return { median = median, low = sorted[1], high = sorted[#sorted] }
end

--- Runs a command of which the last line is a number.
function M.number(command)
  return assert(tonumber(shell.must(command):match("(%S+)%s*$")), command)
end

--- A command's environment for one of the Luas.
---@param lua "5.4"|"5.3"|"5.1"|"jit"
function M.lua(lua)
  local version = lua == "jit" and "5.1" or lua
  return ("LUA_PATH='%s/lua/?.lua;%s/lua/?/init.lua;%s/spec/?.lua;;' LUA_CPATH='%s/%s/?.so;;' "):format(M.ROOT, M.ROOT,
    M.ROOT, M.BUILD, version), lua == "jit" and "luajit" or "lua" .. lua
end

return M
