--- What an HTTP error response says, in every shape that reaches a client: the service's own error object, the
--- gateway's, the older host's, Entra's, a proxy's HTML page, plain text, nothing at all. Never raises: the body is
--- whatever somebody sent. Source: the reference, "Errors".

local cjson = require "cjson"
local errors = require "referrals.errors"

local M = {}

local json = cjson.new() -- its settings are nobody else's
local MAX_BODY = 256 * 1024 -- an explanation is short; more is not looked at
local MAX_MESSAGE = 1000
local MAX_NESTING = 16 -- of innerError
local BYTE_ORDER_MARK = "\239\187\191"

---@class referrals.service_error
---@field kind referrals.error.kind
---@field http_status integer|nil
---@field message string one line
---@field code string|nil
---@field inner string|nil the innermost service code; of Entra "AADSTS" and the number
---@field target string|nil
---@field retry_after number|nil seconds
---@field retryable boolean|nil where it differs from the kind's default
---@field request_id string|nil
---@field client_request_id string|nil

-- Retry-After --------------------------------------------------------------------------------------------------------

local MONTHS = {
  Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11, Dec = 12,
}

--- Days from 1970-01-01 in the Gregorian calendar; a year is taken to begin in March, so that a leap day ends it.
local function days_since_1970(year, month, day)
  if month <= 2 then
    year, month = year - 1, month + 12
  end
  local leap_days = math.floor(year / 4) - math.floor(year / 100) + math.floor(year / 400)
  return 365 * year + leap_days + math.floor((153 * (month - 3) + 2) / 5) + day - 719469
end

--- The three forms of an HTTP date (RFC 9110, 5.6.7): day, month name, year, time.
local function date_parts(text)
  local day, month, year, time = text:match("^%a+, (%d%d) (%a%a%a) (%d%d%d%d) ([%d:]+) GMT$")
  if not day then
    day, month, year, time = text:match("^%a+, (%d%d)%-(%a%a%a)%-(%d%d) ([%d:]+) GMT$")
    year = year and (tonumber(year) < 70 and "20" or "19") .. year
  end
  if not day then
    month, day, time, year = text:match("^%a%a%a (%a%a%a) +(%d%d?) ([%d:]+) (%d%d%d%d)$")
  end
  return day, month, year, time
end

--- An HTTP date as seconds since 1970, without the local time zone; nil when it is none.
---@param text any
---@return integer|nil
function M.http_date(text)
  if type(text) ~= "string" then
    return nil
  end
  local day, month, year, time = date_parts(text)
  local hour, minute, second = (time or ""):match("^(%d%d):(%d%d):(%d%d)$")
  month, day = MONTHS[month], tonumber(day)
  if not month or not hour or day < 1 or day > 31 then
    return nil
  end
  hour, minute, second = tonumber(hour), tonumber(minute), tonumber(second)
  if hour > 23 or minute > 59 or second > 60 then
    return nil
  end
  return days_since_1970(tonumber(year), month, day) * 86400 + hour * 3600 + minute * 60 + second
end

--- The wait that a Retry-After header asks for. A date is measured against the answer's own Date header where there is
--- one, so that a wrong local clock does no harm.
---@param value any the header: seconds or an HTTP date
---@param now? number seconds since 1970; os.time() by default
---@param date? any the answer's Date header
---@return number|nil seconds never negative; nil when the header is missing or garbage
function M.retry_after(value, now, date)
  if type(value) ~= "string" then
    return nil
  end
  local text = value:match("^%s*(.-)%s*$")
  if text:find("^%d+$") then
    return #text <= 9 and tonumber(text) or nil
  end
  local moment = M.http_date(text)
  if not moment then
    return nil
  end
  return math.max(0, moment - (M.http_date(date) or now or os.time()))
end

-- The body -----------------------------------------------------------------------------------------------------------

--- A code or a text out of a decoded body: numbers become text, anything else and "" is nil.
local function text_of(value)
  if type(value) == "number" then
    value = ("%.14g"):format(value)
  end
  if type(value) ~= "string" or value == "" then
    return nil
  end
  return errors.visible(value, MAX_MESSAGE)
end

local function table_of(value)
  return type(value) == "table" and value or nil
end

--- Two messages as one, without saying anything twice.
local function both(outer, inner)
  if not outer or not inner then
    return outer or inner
  elseif inner:find(outer, 1, true) then
    return inner
  elseif outer:find(inner, 1, true) then
    return outer
  end
  return outer .. " (" .. inner .. ")"
end

--- {"error": {code, message, target, innerError: {code, message, innerError...}}}
local function from_service(body)
  local outer = body.error
  local code, message, step = nil, nil, outer
  for _ = 1, MAX_NESTING do
    step = table_of(step.innerError) or table_of(step.innererror)
    if not step then
      break
    end
    code = text_of(step.code) or code
    message = text_of(step.message) or message
  end
  return {
    code = text_of(outer.code),
    message = both(text_of(outer.message), message),
    target = text_of(outer.target),
    inner = code,
  }
