-- The straight way of an update within nginx, where one ticket of the reactor carries the read and the write: against
-- the same update step by step, which a listener for events makes it take. The same on the wire, and the same for the
-- caller; as it is, and as one of a batch.
local application = require "support.app"
local cases = require "support.straight_cases"
local cjson = require "cjson"
local sandbox = require "referrals.sandbox"
local service = require "support.service"

local ID = sandbox.EXAMPLE_ID
local CLOSING = '{ status = "Closed", substatus = "Won" }'

-- One worker: the client of the first request is there in the next one.
local SERVER = [[
  location /begin {
    content_by_lua_block {
      local cache = tonumber(ngx.var.arg_cache)
      local options = { endpoint = "@url@", token = "token", timeout = 20, retries = 1, cache = cache }
      if ngx.var.arg_token == "function" then
        local given = 0
        options.token = function()
          ngx.sleep(0.001)
          given = given + 1
          return "token-" .. given, 3600
        end
      end
      if ngx.var.arg_way == "whole" then
        options.on_event = function() end
      end
      package.loaded.held = assert(require("referrals").new(options))
      assert(package.loaded.held:get("@id@"))
    }
  }
  location /update {
    content_by_lua_block {
      local referrals, cjson, cases = require "referrals", require "cjson", require "support.straight_cases"
      local held = package.loaded.held
      local what = "local referrals = ... return " .. ngx.unescape_uri(ngx.var.arg_what)
      local change, opts = assert(loadstring(what))(referrals)
      local value, err, info
      if ngx.var.arg_way == "batch" then
        local result = held:update_many({ { id = "@id@", change = change, opts = opts } })[1]
        value, err, info = result.value, result.err, result.info
      else
        value, err, info = held:update("@id@", change, opts)
      end
      local told = cases.told(info, err)
      told.substatus = type(value) == "table" and value.substatus or nil
      ngx.print(cjson.encode(told))
    }
  }
]]

describe("the straight way of an update in nginx #once", function()
  local server, app

  setup(function()
    server = service.start()
    local values = { url = server.url, id = ID }
    app = application.start { server = (SERVER:gsub("@(%l+)@", values)) }
  end)
  teardown(function()
    local log = app:stop()
    server:stop()
    assert.equal("", log)
  end)

  local function outcome(way, cache, fault, what, token)
    server:reset()
    local path = ("/begin?way=%s&cache=%d&token=%s"):format(way, cache, token or "string")
    assert.same({ 200, "" }, { app:get(path) })
    server:forget()
    if fault then
      server:fault(fault)
    end
    local encoded = what:gsub("[^%w]", function(byte)
      return ("%%%02X"):format(byte:byte())
    end)
    local status, body = app:get(("/update?way=%s&what=%s"):format(way, encoded))
    assert.equal(200, status)
    local told = cjson.decode(body)
    told.requests = cases.requests(server:record())
    told.stored = cases.without_random(server:stored(ID))
    return told
  end

  local function same_all_ways(cache, fault, what, token)
    local straight = outcome("straight", cache, fault, what, token)
    for _, way in ipairs { "whole", "batch" } do
      assert.same(outcome(way, cache, fault, what, token), straight, way)
    end
    return straight
  end

  for _, cache in ipairs { 0, 1000 } do
    local name = cache == 0 and "with a read before it" or "from a copy"
    local methods = cache == 0 and { "GET", "PUT" } or { "PUT" }

    it("is the whole one's, " .. name, function()
      local result = same_all_ways(cache, nil, CLOSING)
      local list = {}
      for index, request in ipairs(result.requests) do
        list[index] = request[1]
      end
      assert.same(methods, list)
      assert.equal("Won", result.substatus)
      assert.equal(#methods, result.info.attempts)
      assert.same({ member = "substatus", from = "Pending", to = "Won" }, result.info.members[2])
      same_all_ways(cache, nil, CLOSING .. ', { returns = "minimal" }')
      same_all_ways(cache, nil, "{ details = { dealValue = 50001.5 } }")
    end)

    it("hands over what is not plain, " .. name, function()
      for _, what in ipairs {
        '{ team = referrals.add { email = "a@example.com" } }',
        '{ status = "Active" }',
        '{ status = "Clsoed" }',
        '{ status = "New" }',
        '{ nobody = "x" }',
        '{ id = "00000000-0000-4000-8000-000000000001", statusReason = "x" }',
        '{ eTag = "\\"another\\"", statusReason = "x" }',
      } do
        same_all_ways(cache, nil, what)
      end
    end)

    it("hands over what the service answers otherwise, " .. name, function()
      for _, fault in ipairs(cases.FAULTS) do
        same_all_ways(cache, fault, CLOSING)
      end
      for _, fault in ipairs(cases.DEEP_FAULTS) do
        same_all_ways(cache, fault, "{ details = { dealValue = 50001.5 } }")
      end
    end)
  end

  it("keeps a copy that it does not write from, while it only reads", function()
    for _, way in ipairs { "straight", "whole" } do
      server:reset()
      app:get("/begin?cache=1000&way=" .. way)
      local function update(text)
        server:forget()
        app:get(("/update?way=%s&what=%%7BstatusReason=%%22%s%%22%%7D"):format(way, text))
        local methods = {}
        for index, request in ipairs(server:record()) do
          methods[index] = request.method
        end
        return table.concat(methods, " ")
      end
      server:write(ID, "/campaignId", '"theirs"')
      assert.equal("PUT GET PUT", update "a") -- others write it too: the next time it is read first
      server:fault { kind = "status", method = "GET", status = 503, times = 2 }
      assert.equal("GET GET", update "b")
      assert.equal("PUT", update "c")
    end
  end)

  it("is the whole one's with a token that a function gave, and when that is refused", function()
    for _, cache in ipairs { 0, 1000 } do
      same_all_ways(cache, nil, CLOSING, "function")
      local refused = same_all_ways(cache, { kind = "status", method = "PUT", status = 401 }, CLOSING, "function")
      assert.equal("Won", refused.substatus)
      assert.equal(cache == 0 and 3 or 2, refused.info.attempts)
    end
  end)

  it("is ended by the deadline, before and in the middle of the write", function()
    local late = same_all_ways(0, { kind = "late", method = "GET", delay = 2 }, CLOSING .. ", { timeout = 0.2 }")
    assert.equal("timeout", late.kind)
    assert.is_false(late.applied)
    assert.equal(1, #late.requests)
    late = same_all_ways(0, { kind = "late", method = "PUT", delay = 2 }, CLOSING .. ", { timeout = 0.2 }")
    assert.equal("unsettled", late.kind)
    assert.equal("unknown", late.applied)
  end)

  it("ends a write whose answer does not come before that, and looks at what became of it", function()
    for _, cache in ipairs { 0, 1000 } do
      local fault = { kind = "late", method = "PUT", delay = 60 }
      local told = outcome("straight", cache, fault, CLOSING .. ", { timeout = 5.6 }")
      assert.same({ "Won", "verified" }, { told.substatus, told.info.resolved })
      assert.equal(cache == 0 and 3 or 2, #told.requests)
    end
  end)
end)
