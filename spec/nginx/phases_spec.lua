-- Where in nginx a verb runs, and what it says where it cannot.
local certificate = require "referrals.sandbox.certificate"
local site = require "referrals.sandbox.nginx"
local application = require "support.app"
local service = require "support.service"
local shell = require "spec.support.shell"

local SCRIPT = [[
local referrals = require "referrals"
local client = assert(referrals.new { endpoint = ENDPOINT, token = "token" })
local page = assert(client:list { top = 2 })
local r, err, info = client:update(page[1].id, { status = "Closed", substatus = "Won" })
if not r then
  return tostring(err)
end
local results = client:update_many {
  { id = page[1].id, change = { details = { notes = "one" } } },
  { id = page[2].id, change = function(referral) referral.details.notes = referral.status end },
}
local names = {}
for referral in client:each {} do
  names[#names + 1] = referral.status .. " " .. tostring(referral.details.notes)
end
return table.concat({ r.substatus, tostring(info.changed), results.succeeded, table.concat(names, ", ") }, "; ")
]]

local SERVER = [[
  location /content {
    content_by_lua_block { ngx.print(close(ngx.var.arg_id)) }
  }
  location /access {
    access_by_lua_block { ngx.ctx.done = close(ngx.var.arg_id) }
    content_by_lua_block { ngx.print(ngx.ctx.done) }
  }
  location /rewrite {
    rewrite_by_lua_block { ngx.ctx.done = close(ngx.var.arg_id) }
    content_by_lua_block { ngx.print(ngx.ctx.done) }
  }
  location /timer {
    content_by_lua_block {
      local id = ngx.var.arg_id
      assert(ngx.timer.at(0, function() ngx.shared.told:set(id, close(id)) end))
      while not ngx.shared.told:get(id) do
        ngx.sleep(0.005)
      end
      ngx.print(ngx.shared.told:get(id))
    }
  }
  location /threads {
    content_by_lua_block {
      local threads = {}
      for number = 1, 8 do
        threads[number] = ngx.thread.spawn(close, ("00000000-0000-4000-8000-%012d"):format(number))
      end
      for number = 1, 8 do
        local _, said = ngx.thread.wait(threads[number])
        ngx.say(said)
      end
    }
  }
  location /many {
    content_by_lua_block {
      local items = {}
      for number = 1, 32 do
        items[number] = { id = ("00000000-0000-4000-8000-%012d"):format(number % 16 + 1),
          change = { details = { notes = "note " .. number } } }
      end
      items[33] = { id = items[1].id, change = function() error("of the caller's", 0) end }
      local results = client:update_many(items, { concurrency = 8 })
      for place, result in ipairs(results) do
        assert(result.value == nil or result.value.id == items[place].id)
      end
      ngx.print(results.succeeded, " ", results.failed, " ", tostring(results[33].err))
    }
  }
  location /raising {
    content_by_lua_block {
      local ok, raised = pcall(client.update_many, client, { { id = "x", change = {} }, { id = "y", change = {} } },
        { on_result = function() error("my own mistake", 0) end })
      ngx.print(tostring(ok), " ", raised)
    }
  }
  location /script {
    content_by_lua_block { ngx.print(assert(loadfile(ngx.var.arg_path))()) }
  }
  location /sleep {
    content_by_lua_block {
      client.exchange.runtime:sleep(0.0001)
      ngx.print("slept")
    }
  }
  location /set {
    set_by_lua_block $told { return try() }
    content_by_lua_block { ngx.print(ngx.var.told) }
  }
  location /filters {
    header_filter_by_lua_block { ngx.shared.told:set("header_filter", try()) }
    body_filter_by_lua_block { ngx.shared.told:set("body_filter", try()) }
    log_by_lua_block { ngx.shared.told:set("log", try()) }
    content_by_lua_block { ngx.print("body") }
  }
  location /callback {
    content_by_lua_block {
      local ways = {
        gsub = function(verb) return ("a"):gsub("a", verb) end,
        sort = function(verb) return table.sort({ 1, 2 }, verb) end,
        require = function(verb)
          package.preload.loading, package.loaded.loading = verb, nil
          return require "loading"
        end,
      }
      local verbs = {
        update = function() return (client:update(ngx.var.arg_id, { status = "Closed", substatus = "Won" })) end,
        update_many = function()
          return client:update_many { { id = ngx.var.arg_id, change = { status = "Active" } } }
        end,
        sleep = function() return client.exchange.runtime:sleep(0.001) end,
      }
      local _, raised = pcall(ways[ngx.var.arg_way], verbs[ngx.var.arg_verb])
      ngx.sleep(0.01)
      ngx.print(raised, " ", (client:get(ngx.var.arg_id)).status)
    }
  }
  location /told {
    content_by_lua_block { ngx.print(ngx.shared.told:get(ngx.var.arg_name) or "") }
  }
]]

local HTTP = [[
  lua_shared_dict told 1m;
  init_by_lua_block {
    ENDPOINT = "%s"
    client = assert(require("referrals").new { endpoint = ENDPOINT, token = "token" })
    function close(id)
      local referral, err = client:update(id, { status = "Closed", substatus = "Won" })
      return referral and referral.id .. " " .. referral.substatus or tostring(err)
    end
    function try()
      local ok, raised = pcall(client.get, client, "x")
      return tostring(ok) .. " " .. tostring(raised)
    end
    ngx.shared.told:set("init", try())
  }
  init_worker_by_lua_block { ngx.shared.told:set("init_worker", try()) }
]]

describe("in nginx #once,", function()
  local server, app

  setup(function()
    server = service.start(16)
    app = application.start { workers = 2, http = HTTP:format(server.url), server = SERVER }
  end)
  teardown(function()
    local log = app:stop()
    server:stop()
    assert.equal("", log)
  end)
  before_each(function()
    server:reset()
    service.fill(server, 16)
  end)
  after_each(function() assert.equal("", app:error_log()) end)

  for _, phase in ipairs { "content", "access", "rewrite", "timer" } do
    it("a verb runs in " .. phase, function()
      local id = service.id(phase == "timer" and 2 or 1)
      local status, body = app:get(("/%s?id=%s"):format(phase, id))
      assert.same({ 200, id .. " Won" }, { status, body })
      assert.truthy(server:stored(id):find('"Won"', 1, true))
    end)
  end

  it("verbs run side by side in light threads", function()
    local _, body = app:get("/threads")
    local expected = {}
    for number = 1, 8 do
      expected[number] = service.id(number) .. " Won\n"
    end
    assert.equal(table.concat(expected), body)
  end)

  it("update_many runs in light threads, each referral's own in their order", function()
    assert.same({ 200, "32 1 of the caller's" }, { app:get("/many") })
    for number = 1, 16 do
      assert.truthy(server:stored(service.id(number % 16 + 1)):find("note " .. number + 16, 1, true))
    end
  end)

  it("a raise of the caller's own callback ends update_many", function()
    assert.same({ 200, "false my own mistake" }, { app:get("/raising") })
  end)

  it("a wait that is next to nothing makes nginx warn of nothing", function()
    assert.same({ 200, "slept" }, { app:get("/sleep") })
  end)

  it("the text of a script is the same as outside", function()
    local folder = shell.folder()
    finally(function() shell.remove_folder(folder) end)
    shell.write(folder .. "/job.lua", SCRIPT)
    local outside = shell.run_lua(folder, ("ENDPOINT = %q\nprint(assert(loadfile(%q))())"):format(server.url,
      folder .. "/job.lua"))
    server:reset()
    service.fill(server, 16)
    local status, inside = app:get("/script?path=" .. folder .. "/job.lua")
    assert.equal(200, status)
    assert.truthy(inside:find("^Won; true; 2; Closed one, New New"), inside)
    assert.equal(outside, inside .. "\n")
  end)

  local function assert_refused(phase, text)
    assert.truthy(text:find("^false ") and text:find("phase '" .. phase .. "'", 1, true)
      and text:find("ngx.timer.at", 1, true), phase .. ": " .. text)
  end

  for _, way in ipairs { "gsub", "sort", "require" } do
    for _, verb in ipairs { "update", "update_many", "sleep" } do
      it("a verb raises where Lua cannot yield, and nothing begins: " .. verb .. " in " .. way, function()
        local status, body = app:get(("/callback?way=%s&verb=%s&id=%s"):format(way, verb, service.id(1)))
        assert.equal(200, status)
        assert.truthy(body:find("cannot wait for an answer where Lua cannot yield", 1, true), body)
        assert.truthy(body:find(" New$"), body)
        assert.equal(1, #server:record())
      end)
    end
  end

  it("a verb raises where a handshake cannot wait, and runs where it can", function()
    local minted
    local port = site.free_port()
    local secure = application.start {
      prepare = function(folder)
        minted = certificate.mint(folder, site.quote, site.run)
        shell.write(folder .. "/secure.conf", ([[
          server {
            listen 127.0.0.1:%d ssl;
            ssl_certificate %s;
            ssl_certificate_key %s;
            ssl_client_hello_by_lua_block { ngx.shared.told:set("ssl_client_hello", try()) }
            ssl_certificate_by_lua_block { ngx.shared.told:set("ssl_cert", close("%s")) }
            location / { content_by_lua_block { ngx.print "served" } }
          }
        ]]):format(port, minted.certificate, minted.key, service.id(1)))
      end,
      http = "include secure.conf;" .. HTTP:format(server.url),
      server = SERVER,
    }
    finally(function() secure:stop() end)
    local url = ("https://127.0.0.1:%d/"):format(port)
    assert.equal("served", shell.must("curl -s --cacert " .. minted.ca .. " " .. url))
    assert_refused("ssl_client_hello", select(2, secure:get "/told?name=ssl_client_hello"))
    assert.equal(service.id(1) .. " Won", (select(2, secure:get "/told?name=ssl_cert")))
    assert.equal("", secure:error_log())
  end)

  it("a verb raises, naming the phase, where nothing can wait", function()
    local _, body = app:get("/set")
    assert_refused("set", body)
    app:get("/filters")
    for _, phase in ipairs { "init", "init_worker", "header_filter", "body_filter", "log" } do
      local told = application.until_true(function()
        local _, text = app:get("/told?name=" .. phase)
        return text ~= "" and text
      end, "the word of " .. phase)
      assert_refused(phase, told)
    end
  end)
end)
