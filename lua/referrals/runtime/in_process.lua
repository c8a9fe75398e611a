--- The sandbox in this process: no socket, nothing to wait for. For people's own unit tests.

local answer = require "referrals.runtime.answer"
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

--- Seconds until an answer with this fault is complete; nil where it never is.
local TAKES = {
  late = function(fault) return fault.delay or 1 end,
  trickle = function(fault, response) return #response.body * (fault.interval or 1) end,
}

--- What was to be applied later, and is due.
function Runtime:apply_late()
  local waiting = self.waiting
  self.waiting = {}
  for _, late in ipairs(waiting) do
    if late.due <= self:now() then
      late.finish()
    else
      self.waiting[#self.waiting + 1] = late
    end
  end
end

--- The answer in spite of a fault, or what a client meets instead.
---@param response table the sandbox's
---@param fault table that it met
---@param timeout number seconds that the client waits
---@return table|nil response
---@return table|nil got
function Runtime:carry(response, fault, timeout)
  local seconds = TAKES[fault.kind] and TAKES[fault.kind](fault, response)
  if not seconds then
    return nil, { outcome = "network", sent = true, message = "the connection broke" }
  elseif seconds < timeout then
    self:sleep(seconds)
    return fault.finish and fault.finish() or response
  end
  if fault.finish then
    self.waiting[#self.waiting + 1] = { due = self:now() + seconds, finish = fault.finish }
  end
  self:sleep(timeout)
  return nil, { outcome = "timeout", sent = true, message = "the deadline passed" }
end

function Runtime:handle(method, url, lines, body, max_body, timeout)
  local scheme, host, path = url:match("^(%a+)://([^/]*)(.*)$")
  local headers = to_table(lines)
  headers.Host = host -- links in answers are about the host that was asked
  self:apply_late()
  local response = self.service:handle { method = method, scheme = scheme, path = path, headers = headers, body = body }
  if response.fault then
    local got
    response, got = self:carry(response, response.fault, timeout)
    if not response then
      return got
    end
  end
  local text = response.body or ""
  if #text > max_body then
    local message = "the answer's body is too large"
    return { outcome = "body_too_large", sent = true, status = response.status, message = message }
  end
  return { outcome = "ok", sent = true, status = response.status, headers = to_block(response), text = text }
end

--- See runtime/native.lua.
function Runtime:ask(request, _, token, timeout)
  local id = core.http.uuid()
  local config, body = self.config, request.body
  if type(body) == "userdata" then
    body = body:body(request.known)
  end
  local lines = core.http.lines(request, token, id)
  local url = config.endpoint .. request.path
  local got = answer.new(self:handle(request.method, url, lines, body, config.max_body, timeout))
  return got, id, got:head()
end

--- See runtime/native.lua.
function Runtime:perform(request)
  local got = self:handle(request.method, request.url, request.headers, request.body, request.max_body,
    request.timeout)
  return got.outcome, got.sent, got.status, got.headers, got.text, got.message
end

--- A wait takes no time here: the service's clock is its own.
function Runtime:sleep(seconds)
  self.slept = self.slept + seconds
end

--- One after the other: nothing here ever waits for another.
function Runtime.concurrently(_, next_task)
  local task = next_task()
  while task do
    local ok, raised = pcall(task.run, task)
    if not ok then
      task:failed(raised)
    end
    task = next_task()
  end
end

function Runtime.expect_to_wait() end

--- There is no HTTP to be carried.
function Runtime.carrier()
  return nil
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
  return setmetatable({ service = config.sandbox, config = config, slept = 0, waiting = {} }, Runtime)
end

return M
