-- Verbs of the caller's code in the middle of a batch, where its coroutine cannot be left.
local http = require("referrals.core").http
local nginx = require "support.nginx"
local referral = require "support.referral"
local referrals = require "referrals"

local CANNOT_TELL = _VERSION == "Lua 5.1" and not rawget(_G, "jit")

describe("a client", function()
  it("works after an error while its session was made", function()
    local server = nginx.start()
    finally(function() server:stop() end)
    referral.store(server, 2)
    local client = assert(referrals.new { endpoint = server.url, token = "a-token" })
    local way = http.way
    function http.way()
      http.way = way
      error("not enough memory", 0)
    end
    assert.same({ false, "not enough memory" }, { pcall(client.get, client, referral.id(1)) })
    assert.equal(way, http.way)
    assert(client:get(referral.id(1)))
    assert.equal(2, client:update_many(referral.items(2)).succeeded)
  end)
end)

describe("a batch that is interrupted from outside", function()
  it("leaves nothing behind, and what comes after it goes as before", function()
    local server = nginx.start()
    local jit = rawget(_G, "jit")
    finally(function()
      server:stop()
      if jit then
        jit.on()
      end
    end)
    if jit then
      jit.off() -- compiled code calls no hook
    end
    referral.store(server, 8)
    local client = assert(referrals.new { endpoint = server.url, token = "a-token", concurrency = 4 })
    local interrupted = 0
    for instructions = 100, 9000, 100 do
      local hook = function()
        debug.sethook()
        error("interrupted", 0)
      end
      local ok, why = pcall(function()
        debug.sethook(hook, "", instructions)
        client:update_many(referral.items(8))
        debug.sethook()
      end)
      interrupted = interrupted + ((not ok and why == "interrupted") and 1 or 0)
      local runtime = client.exchange.runtime
      if runtime.session then
        for _, worker in pairs(runtime.workers) do
          assert.is_nil(worker.task) -- it was interrupted when all was done
        end
        assert.is_nil(next(runtime.waiting))
        assert.is_nil(next(runtime.sleeping))
        assert.same({ 0, 0 }, { runtime.task_count, runtime.depth })
      end
    end
    assert.is_true(interrupted > 9, interrupted)
    assert.equal(8, client:update_many(referral.items(8)).succeeded)
    assert(client:update(referral.id(1), { campaignId = "last" }))
  end)
end)

describe("whoever waits", function()
  --- How often the session is moved on while `f` runs.
  local function steps_of(client, f)
    local runtime, steps = client.exchange.runtime, 0
    local step = runtime.step
    function runtime:step(...)
      steps = steps + 1
      assert(steps < 1000, "it goes round and round instead of waiting")
      return step(self, ...)
    end
    f()
    runtime.step = nil
    return steps
  end

  it("for the next try, or the end of a pause, leaves the processor alone", function()
    local server = nginx.start()
    finally(function() server:stop() end)
    referral.store(server, 3)
    local client = assert(referrals.new { endpoint = server.url, token = "a-token" })
    for method, status in pairs { GET = 503, PUT = 429 } do
      server:fault { kind = "status", method = method, status = status, retry_after = 1 }
    end
    local steps = steps_of(client, function()
      local _, err, info = client:update(referral.id(1), { campaignId = "c" })
      assert.is_nil(err)
      assert.equal(4, info.attempts)
    end)
    assert.is_true(steps >= 2 and steps < 20, steps)
    steps = steps_of(client, function()
      server:fault { kind = "status", method = "GET", status = 503, retry_after = 1 }
      assert.equal(2, client:update_many(referral.items(2)).succeeded)
    end)
    assert.is_true(steps < 100, steps)
  end)
end)

describe("a verb within a batch, where Lua cannot yield,", function()
  local server, client

  setup(function() server = nginx.start() end)
  teardown(function() server:stop() end)
  before_each(function()
    server:reset()
    for number = 1, 20 do
      server:store((referral.text(number):gsub('"team":%[%]', '"team":[{"email":"a@example.com"}]')))
    end
    client = assert(referrals.new { endpoint = server.url, token = "a-token", timeout = 20 })
  end)

  --- A read at each comparison of a sort, which is a function of C.
  local function read_in_sort()
    local why
    table.sort({ 2, 1 }, function(a, b)
      local ok, value, err = pcall(client.get, client, referral.id(20))
      why = not (ok and value) and tostring(err or value) or why
      return a < b
    end)
    return why
  end

  local function run(change_of, options)
    local items = {}
    for number = 1, 10 do
      items[number] = { id = referral.id(number), change = change_of(number) }
    end
    local results = client:update_many(items, options)
    assert.same({ 10, 10 }, { results.succeeded, results.changed })
    assert.equal(2, client:update_many({ -- all works afterwards
      { id = referral.id(11), change = { campaignId = "x" } }, { id = referral.id(12), change = { campaignId = "x" } },
    }).succeeded)
  end

  it("is done, in the function of a change", function()
    local whys = {}
    run(function(number)
      return function(current)
        whys[#whys + 1] = read_in_sort()
        current.campaignId = "c" .. number
      end
    end)
    assert.same({}, whys)
  end)

  it("is done, in the function that picks what is to be removed", function()
    local calls, whys = 0, {}
    run(function(number)
      return { campaignId = "c" .. number, team = referrals.remove(function()
        calls = calls + 1
        whys[#whys + 1] = read_in_sort()
      end) }
    end)
    assert.is_true(calls >= 10)
    assert.same({}, whys)
  end)

  it("is done in a finaliser, or raises there on Lua 5.1, and the batch goes on", function()
    if rawget(_G, "jit") then
      jit.off() -- LuaJIT 2.1 of 2023 does not come out of a compiled loop over pairs() within a finaliser
      finally(function() jit.on() end)
    end
    local done, whys = 0, {}
    local function finaliser()
      local ok, value, err = pcall(client.get, client, referral.id(20))
      done = done + 1
      whys[#whys + 1] = not (ok and value) and tostring(err or value) or nil
    end
    local function dropped()
      if rawget(_G, "newproxy") then
        getmetatable(newproxy(true)).__gc = finaliser
      else
        setmetatable({}, { __gc = finaliser })
      end
    end
    run(function(number) return { campaignId = "c" .. number } end, {
      concurrency = 4,
      on_progress = function()
        dropped()
        collectgarbage("step", 50)
      end,
    })
    collectgarbage()
    assert.is_true(done > 0)
    for _, why in ipairs(whys) do
      assert.truthy(CANNOT_TELL and why:find("attempt to yield", 1, true), why)
    end
  end)
end)
