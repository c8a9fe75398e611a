--- An update by hand on LuaSocket and lua-cjson: GET, decode, change, encode, PUT, decode. Its http module makes a
--- connection for each request.
local change = require "bench.by_hand.change"
local cjson = require "cjson"
local http = require "socket.http"
local ltn12 = require "ltn12"
local socket = require "socket"

local options = change.options()

local function perform(method, headers, body)
  local pieces = {}
  headers["Accept"] = "application/json"
  headers["Accept-Encoding"] = "gzip"
  headers["Authorization"] = "Bearer " .. options.token
  headers["client-request-id"] = change.request_id()
  headers["User-Agent"] = "referrals-lua/0.1.0"
  local ok, status, answered = http.request {
    method = method,
    url = options.url,
    headers = headers,
    source = body and ltn12.source.string(body),
    sink = ltn12.sink.table(pieces),
  }
  assert(ok and status == 200, status)
  return table.concat(pieces), answered.etag
end

local function update(number)
  local body, etag = perform("GET", {})
  local referral = cjson.decode(body)
  change.apply(referral, options.change, number)
  local text = cjson.encode(referral)
  local answer = perform("PUT", {
    ["Content-Type"] = "application/json",
    ["Content-Length"] = #text,
    ["If-Match"] = etag,
  }, text)
  return cjson.decode(answer)
end

change.run(options, update, socket.gettime)
