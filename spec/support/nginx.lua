--- A sandbox under nginx for a spec. nginx ends with stop(), and by itself when the process that started it is gone:
---
---   local server
---   setup(function() server = nginx.start { h2 = true } end)
---   teardown(function() server:stop() end)        -- runs also when a spec fails
---
---   it("...", function()
---     local server = nginx.start()
---     finally(function() server:stop() end)       -- the same inside one spec
local http = require "socket.http"
local ltn12 = require "ltn12"
local site = require "referrals.sandbox.nginx"
local socket = require "socket"
local values = require "referrals.sandbox.values"

local M = {}
local Server = {}
Server.__index = Server

local ATTEMPTS, WAIT = 5, 10

local function read_file(path)
  local file = io.open(path, "rb")
  if not file then
    return ""
  end
  local text = file:read("*a")
  file:close()
  return text
end

local function until_true(condition)
  local deadline = socket.gettime() + WAIT
  repeat
    if condition() then
      return true
    end
    socket.sleep(0.01)
  until socket.gettime() > deadline
  return false
end

local function request(url, method, body)
  local parts = {}
  local _, status = http.request {
    url = url, method = method, sink = ltn12.sink.table(parts), source = body and ltn12.source.string(body),
    headers = body and { ["content-length"] = #body } or nil,
    create = function()
      local connection = socket.tcp()
      connection:settimeout(WAIT)
      return connection
    end,
  }
  return status, table.concat(parts)
end

--- One control request; raises what the sandbox refuses.
function Server:control(method, path, body)
  local status, text = request(self.control_origin .. "/sandbox/" .. path, method, body)
  if type(status) ~= "number" or status >= 300 then
    error(("sandbox control %s %s: %s %s"):format(method, path, tostring(status), text), 2)
  end
  return text
end

local function from_hex(text)
  return (text:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end))
end

--- The requests so far, as SandboxEntry tables; the bodies are the bytes that were sent.
---@param options {from: integer?, brief: boolean?}?  brief leaves headers and bodies out
function Server:record(options)
  options = options or {}
  local path = ("record?from=%d%s"):format(options.from or 1, options.brief and "&brief" or "")
  local entries = values.decode(self:control("GET", path))
  for _, entry in ipairs(entries) do
    entry.body = entry.body_hex and from_hex(entry.body_hex) or entry.body
  end
  return entries
end

function Server:forget()
  self:control("DELETE", "record")
end

-- `make jitter`: every answer waits up to so many seconds, where the spec says nothing else.
local DELAY = tonumber(os.getenv("SANDBOX_DELAY") or "")

--- A new service with these options (no functions among them).
function Server:reset(options)
  local all = { delay = DELAY }
  for name, value in pairs(options or {}) do
    all[name] = value
  end
  self:control("POST", "reset", next(all) and values.encode(all) or "{}")
end

--- Turns switches of the running service.
function Server:switch(switches)
  self:control("POST", "switches", values.encode(switches))
end

function Server:fault(fault)
  self:control("POST", "fault", values.encode(fault))
end

function Server:clear_faults()
  self:control("DELETE", "fault")
end

function Server:store(text)
  return self:control("POST", "store", text)
end

function Server:stored(id)
  return self:control("GET", "stored/" .. id)
end

function Server:remove(id)
  self:control("DELETE", "stored/" .. id)
end

--- Another writer's change; without a pointer only a new version.
---@param id string
---@param pointer string?
---@param value string?  JSON
function Server:write(id, pointer, value)
  local parts = { '{"id":' .. values.quote(id) }
  if pointer then
    parts[2] = ',"pointer":' .. values.quote(pointer) .. ',"value":' .. value
  end
  self:control("POST", "write", table.concat(parts) .. "}")
end

function Server:advance(seconds)
  self:control("POST", "advance", values.encode(seconds))
end

---@return integer closed
function Server:expire()
  return tonumber(self:control("POST", "expire"))
end

function Server:expire_tokens()
  self:control("POST", "expire_tokens")
end

function Server:revoke(token)
  self:control("POST", "revoke", token)
end

--- The lines of nginx's log that tell of an error.
---@return string
function Server:error_log()
  local lines = {}
  for line in read_file(self.log):gmatch("[^\n]+") do
    if line:find("%[error%]") or line:find("%[crit%]") or line:find("%[alert%]") or line:find("%[emerg%]") then
      lines[#lines + 1] = line
    end
  end
  return table.concat(lines, "\n")
end

--- Does this process run? One that ended and waits to be reaped does not.
function M.is_alive(pid)
  local state = read_file("/proc/" .. pid .. "/stat"):match("%) (%a)")
  return state ~= nil and state ~= "Z"
end

local function end_process(pid)
  site.run("kill -TERM " .. pid .. " 2>/dev/null")
  if not until_true(function() return not M.is_alive(pid) end) then
    site.run("kill -KILL " .. pid .. " 2>/dev/null")
  end
end

--- Ends nginx, waits for the end and removes its folder. Twice does no harm.
function Server:stop()
  if self.folder then
    end_process(self.pid)
    site.run("rm -rf " .. site.quote(self.folder))
    self.folder = nil
  end
end

local function ready(origin)
  return request(origin .. "/sandbox/ready", "GET") == 200
end

-- The handles that this process has open are closed: a daemon that kept them would keep connections open.
local CLOSE_HANDLES = "3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-"

local function launch(options, folder)
  local secure = options.tls or options.h2
  local port, control_port = site.free_port(), secure and site.free_port() or nil
  local prepared = site.prepare {
    folder = folder, port = port, control_port = control_port, tls = options.tls, h2 = options.h2, daemon = true,
    watch = site.own_pid(), keepalive_requests = options.keepalive_requests,
  }
  local started = site.run(("%s %s > /dev/null 2> %s"):format(prepared.command, CLOSE_HANDLES,
    site.quote(folder .. "/start.log")))
  return started and setmetatable({
    folder = folder, port = port, url = prepared.url, origin = prepared.origin, ca_file = prepared.ca_file,
    control_origin = control_port and "http://127.0.0.1:" .. control_port or prepared.origin, log = prepared.error_log,
  }, Server)
end

local function fail(folder, message)
  local log = read_file(folder .. "/start.log") .. read_file(folder .. "/error.log")
  site.run("rm -rf " .. site.quote(folder))
  error(message .. "\n" .. log, 3)
end

--- Starts a sandbox under nginx and waits until it answers.
---@param options {tls: boolean?, h2: boolean?, options: table?, keepalive_requests: integer?}?  options: those of
---  `sandbox.new`; keepalive_requests: of one connection, which is closed after them
function M.start(options)
  options = options or {}
  local folder, attempt, server = site.new_folder(), 0
  repeat -- another process may take the port between finding it free and nginx's taking it
    attempt = attempt + 1
    server = launch(options, folder)
  until server or attempt == ATTEMPTS
  if not server then
    fail(folder, "nginx did not start")
  end
  until_true(function() return read_file(folder .. "/nginx.pid"):find("^%d+\n") end)
  server.pid = read_file(folder .. "/nginx.pid"):match("%d+")
  if not until_true(function() return ready(server.control_origin) end) then
    end_process(server.pid)
    fail(folder, "nginx did not answer")
  end
  if options.options or DELAY then
    server:reset(options.options)
  end
  return server
end

return M
