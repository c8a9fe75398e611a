--- Many updates through one worker of an application: ours, or the same by hand on cosockets.
local application = require "support.app"
local upstream = require "bench.nginx.upstream"

local M = {}
local Job = {}
Job.__index = Job

local HTTP = [[
  lua_shared_dict job 1m;
  keepalive_requests 1000000000;
  init_by_lua_block {
    local http = require("referrals.core").http
    local referrals = require "referrals"
    local hand = require "bench.nginx.cosockets"
    local client = assert(referrals.new { endpoint = "@endpoint@", token = "secret", ca_file = @ca@, cache = 0 })
    local default = assert(referrals.new { endpoint = "@again@", token = "secret", ca_file = @ca@ })
    local FIRST, SECOND, AGAIN = @first@, @second@, 500

    local function name_of(number)
      return ("00000000-0000-4000-8000-%012d"):format(number)
    end

    local function is_won(referral)
      return referral.substatus == "Won"
    end

    -- Each is one update of the referral with that number, and whether it came out as it should.
    local ways = {}

    function ways.ours(number)
      local id = name_of(number)
      local referral, err = client:update(id, { status = "Closed", substatus = "Won" })
      return assert(referral, tostring(err)).id == id and is_won(referral)
    end

    function ways.hand(number)
      local id = name_of(number)
      local referral = hand.close(@port@, id)
      return referral.id == id and is_won(referral)
    end

    local values = {}

    function ways.again(number)
      local id = name_of(number % AGAIN)
      local value = values[id] == SECOND and FIRST or SECOND
      values[id] = value
      local referral, err = default:update(id, { details = { dealValue = value } })
      return assert(referral, tostring(err)).id == id and referral.details.dealValue == value
    end

    function ways.again_by_hand(number)
      local id = name_of(number % AGAIN)
      local referral = hand.set_deal_value(@port@, id, SECOND)
      return referral.id == id and referral.details.dealValue == SECOND
    end

    function close_one(id)
      local referral, err = client:update(id, { status = "Closed", substatus = "Won" })
      return assert(referral, tostring(err)).id
    end

    --- So many updates, so many at once. Seconds that it took.
    function run_job(count, at_once, how)
      local update = ways[how]
      local left, threads = count, {}
      local began = http.now()
      for place = 1, at_once do
        threads[place] = ngx.thread.spawn(function()
          while left > 0 and not ngx.shared.job:get("stop") do
            left = left - 1
            assert(update(left))
          end
        end)
      end
      for _, thread in ipairs(threads) do
        assert(ngx.thread.wait(thread))
      end
      return http.now() - began
    end
  }
]]

local SERVER = [[
  location /run {
    content_by_lua_block {
      ngx.print(run_job(tonumber(ngx.var.arg_count), tonumber(ngx.var.arg_at_once), ngx.var.arg_how))
    }
  }
  location /update {
    content_by_lua_block {
      ngx.print(close_one(ngx.var.arg_id))
    }
  }
  location /static { return 200 "static"; }
]]

--- Starts the upstream and the application.
---@param options {delay: number?, h2: boolean?, workers: integer?, server: string?}
function M.start(options)
  local server = upstream.start(options)
  local values = {
    endpoint = server.endpoint,
    again = server.again,
    first = upstream.VALUES[1],
    second = upstream.VALUES[2],
    port = server.port,
    ca = server.ca_file and ("%q"):format(server.ca_file) or "nil",
  }
  local app = application.start {
    workers = options.workers,
    http = (HTTP:gsub("@(%l+)@", values)),
    server = SERVER .. (options.server or ""),
  }
  return setmetatable({ app = app, upstream = server }, Job)
end

--- Updates a second.
---@param how "ours"|"hand"|"again"|"again_by_hand" closing referrals without a copy in memory, or setting the deal
---  values of the same ones again and again as the client does it by default
function Job:rate(count, at_once, how)
  local connection = self.app:open(("/run?count=%d&at_once=%d&how=%s"):format(count, at_once, how))
  connection.socket:settimeout(nil)
  local status, body = connection:read()
  assert(status == 200, tostring(body) .. "\n" .. self.app:error_log())
  return count / tonumber(body)
end

function Job:worker()
  return self.app:worker_pids()[1]
end

--- Ends both; raises when something stood in the application's error log.
function Job:stop()
  local log = self.app:stop()
  self.upstream:stop()
  assert(log == "", log)
end

function M.median(values)
  local sorted = { unpack(values) }
  table.sort(sorted)
  return sorted[math.ceil(#sorted / 2)]
end

return M
