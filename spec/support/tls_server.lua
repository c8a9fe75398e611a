-- nginx with TLS and HTTP/2 on a free port, its certificate minted on the spot:
--
--   local server = tls_server.start({ name = "localhost" })   -- whom the certificate is for
--   ... ask server.url, trusting server.ca_file ...
--   server:stop()
local shell = require("spec.support.shell")
local socket = require("socket")

local tls_server = {}

local server = {}
server.__index = server

local CONFIGURATION = [[
daemon on;
pid FOLDER/pid;
error_log FOLDER/error.log info;
worker_processes 1;
events { worker_connections 256; }
http {
  log_format spec "$connection $server_protocol $request_method $uri";
  access_log FOLDER/access.log spec;
  client_body_temp_path FOLDER/body;
  proxy_temp_path FOLDER/proxy;
  fastcgi_temp_path FOLDER/fastcgi;
  uwsgi_temp_path FOLDER/uwsgi;
  scgi_temp_path FOLDER/scgi;
  keepalive_requests 100000;
  server {
    listen 127.0.0.1:PORT ssl http2;
    ssl_certificate FOLDER/certificate.pem;
    ssl_certificate_key FOLDER/key.pem;
    location / { return 200 "$request_method $server_protocol"; }
  }
}
]]

local function mint_certificate(folder, name)
  shell.must(table.concat({
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=spec",
    "-addext 'subjectAltName=" .. name .. "'",
    "-keyout " .. folder .. "/key.pem -out " .. folder .. "/certificate.pem",
  }, " "))
end

-- {name = subjectAltName of the certificate ("DNS:localhost,IP:127.0.0.1")}
function tls_server.start(options)
  local folder = shell.folder()
  mint_certificate(folder, options and options.name or "DNS:localhost,IP:127.0.0.1")
  local port
  for _ = 1, 5 do -- another program may take the free port in between
    port = shell.free_port()
    shell.write(folder .. "/nginx.conf", (CONFIGURATION:gsub("FOLDER", folder):gsub("PORT", tostring(port))))
    local _, status = shell.run("PATH=$PATH:/usr/sbin nginx -p " .. folder .. " -c " .. folder .. "/nginx.conf")
    if status == 0 then
      return setmetatable({
        folder = folder, port = port, url = "https://127.0.0.1:" .. port, ca_file = folder .. "/certificate.pem",
      }, server)
    end
  end
  error("nginx does not start: " .. shell.read(folder .. "/error.log"))
end

-- The connection, protocol, method and path of each request of that path, once there are so many.
function server:log(path, count)
  local lines
  local limit = socket.gettime() + 10
  repeat
    lines = {}
    for line in shell.read(self.folder .. "/access.log"):gmatch("[^\n]+") do
      lines[#lines + 1] = line:sub(-#path - 1) == " " .. path and line or nil
    end
  until #lines >= count or socket.gettime() > limit
  return lines
end

function server:stop()
  shell.must("kill $(cat " .. self.folder .. "/pid)")
  shell.remove_folder(self.folder)
end

return tls_server
