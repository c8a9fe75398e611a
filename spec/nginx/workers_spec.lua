-- Workers that come and go under load: no request is answered with another's referral, and no old worker stays.
local application = require "support.app"
local load = require "support.load"
local service = require "support.service"

local IDS = 40

-- A note that nobody else writes: every request is a read and a write.
local SERVER = [[
  location /update {
    content_by_lua_block {
      local id = ngx.var.arg_id
      local note = ngx.var.request_id
      local referral, err = client:update(id, { details = { notes = note } })
      if not referral then
        ngx.status = 500
        return ngx.print(tostring(err))
      end
      assert(referral.details.notes == note)
      ngx.print(referral.id)
    }
  }
]]

local function options(during)
  return { at_once = 16, id = service.id, ids = IDS, path = "/update?id=%s", during = during }
end

describe("workers #once", function()
  local server, app

  setup(function() server = service.start(IDS) end)
  teardown(function() server:stop() end)

  before_each(function()
    app = application.start { workers = 2, http = service.client(server, "conflict_retries = 50"), server = SERVER }
  end)
  after_each(function() app:stop() end)

  it("that a reload replaces end when their requests did", function()
    local all, reloads = {}, 0
    local result = load.run(app, options(function(answered)
      for _, pid in ipairs(app:worker_pids()) do
        all[pid] = true
      end
      if reloads < 5 and answered >= (reloads + 1) * 60 then
        reloads = reloads + 1
        app:reload()
      end
      return answered >= 400
    end))
    assert.same({ 0, 5 }, { result.broken, reloads })
    local current = {}
    application.until_true(function()
      current = app:worker_pids()
      return #current == 2
    end, "the end of the old workers")
    local old = 0
    for pid in pairs(all) do
      old = old + ((pid == current[1] or pid == current[2]) and 0 or 1)
    end
    assert.is_true(old >= 4, old .. " old workers were seen")
    assert.equal("", app:stop())
  end)

  it("that are told to quit answer what they took, and end", function()
    local connections = {}
    for number = 1, 32 do
      connections[number] = app:open("/update?id=" .. service.id(number))
    end
    assert.equal(200, (app:get("/update?id=" .. service.id(33))))
    local workers = app:worker_pids()
    app:signal("QUIT")
    for number = 1, 32 do
      assert.same({ 200, service.id(number) }, { connections[number]:read() })
    end
    application.wait_for_end(workers)
    application.wait_for_end { app.pid }
    assert.equal("", app:error_log())
  end)

  it("that are killed are replaced, and the others go on", function()
    local killed = 0
    local result = load.run(app, options(function(answered)
      if killed < 3 and answered >= (killed + 1) * 60 then
        killed = killed + 1
        local workers = app:worker_pids()
        app:signal("KILL", workers[1])
        application.wait_for_end { workers[1] }
        application.until_true(function() return #app:worker_pids() == 2 end, "the new worker")
      end
      return answered >= 300
    end))
    assert.equal(3, killed)
    assert.is_true(result.answered >= 300 and result.broken < 3 * 16)
    assert.equal("", app:stop("worker process %d+ exited on signal 9"))
  end)
end)

describe("with lua_code_cache off #once", function()
  it("every request has a reactor of its own, and takes it away with it", function()
    local server = service.start(IDS)
    finally(function() server:stop() end)
    local client = ('local client = require("referrals").new { endpoint = "%s", token = "t" }'):format(server.url)
    local app = application.start {
      code_cache = false,
      server = (SERVER:gsub("local id = ", client .. " %0", 1)),
    }
    finally(function()
      app:stop()
      server:stop()
    end)
    local worker = app:worker_pids()[1]
    local function run(count)
      local result = load.run(app, { at_once = 8, id = service.id, ids = IDS, path = "/update?id=%s",
        during = function(answered) return answered >= count end })
      assert.equal(0, result.broken)
      return application.usage(worker)
    end
    local before = run(30)
    local after = run(120)
    assert.is_true(after.threads <= before.threads + 8 and after.descriptors <= before.descriptors + 40,
      ("%d threads, %d descriptors"):format(after.threads, after.descriptors))
    assert.is_true(after.kilobytes < before.kilobytes + 20000, after.kilobytes - before.kilobytes .. " KB more")
    assert.equal("", app:stop("lua_code_cache is off")) -- which nginx says at its start
  end)
end)
