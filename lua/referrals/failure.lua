--- A request that failed, as an error object with what is known about the request; and whether a write that failed may
--- have been applied all the same.

local errors = require "referrals.errors"
local kind_of = require "referrals.outcome"
local service_error = require "referrals.service_error"

local M = {}

--- An error object with what is known about the request.
---@param config referrals.config
---@param call referrals.call
---@param request referrals.request|nil
---@param fields table those of the error, `kind` among them
---@param token string|nil a secret that the message may repeat
---@return referrals.error
function M.describe(config, call, request, fields, token)
  if request then
    fields.method = request.method
    fields.url = errors.safe_url(config.endpoint .. request.path)
  end
  fields.client_request_id = call.info.client_request_id
  fields.request_id = fields.request_id or call.info.request_id
  fields.attempts = call.info.attempts
  for name, value in pairs(fields) do
    if type(value) == "string" and (name == "message" or (token and name ~= "kind")) then
      fields[name] = errors.redact(value, { token })
    end
  end
  return errors.new(fields.kind, fields)
end

--- There is no token to send it with.
---@param expected string
---@param cause any what another client's verb said
---@return referrals.error
function M.no_token(expected, cause)
  return errors.new("auth", { message = "no token: " .. expected, stage = "token", applied = false, cause = cause })
end

--- The whole client is paused beyond the call's deadline.
---@param config referrals.config
---@param call referrals.call
---@param request referrals.request
---@param seconds number
---@return referrals.error
function M.paused(config, call, request, seconds)
  local message = ("the service asked this client to wait: for %g s more, which this call does not have"):format(
    math.ceil(seconds * 10) / 10
  )
  return M.describe(config, call, request, {
    kind = "throttled",
    message = message,
    retry_after = seconds,
    applied = false,
  })
end

--- The call's time is over, or will be when the service may be asked again.
---@param config referrals.config
---@param call referrals.call
---@param request referrals.request|nil
---@param retry_after number|nil seconds that the service asked for
---@return referrals.error
function M.out_of_time(config, call, request, retry_after)
  local message = ("the %g s for this call are over"):format(call.timeout)
  if retry_after then
    message = ("the service asked to come back in %g s, which this call does not have"):format(retry_after)
  end
  return M.describe(config, call, request, {
    kind = "timeout",
    message = message,
    retry_after = retry_after,
    applied = false,
  })
end

--- A wait that cannot be waited, before a request.
---@param config referrals.config
---@param call referrals.call
---@return referrals.error
function M.no_way_to_wait(config, call)
  return M.describe(config, call, nil, { kind = "busy", message = errors.NO_WAY_TO_WAIT, applied = false })
end

--- What a refusal says by its status and headers alone, where its body did not come whole: that is enough to tell what
--- became of the request, and when to come back.
local function broken_off(fields, answer, method)
  local status = fields.http_status
  local said = service_error.parse(status, function(name)
    return answer:header(name)
  end, "", method)
  fields.retry_after = said.retry_after
  if status < 500 and status ~= 408 then
    fields.kind, fields.retryable = said.kind, said.retryable
    fields.message = ("the service answered %d, and the explanation broke off: %s"):format(status, fields.message)
  end
end

--- No complete answer came.
---@param config referrals.config
---@param call referrals.call
---@param request referrals.request
---@param answer referrals.answer
---@param outcome string what the runtime gave instead of "ok"
---@param message string|nil
---@param status integer|nil where the answer had begun
---@param token string that the request was sent with
---@return referrals.error
function M.unanswered(config, call, request, answer, outcome, message, status, token)
  local kind, retryable = kind_of(outcome)
  local fields = { kind = kind, retryable = retryable, message = message or outcome, http_status = status }
  if status and status >= 400 then
    broken_off(fields, answer, request.method)
  end
  return M.describe(config, call, request, fields, token)
end

local ESCAPED = { { "\\/", "/" }, { "\\u002[fF]", "/" }, { "\\u002[bB]", "+" }, { "\\u003[dD]", "=" } }

--- A JSON text in which a token stands as it is: what an opaque one holds besides letters may be escaped.
local function plain_json(text, token)
  if token:find("[/+=]") then
    for _, pair in ipairs(ESCAPED) do
      text = text:gsub(pair[1], pair[2])
    end
  end
  return text
end

--- The service answered, and not with a status below 300.
---@param config referrals.config
---@param call referrals.call
---@param request referrals.request
---@param answer referrals.answer
---@param status integer
---@param token string that the request was sent with
---@return referrals.error
function M.refusal(config, call, request, answer, status, token)
  if status < 400 then
    local message = ("the service answered %d, which the API does not use"):format(status)
    return M.describe(config, call, request, { kind = "protocol", message = message, http_status = status })
  end
  local function header(name)
    return answer:header(name)
  end
  -- The token goes first: what is cut short could keep half of it.
  local said = errors.redact(plain_json(answer:body(), token), { token })
  local fields = service_error.parse(status, header, said, request.method)
  fields.http_status = status
  return M.describe(config, call, request, fields, token)
end

--- Did a write that failed like this leave open whether it was applied? Only a 4xx other than 408 says no.
---@param err referrals.error
---@param sent boolean
---@return boolean
function M.is_unknown(err, sent)
  local status = err.http_status or 0
  return sent and (status == 408 or status < 400 or status >= 500)
end

return M
