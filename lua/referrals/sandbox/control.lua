--- The sandbox steered from outside, over paths under /sandbox/ that are not part of the API and not recorded.
local json = require "referrals.sandbox.json"
local responses = require "referrals.sandbox.responses"
local sandbox = require "referrals.sandbox"
local values = require "referrals.sandbox.values"

local M = {}

M.PREFIX = "/sandbox/"

local function plain(status, body)
  return { status = status, headers = { ["Content-Type"] = "text/plain" }, body = body }
end

local function hex(text)
  return (text:gsub(".", function(byte) return string.format("%02x", byte:byte()) end))
end

-- A body that is no UTF-8 cannot stand in a JSON string; it is given in hexadecimal.
local function entry_text(entry, brief)
  local binary = json.invalid_utf8(entry.body)
  return values.object {
    "method", entry.method,
    "path", entry.path,
    "status", entry.status,
    "applied", entry.applied,
    "fault", entry.fault or values.none,
    "connection", entry.connection or values.none,
    "at", entry.at,
    "headers", not brief and next(entry.headers) and entry.headers or values.none,
    "body", not brief and not binary and entry.body or values.none,
    "body_hex", not brief and binary and hex(entry.body) or values.none,
  }
end

local ACTIONS = {}

ACTIONS["GET ready"] = function()
  return plain(200, "ready\n")
end

--- ?from=N starts at the N-th request; ?brief leaves headers and bodies out.
ACTIONS["GET record"] = function(holder, request)
  local texts = {}
  local record = holder.service.record
  for index = tonumber(request.query:match("from=(%d+)")) or 1, #record do
    texts[#texts + 1] = entry_text(record[index], request.query:find("brief", 1, true))
  end
  return responses.json(200, "[" .. table.concat(texts, ",\n") .. "]")
end

ACTIONS["DELETE record"] = function(holder)
  holder.service:forget()
  return responses.empty(204)
end

ACTIONS["POST fault"] = function(holder, request)
  holder.service:fault(values.decode(request.body))
  return responses.empty(204)
end

ACTIONS["DELETE fault"] = function(holder)
  holder.service:clear_faults()
  return responses.empty(204)
end

ACTIONS["POST store"] = function(holder, request)
  return plain(200, holder.service:store(request.body))
end

ACTIONS["GET stored"] = function(holder, request)
  local text = holder.service:stored(request.rest)
  return text and responses.json(200, text) or plain(404, "not stored\n")
end

ACTIONS["DELETE stored"] = function(holder, request)
  return responses.empty(holder.service:remove(request.rest) and 204 or 404)
end

--- {"id", "pointer", "value"}: another writer's change; without a pointer only a new version.
ACTIONS["POST write"] = function(holder, request)
  local id = values.scalar(values.member(request.body, "id"))
  local pointer = values.scalar(values.member(request.body, "pointer"))
  if pointer then
    holder.service:write_as_other(id, pointer, values.member(request.body, "value"))
  else
    holder.service:touch(id)
  end
  return responses.empty(204)
end

--- A new service with the options of the body.
ACTIONS["POST reset"] = function(holder, request)
  M.renew(holder, request.body == "" and {} or values.decode(request.body))
  return responses.empty(204)
end

--- Switches turned while the service keeps what it holds.
ACTIONS["POST switches"] = function(holder, request)
  for name, value in pairs(values.decode(request.body)) do
    if holder.service.switches[name] == nil then
      error("unknown sandbox switch " .. name, 0)
    elseif type(holder.service.switches[name]) ~= type(value) then
      error(("the sandbox switch %s is a %s"):format(name, type(holder.service.switches[name])), 0)
    end
    holder.service.switches[name] = value
  end
  return responses.empty(204)
end

--- The body is a number of seconds.
ACTIONS["POST advance"] = function(holder, request)
  holder.service:advance(values.decode(request.body))
  return responses.empty(204)
end

ACTIONS["POST expire"] = function(holder)
  return plain(200, tostring(holder.service:expire()))
end

ACTIONS["POST expire_tokens"] = function(holder)
  holder.service:expire_tokens()
  return responses.empty(204)
end

--- The body is the access token.
ACTIONS["POST revoke"] = function(holder, request)
  holder.service:revoke(request.body)
  return responses.empty(204)
end

local JSON_BODIES = {
  ["POST fault"] = true, ["POST write"] = true, ["POST reset"] = true, ["POST switches"] = true,
  ["POST advance"] = true,
}

--- A place for a service that can be exchanged for a new one.
---@param options SandboxOptions?
---@return {service: SandboxService}
function M.holder(options)
  local holder = { defaults = options or {} }
  M.renew(holder, {})
  return holder
end

--- A new service in the old one's place.
---@param holder table
---@param options table  over the ones the holder was made with
function M.renew(holder, options)
  local chosen = {}
  for _, source in ipairs { holder.defaults, options } do
    for name, value in pairs(source) do
      chosen[name] = value
    end
  end
  holder.service = sandbox.new(chosen)
end

--- Answers a control request.
---@param holder table
---@param request SandboxRequest
---@return SandboxResponse
function M.handle(holder, request)
  local path, query = request.path:match("^([^?]*)%??(.*)$")
  local name, rest = path:sub(#M.PREFIX + 1):match("^([^/]*)/?(.*)$")
  local key = request.method .. " " .. name
  local action = ACTIONS[key]
  if not action then
    return plain(404, "no such control\n")
  elseif JSON_BODIES[key] and request.body ~= "" then
    local ok, why, offset = json.check(request.body)
    if not ok then
      return plain(400, string.format("not JSON: %s at byte %d\n", why, offset))
    end
  end
  local ok, response = pcall(action, holder, { body = request.body, query = query, rest = rest })
  return ok and response or plain(400, tostring(response) .. "\n")
end

return M
