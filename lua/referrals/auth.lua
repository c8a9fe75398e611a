--- Token sources: what `token` of a client may be besides a text. A source is asked for a token before every request
--- and answers from memory while it can.
---
---     local source = assert(referrals.auth.refresh_token {
---       tenant = "...", client_id = "...", client_secret = "...", file = "/var/lib/app/refresh-token",
---     })
---     local client = referrals.new { token = source }

local cached = require "referrals.auth.cached"
local caller = require "referrals.caller"
local decimal = require "referrals.decimal"
local errors = require "referrals.errors"
local keepers = require "referrals.auth.keeper"
local options_of = require "referrals.auth.options"
local protected = require "referrals.auth.protected"
local request = require "referrals.auth.request"

local M = {}

-- What the caller has already ---------------------------------------------------------------------------------------

local function static(token)
  local source = cached.new {
    name = "static",
    renew = function(context)
      return { token = token, started = context.runtime:now() }
    end,
  }
  function source.at_hand()
    return token
  end
  function source.invalidate()
    return false
  end
  return source
end

--- A token that does not change.
---@param token string
---@return referrals.token_source|nil
---@return referrals.error|nil err `validation`
function M.static(token)
  caller.expect(1, "static", token, "string")
  if not request.is_token(token) then
    local expected = "an access token: " .. request.TOKEN
    return nil, errors.new("validation", { member = "token", expected = expected })
  end
  return static(token)
end

local function no_token(message, cause)
  return request.failure("auth", { message = "no token: " .. message, cause = cause })
end

--- Why a function of the caller's gave no token. An error of another source's says that as it is; one of a verb's is
--- about something else than this client's request.
local function refusal(first, why, told)
  if errors.is(why) and why.stage == "token" then
    return errors.new(why.kind, why)
  elseif why == nil then
    return no_token(("the token function gave a %s, not a string"):format(type(first)))
  end
  return no_token(told(why), errors.is(why) and why or nil)
end

--- The seconds that a token is good for, as a number or as the endpoint's text of one; nil: not to be kept.
local function life_of(given)
  local seconds = type(given) == "number" and given or decimal(given)
  return seconds and seconds > 0 and seconds or nil
end

--- Asks a function of the caller's: it gives a token and, so that it is not asked for every request, the seconds that
--- the token is good for; or nil and why there is none.
---@param fn fun(): string|nil, any
---@return referrals.token_source
function M.func(fn)
  caller.expect(1, "func", fn, "function")
  local source, last
  local function told(what)
    return errors.visible(errors.redact(errors.text(what), { last }), 300)
  end
  source = cached.new {
    name = "function",
    renew = function(context)
      local started = context.runtime:now()
      local ok, token, more = protected.call(source, context.runtime, fn, nil, context.deadline)
      if not ok and token == protected.ENDED then
        local message = "the time was up while the token function was running"
        return nil, request.failure("timeout", { message = message })
      elseif not ok then
        return nil, request.failure("auth", { message = "the token function raised: " .. told(token) })
      elseif type(token) ~= "string" then
        return nil, refusal(token, more, told)
      elseif not request.is_token(token) then
        return nil, no_token("the token function gave what is no access token: expected " .. request.TOKEN)
      elseif more ~= nil and type(more) ~= "number" and not decimal(more) then
        local message = "the token function gave a %s for the seconds that its token is good for"
        return nil, no_token(message:format(type(more)))
      end
      last = token
      return { token = token, life = life_of(more), started = started }
    end,
  }
  return source
end

--- The source that a client's option `token` means.
---@param token string|function|referrals.token_source|nil
---@return referrals.token_source|nil
function M.source(token)
  if type(token) == "function" then
    return M.func(token)
  elseif type(token) == "string" then
    return static(token)
  end
  return token
end

---@class referrals.entra_options
---@field tenant string its id or one of its domain names
---@field client_id string
---@field client_secret string|nil not for public clients
---@field authority string|nil https://login.microsoftonline.com
---@field version 1|2|nil of the token endpoint; 1
---@field resource string|nil https://api.partner.microsoft.com
---@field scope string|nil
---@field margin number|nil seconds before its end at which a token is renewed; 300

---@class referrals.refresh_token_options : referrals.entra_options
---@field refresh_token string|nil the one to begin with, where the file holds none yet
---@field file string|nil keeps the newest
---@field on_rotate fun(refresh_token: string)|nil keeps the newest; where it cannot, it raises or returns false and why

