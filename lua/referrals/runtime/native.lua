--- How to wait in a plain script: the one who waits moves the session on.

local core = require "referrals.core"

local now = core.http.now

---@class referrals.runtime
---@field perform fun(self, request: table): string, boolean, integer|nil, string|nil, string|nil, string|nil
---@field sleep fun(self, seconds: number)
---@field now fun(): number seconds of a clock that nobody sets
local Runtime = {}
Runtime.__index = Runtime

local function session_options(config)
  return {
    ca_file = config.ca_file,
    ca_path = config.ca_path,
    proxy = config.proxy,
    http_version = config.http_version,
    user_agent = config.user_agent,
    max_connections = config.concurrency,
  }
end

--- The session of this process: after a fork the child makes its own.
function Runtime:current_session()
  if not self.session or not self.session:is_ours() then
    self.session = core.http.session(self.options)
  end
  return self.session
end

--- One request and its answer.
---@param request table {method, url, headers: string[], body, timeout, connect_timeout, max_body}
---@return string outcome "ok" for a complete answer, whatever its status
---@return boolean sent may the request have reached the server?
---@return integer|nil status
---@return string|nil headers the raw block
---@return string|nil body
---@return string|nil message what went wrong
function Runtime:perform(request)
  local session = self:current_session()
  local exchange = session:start(request)
  while not exchange:done() do
    session:pump(request.timeout)
  end
  local outcome, sent, status, headers, body, message = exchange:result()
  exchange:close()
  return outcome, sent, status, headers, body, message
end

--- Waits, while what else is under way goes on.
---@param seconds number
function Runtime:sleep(seconds)
  local session = self:current_session()
  local wake = now() + seconds
  repeat
    session:pump(wake - now())
  until now() >= wake
end

function Runtime.now(_)
  return now()
end

local M = {}

---@param config referrals.config
---@return referrals.runtime
function M.new(config)
  return setmetatable({ options = session_options(config) }, Runtime)
end

return M
