--- The error object of every verb: a stable kind for code, one clear line for people, never a secret.

local M = {}

local MESSAGE_LIMIT = 500 -- bytes of the message that a line shows
local DETAIL_LIMIT = 100 -- bytes of each piece of context

--- Said where a wait cannot even begin.
M.NO_WAY_TO_WAIT = "this worker has no way to wait: its worker_connections or descriptors are too few"

---@alias referrals.error.kind
---| "validation" # a wrong value, found before anything was sent
---| "transition" # the status or substatus cannot be reached
---| "conflict" # another writer was there (412, 409, only_if, a pinned version)
---| "not_found" # 404, 410
---| "forbidden" # 403
---| "auth" # 401, or no token could be had
---| "throttled" # 429
---| "rejected" # any other 4xx
---| "server" # 5xx after the retries
---| "network" # no connection or TLS
---| "timeout" # the deadline passed
---| "protocol" # an answer that is not what the API promises
---| "unsettled" # a write may have been applied and it could not be told
---| "busy" # our own bounded queue is full

---@class referrals.error
---@field kind referrals.error.kind what code tests
---@field message string for people; not stable
---@field retryable boolean the same call may well succeed later, as it is
---@field applied false|true|"unknown"|nil on every failed write: was it written?
---@field member string|nil dotted path of the member that is wrong
---@field expected string|nil what the member may hold
---@field from string|nil the current status or substatus
---@field to string|nil the one asked for
---@field allowed string[]|nil what it could have been
---@field current table|nil the referral as it is now
---@field members table[]|nil a conflict's {member, mine, theirs, base}
---@field intended table|nil the change whose fate is unknown
---@field cause any the failure underneath, an error object where it is one
---@field http_status integer|nil
---@field code string|nil the service's error code
---@field inner string|nil the innermost service code
---@field target string|nil
---@field retry_after number|nil seconds
---@field request_id string|nil
---@field client_request_id string|nil
---@field attempts integer|nil requests made
---@field stage string|nil "token" when it was the token's request that failed
---@field method string|nil
---@field url string|nil without its query
---@field unspent boolean|nil of a token's request that was not made, to spare the refresh token
---@field step integer|nil of create_shared: which of the two referrals it is about
---@field created table|string|nil of create_shared, in step 2: your own referral, to `continue` with

-- Is the same call worth repeating? Also the list of all kinds.
local RETRYABLE = {
  validation = false,
  transition = false,
  conflict = false,
  not_found = false,
  forbidden = false,
  auth = false,
  throttled = true,
  rejected = false,
  server = true,
  network = true,
  timeout = true,
  protocol = false,
  unsettled = false, -- only after looking: a repeat could overwrite or duplicate
  busy = true,
}

--- The set of kinds: errors.kinds[kind] is true for each.
---@type table<referrals.error.kind, boolean>
M.kinds = {}
for kind in pairs(RETRYABLE) do
  M.kinds[kind] = true
end

local DEFAULT_MESSAGE = {
  validation = "a wrong value",
  transition = "the status cannot become that",
  conflict = "another writer changed the referral",
  not_found = "there is no such referral",
  forbidden = "the service does not allow this",
  auth = "no valid token",
  throttled = "the service asks to slow down",
  rejected = "the service refused the request",
  server = "the service failed",
  network = "the service could not be reached",
  timeout = "the time was up",
  protocol = "the answer is not what the API promises",
  unsettled = "whether the change was written could not be told",
  busy = "too many requests are waiting here already",
}

local APPLIED = {
  [false] = "nothing was written",
  [true] = "it was written",
  unknown = "it may have been written",
}

--- A pattern: the control characters of ASCII. "%c" takes in some locales more, which UTF-8 is made of.
M.CONTROL = "[%z\1-\31\127]"

