--- The options of the sources that ask Entra for tokens: their values, and the environment variables that give them.

local caller = require "referrals.caller"
local config = require "referrals.config"
local decimal = require "referrals.decimal"
local endpoints = require "referrals.endpoint"
local errors = require "referrals.errors"
local is_token = require("referrals.auth.request").is_token

local M = {}

local DEFAULT_AUTHORITY = "https://login.microsoftonline.com"
local DEFAULT_RESOURCE = "https://api.partner.microsoft.com"
local MAX_TEXT = 4096
local MAX_MARGIN = 86400

local COMMON = {
  tenant = "string",
  client_id = "string",
  client_secret = "string",
  authority = "string",
  version = "number",
  resource = "string",
  scope = "string",
  margin = "number",
}

local function with(types)
  for name, kind in pairs(COMMON) do
    types[name] = kind
  end
  return types
end

local TYPES = {
  client_credentials = with {},
  refresh_token = with { refresh_token = "string", file = "string", on_rotate = "function" },
}

-- Values -------------------------------------------------------------------------------------------------------------
-- A check gives nothing when the value is fine, else what was expected. No value is ever told: it may be a secret.

local function printable(value)
  return (value == "" or #value > MAX_TEXT or value:find(errors.CONTROL)) and "a text without control characters" or nil
end

local function uri(value)
  return (value == "" or #value > MAX_TEXT or value:find("[^\33-\126]")) and "a URI without blanks" or nil
end

local CHECKS = {
  {
    "tenant",
    function(value)
      local fits = #value <= 256 and value:find("^[%w._-]+$") and value ~= "." and value ~= ".."
      return not fits and "the tenant's id or one of its domain names" or nil
    end,
  },
  { "client_id", printable },
  { "client_secret", printable },
  {
    "refresh_token",
    function(value)
      return not is_token(value) and "a refresh token: visible ASCII without blanks, of at most 64 KiB" or nil
    end,
  },
  { "file", printable },
  {
    "authority",
    function(value)
      return (select(2, endpoints.parse(value)))
    end,
  },
  {
    "version",
    function(value)
      return value ~= 1 and value ~= 2 and "1 or 2, of the token endpoint" or nil
    end,
  },
  { "resource", uri },
  { "scope", printable },
  {
    "margin",
    function(value)
      return not (value >= 0 and value <= MAX_MARGIN) and "seconds from 0 to " .. MAX_MARGIN or nil
    end,
  },
}

local function wrong(member, expected, message)
  return errors.new("validation", {
    member = member,
    expected = expected,
    message = message or ("%s: expected %s"):format(member, expected),
  })
end

local function same(name)
  return name
end

local function missing(options, grant, named)
  local function required(name, expected)
    local message = ("%s is missing: expected %s"):format(named(name), expected)
    return wrong(named(name), expected, message)
  end
  if not options.tenant then
    return required("tenant", "the tenant's id or one of its domain names")
  elseif not options.client_id then
    return required("client_id", "the application's client id")
  elseif grant == "client_credentials" then
    local otherwise = named == same and "" or (", or %s for a user's tokens"):format(named("file"))
    return not options.client_secret and required("client_secret", "the application's secret" .. otherwise) or nil
  elseif not options.file and not options.on_rotate then
    local what = named == same and "a file, or a function on_rotate," or "a file"
    return required("file", what .. " that keeps the refresh token, which changes with every use")
  elseif not options.file and not options.refresh_token then
    return required("refresh_token", "the refresh token to begin with")
  end
end

local function contradiction(options, named)
  if options.scope and options.resource and options.version == 2 then
    local message = ("%s and %s contradict: at version 2 the scope says the resource"):format(
      named("scope"),
      named("resource")
    )
    return wrong(named("scope"), "either a scope or a resource", message)
  end
end

--- What is wrong with these values, as a `validation` error.
local function check(options, grant, named)
  named = named or same
  for _, rule in ipairs(CHECKS) do
    local name, judge = rule[1], rule[2]
    local expected = options[name] ~= nil and judge(options[name])
    if expected then
      return wrong(named(name), expected)
    end
  end
  return missing(options, grant, named) or contradiction(options, named)
end

local function complete(options)
  local resource = options.resource or DEFAULT_RESOURCE
  local chosen = {}
  for name, value in pairs(options) do
    chosen[name] = value
  end
  chosen.version = options.version or 1
  local authority = endpoints.parse(options.authority or DEFAULT_AUTHORITY).url
  local path = chosen.version == 1 and "/oauth2/token" or "/oauth2/v2.0/token"
  chosen.url = authority .. "/" .. options.tenant .. path
  chosen.resource = resource
  return chosen
end

--- Checks the options of a source. A wrong Lua type or an unknown name raises at the caller's line.
---@param options table|nil
---@param grant "refresh_token"|"client_credentials"
---@return table|nil options a copy with the defaults and `url`
---@return referrals.error|nil err `validation`
function M.resolve(options, grant)
  local checked, err = config.verb(options, TYPES[grant], caller.level())
  err = err or check(checked, grant)
  if err then
    return nil, err
  end
  return complete(checked)
end

-- The environment ----------------------------------------------------------------------------------------------------

local VARIABLES = {
  tenant = "REFERRALS_TENANT",
  client_id = "REFERRALS_CLIENT_ID",
  client_secret = "REFERRALS_CLIENT_SECRET",
  refresh_token = "REFERRALS_REFRESH_TOKEN",
  file = "REFERRALS_REFRESH_TOKEN_FILE",
  authority = "REFERRALS_AUTHORITY",
  version = "REFERRALS_TOKEN_VERSION",
  resource = "REFERRALS_RESOURCE",
  scope = "REFERRALS_SCOPE",
  margin = "REFERRALS_TOKEN_MARGIN",
}

local function variable(name)
  return VARIABLES[name]
end

local function number(name, text)
  local value = decimal(text)
  if not value then
    return nil, wrong(variable(name), "a decimal number")
  end
  return value
end

local function read(getenv)
  local options, any = {}, false
  for name, title in pairs(VARIABLES) do
    local value = getenv(title)
    if value ~= nil and value ~= "" then
      if COMMON[name] == "number" then
        local parsed, err = number(name, value)
        if not parsed then
          return nil, err
        end
        value = parsed
      end
      options[name], any = value, true
    end
  end
  return any and options or nil
end

--- Reads a source's options from the environment; an empty variable counts as unset.
---@param getenv fun(name: string): string|nil
---@return "refresh_token"|"client_credentials"|nil grant nil when no variable is set
---@return table|referrals.error|nil options or what is wrong, naming the variable
function M.from_environment(getenv)
  local options, err = read(getenv)
  if not options then
    return nil, err
  end
  local grant = (options.refresh_token or options.file) and "refresh_token" or "client_credentials"
  err = check(options, grant, variable)
  if err then
    return nil, err
  end
  return grant, options
end

return M
