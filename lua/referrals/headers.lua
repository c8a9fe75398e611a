--- The header lines of a request.

local M = {}

local JSON_TYPE = "Content-Type: application/json"

--- The lines as they go out.
---@param request referrals.request
---@param token string
---@param client_request_id string
---@return string[]
function M.lines(request, token, client_request_id)
  local lines = {
    "Accept: application/json",
    "Authorization: Bearer " .. token,
    "client-request-id: " .. client_request_id,
  }
  if request.body then
    lines[4] = request.content_type or JSON_TYPE
  end
  if request.if_match then
    lines[#lines + 1] = "If-Match: " .. request.if_match
  end
  if request.prefer then
    lines[#lines + 1] = "Prefer: " .. request.prefer
  end
  return lines
end

--- The same by name, fit to be shown.
---@param request referrals.request
---@return table<string, string>
function M.shown(request)
  local headers = {}
  for _, line in ipairs(M.lines(request, "[redacted]", "[new for every request]")) do
    local name, value = line:match("^([^:]+): (.*)$")
    headers[name] = value
  end
  return headers
end

return M
