-- Verbs in a coroutine that a caller made, in a request that ends early: nginx leaves such a coroutine at its
-- semaphores and timers, so a verb may wait at none.
local application = require "support.app"
local service = require "support.service"
local socket = require "socket"

local SERVER = [[
  lua_check_client_abort on;
  location /coroutine {
    content_by_lua_block {
      coroutine.wrap(function() client:get("%s") end)()
    }
  }
  location /killed {
    content_by_lua_block {
      local thread = ngx.thread.spawn(function()
        coroutine.wrap(function() client:get("%s") end)()
      end)
      ngx.sleep(0.05)
      ngx.thread.kill(thread)
      ngx.print "killed"
    }
  }
  location /many {
    content_by_lua_block {
      local spawn, spawned = ngx.thread.spawn, 0
      ngx.thread.spawn = function(...)
        spawned = spawned + 1
        return spawn(...)
      end
      local left = tonumber(ngx.var.arg_count)
      local results = client:update_many(function()
        left = left - 1
        local id = ("00000000-0000-4000-8000-%012d"):format(left % 3 + 1)
        return left >= 0 and { id = id, change = { statusReason = "s" .. left } } or nil
      end, { concurrency = 4 })
      ngx.thread.spawn = spawn
      ngx.print(results.changed, " ", spawned)
    }
  }
  location /refilled {
    content_by_lua_block {
      local item, number, right = { change = {} }, 0, 0
      local results = client:update_many(function()
        number = number + 1
        item.id = ("00000000-0000-4000-8000-%012d"):format(number)
        item.change.statusReason = "s" .. number
        return number <= 32 and item or nil
      end, { concurrency = 4 })
      for index, result in ipairs(results) do
        local id = ("00000000-0000-4000-8000-%012d"):format(index)
        right = right + (result.value.id == id and result.value.statusReason == "s" .. index and 1 or 0)
      end
      ngx.print(right)
    }
  }
  location /many_in_coroutine {
    content_by_lua_block {
      coroutine.wrap(function()
        client:update_many { { id = "%s", change = { statusReason = "a" } } }
      end)()
    }
  }
  location /many_killed {
    content_by_lua_block {
      local pulled = 0
      local thread = ngx.thread.spawn(function()
        client:update_many(function()
          pulled = pulled + 1
          return { id = "%s", change = { statusReason = "s" .. pulled } }
        end, { concurrency = 2 })
      end)
      ngx.sleep(0.2)
      ngx.thread.kill(thread)
      local before = pulled
      ngx.sleep(0.5)
      ngx.print(before > 0, " ", pulled - before < 16)
    }
  }
  location /rows {
    content_by_lua_block {
      local rows = coroutine.wrap(function()
        for referral in client:each { top = 2 } do
          coroutine.yield(referral)
        end
      end)
      for referral in rows do
        ngx.say(referral.id)
      end
    }
  }
  location /token {
    content_by_lua_block {
      local slow = assert(require("referrals").new { endpoint = client.config.endpoint, token = function()
        package.loaded.asked = (package.loaded.asked or 0) + 1
        ngx.sleep(0.2)
        return "token"
      end })
      local referral, err = slow:get("%s")
      ngx.print(referral and "got" or tostring(err))
    }
  }
  location /asked { content_by_lua_block { ngx.print(package.loaded.asked or 0) } }
  location /ok { content_by_lua_block { ngx.print "ok" } }
]]

describe("a coroutine of the caller's, in a request that ends early #once", function()
  local server, app

  setup(function() server = service.start(3) end)
  teardown(function() server:stop() end)
  before_each(function()
    server:reset()
    service.fill(server, 3)
    local text = SERVER:gsub("%%s", service.id(1))
    app = application.start { http = service.client(server), server = text }
  end)
  after_each(function() assert.equal("", app:stop()) end)

  local function requests()
    return #server:record { brief = true }
  end

  --- So many clients ask and go away once all wait; then others are served, for longer than what was waited for.
  local function go_away(path, count, seconds)
    local worker, clients, before = app:worker_pids()[1], {}, requests()
    for number = 1, count do
      clients[number] = app:open(path)
    end
    application.until_true(function() return requests() - before >= count end, "all requests")
    for number = 1, count do
      clients[number]:abort()
    end
    local over = socket.gettime() + seconds
    while socket.gettime() < over do
      assert.same({ 200, "ok" }, { app:get "/ok" })
    end
    assert.equal(worker, app:worker_pids()[1])
  end

  it("leaves nothing behind where a verb waited for an answer, few or many", function()
    server:fault { kind = "late", method = "GET", delay = 0.3, probability = 1 }
    go_away("/coroutine", 3, 0.5)
    go_away("/coroutine", 40, 0.5)
  end)

  it("leaves nothing behind where a verb waited for the next try", function()
    server:fault { kind = "status", status = 429, retry_after = 1, times = 1 }
    go_away("/rows", 1, 1.3)
    assert.truthy(select(2, app:get "/rows"):find(service.id(1), 1, true))
  end)

  it("leaves nothing behind where a light thread was ended around it", function()
    server:fault { kind = "late", method = "GET", delay = 0.3, probability = 1 }
    local clients = {}
    for number = 1, 30 do
      clients[number] = app:open "/killed"
    end
    for number = 1, 30 do
      assert.same({ 200, "killed" }, { clients[number]:read() })
    end
    go_away("/coroutine", 3, 0.5)
  end)

  it("leaves nothing behind where many updates waited", function()
    server:fault { kind = "late", delay = 0.5, times = 1000 }
    go_away("/many_in_coroutine", 3, 1)
  end)

  it("begins nothing more of many updates once a light thread was ended around them", function()
    assert.same({ 200, "true true" }, { app:get("/many_killed") })
  end)

  it("runs many updates that an iterator fills into one table, each as it was then", function()
    service.fill(server, 32)
    server:fault { kind = "late", delay = 0.05, times = 1000 } -- so that several end at once
    assert.same({ 200, "32" }, { app:get "/refilled" })
  end)

  it("runs many updates in as many light threads as there are at once", function()
    local _, few = app:get("/many?count=8")
    local _, many = app:get("/many?count=200")
    assert.equal("8", few:match("^%d+"))
    assert.equal("200", many:match("^%d+"))
    assert.is_true(tonumber(many:match("%d+$")) <= 5, many)
  end)

  it("leaves nothing behind where a token function waited", function()
    local worker, asked = app:worker_pids()[1], 0
    for _ = 1, 3 do
      local clients = {}
      for number = 1, 10 do
        clients[number] = app:open "/token"
      end
      asked = asked + 10
      application.until_true(function() return tonumber(select(2, app:get "/asked")) == asked end, "all calls")
      for number = 1, 10 do
        clients[number]:abort()
      end
      assert.same({ 200, "got" }, { app:get "/token" })
      asked = asked + 1
      assert.same({ 200, "ok" }, { app:get "/ok" })
    end
    assert.equal(worker, app:worker_pids()[1])
  end)
end)
