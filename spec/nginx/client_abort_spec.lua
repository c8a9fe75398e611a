-- A client of nginx that goes away while its request is at work on a referral.
local application = require "support.app"
local service = require "support.service"
local wire = require "support.wire"

local SERVER = [[
  lua_check_client_abort on;
  location /update {
    content_by_lua_block {
      local referral, err = client:update(ngx.var.arg_id, { status = "Closed", substatus = "Won" })
      ngx.print(referral and referral.substatus or tostring(err))
    }
  }
  location /read { content_by_lua_block { ngx.print(client:get(ngx.var.arg_id).status) } }
  location /reason {
    content_by_lua_block { ngx.print(client:update(ngx.var.arg_id, { statusReason = "x" }).statusReason) }
  }
]]

describe("a client that goes away #once", function()
  local server, app

  setup(function() server = service.start(80) end)
  teardown(function() server:stop() end)
  before_each(function()
    server:reset()
    service.fill(server, 80)
    app = application.start { http = service.client(server, "queue = 64"), server = SERVER }
  end)
  after_each(function()
    local log = app:stop()
    assert.equal("", log)
  end)

  local function requests(method)
    return wire.count(server:record { brief = true }, method)
  end

  it("before the write leaves the referral as it was", function()
    server:fault { kind = "late", method = "GET", delay = 0.5 }
    local client = app:open("/update?id=" .. service.id(1))
    application.until_true(function() return requests("GET") == 1 end, "the read")
    client:abort()
    assert.same({ 200, "Won" }, { app:get("/update?id=" .. service.id(2)) })
    assert.truthy(server:stored(service.id(1)):find('"New"', 1, true))
    assert.equal(1, requests("PUT"))
  end)

  it("during the write does not stop it", function()
    server:fault { kind = "late", method = "PUT", delay = 0.5, apply = "after" }
    local client = app:open("/update?id=" .. service.id(1))
    application.until_true(function() return requests("PUT") == 1 end, "the write")
    client:abort()
    application.until_true(function()
      return server:stored(service.id(1)):find('"Won"', 1, true)
    end, "the write's effect")
  end)

  it("during the write leaves no copy behind that it made out of date", function()
    local id = service.id(1)
    assert.same({ 200, "New" }, { app:get("/read?id=" .. id) })
    server:fault { kind = "late", method = "PUT", delay = 0.5, apply = "after" }
    local client = app:open("/update?id=" .. id)
    application.until_true(function() return requests("PUT") == 1 end, "the write")
    assert.equal(1, requests("GET"), "the copy was not used")
    client:abort()
    application.until_true(function() return server:stored(id):find('"Won"', 1, true) end, "the write's effect")
    server:forget()
    assert.same({ 200, "x" }, { app:get("/reason?id=" .. id) })
    assert.equal("GET PUT", wire.methods(server:record()))
  end)

  -- All are under way at once, and for so long that whoever went away before has its answer.
  local function good_of_60()
    local clients, good = {}, 0
    server:clear_faults()
    server:fault { kind = "late", method = "GET", delay = 0.5, times = 60 }
    for number = 1, 60 do
      clients[number] = app:open("/update?id=" .. service.id(number))
    end
    for number = 1, 60 do
      local _, body = clients[number]:read()
      good = good + (body == "Won" and 1 or 0)
    end
    return good
  end

  it("leaves no place taken, however many they are", function()
    for _ = 1, 3 do
      local clients = {}
      server:clear_faults()
      server:forget()
      server:fault { kind = "late", method = "GET", delay = 0.5, times = 60 }
      for number = 1, 60 do
        clients[number] = app:open("/update?id=" .. service.id(number))
      end
      application.until_true(function() return requests("GET") == 60 end, "60 reads")
      for number = 1, 60 do
        clients[number]:abort()
      end
      application.until_true(function() return good_of_60() == 60 end, "room for 60 of 64")
    end
  end)
end)

describe("more requests than a worker has connections for #once", function()
  it("are refused as busy with a word of what to look at, and nothing of them is sent", function()
    local server = service.start(40)
    local app = application.start {
      connections = 12,
      http = service.client(server, "cache = 0"),
      server = [[
        location /many {
          content_by_lua_block {
            local items = {}
            for number = 1, 40 do
              items[number] = { id = ("00000000-0000-4000-8000-%012d"):format(number), change = { status = "Active" } }
            end
            local results = client:update_many(items, { concurrency = 40 })
            for _, result in ipairs(results) do
              local err = result.err
              ngx.say(result.id, " ", err and err.kind .. " " .. tostring(err.applied) .. " " .. err.message or "ok")
            end
          }
        }
      ]],
    }
    finally(function()
      app:stop()
      server:stop()
    end)
    local _, body = app:get("/many")
    local good, busy = 0, 0
    for id, said in body:gmatch("(%S+) ([^\n]+)\n") do
      assert.equal(said == "ok", server:stored(id):find('"Active"', 1, true) ~= nil)
      good = good + (said == "ok" and 1 or 0)
      busy = busy + (said:find("^busy false .*worker_connections") and 1 or 0)
    end
    assert.equal(40, good + busy, body)
    assert.is_true(good > 0 and busy > 0, body)
    for line in app:error_log():gmatch("[^\n]+") do
      assert.truthy(line:find("12 worker_connections are not enough", 1, true)
        or line:find("could not create fake connection", 1, true), line)
    end
  end)
end)

describe("more requests than the queue takes #once", function()
  it("are refused as busy, and nothing of them is sent", function()
    local server = service.start(20, { options = {} })
    finally(function() server:stop() end)
    server:fault { kind = "late", method = "GET", delay = 0.3, times = 4 }
    local app = application.start {
      http = service.client(server, "queue = 4"),
      server = [[
        location /update {
          content_by_lua_block {
            local referral, err = client:update(ngx.var.arg_id, { status = "Closed", substatus = "Won" })
            ngx.print(referral and referral.substatus or err.kind .. " " .. tostring(err.applied))
          }
        }
      ]],
    }
    finally(function()
      app:stop()
      server:stop()
    end)
    local clients, said = {}, {}
    for number = 1, 20 do
      clients[number] = app:open("/update?id=" .. service.id(number))
    end
    for number = 1, 20 do
      local _, body = clients[number]:read()
      said[body] = (said[body] or 0) + 1
    end
    assert.same({ Won = 4, ["busy false"] = 16 }, said)
    assert.equal(4, wire.count(server:record { brief = true }, "GET"))
    assert.equal("", app:error_log())
  end)
end)
