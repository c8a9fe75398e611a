-- The shortest way of an update, in one crossing of the core's border, against the same update step by step, which a
-- listener for events makes it take, and as one of a batch: the same on the wire, and the same for the caller.
local cases = require "support.straight_cases"
local faulty = require "spec.support.faulty"
local nginx = require "support.nginx"
local referral = require "support.referral"
local referrals = require "referrals"
local sandbox = require "referrals.sandbox"
local shell = require "support.shell"
local straight_way = require "referrals.straight"
local wire = require "support.wire"

local ID = sandbox.EXAMPLE_ID
local CLOSING = { status = "Closed", substatus = "Won" }

-- In a process of its own: with the collector this eager, what other specs hold on to would be walked all the time.
local FINALISERS = [[
local core = require "referrals.core"
local referrals = require "referrals"
local url, id = arg[1], arg[2]
local client = assert(referrals.new { endpoint = url, token = "token" })
local other = assert(referrals.new { endpoint = url, token = "token" })
assert(client:get(id))
local calls = 0
local function make_garbage()
  local finaliser = function()
    calls = calls + 1
    core.json.write { statusReason = ("x"):rep(200 * calls) }
    if calls < 50 then
      client:update(id, { details = { dealValue = 1000 + calls } })
    end
  end
  if newproxy then
    getmetatable(newproxy(true)).__gc = finaliser
  else
    setmetatable({}, { __gc = finaliser })
  end
end
if rawget(_G, "jit") then
  jit.off() -- LuaJIT 2.1 of 2023 does not come out of a compiled loop over pairs() within a finaliser
end
collectgarbage("setpause", 0)
collectgarbage("setstepmul", 10000)
local number = 0
while number < 30 or (calls == 0 and number < 1000) do
  number = number + 1
  make_garbage()
  if number > 30 then -- whenever the collector would have come by itself
    collectgarbage("step", 100)
  end
  assert(client:update(id, { statusReason = "number " .. number }, { returns = "minimal" }))
  assert(other:get(id).statusReason == "number " .. number)
end
print(calls .. " calls")
]]

