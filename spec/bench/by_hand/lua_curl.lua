--- An update by hand on Lua-cURL and lua-cjson: GET, decode, change, encode, PUT, decode.
local change = require "bench.by_hand.change"
local cjson = require "cjson"
local curl = require "curl"
local socket = require "socket"

local options = change.options()
local easy = curl.easy_init()
easy:setopt(curl.OPT_URL, options.url)
easy:setopt(curl.OPT_ACCEPT_ENCODING, "gzip")
easy:setopt(curl.OPT_USERAGENT, "referrals-lua/0.1.0")
easy:setopt(curl.OPT_NOSIGNAL, 1)
easy:setopt(curl.OPT_PROXY, "")

local pieces, status

easy:setopt(curl.OPT_WRITEFUNCTION, function(piece)
  pieces[#pieces + 1] = piece
  return #piece
end)

easy:setopt(curl.OPT_HEADERFUNCTION, function(line)
  status = line:find("^HTTP/") and line:match(" (%d+)") or status
  return #line
end)

local function perform(headers)
  pieces = {}
  easy:setopt(curl.OPT_HTTPHEADER, headers)
  local ok, message = easy:perform()
  assert(ok, message)
  assert(status == "200", status)
  return table.concat(pieces)
end

local function update(number)
  local authorization = "Authorization: Bearer " .. options.token
  easy:setopt(curl.OPT_HTTPGET, 1)
  easy:setopt(curl.OPT_CUSTOMREQUEST, "GET")
  local body = perform {
    "Accept: application/json",
    authorization,
    "client-request-id: " .. change.request_id(),
  }
  local referral = cjson.decode(body)
  change.apply(referral, options.change, number)
  local text = cjson.encode(referral) -- held here while libcurl reads it
  easy:setopt(curl.OPT_POSTFIELDS, text)
  easy:setopt(curl.OPT_POSTFIELDSIZE, #text)
  easy:setopt(curl.OPT_CUSTOMREQUEST, "PUT")
  local answer = perform {
    "Accept: application/json",
    authorization,
    "client-request-id: " .. change.request_id(),
    "Content-Type: application/json",
    "If-Match: " .. referral.eTag,
  }
  return cjson.decode(answer)
end

change.run(options, update, socket.gettime)
