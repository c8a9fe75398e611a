--- The sandbox as an nginx of its own: its folder, its configuration, its certificate and the command that starts it.
local certificate = require "referrals.sandbox.certificate"

local M = {}

local TEMPLATE = [[
@modules@
worker_processes 1;
master_process off;
daemon @daemon@;
pid @folder@/nginx.pid;
error_log @folder@/error.log notice;
worker_rlimit_nofile 65536;
events { worker_connections 16384; }
http {
  lua_package_path "@lua@/?.lua;@lua@/?/init.lua;/usr/share/lua/5.1/?.lua;;";
  lua_code_cache on;
  init_worker_by_lua_block { @watch@ }
  access_log off;
  default_type application/octet-stream;
  client_body_temp_path @folder@/body;
  proxy_temp_path @folder@/proxy;
  fastcgi_temp_path @folder@/fastcgi;
  uwsgi_temp_path @folder@/uwsgi;
  scgi_temp_path @folder@/scgi;
  client_body_buffer_size 64k;
  client_max_body_size 64m;
  large_client_header_buffers 8 32k;
  keepalive_requests @requests@;
  keepalive_time 30d;
  keepalive_timeout 300s;
  gzip on;
  gzip_types application/json;
  gzip_min_length 256;
  server {
    listen 127.0.0.1:@port@@listen@;
    @control@
    server_name localhost;
    @tls@
    location / { content_by_lua_block { require("referrals.sandbox.server").content() } }
    location @close { return 444; }
    location @reset { reset_timedout_connection on; return 444; }
  }
}
]]

local TLS = [[ssl_certificate %s;
    ssl_certificate_key %s;
    ssl_protocols TLSv1.2 TLSv1.3;]]

---@param text string
---@return string quoted  for the shell
function M.quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

--- Runs a command; 5.1 and later versions tell of success in different ways.
---@param command string
---@return boolean
function M.run(command)
  local result = os.execute(command)
  return result == true or result == 0
end

--- What a command prints, without the last line break.
---@param command string
---@return string
function M.output(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("*a")
  pipe:close()
  return (text:gsub("\n$", ""))
end

local function exists(path)
  local file = io.open(path)
  return file and file:close()
end

local BINARY = "PATH=$PATH:/usr/sbin nginx"

--- What loads the Lua module. Modules that are not files are built in.
---@return string lines of a configuration
function M.module_lines()
  local folder = M.output(BINARY .. " -V 2>&1"):match("%-%-modules%-path=(%S+)") or "/usr/lib/nginx/modules"
  local lines = {}
  for _, name in ipairs { "ndk_http_module.so", "ngx_http_lua_module.so" } do
    if exists(folder .. "/" .. name) then
      lines[#lines + 1] = "load_module " .. folder .. "/" .. name .. ";"
    end
  end
  return table.concat(lines, "\n")
end

-- The folder that holds referrals/sandbox/, absolute.
local function library_folder()
  local source = debug.getinfo(1, "S").source:match("^@(.*)/referrals/sandbox/nginx%.lua$") or "."
  return M.output("cd " .. M.quote(source) .. " && pwd")
end

--- This process, where the system tells (Linux).
---@return integer?
function M.own_pid()
  local file = io.open("/proc/self/stat")
  local pid = file and tonumber(file:read("*l"):match("^%d+"))
  if file then
    file:close()
  end
  return pid
end

--- A port that is free now.
---@return integer
function M.free_port()
  local socket = require "socket"
  local server = assert(socket.bind("127.0.0.1", 0))
  local _, port = server:getsockname()
  server:close()
  return tonumber(port)
end

--- Why nothing could listen at a port; nil when something could.
---@param port integer
---@return string|nil why
function M.not_free(port)
  local server, why = require("socket").bind("127.0.0.1", port)
  if server then
    server:close()
    return nil
  end
  return why
end

---@return string folder  new and empty
function M.new_folder()
  local folder = M.output("mktemp -d \"${TMPDIR:-/tmp}/referrals-sandbox.XXXXXX\"")
  if folder == "" then
    error("mktemp made no folder", 0)
  end
  return folder
end

---@class SandboxSite
---@field command string  starts nginx
---@field origin string  scheme, host and port
---@field url string  the endpoint for a client
---@field ca_file string?
---@field error_log string

local function fill(names)
  return (TEMPLATE:gsub("@(%l+)@", names))
end

--- Writes everything an nginx needs into a folder.
--- `control_port` listens without TLS, for a steering hand that speaks none. After `keepalive_requests` of them a
--- connection is closed, over HTTP/2 by a GOAWAY.
---@param options {folder: string, port: integer, control_port: integer?, tls: boolean?, h2: boolean?, daemon: boolean?,
---  watch: integer?, keepalive_requests: integer?}
---@return SandboxSite
function M.prepare(options)
  local folder = options.folder
  local secure = options.tls or options.h2
  local minted = secure and certificate.mint(folder, M.quote, M.run)
  local text = fill {
    modules = M.module_lines(),
    daemon = options.daemon and "on" or "off",
    folder = folder,
    lua = library_folder(),
    watch = options.watch and ('require("referrals.sandbox.server").watch(%d)'):format(options.watch) or "",
    port = options.port,
    listen = options.h2 and " ssl http2" or secure and " ssl" or "",
    requests = options.keepalive_requests or 1000000000,
    control = options.control_port and ("listen 127.0.0.1:%d;"):format(options.control_port) or "",
    tls = minted and TLS:format(minted.certificate, minted.key) or "",
  }
  local file = assert(io.open(folder .. "/nginx.conf", "w"))
  file:write(text)
  file:close()
  local origin = ("%s://127.0.0.1:%d"):format(secure and "https" or "http", options.port)
  return {
    command = ("%s -p %s -c %s -e %s"):format(BINARY, M.quote(folder), M.quote(folder .. "/nginx.conf"),
      M.quote(folder .. "/error.log")),
    origin = origin,
    url = origin .. "/v1.0/engagements",
    ca_file = minted and minted.ca or nil,
    error_log = folder .. "/error.log",
  }
end

return M