end

--- {error, error_description, error_codes[], correlation_id}. Behind the first line of the description stand only ids.
local function from_entra(body)
  local description = type(body.error_description) == "string" and body.error_description:match("^[^\r\n]*") or nil
  description = description and description:gsub("%s*Trace ID:.*$", "")
  local codes = table_of(body.error_codes)
  local number = codes and text_of(codes[1])
  return {
    code = text_of(body.error),
    message = text_of(description) or text_of(body.error),
    inner = number and "AADSTS" .. number or (description or ""):match("^(AADSTS%d+)"),
    request_id = text_of(body.correlation_id),
  }
end

--- The gateway's {statusCode, message}, whose text holds the wait, and the older host's {code, description, ...}.
local function from_flat(body)
  local message = text_of(body.message) or text_of(body.description) or text_of(body.Message)
  local wait = message and message:match("[Tt]ry again in (%d+) second")
  return { code = text_of(body.code), message = message, retry_after = M.retry_after(wait) }
end

local function from_json(text)
  local first = text:match("^%s*(.)")
  local ok, body = false, nil
  if first == "{" then
    ok, body = pcall(json.decode, text)
  end
  if not ok then
    return nil
  elseif table_of(body.error) then
    return from_service(body)
  elseif type(body.error) == "string" then
    return from_entra(body)
  end
  return from_flat(body)
end

local function from_html(text)
  if not text:find("^%s*<") then
    return nil
  end
  local title = text:match("<[Tt][Ii][Tt][Ll][Ee][^>]*>(.-)</[Tt][Ii][Tt][Ll][Ee]")
    or text:match("<[Hh]1[^>]*>(.-)</[Hh]1")
  title = (title or ""):gsub("<[^>]*>", ""):gsub("[<>]", ""):gsub("%s+", " "):match("^ ?(.-) ?$")
  local said = title ~= "" and ": " .. errors.visible(title, 200) or ""
  return { message = "an HTML page came instead of the service's answer" .. said }
end

local function from_text(text)
  local said = text:gsub("%s+", " "):match("^ ?(.-) ?$")
  if said == "" or said:find("^[{%[]") then
    return {} -- broken JSON explains nothing
  end
  return { message = errors.visible(said, 200) }
end

local function read(body)
  local text = type(body) == "string" and body or ""
  if text:sub(1, 3) == BYTE_ORDER_MARK then
    text = text:sub(4)
  end
  if #text > MAX_BODY then
    text = text:sub(1, MAX_BODY)
  end
  return from_json(text) or from_html(text) or from_text(text)
end

-- The status ---------------------------------------------------------------------------------------------------------

local KINDS = {
  [401] = "auth",
  [403] = "forbidden",
  [404] = "not_found",
  [409] = "conflict",
  [410] = "not_found",
  [412] = "conflict",
  [429] = "throttled",
}

local RETRYABLE = {
  [408] = true, -- the service waited for the request in vain
  [501] = false, -- it will not learn the operation by being asked again
}

--- The kind of error that a status is.
---@param status integer
---@return referrals.error.kind
function M.kind(status)
  if KINDS[status] then
    return KINDS[status]
  elseif status >= 400 and status <= 499 then
    return "rejected"
  end
  return status >= 500 and status <= 599 and "server" or "protocol"
end

--- What to do about it, where a status alone tells.
local function advice_for(status, method)
  if status == 403 then
    return "it takes an App+User token of a user with the role Referrals admin or Referrals user"
  elseif status == 405 and method == "PUT" then
    return 'the service calls PUT obsolete: `update` with method = "PATCH", or `patch`, makes a change without it'
  end
end

local function with_advice(said, advice)
  if not advice then
    return said
  elseif said:find("%.$") then
    return said .. " " .. advice:gsub("^%l", string.upper)
  end
  return said .. "; " .. advice
end

local function no_header()
  return nil
end

--- Reads an HTTP error response into the fields of an error object: errors.new(fields.kind, fields).
---@param status integer the HTTP status
---@param header? fun(name: string): string|nil a look-up of response headers by lower-case name
---@param body? string
---@param method? string the request's method
---@param now? number seconds since 1970, for a Retry-After date without a Date header
---@return referrals.service_error
function M.parse(status, header, body, method, now)
  status = tonumber(status) or 0
  header = header or no_header
  local fields = read(body)
  fields.kind = M.kind(status)
  fields.http_status = status
  local said = fields.message or ("the service answered %d without an explanation"):format(status)
  fields.message = with_advice(said, advice_for(status, method))
  fields.retry_after = M.retry_after(header("retry-after"), now, header("date")) or fields.retry_after
  fields.retryable = RETRYABLE[status]
  fields.request_id = text_of(header("request-id")) or fields.request_id
  fields.client_request_id = text_of(header("client-request-id"))
  return fields
end

return M
