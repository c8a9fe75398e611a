-- Many light threads that wait at once: one listens to the reactor's bell for all of them.
local application = require "support.app"
local service = require "support.service"
local wire = require "support.wire"

local SERVER = [[
  lua_check_client_abort on;
  location /update {
    content_by_lua_block {
      local referral, err = client:update(ngx.var.arg_id, { status = "Closed", substatus = "Won" })
      ngx.print(referral and referral.id .. " " .. referral.substatus or tostring(err))
    }
  }
]]

local COUNT = 60

describe("many that wait at once #once", function()
  local server, app

  setup(function() server = service.start(COUNT) end)
  teardown(function() server:stop() end)
  before_each(function()
    server:reset()
    service.fill(server, COUNT)
  end)

  local function start(more)
    app = application.start { http = service.client(server, more), server = SERVER }
  end

  after_each(function() assert.equal("", app:stop()) end)

  local function open_all()
    local clients = {}
    for number = 1, COUNT do
      clients[number] = app:open("/update?id=" .. service.id(number))
    end
    return clients
  end

  local function check_all(clients)
    for number = 1, COUNT do
      assert.same({ 200, service.id(number) .. " Won" }, { clients[number]:read() })
    end
  end

  local function requests(method)
    return wire.count(server:record { brief = true }, method)
  end

  local function descriptors()
    return application.usage(app:worker_pids()[1]).descriptors
  end

  it("each get their own answer, and need no connection each", function()
    start()
    check_all(open_all())
    local before = descriptors()
    server:forget()
    server:fault { kind = "late", method = "GET", delay = 1, times = COUNT }
    local clients = open_all()
    application.until_true(function() return requests("GET") == COUNT end, "all reads")
    -- A client's connection each, and one to the service where none was left from before; at the door there would be
    -- two ends more of each.
    local more = descriptors() - before
    assert.is_true(more < 2 * COUNT + 10, more .. " descriptors more")
    check_all(clients)
  end)

  it("are not left waiting when the listener comes and goes", function()
    start()
    for _ = 1, 5 do
      check_all(open_all())
      assert.same({ 200, service.id(1) .. " Won" }, { app:get("/update?id=" .. service.id(1)) })
    end
  end)

  it("go on when some of them go away", function()
    start "queue = 64"
    server:forget()
    server:fault { kind = "late", method = "GET", delay = 0.5, times = COUNT }
    local clients = open_all()
    application.until_true(function() return requests("GET") == COUNT end, "all reads")
    for number = 2, COUNT, 2 do
      clients[number]:abort()
    end
    for number = 1, COUNT, 2 do
      assert.same({ 200, service.id(number) .. " Won" }, { clients[number]:read() })
    end
    application.until_true(function()
      local all, again = open_all(), 0
      for number = 1, COUNT do
        local _, body = all[number]:read()
        again = again + (body == service.id(number) .. " Won" and 1 or 0)
      end
      return again == COUNT
    end, "room for all")
  end)

  it("end an exiting worker with the last of them", function()
    start()
    server:forget()
    server:fault { kind = "late", method = "PUT", delay = 1, times = COUNT }
    local clients, old = open_all(), app:worker_pids()
    application.until_true(function() return requests("PUT") >= COUNT / 2 end, "half of the writes")
    app:reload()
    check_all(clients)
    application.wait_for_end(old)
  end)

  it("are told by the deadline", function()
    start "timeout = 0.5, retries = 0"
    server:fault { kind = "late", method = "GET", delay = 3, times = COUNT }
    local clients = open_all()
    for number = 1, COUNT do
      local _, body = clients[number]:read()
      assert.equal("timeout", body:match("^%l+"))
    end
  end)
end)