local ESCAPES = { ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

local function escape(bytes)
  return ESCAPES[bytes] or bytes:gsub(".", function(byte)
    return ("\\x%02x"):format(byte:byte())
  end)
end

--- The first `limit` bytes of a text, without a split UTF-8 character; and whether that was not all of it.
local function cut(text, limit)
  if #text <= limit then
    return text, false
  end
  local stop = limit
  while stop > limit - 3 and stop > 0 and text:byte(stop + 1) >= 0x80 and text:byte(stop + 1) < 0xC0 do
    stop = stop - 1
  end
  return text:sub(1, stop), true
end

--- Any value as text, whatever its tostring does.
---@param value any
---@return string
function M.text(value)
  local ok, text = pcall(tostring, value)
  return ok and type(text) == "string" and text or type(value)
end

local SEQUENCES = { "^[\194-\223][\128-\191]", "^[\224-\239][\128-\191][\128-\191]",
  "^[\240-\244][\128-\191][\128-\191][\128-\191]" }

--- Bytes beyond ASCII in a row: those that are no UTF-8 are escaped.
local function escape_strays(run)
  local parts, at = {}, 1
  while at <= #run do
    local sequence
    for _, pattern in ipairs(SEQUENCES) do
      sequence = sequence or run:match(pattern, at)
    end
    parts[#parts + 1] = sequence or escape(run:sub(at, at))
    at = at + (sequence and #sequence or 1)
  end
  return table.concat(parts)
end

--- Any value as one short line: control characters (C0, DEL, C1, the Unicode line separators) and what is no UTF-8 are
--- written as escapes, so that a value from outside can neither break a log line nor drive a terminal.
---@param value any
---@param limit? integer bytes kept, 100 by default; a longer text ends in "..."
---@return string
function M.visible(value, limit)
  limit = limit or DETAIL_LIMIT
  local text, longer = cut(M.text(value), limit)
  text = text:gsub("[\128-\255]+", escape_strays):gsub(M.CONTROL, escape)
  text = text:gsub("\194[\128-\159]", escape):gsub("\226\128[\168\169]", escape)
  local shown, escaped_longer = cut(text, limit)
  return shown .. ((longer or escaped_longer) and "..." or "")
end

--- "412 preconditionFailed/99918" out of whatever of the three is known.
local function answer(err)
  local codes = {}
  if err.code ~= nil then
    codes[1] = M.visible(err.code)
  end
  if err.inner ~= nil and err.inner ~= err.code then
    codes[#codes + 1] = M.visible(err.inner)
  end
  local known = {}
  if err.http_status ~= nil then
    known[1] = M.visible(err.http_status)
  end
  if #codes > 0 then
    known[#known + 1] = table.concat(codes, "/")
  end
  return #known > 0 and table.concat(known, " ") or nil
end

local function cause(err)
  local inner = err.cause
  if inner == nil then
    return nil
  end
  if M.is(inner) then
    inner = inner.kind .. ": " .. M.visible(inner.message, MESSAGE_LIMIT)
  elseif type(inner) ~= "string" then
    return nil -- an address or a bare number tells nobody anything
  end
  return "cause: " .. M.visible(inner, MESSAGE_LIMIT)
end

--- What helps to find the request again, in the order people read it.
local function context(err)
  local parts = {}
  local function add(value, format)
    if value ~= nil then
      parts[#parts + 1] = (format or "%s"):format(M.visible(value, MESSAGE_LIMIT))
    end
  end
  add(err.stage, "at the %s request")
  add(answer(err))
  add(err.retry_after, "retry after %s s")
  if type(err.attempts) == "number" and err.attempts > 1 then
    add(err.attempts, "%s attempts")
  end
  add(err.request_id, "request %s")
  if err.request_id == nil then
    add(err.client_request_id, "client request %s")
  end
  add(cause(err))
  return #parts > 0 and " (" .. table.concat(parts, ", ") .. ")" or ""
end

local function line(err)
  local applied = err.applied ~= nil and APPLIED[err.applied]
  return ("%s: %s%s%s"):format(
    M.visible(err.kind),
    M.visible(err.message, MESSAGE_LIMIT),
    context(err),
    applied and "; " .. applied or ""
  )
end

local metatable = {
  __name = "referrals.error",
  __tostring = line,
  __concat = function(left, right)
    return tostring(left) .. tostring(right)
  end,
}

--- "details.dealValue: expected a number", "status cannot go from Closed to New (allowed: Closed)", or the kind's own.
local function default_message(kind, fields)
  if kind == "validation" and fields.member ~= nil and fields.expected ~= nil then
    return ("%s: expected %s"):format(M.visible(fields.member), M.visible(fields.expected, MESSAGE_LIMIT))
  end
  if kind == "transition" and fields.from ~= nil and fields.to ~= nil then
    local allowed = type(fields.allowed) == "table" and table.concat(fields.allowed, ", ") or ""
    return ("%s cannot go from %s to %s%s"):format(
      M.visible(fields.member or "status"),
      M.visible(fields.from),
      M.visible(fields.to),
      allowed ~= "" and " (allowed: " .. allowed .. ")" or ""
    )
  end
  return DEFAULT_MESSAGE[kind]
end

--- Makes an error object. The fields are copied, so one table may serve twice.
---@param kind referrals.error.kind an unknown one is a programming error and raises
---@param fields? table any of the class's fields; `message` and `retryable` have a default per kind
---@return referrals.error
function M.new(kind, fields)
  if not M.kinds[kind] then
    error(("unknown error kind '%s'"):format(tostring(kind)), 2)
  end
  local err = {}
  for name, value in pairs(fields or {}) do
    err[name] = value
  end
  err.kind = kind
  if err.message == nil then
    err.message = default_message(kind, err)
  end
  if err.retryable == nil then
    err.retryable = RETRYABLE[kind]
  end
  return setmetatable(err, metatable)
end

--- Is this value an error object?
---@param value any
---@return boolean
function M.is(value)
  return type(value) == "table" and getmetatable(value) == metatable
end

local SHORT = 8 -- bytes: "demo" and "t" are tokens for a sandbox only, and syllables of every other word

local function secret_pattern(secret)
  local pattern = secret:gsub("%p", "%%%0")
  if #secret >= SHORT then
    return pattern
  end
  return (secret:find("^%w") and "%f[%w]" or "") .. pattern .. (secret:find("%w$") and "%f[%W]" or "")
end

--- A text with every secret in it replaced by "[redacted]": the given ones and whatever follows the word Bearer.
--- A short one is replaced where it stands as a word of its own.
---@param text string
---@param secrets? string[] tokens, client secrets, refresh tokens; empty ones and other values are skipped
---@return string
function M.redact(text, secrets)
  local known = {}
  for _, secret in pairs(secrets or {}) do
    if type(secret) == "string" and secret ~= "" then
      known[#known + 1] = secret
    end
  end
  -- The longest first: replacing a secret that another one contains would leave the rest of that other one readable.
  table.sort(known, function(a, b)
    return #a > #b
  end)
  for _, secret in ipairs(known) do
    text = text:gsub(secret_pattern(secret), "[redacted]")
  end
  text = text:gsub("([Bb][Ee][Aa][Rr][Ee][Rr]%s+)([%w%-%._~%+/]+=*)", function(scheme, token)
    local prose = token == "token" or token == "tokens" -- "the bearer token is missing" hides nothing
    return prose and scheme .. token or scheme .. "[redacted]"
  end)
  return text
end

--- A URL fit for a log line: the user info and fragment are cut out, and of a query only the fact that there was one
--- stays (a filter holds people's e-mail addresses, a skiptoken is as good as a secret).
---@param url any
---@return string|nil safe nil when it was no string
function M.safe_url(url)
  if type(url) ~= "string" then
    return nil
  end
  local base = url:gsub("#.*$", "")
  local path, query = base:match("^([^?]*)(%??)")
  path = path:gsub("^(%a[%w+.-]*://)[^/]*@", "%1")
  return M.visible(path .. (query ~= "" and "?..." or ""), MESSAGE_LIMIT)
end

return M
