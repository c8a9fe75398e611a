--- The job as people write it by hand, on cosockets with keep-alive and lua-cjson: GET, decode, change, encode, PUT,
--- decode.
local cjson = require "cjson"

local ngx = ngx -- luacheck: std ngx_lua

local M = {}

local function receive(socket)
  local status = assert(socket:receive()):match("^HTTP/1%.1 (%d+)")
  local length
  while true do
    local line = assert(socket:receive())
    if line == "" then
      break
    end
    local name, value = line:match("^([^:]+):%s*(.*)$")
    if name:lower() == "content-length" then
      length = tonumber(value)
    end
  end
  return tonumber(status), assert(socket:receive(length))
end

local function ask(port, method, path, headers, body)
  local socket = ngx.socket.tcp()
  socket:settimeouts(10000, 10000, 10000)
  assert(socket:connect("127.0.0.1", port, { pool_size = 256 }))
  local lines = {
    method .. " " .. path .. " HTTP/1.1",
    "Host: 127.0.0.1:" .. port,
    "Accept: application/json",
    "Authorization: Bearer secret",
  }
  for _, line in ipairs(headers or {}) do
    lines[#lines + 1] = line
  end
  if body then
    lines[#lines + 1] = "Content-Type: application/json"
    lines[#lines + 1] = "Content-Length: " .. #body
  end
  assert(socket:send { table.concat(lines, "\r\n"), "\r\n\r\n", body or "" })
  local status, text = receive(socket)
  socket:setkeepalive(60000, 256)
  assert(status < 300, status)
  return cjson.decode(text)
end

---@param apply fun(referral: table)
local function update(port, path, apply)
  local referral = ask(port, "GET", path)
  local tag = referral.eTag
  apply(referral)
  referral.links, referral.eTag = nil, nil
  return ask(port, "PUT", path, { 'If-Match: ' .. tag }, cjson.encode(referral))
end

local function as_won(referral)
  referral.status, referral.substatus = "Closed", "Won"
end

--- Closes a referral as Won.
function M.close(port, id)
  return update(port, "/v1.0/engagements/referrals/" .. id, as_won)
end

--- Gives a referral's deal a value.
function M.set_deal_value(port, id, value)
  return update(port, "/again/v1.0/engagements/referrals/" .. id, function(referral)
    referral.details.dealValue = value
  end)
end

return M
