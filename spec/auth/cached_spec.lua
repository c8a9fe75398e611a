local cached = require "referrals.auth.cached"
local calls = require "support.token_calls"
local errors = require "referrals.errors"
local nginx = require "support.nginx"
local sandbox = require "referrals.sandbox"

local ID = sandbox.EXAMPLE_ID

describe("a cached token, over HTTP", function()
  local server, folder

  setup(function()
    server = nginx.start()
    folder = calls.folder()
  end)

  teardown(function()
    server:stop()
    calls.remove(folder)
  end)

  local function fifty_items()
    local items = {}
    for index = 1, 50 do
      local id = ("%08d-0000-4000-8000-000000000000"):format(index)
      server:store((sandbox.example:gsub(ID:gsub("%-", "%%-"), id)))
      items[index] = { id = id, change = { status = "Active", substatus = "Accepted" } }
    end
    server:forget()
    return items
  end

  -- A client with a token, and fifty referrals.
  local function prepared(options)
    server:reset(options)
    os.remove(folder .. "/token")
    local source = calls.refresh(server, { file = folder .. "/token" })
    local client = calls.client(server, source, { concurrency = 60, timeout = 5 })
    assert(client:get(ID))
    return client, fifty_items()
  end

  local function all_well(client, items)
    local results = client:update_many(items, { concurrency = 50 })
    for _, result in ipairs(results) do
      assert.is_nil(result.err and tostring(result.err))
    end
    assert.equal(50, results.succeeded)
    return calls.asked(server)
  end

  it("is renewed by one request for fifty updates that start together after its end", function()
    local client, items = prepared({ rotate_strict = true, delay = 0.05 })
    server:expire_tokens()
    calls.pass(client, 3600)
    local asked, others = all_well(client, items)
    assert.equal(1, #asked)
    assert.equal(100, others)
  end)

  it("is renewed by one request for fifty updates that are refused together", function()
    local client, items = prepared({ rotate_strict = true, delay = 0.05 })
    server:expire_tokens()
    local asked, others = all_well(client, items)
    assert.equal(1, #asked)
    assert.truthy(others > 100, "nobody was refused")
    for _, entry in ipairs(server:record()) do
      assert.truthy(entry.method ~= "PUT" or entry.status == 200)
    end
  end)

  it("is renewed by one request also where verbs wait on top of each other's stacks", function()
    local client, items = prepared({ rotate_strict = true })
    local ended = false
    for _, item in ipairs(items) do
      item.change = function(referral)
        if not ended then
          ended = true
          server:forget()
          server:expire_tokens()
          server:fault { kind = "late", path = "/oauth2/", delay = 0.4 }
        end
        coroutine.wrap(function() -- here a verb cannot leave its coroutine to the batch
          assert(client:get(ID))
        end)()
        referral.externalReferenceId = "x"
      end
    end
    -- The others come to their functions while the first one's verb renews the token.
    server:fault { kind = "late", method = "GET", path = items[1].id:sub(9), after = 1, times = 49, delay = 0.2 }
    local asked = all_well(client, items)
    assert.equal(1, #asked)
  end)

  it("is one failed request for fifty updates, and all are told", function()
    local client, items = prepared({ refresh_tokens = { calls.FIRST } })
    calls.write(folder .. "/token", "unknown\n")
    calls.pass(client, 3600)
    local results = client:update_many(items, { concurrency = 50 })
    assert.equal(50, results.failed + results.skipped)
    assert.equal("auth", results[1].err.kind)
    local asked, others = calls.asked(server)
    assert.equal(1, #asked)
    assert.equal(0, others)
  end)

  it("is renewed when less than the margin is left", function()
    for _, case in ipairs({ { {}, 600, 290, 20 }, { { margin = 100 }, 600, 490, 20 }, { {}, 60, 25, 10 } }) do
      server:reset({ token_lifetime = case[2] })
      local client = calls.client(server, calls.credentials(server, case[1]))
      assert(client:get(ID))
      calls.pass(client, case[3])
      assert(client:get(ID))
      assert.equal(1, #calls.asked(server))
      calls.pass(client, case[4])
      assert(client:get(ID))
      assert.equal(2, #calls.asked(server))
    end
  end)

  it("is used on while it works and the token endpoint does not", function()
    server:reset({ token_lifetime = 600 })
    local client = calls.client(server, calls.credentials(server), { retries = 0 })
    assert(client:get(ID))
    calls.pass(client, 400)
    server:fault { kind = "status", status = 503, path = "/oauth2/", times = 100 }
    for _ = 1, 5 do
      assert(client:get(ID))
    end
    assert.equal(2, #calls.asked(server)) -- not for every request
    calls.pass(client, 31)
    assert(client:get(ID))
    assert.equal(3, #calls.asked(server))
    calls.pass(client, 200)
    local _, err = client:get(ID)
    assert.equal("server", err.kind)
    assert.equal("token", err.stage)
  end)

  it("is renewed before its events are told, so that a listener may use the client", function()
    server:reset({})
    local client, seen
    client = calls.client(server, calls.credentials(server), {
      on_event = function(event)
        if event.type == "token" and not seen then
          seen = event
          assert(client:get(ID))
        end
      end,
    })
    assert(client:get(ID))
    assert.equal(1, #calls.asked(server))
    assert.equal(200, seen.status)
    assert.equal("POST", seen.method)
    assert.equal(server.origin .. "/tenant.example/oauth2/token", seen.url)
    assert.is_true(seen.seconds >= 0)
  end)
end)

describe("auth.cached", function()
  -- A runtime whose waits take no time and do what the spec says.
  local function world()
    local runtime = { time = 100, sleeps = 0 }
    function runtime:now()
      return self.time
    end
    function runtime:sleep(seconds)
      self.time = self.time + seconds
      self.sleeps = self.sleeps + 1
      if self.meanwhile then
        self.meanwhile()
      end
    end
    function runtime.expect_to_wait() end
    local function context(seconds)
      return { runtime = runtime, deadline = runtime.time + seconds, tell = function() end }
    end
    return runtime, context
  end

  -- A source whose renewals wait in coroutines of the spec.
  local function held_source(runtime)
    local renewals = {}
    local source = cached.new {
      name = "held",
      renew = function(context)
        renewals[#renewals + 1] = coroutine.running()
        local token, err = coroutine.yield(context)
        if token then
          return { token = token, life = 1000, started = runtime:now() }
        end
        return nil, err
      end,
    }
    local function ask(context)
      local results = {}
      local thread = coroutine.create(function()
        results.token, results.err = source:token(context)
      end)
      assert(coroutine.resume(thread))
      return results
    end
    return source, renewals, ask
  end

  it("lets others wait for the renewal under way", function()
    local runtime, context = world()
    local source, renewals, ask = held_source(runtime)
    local first = ask(context(60))
    runtime.meanwhile = function()
      if runtime.sleeps == 5 then
        assert(coroutine.resume(renewals[1], "new"))
      end
    end
    assert.equal("new", source:token(context(60)))
    assert.equal("new", first.token)
    assert.equal(1, #renewals)
    assert.equal(5, runtime.sleeps)
  end)

  it("ends a wait at the deadline", function()
    local runtime, context = world()
    local source, _, ask = held_source(runtime)
    ask(context(60))
    local before = runtime.time
    local token, err = source:token(context(0.5))
    assert.is_nil(token)
    assert.equal("timeout", err.kind)
    assert.equal("token", err.stage)
    assert.is_false(err.applied)
    assert.is_true(runtime.time - before >= 0.5 and runtime.time - before < 0.6)
  end)

  it("asks itself after a second: whoever asks on its own stack may be no more", function()
    local runtime, context = world()
    local _, renewals, ask = held_source(runtime)
    ask(context(60))
    local before = runtime.time
    local second = ask(context(60))
    assert.equal(2, #renewals)
    assert.is_true(runtime.time - before >= 1 and runtime.time - before < 1.1)
    assert(coroutine.resume(renewals[2], "second"))
    assert.equal("second", second.token)
  end)

  it("takes over from a renewal that was abandoned", function()
    local runtime, context = world()
    local _, renewals, ask = held_source(runtime)
    ask(context(1))
    runtime.time = runtime.time + 2
    local second = ask(context(60))
    assert.equal(2, #renewals)
    assert(coroutine.resume(renewals[2], "second"))
    assert.equal("second", second.token)
  end)

  -- A runtime that has not begun a task yet, and may never: whoever was to begin it may be gone.
  local function delaying(runtime)
    local tasks = {}
    function runtime.concurrently(_, next_task)
      local task = next_task()
      tasks[#tasks + 1] = task
      task:others_wait(0)
      coroutine.yield()
    end
    local count = 0
    local source = cached.new {
      name = "delayed",
      waits = true,
      rotates = true,
      renew = function()
        count = count + 1
        return { token = "token " .. count, life = 1000, started = runtime:now() }
      end,
    }
    local function ask(context)
      local results = {}
      results.thread = coroutine.create(function()
        results.token, results.err = source:token(context)
      end)
      assert(coroutine.resume(results.thread))
      return results
    end
    return ask, tasks
  end

  it("takes over from one that did not begin, which does not begin any more then", function()
    local runtime, context = world()
    local ask, tasks = delaying(runtime)
    local first = ask(context(60))
    local before = runtime.time
    local second = ask(context(60))
    assert.equal(2, #tasks)
    assert.is_true(runtime.time - before >= 1 and runtime.time - before < 1.1)
    tasks[1]:run()
    tasks[2]:run()
    assert(coroutine.resume(first.thread))
    assert(coroutine.resume(second.thread))
    assert.same({ "token 1", "token 1" }, { first.token, second.token })
  end)

  it("waits again for one that another call began instead of its own", function()
    local runtime, context = world()
    local ask, tasks = delaying(runtime)
    local first = ask(context(60))
    runtime.time = runtime.time + 2
    ask(context(60))
    tasks[1]:run()
    tasks[2]:others_wait(60)
    runtime.meanwhile = function()
      runtime.meanwhile = nil
      tasks[2]:run()
    end
    assert(coroutine.resume(first.thread))
    assert.equal("token 1", first.token)
  end)

  it("tells those who waited what went wrong, in objects of their own", function()
    local runtime, context = world()
    local source, renewals, ask = held_source(runtime)
    local wrong = errors.new("auth", { message = "no", stage = "token" })
    local first = ask(context(60))
    runtime.meanwhile = function()
      runtime.meanwhile = nil
      assert(coroutine.resume(renewals[1], nil, wrong))
    end
    local token, err = source:token(context(60))
    assert.is_nil(token)
    assert.equal(wrong, first.err)
    assert.equal("auth", err.kind)
    assert.equal("no", err.message)
    assert.is_false(rawequal(err, wrong))
    assert.equal(1, #renewals)
  end)

  it("asks anew where only the other call's time was up", function()
    local runtime, context = world()
    local _, renewals, ask = held_source(runtime)
    ask(context(60))
    runtime.meanwhile = function()
      runtime.meanwhile = nil
      assert(coroutine.resume(renewals[1], nil, errors.new("timeout", {})))
    end
    ask(context(60))
    assert.equal(2, #renewals)
  end)

  it("gives the old token while it works and another call renews it", function()
    local runtime, context = world()
    local source, renewals, ask = held_source(runtime)
    ask(context(60))
    assert(coroutine.resume(renewals[1], "old"))
    runtime.time = runtime.time + 800
    ask(context(60))
    assert.equal(2, #renewals)
    assert.equal("old", source:token(context(60)))
    assert.equal(0, runtime.sleeps)
  end)

  it("is renewed by the next call where a renewal was abandoned while the old token worked", function()
    local runtime, context = world()
    local _, renewals, ask = held_source(runtime)
    ask(context(60))
    assert(coroutine.resume(renewals[1], "old"))
    runtime.time = runtime.time + 800
    ask(context(60))
    runtime.time = runtime.time + 2 -- whoever renewed it is gone
    local third = ask(context(60))
    assert.equal(3, #renewals)
    assert(coroutine.resume(renewals[3], "new"))
    assert.equal("new", third.token)
  end)

  it("gives a renewal little time while the old token works", function()
    local runtime, context = world()
    local _, renewals, ask = held_source(runtime)
    ask(context(60))
    assert(coroutine.resume(renewals[1], "old"))
    runtime.time = runtime.time + 800
    local lent
    local source = cached.new {
      name = "x",
      renew = function(lent_context)
        lent = lent_context.deadline - runtime.time
        return { token = "t", life = 1000, started = runtime.time }
      end,
    }
    source:token(context(60))
    assert.equal(60, lent)
    runtime.time = runtime.time + 800
    source:token(context(60))
    assert.equal(10, lent)
  end)

  it("does not forget a newer token than the one that was refused", function()
    local runtime, context = world()
    local count = 0
    local source = cached.new {
      name = "x",
      renew = function()
        count = count + 1
        return { token = "token-" .. count, life = 1000, started = runtime.time }
      end,
    }
    assert.equal("token-1", source:token(context(60)))
    source:invalidate("token-1")
    assert.equal("token-2", source:token(context(60)))
    source:invalidate("token-1")
    assert.equal("token-2", source:token(context(60)))
  end)

  it("shows its name and nothing else", function()
    local source = cached.new { name = "n", renew = function() end }
    assert.equal("referrals.token_source: n", tostring(source))
  end)
end)
