local cached = require "referrals.auth.cached"
local errors = require "referrals.errors"

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
    local function renew(lent_context)
      lent = lent_context.deadline - runtime.time
      return { token = "t", life = 1000, started = runtime.time }
    end
    local rotating = cached.new { name = "x", rotates = true, renew = renew }
    rotating:token(context(60))
    runtime.time = runtime.time + 800
    rotating:token(context(5))
    assert.equal(4, lent, "its answer may hold the only refresh token that is good")
    local source = cached.new { name = "x", renew = renew }
    source:token(context(60))
    assert.equal(60, lent)
    runtime.time = runtime.time + 800
    source:token(context(60))
    assert.equal(10, lent)
    runtime.time = runtime.time + 800
    source:token(context(2))
    assert.equal(1, lent, "the old token is of no use to a call without time")
  end)

  it("tells the events of a renewal whose call was ended to whoever comes next, once", function()
    local runtime, context = world()
    local told = {}
    local function listening(name)
      local made = context(60)
      made.tell = function(event)
        told[#told + 1] = name .. " " .. event
      end
      return made
    end
    local task
    function runtime.concurrently(_, next_task)
      task = next_task()
      coroutine.yield("begun") -- and never resumed
    end
    local waiting = cached.new {
      name = "x", waits = true,
      renew = function(lent)
        lent.tell("renewed")
        return { token = "t", life = 1000, started = runtime.time }
      end,
    }
    local ended = coroutine.create(function() waiting:token(listening "first") end)
    assert.same({ true, "begun" }, { coroutine.resume(ended) })
    task.run()
    assert.same({}, told)
    assert.equal("t", waiting:token(listening "second"))
    assert.equal("t", waiting:token(listening "third"))
    assert.same({ "second renewed" }, told)
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
