-- The reactor's door where many come at once, and what else in nginx keeps a verb from being answered.
local application = require "support.app"
local service = require "support.service"

local HTTP = [[
  lua_max_running_timers 4;
  lua_shared_dict told 1m;
  init_by_lua_block {
    local referrals = require "referrals"
    client = assert(referrals.new { endpoint = "%s", token = "token", queue = 20000, retries = 0 })
    tokened = assert(referrals.new { endpoint = "%s", timeout = 5, token = assert(referrals.auth.client_credentials {
      tenant = "t", client_id = "one", client_secret = "s3cret", authority = "%s",
    }) })
    function got(referral, err)
      return referral and referral.id or tostring(err)
    end
  }
]]

local SERVER = [[
  lua_check_client_abort on;
  location /crowd {
    content_by_lua_block {
      local threads, good, problem = {}, 0, nil
      for number = 1, tonumber(ngx.var.arg_count) do
        threads[number] = ngx.thread.spawn(function()
          local referral, err = client:get(ngx.var.arg_id, { returns = "minimal" })
          good = good + (referral and 1 or 0)
          problem = problem or (err and tostring(err))
        end)
      end
      for _, thread in ipairs(threads) do
        ngx.thread.wait(thread)
      end
      ngx.print(good, " ", tostring(problem))
    }
  }
  location /timers {
    content_by_lua_block {
      for number = 1, 4 do
        ngx.timer.at(0, function()
          ngx.shared.told:set(number, got(tokened:get("%s")))
        end)
      end
      ngx.print "asked"
    }
  }
  location /told {
    content_by_lua_block {
      for number = 1, 4 do
        ngx.say(ngx.shared.told:get(number) or "nothing")
      end
    }
  }
  location /agent {
    content_by_lua_block {
      local own = assert(require("referrals").new {
        endpoint = client.config.endpoint, token = "token", user_agent = "crm/" .. ngx.var.arg_number,
      })
      ngx.print(got(own:get(ngx.var.arg_id)))
    }
  }
  location /collect { content_by_lua_block { collectgarbage() collectgarbage() ngx.print "collected" } }
  location /blocked {
    content_by_lua_block {
      local now = require("referrals.core").http.now
      local began = now()
      while now() - began < 2.2 do end
      ngx.print(got(client:get(ngx.var.arg_id, { timeout = 1 })))
    }
  }
]]

describe("the reactor's door #once", function()
  local server, app, allowed

  setup(function() server = service.start(1) end)
  teardown(function() server:stop() end)
  before_each(function()
    server:reset()
    service.fill(server, 1)
    allowed = nil
    app = application.start {
      http = HTTP:format(server.url, server.url, server.origin),
      server = (SERVER:gsub("%%s", service.id(1))),
    }
  end)
  after_each(function() assert.equal("", app:stop(allowed)) end)

  it("is not crowded by light threads that begin in one turn of the loop", function()
    assert.same({ 200, "6000 nil" }, { app:get("/crowd?count=6000&id=" .. service.id(1)) })
  end)

  it("does without timers, where nginx runs no more of them", function()
    allowed = "lua_max_running_timers are not enough"
    assert.same({ 200, "asked" }, { app:get "/timers" })
    local all = (service.id(1) .. "\n"):rep(4)
    application.until_true(function() return select(2, app:get "/told") == all end, "all answers")
  end)

  it("is one of a few, whatever number of clients there were", function()
    local pid = app:worker_pids()[1]
    for number = 1, 60 do
      assert.same({ 200, service.id(1) }, { app:get("/agent?number=" .. number .. "&id=" .. service.id(1)) })
    end
    app:get "/collect"
    assert.is_true(application.usage(pid).threads <= 12, application.usage(pid).threads .. " threads")
  end)

  it("is answered for, though the worker was blocked for longer than the verb may take", function()
    assert.same({ 200, service.id(1) }, { app:get("/blocked?id=" .. service.id(1)) })
  end)
end)
