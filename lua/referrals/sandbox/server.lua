--- The sandbox inside nginx: one worker, whose Lua state holds the service.
local control = require "referrals.sandbox.control"

local ngx = ngx -- luacheck: std ngx_lua

local M = {}

local function clock()
  ngx.update_time()
  return ngx.now()
end

local holder = control.holder { clock = clock }

local function read_body()
  ngx.req.read_body()
  local body = ngx.req.get_body_data()
  local path = not body and ngx.req.get_body_file()
  if not path then
    return body or ""
  end
  local file = assert(io.open(path, "rb"))
  body = file:read("*a")
  file:close()
  return body
end

local function read_headers()
  local headers = {}
  for name, value in pairs(ngx.req.get_headers(0)) do
    headers[name] = type(value) == "table" and table.concat(value, ", ") or tostring(value)
  end
  return headers
end

-- nginx would judge these itself after our 200, and turn a write that was applied into a 412.
local function clear_conditions()
  for _, name in ipairs { "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since" } do
    ngx.req.clear_header(name)
  end
end

local function send_head(response)
  ngx.status = response.status
  for name, value in pairs(response.headers) do
    ngx.header[name] = value
  end
end

local function send(response)
  send_head(response)
  if response.body == "" then
    if response.status ~= 204 then
      ngx.header.content_length = 0
    end
    return ngx.send_headers()
  end
  ngx.header.content_length = #response.body
  ngx.print(response.body)
end

-- The gzip filter leaves encoded answers alone, so that each byte counts as it is written here.
local function send_raw_head(response, length)
  send_head(response)
  ngx.header["Content-Encoding"] = "identity"
  ngx.header.content_length = length
end

local function close(fault)
  return ngx.exec(fault.mode == "rst" and "@reset" or "@close")
end

local CARRY = {
  close_before = function(_, fault) return close(fault) end,
  close_after = function(_, fault) return close(fault) end,
}

function CARRY.late(response, fault)
  ngx.sleep(fault.delay or 1)
  return send(fault.finish and fault.finish() or response)
end

function CARRY.trickle(response, fault)
  send_raw_head(response, #response.body)
  for index = 1, #response.body do
    if not ngx.print(response.body:sub(index, index)) or not ngx.flush(true) then
      return
    end
    ngx.sleep(fault.interval or 1)
  end
end

function CARRY.cut(response, fault)
  send_raw_head(response, #response.body)
  ngx.print(response.body:sub(1, fault.keep or math.floor(#response.body / 2)))
  ngx.flush(true)
  return ngx.exit(444)
end

function CARRY.wrong_length(response, fault)
  send_raw_head(response, #response.body + (fault.extra or 10))
  ngx.print(response.body)
  ngx.flush(true)
  return fault.hold or ngx.exit(444)
end

--- Answers the current nginx request.
function M.content()
  local request = {
    method = ngx.req.get_method(), path = ngx.var.request_uri, headers = read_headers(), body = read_body(),
    scheme = ngx.var.scheme, connection = tonumber(ngx.var.connection),
  }
  clear_conditions()
  if request.path:sub(1, #control.PREFIX) == control.PREFIX then
    return send(control.handle(holder, request))
  end
  local response = holder.service:handle(request)
  if response.delay then
    ngx.sleep(response.delay)
  end
  if response.fault then
    return CARRY[response.fault.kind](response, response.fault)
  end
  send(response)
end

local function exists(pid)
  local file = io.open("/proc/" .. pid .. "/stat")
  return file and file:close()
end

--- Ends this nginx when the process that started it is gone, however it ended.
---@param pid integer
function M.watch(pid)
  local ffi = require "ffi"
  ffi.cdef "int kill(int pid, int signal); int getpid(void);"
  ngx.timer.every(0.5, function()
    if not exists(pid) then
      ffi.C.kill(ffi.C.getpid(), 15)
    end
  end)
end

return M
