-- What workers do with the token that they share, where nginx could not be brought to it at will: a dict and a clock of
-- the spec's own. With nginx's it is in spec/nginx/shared_token_spec.lua.
local shared_token = require "referrals.auth.shared"

describe("a worker that shares its token", function()
  local now, values, one, another, runtime, context, warnings
  local full -- what a set or an add of the dict fails with

  local function dict()
    local methods = {}
    function methods.get(_, name)
      local held = values[name]
      return held and now < held.ends and held.value or nil
    end
    function methods.set(_, name, value, seconds)
      if full then
        return nil, full
      end
      values[name] = { value = value, ends = now + seconds }
      return true
    end
    function methods:add(name, value, seconds)
      if self:get(name) then
        return nil, "exists"
      end
      return self:set(name, value, seconds)
    end
    function methods.delete(_, name)
      values[name] = nil
    end
    return methods
  end

  before_each(function()
    now, values, full, warnings = 1000, {}, nil, {}
    rawset(_G, "ngx", {
      shared = { tokens = dict() },
      encode_base64 = function(text) return "<" .. text .. ">" end,
      sha1_bin = function(text) return "hash of " .. #text end,
    })
    one, another = shared_token.new("tokens", "client s3cret"), shared_token.new("tokens", "client s3cret")
    runtime = { slept = {} }
    function runtime.now() return now end
    function runtime:sleep(seconds)
      assert(#self.slept < 10000, "it never stops waiting")
      self.slept[#self.slept + 1], now = seconds, now + seconds
    end
    context = {
      runtime = runtime, deadline = now + 60,
      tell = function(event) warnings[#warnings + 1] = event.member .. ": " .. event.message end,
    }
  end)

  after_each(function()
    rawset(_G, "ngx", nil)
  end)

  local function gives(token, life)
    return function(lent)
      return { token = token, life = life or 3600, started = lent.runtime:now() }
    end
  end

  local function never()
    error("no token was to be asked for")
  end

  it("takes what another got, and not what it had itself", function()
    assert.equal("first", assert(one:renew(context, gives "first")).token)
    assert.is_nil(one:take())
    local taken = another:renew(context, never)
    assert.same({ token = "first", life = 3600, started = 1000 }, taken)
    assert.equal("second", assert(another:renew(context, gives "second")).token)
    assert.equal("second", one:renew(context, never).token)
  end)

  it("gets one of its own for another identity, which the dict shows to nobody", function()
    assert(one:renew(context, gives "first"))
    local stranger = shared_token.new("tokens", "another client's s3cret")
    assert.equal("own", assert(stranger:renew(context, gives "own")).token)
    for name in pairs(values) do
      assert.is_nil(name:find("s3cret", 1, true))
    end
  end)

  it("keeps a token there no longer than it lasts, counted from when it was asked for", function()
    assert(one:renew(context, function(lent)
      local answer = gives("first", 100)(lent)
      now = now + 30
      return answer
    end))
    now = now + 69
    assert.equal("first", another:take().token)
    another.last = nil
    now = now + 2
    assert.is_nil(another:take())
  end)

  it("waits while another one asks, looks before it asks itself, and so asks for none", function()
    assert(another:try_lock(now, context.deadline))
    local pauses = 0
    function runtime.sleep()
      pauses, now = pauses + 1, now + 1
      if pauses == 3 then
        another:publish({ token = "theirs", life = 100, started = now }, context)
      end
    end
    assert.equal("theirs", one:renew(context, never).token)
    assert.equal(3, pauses)
  end)

  it("takes what came between its look and its lock", function()
    local try_lock = one.try_lock
    function one:try_lock(...)
      another:publish({ token = "theirs", life = 100, started = now }, context)
      return try_lock(self, ...)
    end
    assert.equal("theirs", one:renew(context, never).token)
    assert.is_not_nil(another:try_lock(now, context.deadline)) -- the lock was given back
  end)

  it("asks itself when whoever asked has died, and leaves others the lock's time at most", function()
    assert(another:try_lock(now, now + 600))
    local lent
    assert.equal("own", assert(one:renew(context, function(given)
      lent = given
      return gives "own"(given)
    end)).token)
    assert.is_true(now >= 1020 and now < 1021) -- a lock's longest life, and the last pause
    assert.is_true(lent.deadline <= now + 20)
    assert.equal(context.tell, lent.tell)
  end)

  it("does not end with the lock what rotates, whose answer may hold the only refresh token", function()
    local lent
    assert(one:renew(context, function(given)
      lent = given
      return gives "own"(given)
    end, true))
    assert.equal(1060, lent.deadline)
    assert.equal("own", another:renew(context, never).token) -- it is shared all the same
  end)

  it("gives the lock back when its request failed, and what that failed with", function()
    local failure = {}
    local answer, err = one:renew(context, function() return nil, failure end)
    assert.is_nil(answer)
    assert.equal(failure, err)
    assert.equal("theirs", assert(another:renew(context, gives "theirs")).token)
    assert.same({}, runtime.slept)
  end)

  it("runs out of its own time while another one asks, or cannot wait for it", function()
    assert(another:try_lock(now, now + 20))
    context.deadline = now + 3
    local answer, err = one:renew(context, never)
    assert.is_nil(answer)
    assert.same({ "timeout", "token", false }, { err.kind, err.stage, err.applied })
    assert.equal(1003, now)
    context.deadline = now + 3
    local tries = 0
    function runtime.sleep()
      tries = tries + 1
      assert(tries < 100, "it waits for nothing")
      return false
    end
    answer, err = one:renew(context, never)
    assert.is_nil(answer)
    assert.same({ "busy", "token", false }, { err.kind, err.stage, err.applied })
  end)

  it("has a token of its own, with a warning, where the dict takes nothing", function()
    full = "no memory"
    assert.equal("own", assert(one:renew(context, gives "own")).token)
    assert.equal(1, #warnings)
    assert.is_truthy(warnings[1]:find("^shared: .* no memory$"), warnings[1])
  end)

  it("shares none that is not to be kept, and asks for it without a lock from then on", function()
    local function given_once(lent)
      return { token = "once", started = lent.runtime:now() }
    end
    assert.equal("once", one:renew(context, given_once).token)
    assert.same({}, values)
    assert(another:try_lock(now, context.deadline))
    assert.equal("once", one:renew(context, given_once).token)
    assert.same({}, runtime.slept)
  end)

  it("takes from all the token that was refused, and no newer one", function()
    assert(one:renew(context, gives "first"))
    assert(another:renew(context, never))
    one:forget("first")
    assert.is_nil(shared_token.new("tokens", "client s3cret"):take())
    assert(another:renew(context, gives "second"))
    one:forget("first")
    assert.equal("second", one:renew(context, never).token)
  end)

  it("needs a dict that this nginx has, by whatever name it was asked for", function()
    assert.is_nil(shared_token.refusal("tokens"))
    assert.is_nil(shared_token.refusal(nil))
    local err = shared_token.refusal("token\n", "REFERRALS_SHARED")
    assert.same({ "validation", "REFERRALS_SHARED", false }, { err.kind, err.member, err.applied })
    assert.is_truthy(err.message:find("got 'token\\n'", 1, true), err.message)
  end)
end)
