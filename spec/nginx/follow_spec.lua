-- The write of a straight update follows its read on the reactor's thread, whatever the worker does meanwhile; and it
-- does not where it may not.
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
  location /blocked {
    content_by_lua_block {
      local updating = ngx.thread.spawn(function()
        return client:update("@id@", { status = "Closed", substatus = "Won" })
      end)
      local written
      for _ = 1, 200 do -- all of it blocks the worker
        local pipe = io.popen("sleep 0.05; curl -s '@control@/record?brief'")
        written = pipe:read("*a"):find("PUT", 1, true)
        pipe:close()
        if written then
          break
        end
      end
      local _, referral = ngx.thread.wait(updating)
      ngx.print(written and "while it was blocked" or "after it", ", ", referral.substatus)
    }
  }
  location /lost {
    content_by_lua_block {
      local tcp = ngx.socket.tcp
      function ngx.socket.tcp()
        local real = tcp()
        local broken = {}
        function broken:receive()
          ngx.sleep(0.2)
          return nil, "broken"
        end
        function broken:close()
          real:close()
          ngx.sleep(0.5) -- the write comes to its end, and the reactor forgets it
        end
        ngx.socket.tcp = tcp
        return setmetatable(broken, { __index = function(_, name)
          return function(_, ...)
            return real[name](real, ...)
          end
        end })
      end
      local referral, err, info = client:update("@id@", { status = "Closed", substatus = "Won" })
      ngx.print(referral and referral.substatus or tostring(err), ", changed: ", tostring(info.changed))
    }
  }
  location /throttled {
    content_by_lua_block {
      local function update(id)
        return assert(client:update(id, { details = { dealValue = 1 } })).id
      end
      local threads = {}
      for number = 1, 2 do
        threads[number] = ngx.thread.spawn(update, ("00000000-0000-4000-8000-%012d"):format(number))
      end
      if ngx.var.arg_blocks then
        os.execute("sleep 0.6") -- the worker learns of no answer meanwhile
      end
      for number = 1, 2 do
        ngx.print(select(2, ngx.thread.wait(threads[number])), " ")
      end
    }
  }
]]

describe("what follows a read within nginx #once", function()
  local server, app

  setup(function() server = service.start() end)
  teardown(function() server:stop() end)
  before_each(function()
    server:reset()
    service.fill(server, 60)
    local values = { id = service.id(1), control = server.control_origin .. "/sandbox" }
    app = application.start { http = service.client(server), server = (SERVER:gsub("@(%l+)@", values)) }
  end)
  after_each(function()
    local log = app:stop()
    assert.equal("", log)
  end)

  local function requests(method)
    return wire.count(server:record { brief = true }, method)
  end

  it("follows while the worker is busy with something else", function()
    server:fault { kind = "late", method = "GET", delay = 0.2 }
    assert.same({ 200, "while it was blocked, Won" }, { app:get("/blocked") })
  end)

  for how, begins in pairs {
    ["while it was read"] = { path = "/throttled", method = "GET" },
    ["unseen by the worker"] = { path = "/throttled?blocks=1", method = "GET" },
    ["unseen by the worker, with another's write"] = { path = "/throttled?blocks=1", method = "PUT" },
  } do
    it("waits out a pause that began " .. how, function()
      server:fault { kind = "status", status = 429, retry_after = 1, method = begins.method, path = service.id(1) }
      server:fault { kind = "late", delay = 0.3, method = "GET", path = service.id(2) }
      assert.same({ 200, service.id(1) .. " " .. service.id(2) .. " " }, { app:get(begins.path) })
      wire.waited_for_a_second(server:record())
    end)
  end

  it("is known to have come when waiting for it fails", function()
    server:fault { kind = "late", method = "PUT", delay = 0.4, apply = "after" }
    assert.same({ 200, "Won, changed: true" }, { app:get("/lost") })
  end)

  it("does not come for those who went away, however many they are", function()
    local clients = {}
    server:fault { kind = "late", method = "GET", delay = 1, times = 50 }
    for number = 1, 50 do
      clients[number] = app:open("/update?id=" .. service.id(number))
    end
    application.until_true(function() return requests("GET") == 50 end, "50 reads")
    for number = 1, 50 do
      clients[number]:abort()
    end
    server:clear_faults()
    server:fault { kind = "late", method = "GET", delay = 1.2 }
    assert.same({ 200, "Won" }, { app:get("/update?id=" .. service.id(60)) }) -- by then theirs would have come
    assert.equal(1, requests("PUT"))
  end)
end)
