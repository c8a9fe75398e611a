local calls = require "support.token_calls"
local core = require "referrals.core"
local faulty = require "support.faulty"
local nginx = require "support.nginx"
local referrals = require "referrals"
local sandbox = require "referrals.sandbox"

local ID = sandbox.EXAMPLE_ID
local ROUNDS = 30

describe("a rotated refresh token", function()
  local server, folder, path

  setup(function()
    server = nginx.start()
  end)

  teardown(function()
    server:stop()
  end)

  before_each(function()
    server:reset({ rotate_strict = true })
    folder = calls.folder()
    path = folder .. "/token"
  end)

  after_each(function()
    calls.remove(folder)
  end)

  local function kept()
    return (calls.read(path) or ""):match("^(%S+)\n$")
  end

  local function get(source, options)
    return calls.client(server, source, options):get(ID)
  end

  describe("in a file", function()
    it("begins with the one given, and goes on with the file's", function()
      assert(get(calls.refresh(server, { file = path })))
      local first = kept()
      assert.truthy(first:find("^sandbox%-refresh%-"))
      assert.equal("600", calls.mode(path))
      assert(get(calls.refresh(server, { file = path })))
      local asked = calls.asked(server)
      assert.equal(2, #asked)
      assert.equal(calls.FIRST, asked[1].form.refresh_token)
      assert.equal(first, asked[2].form.refresh_token)
      assert.not_equal(first, kept())
    end)

    it("begins with the file's where none is given, white space around it or not", function()
      calls.write(path, "\n  from-file \r\n")
      local source = assert(referrals.auth.refresh_token {
        tenant = "t", client_id = "c", authority = server.origin, file = path,
      })
      assert(get(source))
      assert.equal("from-file", calls.asked(server)[1].form.refresh_token)
    end)

    it("is there before the access token is used", function()
      local client = calls.client(server, calls.refresh(server, { file = path }))
      local runtime = client.exchange.runtime
      local ask, seen = runtime.ask, nil
      function runtime:ask(...)
        seen = kept()
        return ask(self, ...)
      end
      assert(client:get(ID))
      assert.truthy(seen:find("^sandbox%-refresh%-"))
    end)

    it("is kept when the access token beside it is of no use", function()
      local endpoint = faulty.start(faulty.answer { body = '{"access_token":"a b","refresh_token":"newer"}' })
      finally(faulty.stop_all)
      local source = assert(referrals.auth.refresh_token {
        tenant = "t", client_id = "c", authority = endpoint.url, refresh_token = "first", file = path,
      })
      local value, err = get(source)
      assert.is_nil(value)
      assert.equal("protocol", err.kind)
      assert.equal("newer", kept())
    end)

    it("is read again before each use", function()
      local client = calls.client(server, calls.refresh(server, { file = path }))
      assert(client:get(ID))
      calls.write(path, "another-process-was-here\n")
      server:expire_tokens()
      assert(client:get(ID))
      assert.equal("another-process-was-here", calls.asked(server)[2].form.refresh_token)
    end)

    it("is not used when others may read it, and the error says what to do", function()
      calls.write(path, "secret-token\n", "640")
      local _, err = get(calls.refresh(server, { file = path }))
      assert.equal(("auth: the token file '%s' cannot be used: others than its owner may use it: chmod 600 ")
        :format(path), tostring(err):match("^.*chmod 600 "))
      assert.equal("token", err.stage)
      assert.equal(0, #server:record())
    end)

    it("says when there is none", function()
      local function none()
        return assert(referrals.auth.refresh_token {
          tenant = "t", client_id = "c", authority = server.origin, file = path,
        })
      end
      local _, err = get(none())
      assert.truthy(err.message:find("does not exist: write the first refresh token there", 1, true))
      calls.write(path, " \n")
      _, err = get(none())
      assert.truthy(err.message:find("is empty: write the first refresh token there", 1, true))
      calls.write(path, "two words\n")
      _, err = get(none())
      assert.truthy(err.message:find("holds no refresh token: one line", 1, true))
      calls.write(path, ("x"):rep(65537))
      _, err = get(none())
      assert.truthy(err.message:find("it is larger than 64 KiB", 1, true))
      assert.equal(0, #server:record())
    end)

    it("waits for the lock no longer than the call has time", function()
      local lock = assert(core.secret_file.lock(path))
      local started = core.http.now()
      local _, err = get(calls.refresh(server, { file = path }), { timeout = 0.3, retries = 0 })
      local took = core.http.now() - started
      lock:release()
      assert.equal("timeout", err.kind)
      assert.equal("token", err.stage)
      assert.truthy(err.message:find("another process had the token file", 1, true))
      assert.is_true(took >= 0.29 and took < 3)
      assert.equal(0, #server:record())
    end)

    it("stays in memory when it cannot be written, and is handed over at the next call", function()
      local client = calls.client(server, calls.refresh(server, { file = path }))
      local runtime = client.exchange.runtime
      local perform = runtime.perform
      function runtime:perform(request)
        os.execute(("mkdir -p '%s/in-the-way'"):format(path)) -- the rename fails
        return perform(self, request)
      end
      local _, err = client:get(ID)
      assert.equal("auth", err.kind)
      assert.truthy(err.message:find("could not be written to '" .. path, 1, true))
      assert.truthy(err.message:find("it stays in memory and is handed over at the next call", 1, true))
      local asked, others = calls.asked(server)
      assert.equal(1, #asked)
      assert.equal(0, others) -- the access token was not used
      _, err = client:get(ID)
      assert.equal("auth", err.kind)
      assert.equal(1, #calls.asked(server))
      runtime.perform = nil
      calls.remove(path)
      assert(client:get(ID))
      asked, others = calls.asked(server)
      assert.equal(1, #asked)
      assert.equal(1, others)
      local written = kept()
      server:expire_tokens()
      assert(client:get(ID))
      assert.equal(written, calls.asked(server)[2].form.refresh_token)
    end)

    it("that came into the file meanwhile is not overwritten by what is still to be kept", function()
      local given = {}
      local client = calls.client(server, calls.refresh(server, {
        file = path, on_rotate = function(token) given[#given + 1] = token end,
      }))
      local runtime = client.exchange.runtime
      local perform = runtime.perform
      function runtime:perform(request)
        os.execute(("mkdir -p '%s/in-the-way'"):format(path))
        return perform(self, request)
      end
      assert.equal("auth", select(2, client:get(ID)).kind)
      runtime.perform = nil
      calls.remove(path)
      calls.write(path, "by-an-operator\n")
      assert(client:get(ID))
      assert.equal("by-an-operator", kept())
      assert.same({}, given)
      server:expire_tokens()
      assert(client:get(ID))
      assert.equal("by-an-operator", calls.asked(server)[2].form.refresh_token)
    end)

    it("that came into the file while the token was asked for is not overwritten", function()
      local client = calls.client(server, calls.refresh(server, { file = path }))
      local runtime = client.exchange.runtime
      local perform = runtime.perform
      function runtime:perform(request)
        runtime.perform = nil
        calls.write(path, "by-an-operator\n")
        return perform(self, request)
      end
      assert(client:get(ID))
      assert.equal("by-an-operator", kept())
      server:expire_tokens()
      assert(client:get(ID))
      assert.equal("by-an-operator", calls.asked(server)[2].form.refresh_token)
    end)

    it("is not spent where there could be no place for the next one", function()
      calls.write(path, "old\n")
      os.execute(("mkdir -p '%s.new/in-the-way'"):format(path))
      local client = calls.client(server, calls.refresh(server, { file = path }))
      local _, err = client:get(ID)
      assert.same({ "auth", "token" }, { err.kind, err.stage })
      local expected = "no token was asked for, since a new refresh token could not be written to '" .. path
      assert.truthy(err.message:find(expected, 1, true), err.message)
      assert.equal(0, #server:record())
      os.execute(("rm -r '%s.new'"):format(path))
      assert(client:get(ID))
      assert.equal("old", calls.asked(server)[1].form.refresh_token)
      os.execute(("mkdir -p '%s.new/in-the-way'"):format(path))
      calls.pass(client, 3400) -- to be renewed, and good still
      assert(client:get(ID))
      assert.equal(1, #calls.asked(server))
      calls.pass(client, 300)
      assert.equal("auth", select(2, client:get(ID)).kind)
      assert.equal(1, #calls.asked(server))
    end)

    it("survives a kill -9 before the first use of what came with it, and right after the call", function()
      local template = [[
        local calls = require "support.token_calls"
        local server = { origin = "%s", url = "%s" }
        local client = calls.client(server, calls.refresh(server, { file = "%s" }))
        local function die() os.execute("kill -9 $PPID") end
        local runtime, at = client.exchange.runtime, "%s"
        local ask = runtime.ask
        function runtime:ask(...)
          if at == "before use" then
            die()
          end
          return ask(self, ...)
        end
        assert(client:get("%s"))
        die()
        print("alive")
      ]]
      local uses = { ["before use"] = 0, ["after the call"] = 1 }
      for at, expected in pairs(uses) do
        server:reset({ rotate_strict = true })
        os.remove(path)
        local output = calls.run(folder, template:format(server.origin, server.url, path, at, ID))
        assert.equal("", output)
        local asked, others = calls.asked(server)
        assert.equal(1, #asked)
        assert.equal(expected, others)
        assert(get(calls.refresh(server, { file = path })))
        -- Without the file the session would be lost: what it began with is spent.
        local _, err = get(calls.refresh(server, { on_rotate = function() end }))
        assert.equal("AADSTS70000", err.inner)
      end
    end)

    it("is lost by none of two processes that share it", function()
      local text = ([[
        local calls = require "support.token_calls"
        local server = { origin = "%s", url = "%s" }
        for _ = 1, %d do -- a source of its own each time: nothing is remembered
          assert(calls.client(server, calls.refresh(server, { file = "%s" })):get("%s"))
        end
        print("well")
      ]]):format(server.origin, server.url, ROUNDS, path, ID)
      local one, two = calls.start(folder, text), calls.start(folder, text)
      local outputs = { one:read("*a"), two:read("*a") }
      one:close()
      two:close()
      assert.same({ "well\n", "well\n" }, outputs)
      local asked, used = calls.asked(server), {}
      assert.equal(2 * ROUNDS, #asked)
      for _, request in ipairs(asked) do
        assert.equal(200, request.status)
        assert.is_nil(used[request.form.refresh_token])
        used[request.form.refresh_token] = true
      end
      assert.is_nil(used[kept()])
      assert(get(calls.refresh(server, { file = path })))
    end)
  end)

  describe("by on_rotate", function()
    it("is handed over before the access token is used", function()
      local given = {}
      local source = calls.refresh(server, {
        on_rotate = function(token)
          given[#given + 1] = { token, select(2, calls.asked(server)) }
        end,
      })
      local client = calls.client(server, source)
      assert(client:get(ID))
      server:expire_tokens()
      assert(client:get(ID))
      assert.equal(2, #given)
      assert.equal(0, given[1][2])
      assert.equal(given[1][1], calls.asked(server)[2].form.refresh_token)
    end)

    it("is not lost when the function fails, and comes again at the next call", function()
      for _, fail in ipairs({
        { function() error("disk full", 0) end, "raised: disk full" },
        { function() return nil, "disk full" end, "failed: disk full" },
        { function() return false end, "failed;" },
        { function() coroutine.yield() end, "raised: it yielded" },
      }) do
        server:reset({ rotate_strict = true })
        local given, failing = {}, true
        local client = calls.client(server, calls.refresh(server, {
          on_rotate = function(token)
            given[#given + 1] = token
            if failing then
              return fail[1]()
            end
          end,
        }))
        local _, err = client:get(ID)
        assert.equal("auth", err.kind)
        assert.equal("token", err.stage)
        assert.truthy(err.message:find(fail[2], 1, true), err.message)
        failing = false
        assert(client:get(ID))
        local asked, others = calls.asked(server)
        assert.equal(1, #asked)
        assert.equal(1, others)
        assert.equal(2, #given)
        assert.equal(given[1], given[2])
      end
    end)

    it("comes once when only the file failed, and to both where both are given", function()
      local given = {}
      local source = calls.refresh(server, {
        file = path,
        on_rotate = function(token)
          given[#given + 1] = { token, kept() }
        end,
      })
      assert(get(source))
      assert.equal(1, #given)
      assert.equal(given[1][1], given[1][2])
    end)

    it("is not handed over any more where the file has a newer one by then", function()
      local given, failing = {}, true
      local client = calls.client(server, calls.refresh(server, {
        file = path,
        on_rotate = function(token)
          given[#given + 1] = token
          return not failing or nil, failing and "full" or nil
        end,
      }))
      assert.equal("auth", select(2, client:get(ID)).kind)
      failing = false
      calls.write(path, "by-another-process\n")
      assert(client:get(ID))
      assert.equal(1, #given)
      assert.equal("by-another-process", kept())
    end)

    it("that says why it could not keep it shows no token, nor the one before", function()
      local source = calls.refresh(server, {
        refresh_token = "first-refresh-canary",
        on_rotate = function(token)
          return false, ("cannot put %s in the place of first-refresh-canary"):format(token)
        end,
      })
      local _, err = get(source)
      assert.truthy(tostring(err):find("cannot put [redacted] in the place of [redacted]", 1, true), tostring(err))
    end)

    it("cannot use the client whose token it keeps", function()
      local client, err
      client = calls.client(server, calls.refresh(server, {
        on_rotate = function()
          err = select(2, client:get(ID))
        end,
      }))
      assert(client:get(ID))
      assert.truthy(tostring(err):find("cannot use this client", 1, true))
    end)
  end)
end)
