--- Requests to a sandbox service with the headers that the API wants.
local M = {}

local REQUEST_ID = "11111111-2222-4333-8444-555555555555"
local Caller = {}
Caller.__index = Caller

M.COLLECTION = "/v1.0/engagements/referrals"

---@param service SandboxService
function M.new(service)
  return setmetatable({ service = service }, Caller)
end

--- A header given as false is left out.
function Caller:send(method, path, body, headers)
  local all = { authorization = "Bearer token", ["client-request-id"] = REQUEST_ID }
  if body then
    all["content-type"] = "application/json"
  end
  for name, value in pairs(headers or {}) do
    all[name] = value or nil
  end
  return self.service:handle { method = method, path = path, headers = all, body = body }
end

function Caller:get(id, headers)
  return self:send("GET", M.COLLECTION .. "/" .. id, nil, headers)
end

function Caller:put(id, body, if_match, headers)
  headers = headers or {}
  headers["if-match"] = if_match
  return self:send("PUT", M.COLLECTION .. "/" .. id, body, headers)
end

function Caller:patch(id, body, headers)
  return self:send("PATCH", M.COLLECTION .. "/" .. id, body, headers)
end

function Caller:post(body)
  return self:send("POST", M.COLLECTION, body)
end

--- A list by query options; their names and values are encoded here.
function Caller:list(query)
  local parts = {}
  for name, value in pairs(query or {}) do
    parts[#parts + 1] = "%24" .. name .. "=" .. tostring(value):gsub("[^%w]", function(char)
      return string.format("%%%02X", char:byte())
    end)
  end
  return self:send("GET", M.COLLECTION .. "?" .. table.concat(parts, "&"))
end

return M
