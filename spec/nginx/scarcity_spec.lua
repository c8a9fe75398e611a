-- Where a worker's connections, timers and places in the queue are few: nobody crashes, nothing is lost, and others do
-- not suffer.
local application = require "support.app"
local service = require "support.service"
local shell = require "spec.support.shell"

-- Coroutines of the caller's, where nginx's own timers are no place to wait.
local SERVER = [[
  lua_check_client_abort on;
  location /crowd {
    content_by_lua_block {
      local threads, good = {}, 0
      for number = 1, tonumber(ngx.var.arg_count) do
        threads[number] = ngx.thread.spawn(function()
          coroutine.wrap(function()
            local id = ("00000000-0000-4000-8000-%012d"):format(number)
            local referral, err = client:update(id, { statusReason = "crowd" })
            good = good + ((referral or err.kind == "busy" or err.kind == "throttled") and 1 or 0)
          end)()
        end)
      end
      for _, thread in ipairs(threads) do
        ngx.thread.wait(thread)
      end
      ngx.print(good)
    }
  }
  location /update {
    content_by_lua_block {
      local chosen, options = ngx.var.arg_other and other or client, { timeout = tonumber(ngx.var.arg_timeout) }
      local referral, err = chosen:update(ngx.var.arg_id, { statusReason = "alone" }, options)
      ngx.print(referral and referral.id or tostring(err))
    }
  }
  location /waiting {
    content_by_lua_block {
      client:get("00000000-0000-4000-8000-000000000150")
      ngx.print(client.exchange.runtime.current.bell.waiting)
    }
  }
  location /pid { content_by_lua_block { ngx.print(ngx.worker.pid()) } }
  location /loaded { content_by_lua_block { ngx.print(tostring(package.loaded["ngx.semaphore"] ~= nil)) } }
  location /free { content_by_lua_block { ngx.shared.told:set("free", true) } }
  location /timers {
    content_by_lua_block {
      for number = 1, 2 do
        ngx.timer.at(0, function()
          local referral, err = client:get(ngx.shared.told:get("id"))
          ngx.shared.told:set(number, referral and referral.id or tostring(err))
        end)
      end
    }
  }
  location /told { content_by_lua_block { ngx.print(ngx.shared.told:get(1), " ", ngx.shared.told:get(2)) } }
]]

local CLIENTS = [[
  init_by_lua_block {
    local function make()
      return assert(require("referrals").new { endpoint = "%s", token = "token", timeout = 10, queue = %d })
    end
    client, other = make(), make()
  }
]]

local REFRESHED = [[
  lua_max_running_timers 2;
  lua_shared_dict told 1m;
  init_by_lua_block {
    local referrals = require "referrals"
    client = assert(referrals.new { endpoint = "%s", timeout = %d, token = assert(referrals.auth.refresh_token {
      tenant = "t", client_id = "one", client_secret = "s3cret", authority = "%s", refresh_token = "first",
      file = "%s/token",
    }) })
    ngx.shared.told:set("id", "%s")
  }
]]

local CREDENTIALS = [[
  lua_max_running_timers 2;
  lua_shared_dict told 1m;
  init_by_lua_block {
    local referrals = require "referrals"
    client = assert(referrals.new { endpoint = "%s", timeout = 60, token = assert(referrals.auth.client_credentials {
      tenant = "t", client_id = "one", client_secret = "s3cret", authority = "%s",
    }) })
    ngx.shared.told:set("id", "%s")
  }
]]

-- All the timers there are, until they are told.
local HOLDING = [[
  init_worker_by_lua_block {
    for _ = 1, 2 do
      ngx.timer.at(0, function()
        while not ngx.shared.told:get("free") and not ngx.worker.exiting() do
          ngx.sleep(0.01)
        end
      end)
    end
  }
]]