-- What Entra gives ---------------------------------------------------------------------------------------------------

--- The form's fields; the second version of the endpoint has the resource in the scope.
local function form(options, grant, refresh_token)
  local fields = { { "grant_type", grant }, { "client_id", options.client_id } }
  local function add(name, value)
    if value then
      fields[#fields + 1] = { name, value }
    end
  end
  add("client_secret", options.client_secret)
  add("refresh_token", refresh_token)
  if options.version == 1 then
    add("resource", options.resource)
    add("scope", options.scope or (refresh_token and "openid"))
  else
    -- Without offline_access no new refresh token comes, and the old one dies after 90 days.
    add("scope", options.scope or options.resource .. "/.default" .. (refresh_token and " offline_access" or ""))
  end
  return fields
end

local function ask(context, options, grant, refresh_token)
  return request.send(context, {
    url = options.url,
    form = form(options, grant, refresh_token),
    secrets = { options.client_secret or "", refresh_token or "" },
  })
end

--- All that decides whose token it is and what for.
local function identity(grant, options)
  local kept_in = options.file or options.refresh_token or ""
  return table.concat({ grant, options.url, options.client_id, options.resource, options.scope or "", kept_in }, "\n")
end

local function describe(grant, options)
  return ("%s of client %s, tenant %s"):format(grant, errors.visible(options.client_id), options.tenant)
end

--- A renewal with the file locked.
local function rotate(context, options, keeper, lock)
  local unkept = keeper.unkept
  if unkept then
    local err = keeper:hand_over(lock, context.runtime)
    if err then
      return nil, err
    elseif context.runtime:now() < unkept.answer.started + unkept.answer.life then
      return unkept.answer
    end
  end
  local refresh_token, unusable = keeper:current(lock)
  if not refresh_token then
    return nil, unusable
  end
  local answer, err, newer = ask(context, options, "refresh_token", refresh_token)
  if newer and newer ~= refresh_token then
    keeper:keep(lock, newer, { token = "", started = context.runtime:now(), life = 0 }, context.runtime)
  end
  if err and err.kind == "auth" and options.file then
    err.message = ("%s; the refresh token is kept in '%s'"):format(err.message, errors.visible(options.file, 300))
  end
  if answer and answer.refresh_token and answer.refresh_token ~= refresh_token then
    err = keeper:keep(lock, answer.refresh_token, answer, context.runtime)
  end
  return not err and answer or nil, err
end

local function refresh_source(options)
  local keeper = keepers.new(options)
  local source = cached.new {
    name = describe("refresh_token", options),
    identity = identity("refresh_token", options),
    waits = true,
    rotates = true,
    issues = true,
    margin = options.margin,
    renew = function(context)
      local lock, busy = keeper:lock(context)
      if lock == nil then
        return nil, busy
      end
      local answer, err = rotate(context, options, keeper, lock)
      keepers.release(lock)
      return answer, err
    end,
  }
  keeper.source, keeper.secret = source, options.client_secret
  return source
end

local function credentials_source(options)
  return cached.new {
    name = describe("client_credentials", options),
    identity = identity("client_credentials", options),
    waits = true,
    issues = true,
    margin = options.margin,
    renew = function(context)
      return ask(context, options, "client_credentials")
    end,
  }
end

--- The Secure Application Model: a refresh token gives access tokens, and each time a new refresh token, which is kept
--- before anything else happens.
---@param options referrals.refresh_token_options
---@return referrals.token_source|nil
---@return referrals.error|nil err `validation`
function M.refresh_token(options)
  local resolved, err = options_of.resolve(options, "refresh_token")
  return resolved and refresh_source(resolved), err
end

--- The application as itself. The Referrals API wants a user's token, so this is for what stands in front of it.
---@param options referrals.entra_options
---@return referrals.token_source|nil
---@return referrals.error|nil err `validation`
function M.client_credentials(options)
  local resolved, err = options_of.resolve(options, "client_credentials")
  return resolved and credentials_source(resolved), err
end

--- The source that REFERRALS_TENANT and the variables beside it describe.
---@param getenv? fun(name: string): string|nil os.getenv by default
---@return referrals.token_source|nil source nil when none of them is set
---@return referrals.error|nil err `validation`, naming the variable
function M.from_environment(getenv)
  local grant, options = options_of.from_environment(getenv or os.getenv)
  if not grant then
    return nil, options
  end
  return M[grant](options)
end

return M
