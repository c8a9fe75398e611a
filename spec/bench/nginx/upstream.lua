--- A service that costs next to nothing: nginx answers every read with the example under the id that was asked for,
--- and every write with the example closed as Won. Below /again it has two versions that take turns, with the deal
--- values M.VALUES: a read gives the first, a write under one version the other.
local application = require "support.app"
local certificate = require "referrals.sandbox.certificate"
local example = require "referrals.sandbox.example"
local site = require "referrals.sandbox.nginx"

local M = {}

M.VALUES = { 50000, 60000 }

local FIRST_TAG, SECOND_TAG = "5bf4967d0000", "5bf4967d0001"

M.HTTP = [[
  keepalive_requests 1000000000;
  keepalive_time 30d;
  keepalive_timeout 300s;
  client_body_buffer_size 64k;
  map $again$request_method$http_if_match $answer {
    default '@first@';
    ~^PUT '@written@';
    ~^again/PUT.*@tag@ '@second@';
  }
]]

-- 201, because nginx judges If-Match itself where the answer is 200.
local AT_ONCE = [[
  location ~ ^/(?<again>again/)?v1.0/engagements/referrals/(?<id>[^/]+)$ {
    default_type application/json;
    if ($request_method = PUT) { return 201 $answer; }
    return 200 $answer;
  }
]]

local DELAYED = [[
  location ~ ^/(?<again>again/)?v1.0/engagements/referrals/(?<id>[^/]+)$ {
    default_type application/json;
    content_by_lua_block {
      ngx.shared.seen:add("connection " .. ngx.var.connection, true)
      ngx.req.read_body()
      ngx.req.clear_header("If-Match")
      ngx.sleep(@delay@)
      local answer = ngx.var.answer
      ngx.header.content_length = #answer
      ngx.print(answer)
    }
  }
  location /connections {
    content_by_lua_block {
      ngx.print(#ngx.shared.seen:get_keys(0))
      ngx.shared.seen:flush_all()
      ngx.shared.seen:flush_expired()
    }
  }
]]

-- In nginx's quotes a dollar sign means a variable, and a backslash takes the next one's meaning.
local function quotable(text)
  return (text:gsub("\n%s*", ""):gsub("[\\']", "\\%0"):gsub("%$", "%%24"))
end

local function once(text, from, to)
  local first, last = text:find(from, 1, true)
  return text:sub(1, first - 1) .. to .. text:sub(last + 1)
end

local function answers()
  local first = once(quotable(example.TEXT), example.ID, "$id")
  return {
    first = first,
    written = once(once(first, '"New"', '"Closed"'), '"Pending"', '"Won"'),
    second = once(once(first, FIRST_TAG, SECOND_TAG), tostring(M.VALUES[1]), tostring(M.VALUES[2])),
    tag = FIRST_TAG,
  }
end

--- Serves until `stop()`; `endpoint`, `again` and `ca_file` are for a client.
---@param options {delay: number?, h2: boolean?, workers: integer?}
function M.start(options)
  local minted
  local app = application.start {
    workers = options.workers,
    http = M.HTTP:gsub("@(%l+)@", answers()) .. "lua_shared_dict seen 1m;",
    listen = options.h2 and " ssl http2" or "",
    server = (options.delay and DELAYED:gsub("@delay@", options.delay) or AT_ONCE) .. (options.h2 and [[
      ssl_certificate server.pem;
      ssl_certificate_key server.key;
    ]] or ""),
    prepare = function(folder)
      minted = options.h2 and certificate.mint(folder, site.quote, site.run)
    end,
  }
  local origin = ("%s://127.0.0.1:%d"):format(options.h2 and "https" or "http", app.port)
  app.endpoint, app.again = origin .. "/v1.0/engagements", origin .. "/again/v1.0/engagements"
  app.ca_file = minted and minted.ca
  return app
end

return M
