-- Access tokens that the workers of an nginx share.
local application = require "support.app"
local service = require "support.service"

local HTTP = [[
  lua_shared_dict tokens @size@;
  lua_shared_dict told 1m;
  init_by_lua_block {
    local referrals = require "referrals"
    local function source(client)
      return assert(referrals.auth.client_credentials {
        tenant = "t", client_id = client, client_secret = "s3cret", authority = "%s",
      })
    end
    client = assert(referrals.new { endpoint = "%s", token = source "one", shared = "tokens", timeout = 20,
      on_event = function(event)
        if event.type == "warning" then
          ngx.shared.told:set("warning", event.message)
        end
      end })
    other = assert(referrals.new { endpoint = "%s", token = source "two", shared = "tokens" })
    _, refusal = referrals.new { token = "t", shared = "nowhere" }
  }
]]

local SERVER = [[
  lua_check_client_abort on;
  location /get {
    content_by_lua_block {
      local referral, err = (ngx.var.arg_other and other or client):get(ngx.var.arg_id, {
        timeout = tonumber(ngx.var.arg_seconds),
      })
      ngx.header["X-Worker"] = ngx.worker.pid()
      ngx.print(referral and referral.id or tostring(err))
    }
  }
  location /locks {
    content_by_lua_block {
      local shared, now = require "referrals.auth.shared", require("referrals.core").http.now()
      local one, other = shared.new("tokens", "same"), shared.new("tokens", "same")
      local deadline, owner = one:try_lock(now, now + 30)
      local none, another = other:try_lock(now, now + 30)
      other:unlock(another)
      local kept = ngx.shared.tokens:get(one.lock) == owner
      one:unlock(owner)
      local left = ngx.shared.tokens:get(one.lock)
      local brief = one:try_lock(now, now + 0.0007) -- which a dict would keep for ever
      local context = { runtime = { now = function() return now end } }
      one:publish({ started = now - 9.9997, life = 10, token = "brief" }, context)
      local last = ngx.shared.tokens:get(one.lock) or ngx.shared.tokens:get(one.key)
      ngx.print(("%s %s %s %s %s %s"):format(tostring(deadline ~= nil), tostring(none), tostring(kept), tostring(left),
        tostring(brief), tostring(last)))
    }
  }
  location /by {
    content_by_lua_block {
      if tonumber(ngx.var.arg_worker) ~= ngx.worker.id() then
        return ngx.print("another")
      end
      local referral, err = client:get(ngx.var.arg_id)
      ngx.print(referral and referral.id or tostring(err))
    }
  }
  location /full {
    content_by_lua_block {
      local shared, now = require "referrals.auth.shared", require("referrals.core").http.now()
      local runtime = { now = function() return now end }
      shared.new("tokens", "full"):publish({ started = now, life = 100, token = ("x"):rep(9000) }, {
        runtime = runtime, tell = function(event) ngx.print(event.type, " ", event.message) end,
      })
    }
  }
  location /warned { content_by_lua_block { ngx.print(ngx.shared.told:get "warning") } }
  location /junk {
    content_by_lua_block {
      for _, name in ipairs(ngx.shared.tokens:get_keys()) do
        ngx.shared.tokens:set(name, tonumber(ngx.var.arg_value) or ngx.var.arg_value)
      end
    }
  }
  location /refusal { content_by_lua_block { ngx.print(tostring(refusal)) } }
  location /dict {
    content_by_lua_block {
      for _, key in ipairs(ngx.shared.tokens:get_keys()) do
        ngx.print(key, "=", ngx.shared.tokens:get(key), "\n")
      end
    }
  }
]]

