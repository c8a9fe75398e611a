-- Searches whatever the module tells in any spec, each error object, event and dry run, for the secrets that the spec
-- gave it: tokens, client secrets and refresh tokens. Loaded before all specs by .busted.
local auth = require "referrals.auth"
local config = require "referrals.config"
local errors = require "referrals.errors"
local headers = require "referrals.headers"
local runtime = require "referrals.runtime"

local SHORTEST = 8 -- bytes; a shorter "secret" is a word that stands anywhere
local DEEPEST = 12

local secrets = {}

local function note(secret)
  if type(secret) == "string" and #secret >= SHORTEST then
    secrets[secret] = true
  end
end

local function search(value, depth, seen)
  if type(value) == "string" then
    for secret in pairs(secrets) do
      if value:find(secret, 1, true) then
        error("a secret is told: " .. value, 0)
      end
    end
  elseif type(value) == "table" and depth < DEEPEST and not seen[value] then
    seen[value] = true
    for key, member in pairs(value) do
      search(key, depth + 1, seen)
      search(member, depth + 1, seen)
    end
  end
end

local function searched(value)
  search(value, 0, {})
  return value
end

local new_error = errors.new
function errors.new(...)
  local err = new_error(...)
  searched(tostring(err))
  return searched(err)
end

local resolve = config.resolve
function config.resolve(options, level)
  local resolved, err = resolve(options, (level or 2) + 1) -- one frame more than without us
  if resolved then
    note(resolved.token)
    local listener = resolved.on_event
    resolved.on_event = listener and function(event)
      return listener(searched(event))
    end
  end
  return resolved, err
end

local make_runtime = runtime.new
function runtime.new(...)
  local made = make_runtime(...)
  local ask = made.ask
  function made:ask(request, template, token, ...)
    note(token)
    return ask(self, request, template, token, ...)
  end
  return made
end

local shown = headers.shown
function headers.shown(request)
  return searched(shown(request))
end

for _, source in ipairs { "refresh_token", "client_credentials" } do
  local make = auth[source]
  auth[source] = function(options, ...)
    if type(options) == "table" then
      note(options.client_secret)
      note(options.refresh_token)
    end
    return make(options, ...)
  end
end
