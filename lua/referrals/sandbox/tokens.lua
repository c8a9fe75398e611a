--- Access tokens: which are accepted, and the token endpoint that issues them.
local clocks = require "referrals.sandbox.clock"
local query = require "referrals.sandbox.query"
local responses = require "referrals.sandbox.responses"
local values = require "referrals.sandbox.values"

local M = {}
local Tokens = {}
Tokens.__index = Tokens

local AUDIENCE = "https://api.partner.microsoft.com"
local ACCESS_PREFIX = "sandbox-access-"

---@param options SandboxOptions
---@param clock table  now()
---@param random table  guid()
function M.new(options, clock, random)
  return setmetatable({
    options = options, clock = clock, random = random, issued = {}, revoked = {}, spent = {}, known = {}, count = 0,
  }, Tokens)
end

local function contains(set, item)
  if set[item] then
    return true
  end
  for _, other in ipairs(set) do
    if other == item then
      return true
    end
  end
  return false
end

--- Why this Authorization header is refused, or nil.
---@param header string?
---@return string?
function Tokens:refusal(header)
  local token = (header or ""):match("^[Bb]earer +(%S+)$")
  if not token then
    return "A bearer token is required."
  elseif self.revoked[token] then
    return "The access token was revoked."
  end
  local issued, accepted = self.issued[token], self.options.tokens
  if issued then
    return issued.audience ~= AUDIENCE and "The access token has another audience."
      or issued.expires <= self.clock:now() and "The access token has expired." or nil
  elseif token:find(ACCESS_PREFIX, 1, true) == 1 or accepted and not contains(accepted, token) then
    return "The access token is not valid."
  end
end

--- Refuses a token from now on.
---@param token string
function Tokens:revoke(token)
  self.revoked[token] = true
end

--- Ends every token issued so far.
function Tokens:expire()
  for _, issued in pairs(self.issued) do
    issued.expires = self.clock:now()
  end
end

function Tokens:entra_error(status, code, number, message)
  local correlation_id = self.random:guid()
  local now = os.date("!%Y-%m-%d %H:%M:%SZ", math.floor(self.clock:now()))
  return responses.json(status, values.object {
    "error", code,
    "error_description", string.format("AADSTS%d: %s Correlation ID: %s Timestamp: %s", number, message, correlation_id,
      now),
    "error_codes", { number },
    "timestamp", now,
    "trace_id", self.random:guid(),
    "correlation_id", correlation_id,
  })
end

local GRANTS = {}

function GRANTS.refresh_token(self, form)
  local token = form.refresh_token
  local accepted = self.options.refresh_tokens
  if (token or "") == "" then
    return self:entra_error(400, "invalid_request", 900144, "The request body must contain 'refresh_token'.")
  elseif self.spent[token] or accepted and not self.known[token] and not contains(accepted, token) then
    return self:entra_error(400, "invalid_grant", 70000, "The provided refresh token is not valid or has been used.")
  elseif self.options.rotate_strict then
    self.spent[token] = true
  end
end

function GRANTS.client_credentials(self, form)
  if (form.client_secret or "") == "" then
    return self:entra_error(401, "invalid_client", 7000216, "'client_secret' is required for this grant.")
  end
end

function GRANTS.password(self, form)
  if (form.username or "") == "" or (form.password or "") == "" then
    return self:entra_error(400, "invalid_request", 900144, "The request body must contain 'username' and 'password'.")
  elseif self.options.mfa then
    return self:entra_error(400, "interaction_required", 50076,
      "You must use multi-factor authentication to access this resource.")
  end
end

function Tokens:client_refusal(form)
  local clients = self.options.clients
  if (form.client_id or "") == "" then
    return self:entra_error(400, "invalid_request", 900144, "The request body must contain 'client_id'.")
  elseif clients and clients[form.client_id] == nil then
    return self:entra_error(400, "unauthorized_client", 700016, "The application was not found in the directory.")
  elseif clients and clients[form.client_id] ~= form.client_secret then
    return self:entra_error(401, "invalid_client", 7000215, "Invalid client secret provided.")
  end
end

function Tokens:issue(audience)
  self.count = self.count + 1
  local lifetime = self.options.token_lifetime
  local token = ACCESS_PREFIX .. self.count .. "-" .. self.random:guid()
  self.issued[token] = { audience = audience, expires = self.clock:now() + lifetime }
  return token, lifetime
end

function Tokens:renewal(grant)
  if grant == "client_credentials" then
    return values.none
  end
  local token = "sandbox-refresh-" .. self.count .. "-" .. self.random:guid()
  self.known[token] = true
  return token
end

-- The first version of the endpoint writes its numbers as strings.
function Tokens:grant_v1(form)
  local token, lifetime = self:issue(form.resource or "")
  local now = math.floor(self.clock:now())
  return values.object {
    "token_type", "Bearer",
    "scope", "user_impersonation",
    "expires_in", string.format("%d", lifetime),
    "ext_expires_in", string.format("%d", lifetime),
    "expires_on", string.format("%d", now + lifetime),
    "not_before", string.format("%d", now),
    "resource", form.resource or "",
    "access_token", token,
    "refresh_token", self:renewal(form.grant_type),
  }
end

function Tokens:grant_v2(form)
  local scope = form.scope or ""
  local audience = scope:match("(https?://[^ ]-)/[^/ ]*%f[%z ]") or scope
  local token, lifetime = self:issue(audience)
  return values.object {
    "token_type", "Bearer",
    "scope", scope,
    "expires_in", lifetime,
    "ext_expires_in", lifetime,
    "access_token", token,
    "refresh_token", self:renewal(form.grant_type),
  }
end

--- Is this the path of a token endpoint? Which version?
---@param path string
---@return 1|2|nil
function M.version(path)
  if path:find("^/[^/]+/oauth2/token$") then
    return 1
  elseif path:find("^/[^/]+/oauth2/v2%.0/token$") then
    return 2
  end
end

---@param request SandboxRequest
---@param version 1|2
---@return SandboxResponse
function Tokens:answer(request, version)
  if request.method ~= "POST" then
    return self:entra_error(405, "invalid_request", 900561, "The endpoint only accepts POST requests.")
  end
  local form = query.parse(request.body)
  local grant = GRANTS[form.grant_type]
  if not grant then
    return self:entra_error(400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type.")
  end
  local refusal = self:client_refusal(form) or grant(self, form)
  if refusal then
    return refusal
  end
  local response = responses.json(200, version == 1 and self:grant_v1(form) or self:grant_v2(form))
  response.headers["Cache-Control"] = "no-store, no-cache"
  response.headers.Date = clocks.http_date(self.clock:now())
  return response
end

return M