describe("shared tokens #once", function()
  local server, app

  local function start(size)
    server = service.start(0)
    app = application.start {
      workers = 4,
      http = HTTP:format(server.origin, server.url, server.url):gsub("@size@", size or "1m"),
      server = SERVER,
    }
  end
  after_each(function()
    local log = app:stop("exited on signal 9")
    server:stop()
    assert.equal("", log)
  end)

  local function get_many(count)
    local open = {}
    for place = 1, count do
      open[place] = app:open("/get?id=" .. service.EXAMPLE_ID)
    end
    for place = 1, count do
      local _, body = open[place]:read()
      assert.equal(service.EXAMPLE_ID, body)
    end
  end

  local function token_requests()
    local count = 0
    for _, entry in ipairs(server:record { brief = true }) do
      count = count + (entry.path:find("/oauth2/token", 1, true) and 1 or 0)
    end
    return count
  end

  it("are asked for once across all workers", function()
    start()
    server:fault { kind = "late", path = "/oauth2/token", delay = 0.2 }
    get_many(40)
    assert.equal(1, token_requests())
  end)

  it("are renewed once when the service refuses them", function()
    start()
    get_many(40)
    server:expire_tokens()
    get_many(40)
    assert.equal(2, token_requests())
  end)

  it("are renewed where the worker's own and the shared one are both refused", function()
    start()
    local function get_by(worker)
      local tries, body = 0
      repeat
        tries, body = tries + 1, select(2, app:get(("/by?worker=%d&id=%s"):format(worker, service.EXAMPLE_ID)))
      until body ~= "another" or tries > 2000
      assert.equal(service.EXAMPLE_ID, body)
    end
    get_by(0)
    get_by(1)
    server:expire_tokens()
    get_by(0) -- now the dict holds another one than the other worker has
    server:expire_tokens()
    get_by(1)
    assert.equal(3, token_requests())
  end)

  it("are each source's own, and nothing else secret is in the dict", function()
    start()
    get_many(4)
    assert.equal(service.EXAMPLE_ID, (select(2, app:get("/get?other=1&id=" .. service.EXAMPLE_ID))))
    assert.equal(2, token_requests())
    local _, dict = app:get("/dict")
    assert.equal(2, select(2, dict:gsub("\n", "")))
    assert.is_nil(dict:find("s3cret", 1, true))
  end)

  it("are each worker's own where the dict takes none, and a warning says so", function()
    start("12k")
    get_many(20)
    assert.is_true(token_requests() <= 4)
    local _, told = app:get("/warned")
    assert.truthy(told:find("the lua_shared_dict does not take it", 1, true), told)
  end)

  it("are each worker's own where the dict takes the lock and no token, and a warning says so", function()
    start("20k")
    local _, told = app:get("/full")
    assert.truthy(told:find("^warning shared: the lua_shared_dict does not take it, .*: no memory$"), told)
  end)

  for _, value in ipairs { "7", "junk", "x y z", "1 2", "1.0 x token" } do
    it("are asked for anew where somebody else's value stands: " .. value, function()
      start()
      get_many(1)
      app:get("/junk?value=" .. value:gsub(" ", "%%20"))
      server:expire_tokens()
      get_many(8)
      assert.equal(2, token_requests())
    end)
  end

  it("are got by another worker when the one that asked dies", function()
    start()
    server:fault { kind = "late", path = "/oauth2/token", delay = 30 }
    -- the lock lasts as long as this call may; those that come after it have longer, and do not run out of time
    local connection = app:open("/get?seconds=2&id=" .. service.EXAMPLE_ID)
    application.until_true(function() return token_requests() == 1 end, "the token's request")
    for _, pid in ipairs(app:worker_pids()) do -- whichever asked
      app:signal("KILL", pid)
    end
    connection:read()
    application.until_true(function() return #app:worker_pids() == 4 end, "the new workers")
    application.until_true(function()
      local _, body = app:get("/get?id=" .. service.EXAMPLE_ID)
      return body == service.EXAMPLE_ID
    end, "an answer")
    assert.equal(2, token_requests())
  end)

  it("come also when the client whose request asked for them goes away", function()
    start()
    server:fault { kind = "late", path = "/oauth2/token", delay = 0.3 }
    local connection = app:open("/get?id=" .. service.EXAMPLE_ID)
    application.until_true(function() return token_requests() == 1 end, "the token's request")
    connection:abort()
    get_many(8)
    assert.equal(1, token_requests())
  end)

  it("are locked by one, and unlocked by none of the others of this worker", function()
    start()
    assert.same({ 200, "true nil true nil nil nil" }, { app:get "/locks" })
  end)

  it("need a dict that there is", function()
    start()
    local _, body = app:get("/refusal")
    assert.truthy(body:find("^validation: shared: expected the name of a lua_shared_dict .*, got 'nowhere'"), body)
    local _, err = require("referrals").new { token = "t", shared = "tokens" }
    assert.equal("shared", err.member)
  end)
end)
