--- Responses and the error bodies of the reference.
local values = require "referrals.sandbox.values"

local M = {}

local JSON_TYPE = "application/json; charset=utf-8"

---@class SandboxResponse
---@field status integer
---@field headers table<string, string>
---@field body string
---@field fault table?  what the carrier is to do with it; see faults.lua
---@field delay number?  seconds the carrier is to wait before it answers

---@param status integer
---@param body string  JSON
---@param headers table<string, string>?
---@return SandboxResponse
function M.json(status, body, headers)
  headers = headers or {}
  headers["Content-Type"] = JSON_TYPE
  return { status = status, headers = headers, body = body }
end

---@return SandboxResponse
function M.empty(status)
  return { status = status, headers = {}, body = "" }
end

local function envelope(code, message, target, inner)
  local parts = { '"code":' .. values.quote(code), '"message":' .. values.quote(message) }
  parts[#parts + 1] = target and '"target":' .. values.quote(target)
  parts[#parts + 1] = inner and '"innerError":' .. inner
  return '{"error":{' .. table.concat(parts, ",") .. "}}"
end

---@param status integer
---@param code string
---@param message string
---@param target string?
---@return SandboxResponse
function M.error(status, code, message, target)
  return M.json(status, envelope(code, message, target))
end

---@param problem SandboxProblem
---@return SandboxResponse
function M.invalid(problem)
  return M.error(400, "invalidRequest", problem.message, problem.target)
end

function M.not_found(id)
  return M.error(404, "itemNotFound", "The referral " .. id .. " was not found.", "id")
end

function M.unauthenticated(message)
  local response = M.error(401, "unauthenticated", message)
  response.headers["WWW-Authenticate"] = "Bearer"
  return response
end

function M.precondition_failed()
  return M.json(412, envelope("preconditionFailed", "The precondition given in one or more of the request headers "
    .. "evaluated to false.", "ETag", '{"code":"99918","message":"One of the specified pre-condition is not met. '
    .. 'Etag value did not Match","details":null}'))
end

--- The gateway in front of the service throttles with a body of its own.
---@param seconds number
function M.throttled(seconds)
  return M.json(429, values.object {
    "statusCode", 429,
    "message", string.format("Rate limit is exceeded. Try again in %d seconds.", math.ceil(seconds)),
  })
end

local HTML = [[
<html>
<head><title>%d</title></head>
<body>
<center><h1>%d Bad Gateway</h1></center>
<hr><center>Microsoft-Azure-Application-Gateway/v2</center>
</body>
</html>
]]

function M.html(status)
  return { status = status, headers = { ["Content-Type"] = "text/html" }, body = HTML:format(status, status) }
end

return M
