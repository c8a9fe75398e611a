--- A service that costs next to nothing: nginx answers every read with the example under the id that was asked for,
--- and every write with the example closed as Won.
local application = require "support.app"
local certificate = require "referrals.sandbox.certificate"
local example = require "referrals.sandbox.example"
local site = require "referrals.sandbox.nginx"

local M = {}

M.HTTP = [[
  keepalive_requests 1000000000;
  keepalive_time 30d;
  keepalive_timeout 300s;
  client_body_buffer_size 64k;
  map $request_method $answer {
    default '@read@';
    PUT '@written@';
  }
]]

-- 201, because nginx judges If-Match itself where the answer is 200.
local AT_ONCE = [[
  location ~ ^/v1.0/engagements/referrals/(?<id>[^/]+)$ {
    default_type application/json;
    if ($request_method = PUT) { return 201 $answer; }
    return 200 $answer;
  }
]]

local DELAYED = [[
  location ~ ^/v1.0/engagements/referrals/(?<id>[^/]+)$ {
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
  local read = once(quotable(example.TEXT), example.ID, "$id")
  local written = once(once(read, '"New"', '"Closed"'), '"Pending"', '"Won"')
  return read, written
end

--- Serves until `stop()`; `endpoint` and `ca_file` are for a client.
---@param options {delay: number?, h2: boolean?, workers: integer?}
function M.start(options)
  local read, written = answers()
  local minted
  local app = application.start {
    workers = options.workers,
    http = M.HTTP:gsub("@(%l+)@", { read = read, written = written }) .. "lua_shared_dict seen 1m;",
    listen = options.h2 and " ssl http2" or "",
    server = (options.delay and DELAYED:gsub("@delay@", options.delay) or AT_ONCE) .. (options.h2 and [[
      ssl_certificate server.pem;
      ssl_certificate_key server.key;
    ]] or ""),
    prepare = function(folder)
      minted = options.h2 and certificate.mint(folder, site.quote, site.run)
    end,
  }
  app.endpoint = ("%s://127.0.0.1:%d/v1.0/engagements"):format(options.h2 and "https" or "http", app.port)
  app.ca_file = minted and minted.ca
  return app
end

return M
