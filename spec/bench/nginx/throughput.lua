--- Updates a second through one worker, ours against the same job by hand on cosockets, in alternating runs.
local application = require "support.app"
local upstream = require "bench.nginx.upstream"

local RUNS = tonumber(arg and arg[1]) or 5
local COUNT = tonumber(arg and arg[2]) or 4000

local SERVER = [[
  location /run {
    content_by_lua_block {
      local count, how = tonumber(ngx.var.arg_count), ngx.var.arg_how
      local update = how == "ours" and function(id)
        local referral, err = client:update(id, { status = "Closed", substatus = "Won" })
        return assert(referral, tostring(err))
      end or function(id)
        return require("bench.nginx.cosockets").update(PORT, id)
      end
      local left, threads = count, {}
      local began = require("referrals.core").http.now()
      for place = 1, 64 do
        threads[place] = ngx.thread.spawn(function()
          while left > 0 do
            left = left - 1
            local id = ("00000000-0000-4000-8000-%012d"):format(left)
            local referral = update(id)
            assert(referral.id == id and referral.substatus == "Won")
          end
        end)
      end
      for _, thread in ipairs(threads) do
        assert(ngx.thread.wait(thread))
      end
      ngx.print(count / (require("referrals.core").http.now() - began))
    }
  }
]]

local server = upstream.start { workers = 1 }
local app = application.start {
  http = ([[init_by_lua_block {
    PORT = %d
    client = assert(require("referrals").new { endpoint = "%s", token = "secret" })
  }]]):format(server.port, server.endpoint),
  server = SERVER,
}

local function run(how)
  local status, body = app:get(("/run?how=%s&count=%d"):format(how, COUNT))
  assert(status == 200, body .. app:error_log())
  return tonumber(body)
end

run("ours")
run("cosockets")
local ratios = {}
for i = 1, RUNS do
  local ours, theirs = run("ours"), run("cosockets")
  ratios[i] = ours / theirs
  print(("throughput: ours %.0f updates/s, by hand on cosockets %.0f updates/s, ratio %.2f"):format(ours, theirs, ratios[i]))
end
table.sort(ratios)
print(("throughput: median ratio %.2f (wanted: 1.5)"):format(ratios[math.ceil(#ratios / 2)]))
print(app:stop(), server:stop())
