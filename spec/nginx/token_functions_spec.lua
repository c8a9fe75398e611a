-- Token functions that wait, in nginx.
local application = require "support.app"
local service = require "support.service"

local HTTP = [[
  init_by_lua_block {
    local referrals = require "referrals"
    local ID = "%s"
    local function client_of(token)
      return assert(referrals.new { endpoint = "%s", token = token, timeout = 0.5 })
    end
    asked = 0
    endless = client_of(function()
      asked = asked + 1
      ngx.sleep(3600)
      asked = -1
      return "token"
    end)
    blocking = client_of(function()
      asked = asked + 1
      os.execute("sleep 0.2") -- nginx's own time stands still meanwhile
      ngx.sleep(3600)
    end)
    slow = client_of(function()
      asked = asked + 1
      ngx.sleep(0.05)
      return "token", 60
    end)
    one = client_of(function()
      ngx.sleep(0.01)
      local _, err = two:get(ID)
      return nil, err and err.message
    end)
    two = client_of(function()
      ngx.sleep(0.01)
      local _, err = one:get(ID)
      return nil, err and err.message
    end)
    source = client_of(assert(referrals.auth.client_credentials {
      tenant = "t", client_id = "one", client_secret = "s3cret", authority = "%s",
    }))
    rotating = client_of(assert(referrals.auth.refresh_token {
      tenant = "t", client_id = "one", client_secret = "s3cret", refresh_token = "first", authority = "%s",
      on_rotate = function()
        asked = asked + 1
        ngx.exit(200)
      end,
    }))
    function said(name)
      local referral, err = _G[name]:update(ID, { status = "Active" })
      return referral and referral.status
        or ("%%s %%s %%s %%s"):format(err.kind, tostring(err.stage), tostring(err.applied), err.message)
    end
  }
]]

local SERVER = [[
  location /update { content_by_lua_block { ngx.print(said(ngx.var.arg_client)) } }
  location /timer {
    content_by_lua_block {
      local name, told = ngx.var.arg_client, nil
      assert(ngx.timer.at(0, function() told = said(name) end))
      while not told do
        ngx.sleep(0.005)
      end
      ngx.print(told)
    }
  }
  location /callback {
    content_by_lua_block {
      local _, raised = pcall(string.gsub, "a", "a", function() return said(ngx.var.arg_client) end)
      ngx.print(raised, "; ", said(ngx.var.arg_client))
    }
  }
  location /asked { content_by_lua_block { ngx.print(asked) } }
]]

describe("a token function that waits #once", function()
  local server, app

  before_each(function()
    server = service.start(1)
    app = application.start {
      http = HTTP:format(service.id(1), server.url, server.origin, server.origin),
      server = SERVER,
    }
  end)
  after_each(function()
    local log = app:stop()
    server:stop()
    assert.equal("", log)
  end)

  for _, place in ipairs { "update", "timer" } do
    it("is ended when the verb's time is up, and the worker ends when it is told to: " .. place, function()
      local _, body = app:get("/" .. place .. "?client=endless")
      assert.equal("timeout token false the time was up while the token function was running", body)
      assert.same({ 200, "1" }, { app:get "/asked" })
      assert.same({}, server:record())
    end)

    it("is not ended before that, and asked again, when it blocked the worker: " .. place, function()
      local _, body = app:get("/" .. place .. "?client=blocking")
      assert.equal("timeout token false the time was up while the token function was running", body)
      assert.same({ 200, "1" }, { app:get "/asked" })
    end)

    it("gives its token in time: " .. place, function()
      assert.same({ 200, "Active" }, { app:get("/" .. place .. "?client=slow") })
      assert.same({ 200, "Active" }, { app:get "/update?client=slow" })
      assert.same({ 200, "1" }, { app:get "/asked" })
    end)
  end

  it("or keeps a token, and ends all that it runs in, leaves nobody waiting beyond the deadline", function()
    local _, body = app:get "/update?client=rotating"
    assert.equal("timeout token false the time was up while the token was being got", body)
    assert.same({ 200, "1" }, { app:get "/asked" })
  end)

  it("is told when it needs the client that needs it, by way of another one's token function", function()
    local _, body = app:get "/update?client=one"
    assert.equal("auth token false no token: no token: "
      .. "the function that gives or keeps this client's token cannot use this client", body)
  end)

  it("keeps nobody waiting for what a verb began where it cannot wait", function()
    for _, client in ipairs { "slow", "source" } do
      local _, body = app:get("/callback?client=" .. client)
      assert.truthy(body:find("cannot wait for an answer where Lua cannot yield", 1, true), body)
      assert.truthy(body:find("; Active$"), body)
    end
  end)
end)