describe("a worker that is short of something #once", function()
  local server, app, allowed, folder

  setup(function()
    server = service.start(150)
    folder = shell.folder()
  end)
  teardown(function()
    server:stop()
    shell.remove_folder(folder)
  end)
  before_each(function()
    server:reset { rotate_strict = true, refresh_tokens = { "first" } }
    service.fill(server, 150)
    os.remove(folder .. "/token")
    allowed = nil
  end)
  after_each(function()
    assert.equal("", app:stop(allowed))
  end)

  local function start(http, connections)
    app = application.start { http = http, server = SERVER, connections = connections }
    return select(2, app:get "/pid")
  end

  local function refreshed(timeout)
    return REFRESHED:format(server.url, timeout, server.origin, folder, service.id(1))
  end

  local function token_requests()
    local count = 0
    for _, entry in ipairs(server:record { brief = true }) do
      count = count + (entry.path:find("/oauth2/token", 1, true) and 1 or 0)
    end
    return count
  end

  local function timers_are_answered()
    app:get "/timers"
    local both = service.id(1) .. " " .. service.id(1)
    application.until_true(function() return select(2, app:get "/told") == both end, "both answers")
    assert.equal(1, token_requests())
  end

  local function pause_client(seconds)
    server:fault { kind = "status", status = 429, retry_after = seconds }
    local waiting = app:open("/update?id=" .. service.id(1))
    application.until_true(function() return #server:record { brief = true } == 1 end, "the 429")
    return waiting
  end

  it("of connections lives on when those go away who could not even wait", function()
    allowed = "worker_connections are not enough"
    local pid = start(CLIENTS:format(server.url, 4096), 256)
    local waiting = pause_client(2)
    local crowds = {}
    for number = 1, 3 do
      crowds[number] = app:open "/crowd?count=150"
    end
    application.until_true(function()
      return shell.read(app.folder .. "/error.log"):find(allowed, 1, true)
    end, "the end of its connections")
    for _, crowd in ipairs(crowds) do
      crowd:abort()
    end
    assert.same({ 200, service.id(1) }, { waiting:read() }) -- after the pause, when a timer left behind would have run
    assert.equal(pid, select(2, app:get "/pid"))
  end)

  it("of places has room for all who wait out a pause, and for who waits for an answer beside them", function()
    start(CLIENTS:format(server.url, 16))
    local waiting = pause_client(2)
    local crowd = app:open "/crowd?count=150"
    for _ = 1, 5 do
      assert.same({ 200, service.id(2) }, { app:get("/update?other=1&id=" .. service.id(2)) })
    end
    assert.same({ 200, "150" }, { crowd:read() })
    local _, told = waiting:read() -- after the pause all of them begin at once, and 16 have room
    assert.truthy(told == service.id(1) or told:find("^busy: 16 requests"), told)
  end)

  it("of connections gets those back soon that were waited with", function()
    local pid = start(CLIENTS:format(server.url, 4096))
    app:get("/update?id=" .. service.id(1))
    local before = application.usage(pid).descriptors
    server:fault { kind = "late", delay = 0.5, times = 1000 }
    local crowd = app:open "/crowd?count=100"
    application.until_true(function() return application.usage(pid).descriptors > before + 200 end, "the crowd")
    assert.same({ 200, "100" }, { crowd:read() })
    application.until_true(function() return application.usage(pid).descriptors < before + 100 end, "the end of it")
  end)

  it("of descriptors has loaded all that waiting takes", function()
    start(CLIENTS:format(server.url, 16))
    assert.same({ 200, "true" }, { app:get "/loaded" })
  end)

  it("of timers begins no renewal of a refresh token that it could not bring to its end", function()
    allowed = "lua_max_running_timers are not enough"
    start(refreshed(2) .. HOLDING)
    app:open("/update?id=" .. service.id(1)):abort()
    local _, told = app:get("/update?timeout=4&id=" .. service.id(1)) -- half may go by waiting for the aborted one
    assert.truthy(told:find("^busy: nginx runs no timer to renew the token in: lua_max_running_timers"), told)
    assert.equal(0, token_requests())
    app:get "/free"
    application.until_true(function()
      return select(2, app:get("/update?id=" .. service.id(1))) == service.id(1)
    end, "an update once there are timers")
    assert.equal(1, token_requests())
  end)

  it("of timers does not let a client that went away keep the others from a token", function()
    allowed = "lua_max_running_timers are not enough"
    start(refreshed(60) .. HOLDING)
    local gone = app:open("/update?id=" .. service.id(1))
    application.until_true(function()
      return shell.read(app.folder .. "/error.log"):find(allowed, 1, true)
    end, "its asking for a timer")
    gone:abort()
    app:get "/free"
    assert.same({ 200, service.id(1) }, { app:get("/update?timeout=10&id=" .. service.id(1)) })
    assert.equal(1, token_requests())
  end)

  it("of timers gets the places back of clients that went away", function()
    allowed = "lua_max_running_timers are not enough"
    start("lua_max_running_timers 2; lua_shared_dict told 1m;" .. CLIENTS:format(server.url, 100) .. HOLDING)
    assert.same({ 200, service.id(1) }, { app:get("/update?id=" .. service.id(1)) })
    for _ = 1, 3 do
      server:reset()
      service.fill(server, 150)
      server:fault { kind = "late", method = "GET", delay = 1, times = 150 }
      local clients = {}
      for number = 1, 90 do
        clients[number] = app:open("/update?id=" .. service.id(number))
      end
      application.until_true(function() return #server:record { brief = true } == 90 end, "reads of theirs")
      for number = 1, 90 do
        clients[number]:abort()
      end
      application.until_true(function() return select(2, app:get "/waiting") == "0" end, "places of theirs")
    end
  end)

  it("of timers waits for no token that a client was getting which went away", function()
    allowed = "lua_max_running_timers are not enough"
    server:fault { kind = "late", delay = 30, path = "/oauth2/" }
    start(CREDENTIALS:format(server.url, server.origin, service.id(1)) .. HOLDING)
    local gone = app:open("/update?id=" .. service.id(1))
    application.until_true(function() return token_requests() == 1 end, "its asking for a token")
    gone:abort()
    assert.same({ 200, service.id(1) }, { app:get("/update?timeout=10&id=" .. service.id(1)) })
    assert.equal(2, token_requests())
  end)

  it("of timers renews a refresh token within those that run", function()
    allowed = "lua_max_running_timers are not enough"
    start(refreshed(2))
    timers_are_answered()
  end)

  it("of timers asks once for a token that is long in coming to one of those that run", function()
    allowed = "lua_max_running_timers are not enough"
    server:fault { kind = "late", delay = 2.5, path = "/oauth2/" }
    start(CREDENTIALS:format(server.url, server.origin, service.id(1)))
    timers_are_answered()
  end)
end)
