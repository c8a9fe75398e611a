-- An access token that is got from somewhere, on the straight way of an update: it is taken while one is at hand that
-- lasts, and what its refusal leads to is the same as step by step, which a listener for events makes it take.
local calls = require "support.token_calls"
local nginx = require "support.nginx"
local referrals = require "referrals"
local sandbox = require "referrals.sandbox"

local ID = sandbox.EXAMPLE_ID

describe("an access token that was got, on the straight way of an update,", function()
  local server

  setup(function()
    server = nginx.start()
  end)

  teardown(function()
    server:stop()
  end)

  before_each(function()
    server:reset()
  end)

  -- A client whose function gives "token-1", "token-2" and so on, each for so many seconds.
  local function numbered(life, options)
    local given = 0
    options = options or {}
    options.endpoint = server.url
    options.token = function()
      given = given + 1
      return "token-" .. given, life
    end
    local client = assert(referrals.new(options))
    return client, function()
      return given
    end
  end

  -- How many requests go another way than the straight one from now on.
  local function count_others(client)
    local exchanges, count = client.exchange, 0
    local send = exchanges.send
    function exchanges.send(...)
      count = count + 1
      return send(...)
    end
    return function()
      return count
    end
  end

  local function tokens_sent()
    local list = {}
    for index, entry in ipairs(server:record()) do
      list[index] = entry.method .. " " .. entry.headers.authorization:match("^Bearer (.*)$")
    end
    return list
  end

  local function update(client, way, given, opts)
    if way == "batch" then
      local result = client:update_many({ { id = ID, change = given, opts = opts } })[1]
      return result.value, result.err, result.info
    end
    return client:update(ID, given, opts)
  end

  for _, way in ipairs { "alone", "batch" } do
    it("is taken while a function's token lasts: " .. way, function()
      local client, asked = numbered(3600)
      assert(client:get(ID))
      local others = count_others(client)
      for number = 1, 3 do
        assert(update(client, way, { statusReason = "number " .. number }))
      end
      assert.equal(0, others())
      assert.equal(1, asked())
      assert.same({ "GET token-1", "PUT token-1", "PUT token-1", "PUT token-1" }, tokens_sent())
    end)

    it("is taken while a token of Entra's lasts: " .. way, function()
      local client = calls.client(server, calls.credentials(server))
      assert(client:get(ID))
      local others = count_others(client)
      assert(update(client, way, { statusReason = "x" }))
      assert.equal(0, others())
      assert.equal(1, #calls.asked(server))
    end)

    it("is not taken where the token is to be asked for before each request: " .. way, function()
      local client, asked = numbered(nil, { cache = 0 })
      assert(client:get(ID))
      local others = count_others(client)
      assert(update(client, way, { statusReason = "x" }))
      assert.equal(2, others())
      assert.equal(3, asked())
      assert.same({ "GET token-1", "GET token-2", "PUT token-3" }, tokens_sent())
    end)

    it("is not taken with a token that may end in the middle of it: " .. way, function()
      local client = numbered(30)
      assert(client:get(ID))
      local others = count_others(client)
      assert(update(client, way, { statusReason = "x" }))
      assert.equal(1, others())
    end)

    it("asks for another token where this one is refused: " .. way, function()
      for _, method in ipairs { "GET", "PUT" } do
        local told = {}
        for _, listener in ipairs { false, function() end } do
          server:reset()
          local client, asked = numbered(3600, { cache = 0, on_event = listener or nil })
          assert(client:get(ID))
          server:forget()
          server:fault { kind = "status", method = method, status = 401 }
          local value, err, info = update(client, way, { statusReason = "x" })
          assert.is_nil(err)
          assert.equal("x", value.statusReason)
          assert.equal(2, asked())
          told[#told + 1] = { attempts = info.attempts, sent = tokens_sent() }
        end
        assert.same(told[2], told[1])
        assert.equal(3, told[1].attempts)
        assert.equal(("%s token-1, %s token-2"):format(method, method),
          table.concat(told[1].sent, ", "):match(method .. " token%-1, " .. method .. " token%-2"))
      end
    end)

    it("tells of a token that is none before anything is sent: " .. way, function()
      local given, life = "token", nil
      local client = assert(referrals.new { endpoint = server.url, token = function()
        return given, life
      end })
      assert(client:get(ID)) -- there is a session now
      server:forget()
      given, life = "to ken", 3600
      for _ = 1, 2 do -- the second time it is kept
        local value, err = update(client, way, { statusReason = "x" })
        assert.is_nil(value)
        assert.equal("auth", err.kind)
      end
      assert.same({}, server:record())
    end)
  end

  it("is not taken within the function that renews its token", function()
    local client, calls_verb, inner
    client = assert(referrals.new { endpoint = server.url, token = function()
      if calls_verb then
        inner = { client:update(ID, { statusReason = "within" }) }
      end
      return "token", 3600
    end })
    assert(client:get(ID))
    calls_verb = true
    calls.pass(client, 3400) -- it is to be renewed, and works as yet
    assert(client:update(ID, { statusReason = "x" }))
    assert.is_nil(inner[1])
    assert.equal("auth", inner[2].kind)
  end)
end)
