--- The access token that a client's requests go with: a text that does not change, or what its source gives.

local errors = require "referrals.errors"
local failure = require "referrals.failure"
local token_request = require "referrals.auth.request"

local M = {}

local GIVE_ONE = "give `token` to referrals.new; the default client takes REFERRALS_TOKEN, or REFERRALS_TENANT and "
  .. "those beside it, from the environment"
local IN_NGINX = ", where nginx shows its workers only what an `env` line names"

local function check(token, why)
  if errors.is(why) then
    return nil, why.stage == "token" and why or failure.no_token(why.message, why)
  elseif type(token) ~= "string" then
    local expected = type(why) == "string" and why or "the token source gave a " .. type(token) .. ", not a string"
    return nil, failure.no_token(expected)
  elseif not token_request.is_token(token) then
    return nil, failure.no_token("the source's token is none: expected " .. token_request.TOKEN)
  end
  return token
end

--- The token for a request.
---@param exchanges referrals.exchange
---@param call referrals.call
---@return string|nil token
---@return referrals.error|nil err `auth`, or what the token's own request failed with
function M.of(exchanges, call)
  if exchanges.static_token then
    return exchanges.static_token
  elseif not exchanges.source then
    return nil, failure.no_token(GIVE_ONE .. (rawget(_G, "ngx") and IN_NGINX or ""))
  end
  return check(exchanges.source:token({
    runtime = exchanges.runtime,
    deadline = call.deadline,
    connect_timeout = exchanges.config.connect_timeout,
    tell = function(event)
      exchanges:tell(event)
    end,
  }))
end

--- The token, where nobody has to be asked for one that is good for a whole update.
---@param exchanges referrals.exchange
---@param seconds number that the update may take
---@return string|nil
function M.at_hand(exchanges, seconds)
  if exchanges.static_token then
    return exchanges.static_token
  end
  local source = exchanges.source
  return source and source.at_hand and source:at_hand(exchanges.runtime:now(), seconds) or nil
end

--- After a 401: another token than the one that was refused, or what was issued anew, whatever it reads.
---@param exchanges referrals.exchange
---@param call referrals.call
---@param refused string
---@return string|nil token nil where none can be had
---@return referrals.error|nil err what asking for it said
function M.instead(exchanges, call, refused)
  local source = exchanges.source
  if not source.invalidate or not source:invalidate(refused) then
    return nil
  end
  local token, err = M.of(exchanges, call)
  local is_new = token ~= refused or source.issues
  return is_new and token or nil, err
end

return M
