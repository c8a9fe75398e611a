--- The token endpoint: a form there, an access token back.

local core = require "referrals.core"
local decimal = require "referrals.decimal"
local entra = require "referrals.auth.entra"
local errors = require "referrals.errors"
local kind_of = require "referrals.outcome"
local service_error = require "referrals.service_error"

local M = {}

local MAX_ANSWER = 256 * 1024
local MAX_TOKEN = 65536

--- What a token is, for messages.
M.TOKEN = "visible ASCII without blanks, of at most 64 KiB"

local UNKNOWN_LIFE = 300 -- seconds, where the answer does not say
local LONGEST_LIFE = 86400
local BYTE_ORDER_MARK = "\239\187\191"

---@class referrals.token_request
---@field url string
---@field form string[][] {name, value} in order
---@field secrets string[] what must never be told

local function encode(text, format)
  return (text:gsub("[^A-Za-z0-9%-%._~]", function(byte)
    return (format or "%%%02X"):format(byte:byte())
  end))
end

local function encode_form(fields)
  local pairs_of_it = {}
  for index, field in ipairs(fields) do
    pairs_of_it[index] = field[1] .. "=" .. encode(field[2])
  end
  return table.concat(pairs_of_it, "&")
end

--- The secrets in the forms in which an answer or a library could repeat them.
local function all_forms(secrets)
  local forms = {}
  for _, secret in pairs(secrets) do
    forms[#forms + 1] = secret
    forms[#forms + 1] = encode(secret)
    forms[#forms + 1] = encode(secret, "%%%02x")
    forms[#forms + 1] = secret:gsub("/", "\\/")
  end
  return forms
end

--- A text without these secrets.
---@param text string
---@param secrets string[]
---@return string
function M.redact(text, secrets)
  return errors.redact(text, all_forms(secrets))
end

--- Is this fit to be a token in a header or a form?
---@param text any
---@return boolean
function M.is_token(text)
  return type(text) == "string" and text ~= "" and #text <= MAX_TOKEN and not text:find("[^\33-\126]")
end

--- An error of the token's own request.
---@param kind referrals.error.kind
---@param fields table
---@return referrals.error
function M.failure(kind, fields)
  fields.stage = "token"
  fields.applied = false
  return errors.new(kind, fields)
end

-- The answer ---------------------------------------------------------------------------------------------------------

local function life_of(text)
  local string, other = core.json.string_at(text, "/expires_in")
  local seconds = decimal(string or other)
  return seconds and math.min(seconds, LONGEST_LIFE) or UNKNOWN_LIFE
end

--- Reads a good answer; nil and what was expected otherwise. No piece of it is ever told.
local function read(body)
  local text = body:sub(1, 3) == BYTE_ORDER_MARK and body:sub(4) or body
  if core.json.judge(text) ~= "{" then
    return nil, "a JSON object"
  end
  local token = core.json.string_at(text, "/access_token")
  local renewal, other = core.json.string_at(text, "/refresh_token")
  local scheme = core.json.string_at(text, "/token_type") or "Bearer"
  local newer = M.is_token(renewal) and renewal or nil
  if not M.is_token(token) then
    return nil, "an access token in it: " .. M.TOKEN, newer
  elseif scheme:lower() ~= "bearer" then
    return nil, "a token of the type Bearer", newer
  elseif (renewal and not M.is_token(renewal)) or (other and other ~= "null") then
    return nil, "a refresh token, where there is one, to be " .. M.TOKEN
  end
  return { token = token, life = life_of(text), refresh_token = renewal }
end

local function refusal(status, headers, body, secrets)
  local function header(name)
    return core.http.header(headers, name)
  end
  -- A 403 of the API is about roles; this is not the API.
  -- The secrets go first: what is cut short could keep half of one.
  local fields = service_error.parse(status == 403 and 400 or status, header, errors.redact(body, secrets), "POST")
  fields.http_status = status
  entra.explain(fields)
  return fields
end

local function judge(outcome, status, headers, body, message, secrets)
  if outcome ~= "ok" then
    local kind, retryable = kind_of(outcome)
    return nil, { kind = kind, retryable = retryable, message = message, http_status = status }
  elseif status >= 400 then
    return nil, refusal(status, headers, body, secrets)
  elseif status ~= 200 then
    local unexpected = ("the token endpoint answered %d"):format(status)
    return nil, { kind = "protocol", message = unexpected, http_status = status }
  end
  local answer, expected, newer = read(body)
  if not answer then
    local unusable = "the token endpoint's answer: expected " .. expected
    return nil, { kind = "protocol", message = unusable, http_status = status }, newer
  end
  return answer
end

-- Sending ------------------------------------------------------------------------------------------------------------

local function error_from(fields, request, secrets)
  for name, value in pairs(fields) do
    if type(value) == "string" and name ~= "kind" then
      fields[name] = errors.redact(value, secrets)
    end
  end
  fields.method, fields.url = "POST", errors.safe_url(request.url)
  return M.failure(fields.kind, fields)
end

--- Asks for a token once, within the call's time.
---@param context referrals.token_context
---@param request referrals.token_request
---@return referrals.token_answer|nil answer and in it `refresh_token`, where one came
---@return referrals.error|nil err with stage "token"
---@return string|nil refresh_token that came although the rest of the answer is of no use
function M.send(context, request)
  local runtime = context.runtime
  local started = runtime:now()
  local remaining = context.deadline - started
  if remaining <= 0 then
    return nil, M.failure("timeout", { message = "the time was up before the token could be asked for" })
  end
  local outcome, sent, status, headers, body, message = runtime:perform {
    method = "POST",
    url = request.url,
    headers = { "Accept: application/json", "Content-Type: application/x-www-form-urlencoded" },
    body = encode_form(request.form),
    timeout = remaining,
    connect_timeout = context.connect_timeout,
    max_body = MAX_ANSWER,
  }
  local secrets = all_forms(request.secrets)
  local answer, fields, newer = judge(outcome, status, headers, body, message, secrets)
  local err = fields and error_from(fields, request, secrets)
  if answer then
    answer.started = started
  end
  context.tell {
    type = "token",
    method = "POST",
    url = errors.safe_url(request.url),
    status = status,
    outcome = outcome,
    sent = sent,
    seconds = runtime:now() - started,
    error = err,
  }
  return answer, err, newer
end

return M
