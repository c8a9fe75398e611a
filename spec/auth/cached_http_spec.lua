local calls = require "support.token_calls"
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

  it("is used on while it works and what answers is not the token endpoint", function()
    for _, fault in ipairs {
      { kind = "html", status = 200 }, { kind = "html", status = 302 }, { kind = "html", status = 404 },
      { kind = "html", status = 403 }, { kind = "garbage" }, { kind = "empty" }, { kind = "cut" },
    } do
      server:reset({ token_lifetime = 600 })
      local client = calls.client(server, calls.credentials(server), { retries = 0 })
      assert(client:get(ID))
      calls.pass(client, 400)
      fault.path, fault.times = "/oauth2/", 100
      server:fault(fault)
      for _ = 1, 3 do
        assert(client:get(ID))
      end
      assert.equal(2, #calls.asked(server))
    end
  end)

  it("is not used on when the token endpoint refuses to renew it", function()
    server:reset({ token_lifetime = 600 })
    local client = calls.client(server, calls.credentials(server), { retries = 0 })
    assert(client:get(ID))
    calls.pass(client, 400)
    server:fault { kind = "status", status = 400, code = "invalid_client", path = "/oauth2/" }
    local _, err = client:get(ID)
    assert.equal("auth", err.kind)
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
