--- The header lines of a request, fit to be shown.

local core = require "referrals.core"

local M = {}

--- By name, and without what is secret or different each time.
---@param request referrals.request
---@return table<string, string>
function M.shown(request)
  local headers = {}
  for _, line in ipairs(core.http.lines(request, "[redacted]", "[new for every request]")) do
    local name, value = line:match("^([^:]+): (.*)$")
    headers[name] = value
  end
  return headers
end

return M