describe("the straight way of an update", function()
  local server

  setup(function()
    server = nginx.start()
  end)

  teardown(function()
    server:stop()
  end)

  local function client_for(way, options)
    options = options or {}
    options.endpoint, options.token, options.timeout = options.endpoint or server.url, "token", options.timeout or 20
    if way == "whole" then
      options.on_event = function() end
    end
    return assert(referrals.new(options))
  end

  -- Wire and result of a call on a fresh service, without what is random.
  local function outcome(way, options, prepare, call)
    server:reset()
    local client = client_for(way, options)
    assert(client:get(ID)) -- there is a session now
    if options and options.cache == 0 then
      assert(client:get(ID))
    end
    server:forget()
    if prepare then
      prepare(client)
    end
    local value, err, info = call(client, way)
    local told = cases.told(info, err)
    told.requests = cases.requests(server:record())
    told.stored = cases.without_random(server:stored(ID))
    told.value = value
    return told
  end

  local function same_all_ways(options, prepare, call)
    local function by(way)
      return outcome(way, { cache = options.cache, retries = options.retries }, prepare, call)
    end
    local straight = by "straight"
    for _, way in ipairs { "whole", "batch" } do
      local other = by(way)
      assert.same(other.requests, straight.requests, way)
      other.value, straight.value = nil, nil -- entity tags and times are the service's
      assert.same(other, straight, way)
    end
    return straight
  end

  local function update(given, opts)
    return function(client, way)
      if way == "batch" then
        local result = client:update_many({ { id = ID, change = given, opts = opts } })[1]
        return result.value, result.err, result.info
      end
      return client:update(ID, given, opts)
    end
  end

  for _, cache in ipairs { 0, 1000 } do
    local name = cache == 0 and "with a read before it" or "from a copy"
    local methods = cache == 0 and { "GET", "PUT" } or { "PUT" }

    local function methods_of(result)
      local list = {}
      for index, request in ipairs(result.requests) do
        list[index] = request[1]
      end
      return list
    end

    it("is the whole one's, " .. name, function()
      local result = same_all_ways({ cache = cache }, nil, update(CLOSING))
      assert.same(methods, methods_of(result))
      assert.same({}, result.info.ignored)
      assert.equal(#methods, result.info.attempts)
      same_all_ways({ cache = cache }, nil, update(CLOSING, { returns = "minimal" }))
      same_all_ways({ cache = cache }, nil, update { details = { dealValue = 50001.5 } })
    end)

    it("hands over what is not plain, " .. name, function()
      same_all_ways({ cache = cache }, nil, update { team = referrals.add { email = "a@example.com" } })
      same_all_ways({ cache = cache }, nil, update { status = "Active" })
      same_all_ways({ cache = cache }, nil, update { status = "Clsoed" })
      same_all_ways({ cache = cache }, nil, update { status = "New" })
      same_all_ways({ cache = cache }, nil, update { nobody = "x" })
    end)

    it("refuses a change of another referral, or of what is no version, " .. name, function()
      for _, wrong in ipairs {
        { id = "00000000-0000-4000-8000-000000000001" },
        { id = 5 },
        { eTag = "*" },
        { eTag = true },
        { eTag = '"a", "b"' },
      } do
        wrong.statusReason = "x"
        local result = same_all_ways({ cache = cache }, nil, update(wrong))
        assert.equal("validation", result.kind)
        assert.same({}, result.requests)
      end
      local stale = same_all_ways({ cache = cache }, nil, update { eTag = '"another"', statusReason = "x" })
      assert.equal("conflict", stale.kind)
      assert.same({ "GET" }, methods_of(stale))
    end)

    it("hands over what the service answers otherwise, " .. name, function()
      for _, fault in ipairs(cases.FAULTS) do
        same_all_ways({ cache = cache, retries = 1 }, function() server:fault(fault) end, update(CLOSING))
      end
    end)

    it("hands over what the service answers otherwise to a change deep within, " .. name, function()
      for _, fault in ipairs(cases.DEEP_FAULTS) do
        local change = update { details = { dealValue = 50001.5 } }
        same_all_ways({ cache = cache, retries = 1 }, function() server:fault(fault) end, change)
      end
    end)
  end

  -- Requests of an update, of a referral that others did not touch meanwhile.
  local function requests_of(client, id, number)
    server:forget()
    assert(client:update(id, { statusReason = "number " .. number }))
    return #server:record()
  end

  for _, way in ipairs { "straight", "whole" } do
    it("is left by a copy that is out of date, for as long as the whole way is wary of it: " .. way, function()
      server:reset()
      local client = client_for(way)
      assert(client:get(ID))
      server:write(ID, "/campaignId", '"theirs"')
      local counts = {}
      for number = 1, 4 do
        counts[number] = requests_of(client, ID, number)
      end
      assert.same({ 3, 2, 1, 1 }, counts)
    end)

    it("finds the copy of an id that is written in another case: " .. way, function()
      server:reset()
      local client = client_for(way)
      assert(client:get(ID))
      assert.equal(1, requests_of(client, ID:upper(), 1))
      assert.equal(1, requests_of(client, ID:upper(), 2))
    end)

    it("takes no options that are no table, and minds those that a table inherits: " .. way, function()
      server:reset()
      local client = client_for(way)
      assert(client:get(ID))
      local ok, raised = pcall(client.update, client, ID, { statusReason = "x" }, "dry_run")
      assert.is_false(ok)
      assert.truthy(tostring(raised):find("expected a table, got a string", 1, true))
      local inherited = setmetatable({ returns = "minimal" }, { __index = { dry_run = true } })
      local _, _, info = client:update(ID, { statusReason = "x" }, inherited)
      assert.truthy(info.request)
      assert.same({}, wire.writes(server:record()))
    end)
  end

  it("keeps the other copies when one referral outgrows them all", function()
    server:reset()
    referral.store(server, 3)
    local client = client_for("straight", { cache_bytes = 30000 })
    assert(client:get(ID))
    for number = 2, 3 do
      assert(client:get(referral.id(number)))
    end
    assert(client:update(ID, { details = { notes = ("long "):rep(8000) } }))
    assert.equal(1, requests_of(client, referral.id(2), 2))
    assert.equal(1, requests_of(client, referral.id(3), 3))
  end)

  for _, way in ipairs { "straight", "whole" } do
    it("keeps no copy of an answer that shows the change and lost another member: " .. way, function()
      local example = sandbox.example
      local closed = wire.swap(wire.swap(example, '"New"', '"Closed"'), '"Pending"', '"Won"')
      for _, lost in ipairs {
        wire.swap(closed, '    "qualification": "SalesQualified",\n', ""),
        -- Of two with one name the last counts.
        wire.swap(closed, '\n}\n', ',\n    "details": {"dealValue": 50000}\n}\n'),
      } do
        local other = faulty.start {
          requests = {
            faulty.answer { body = example },
            faulty.answer { body = lost },
            faulty.answer { body = closed },
            faulty.answer { body = wire.swap(closed, "went well", "ended") },
          },
        }
        finally(faulty.stop_all)
        local client = client_for(way, { endpoint = other.url })
        assert(client:get(ID))
        local value, err, info = client:update(ID, CLOSING)
        assert.is_nil(err)
        assert.equal("Won", value.substatus)
        assert.is_true(info.changed)
        assert(client:update(ID, { statusReason = "The engagement ended" }))
        local methods = {}
        for index, request in ipairs(other:requests()) do
          methods[index] = request.head:match("^%u+")
        end
        assert.same({ "GET", "PUT", "GET", "PUT" }, methods)
        assert.truthy(other:requests()[4].body:find('"qualification": "SalesQualified"', 1, true))
      end
    end)
  end

  for _, way in ipairs { "straight", "whole" } do
    it("leaves no copy to write from to a callback while its own write is under way: " .. way, function()
      server:reset()
      referral.store(server, 2)
      local first, second = referral.id(1), referral.id(2)
      local client = client_for(way)
      assert(client:get(first))
      assert(client:get(second))
      server:fault { kind = "late", delay = 0.1, path = first, method = "PUT" }
      server:fault { kind = "late", delay = 0.5, path = second, method = "PUT" }
      local attempts
      local results = client:update_many({
        { id = first, change = { details = { dealValue = 1001 } } },
        { id = second, change = { details = { dealValue = 1002 } } },
      }, {
        concurrency = 2,
        on_progress = function(done)
          if done == 1 then
            attempts = select(3, assert(client:update(second, { details = { dealValue = 1003 } }))).attempts
          end
        end,
      })
      assert.equal(2, results.succeeded)
      assert.equal(2, attempts) -- a read and a write, where a copy would have been refused first
    end)
  end

  it("settles a lost answer, and sends the write once", function()
    server:reset()
    local client = client_for "straight"
    assert(client:get(ID))
    server:forget()
    server:fault { kind = "close_after", method = "PUT" }
    local value, err, info = client:update(ID, CLOSING)
    assert.is_nil(err)
    assert.equal("Won", value.substatus)
    assert.equal("verified", info.resolved)
    assert.equal(1, #wire.writes(server:record()))
  end)

  it("is not taken within a batch's callbacks, nor once a token has to be asked for", function()
    server:reset()
    local client = client_for "straight"
    assert(client:get(ID))
    local inner
    local results = client:update_many({ { id = ID, change = { statusReason = "outer" } } }, {
      on_progress = function()
        inner = assert(client:update(ID, { statusReason = "inner" }))
      end,
    })
    assert.is_true(results[1].ok)
    assert.equal("inner", inner.statusReason)
    local asked = 0
    client = assert(referrals.new { endpoint = server.url, token = function()
      asked = asked + 1
      return "token"
    end })
    assert(client:update(ID, { statusReason = "token" }))
    assert.is_true(asked > 0)
  end)

  it("takes another way when the one that it has was not given back", function()
    local runtime = { session = { update = function() return false end }, way = "taken", task_count = 0 }
    local cache = { place_of = function() end }
    local exchanges = { runtime = runtime, cache = cache, config = { timeout = 1 }, retry = {}, is_quiet = true,
      static_token = "token" }
    assert.is_nil((straight_way.at_once(exchanges, ID, CLOSING)))
    assert.equal("userdata", type(runtime.way))
  end)

  it("survives a finaliser that calls a verb in the middle of it", function()
    server:reset()
    local folder = shell.folder()
    finally(function()
      shell.remove_folder(folder)
    end)
    local output, status = shell.run_lua(folder, ("arg = {%q, %q}\n"):format(server.url, ID) .. FINALISERS)
    assert.equal(0, status, output)
    assert.truthy(output:find("^%d+ calls"), output)
    assert.is_true(tonumber(output:match("%d+")) > 0, "no finaliser was called")
  end)
end)
