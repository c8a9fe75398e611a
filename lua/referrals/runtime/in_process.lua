--- The sandbox in this process: no socket, nothing to wait for. For people's own unit tests.

local core = require "referrals.core"

local Runtime = {}
Runtime.__index = Runtime

local function to_table(lines)
  local headers = {}
  for _, line in ipairs(lines) do
    local name, value = line:match("^([^:]+):%s*(.*)$")
    headers[name] = value
  end
  return headers
end

local function to_block(response)
  local lines = { ("HTTP/1.1 %d"):format(response.status) }
  for name, value in pairs(response.headers or {}) do
    lines[#lines + 1] = name .. ": " .. tostring(value)
  end
  return table.concat(lines, "\r\n") .. "\r\n\r\n"
end

-- What a client meets when the server misbehaves: outcome, message.
local FAULTS = {
  refuse = { "network", "connection refused", unsent = true },
  late = { "timeout", "the deadline passed" },
  trickle = { "timeout", "the deadline passed" },
}
local BROKEN = { "network", "the connection broke" }

--- See runtime/native.lua.
function Runtime:perform(request)
  local scheme, host, path = request.url:match("^(%a+)://([^/]*)(.*)$")
  local headers = to_table(request.headers)
  headers.Host = host -- links in answers are about the host that was asked
  local response = self.service:handle {
    method = request.method,
    scheme = scheme,
    path = path,
    headers = headers,
    body = request.body,
  }
  if response.fault then
    local fault = FAULTS[response.fault.kind] or BROKEN
    return fault[1], not fault.unsent, nil, nil, nil, fault[2]
  end
  local body = response.body or ""
  if #body > request.max_body then
    return "body_too_large", true, response.status, nil, nil, "the answer's body is too large"
  end
  return "ok", true, response.status, to_block(response), body
end

--- A wait takes no time here: the service's clock is its own.
function Runtime:sleep(seconds)
  self.slept = self.slept + seconds
end

--- One after the other: nothing here ever waits for another.
function Runtime.concurrently(_, next_task)
  local task = next_task()
  while task do
    local ok, raised = pcall(task.run)
    if not ok then
      task.failed(raised)
    end
    task = next_task()
  end
end

function Runtime.hold() end

function Runtime.release() end

function Runtime:now()
  return core.http.now() + self.slept
end

local M = {}

---@param config referrals.config with `sandbox`
---@return referrals.runtime
function M.new(config)
  return setmetatable({ service = config.sandbox, slept = 0 }, Runtime)
end

return M
