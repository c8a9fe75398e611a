-- http and the process around it: its environment, its look-ups, its children, the libcurl it was built for.
local asking = require("spec.support.asking")
local faulty = require("spec.support.faulty")
local http = require("referrals.core").http
local shell = require("spec.support.shell")
local tls_server = require("spec.support.tls_server")

local has_posix, unistd = pcall(require, "posix.unistd")

describe("http", function()
  local folder, server

  setup(function() folder = shell.folder() end)
  teardown(function() shell.remove_folder(folder) end)
  before_each(function() server = faulty.start() end)
  after_each(faulty.stop_all)

  local function compile(flags)
    shell.must("gcc -std=gnu11 -g " .. flags)
  end

  local function compile_driver(name, flags)
    local path = folder .. "/" .. name
    local sources = " spec/support/http_driver.c csrc/buffer.c csrc/process.c csrc/http*.c"
    compile(flags .. " -Icsrc -o " .. path .. sources .. " $(curl-config --libs)")
    return path
  end

  describe("in an environment with a proxy", function()
    it("goes to loopback without it", function()
      local proxy = faulty.start()
      local script = [[
        local http = require("referrals.core").http
        for _, proxy in ipairs({ false, arg[2] }) do
          local session = http.session({ proxy = proxy or nil })
          local exchange = session:start({ url = arg[1], headers = { "Authorization: s3cret" } })
          while not exchange:done() do session:pump(5) end
          print((exchange:result()))
        end
      ]]
      local names = {}
      for _, name in ipairs({ "http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY" }) do
        names[#names + 1] = name .. "=" .. proxy.url
      end
      local environment = table.concat(names, " ")
      local urls = "arg = {'" .. server.url .. "/', '" .. proxy.url .. "'}\n"
      local output = shell.run_lua(folder, urls .. script, environment)
      assert.equal("ok\nok\n", output)
      assert.equal(2, #server:requests())
      assert.equal(0, #proxy:record())
    end)

    it("uses the proxy it is given for all else, and shows no proxy's password", function()
      local proxy = faulty.start(faulty.answer({ status = 403 }))
      local address = proxy.url:gsub("//", "//user:s3cret@")
      local session = http.session({ proxy = address })
      local result = asking.ask(session, { method = "PUT", url = "https://example.invalid/path", body = "x" })
      assert.same({ "network", false }, { result.outcome, result.sent })
      assert.is_nil(result.message:find("s3cret", 1, true))
      assert.equal("CONNECT", proxy:requests()[1].method)
      session:close()
      session = http.session({ proxy = "nonsense://user:s3cret@127.0.0.1:1/" })
      result = asking.ask(session, { url = "https://example.invalid/path" })
      assert.is_not.equal("ok", result.outcome)
      assert.is_nil(result.message:find("s3cret", 1, true), result.message)
      session:close()
    end)
  end)

  describe("with a name look-up that hangs", function()
    it("keeps every deadline, and nobody waits for it", function()
      compile("-shared -fPIC -o " .. folder .. "/hanging.so spec/support/hanging_lookup.c -ldl")
      local script = "local url = '" .. server.url .. "/'\n" .. [[
        local http = require("referrals.core").http
        local began = http.now()
        local session = http.session({})
        local hanging, left = {}, {}
        for i = 1, 4 do
          local host = "https://never" .. i .. ".hangs/"
          hanging[i] = session:start({ method = "PUT", url = host, body = "x", timeout = 1 })
          left[i] = session:start({ url = "https://later" .. i .. ".hangs/", timeout = 1000, connect_timeout = 1000 })
        end
        local meanwhile = session:start({ url = url })
        while not meanwhile:done() do session:pump(1) end
        print("meanwhile", (meanwhile:result()))
        for i = 1, 4 do
          while not hanging[i]:done() do session:pump(5) end
          local outcome, sent = hanging[i]:result()
          print(outcome, sent)
        end
        print("early", http.now() - began < 0.9)
        session:start({ url = url }):cancel()
        session:close()
        print("late", http.now() - began > 10)
        print((left[1]:result()))
      ]]
      local before = http.now()
      -- The second is for an interpreter built with ASan, which wants to be the first library otherwise.
      local environment = "LD_PRELOAD=" .. folder .. "/hanging.so ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0"
      local output, status = shell.run_lua(folder, script, environment)
      assert.equal("meanwhile\tok\n" .. ("timeout\tfalse\n"):rep(4) .. "early\tfalse\nlate\tfalse\ncancelled\n", output)
      assert.equal(0, status)
      assert.is_true(http.now() - before < 15)
    end)
  end)

  it("takes a reset for one, also where nothing is told of it but the error", function()
    compile("-shared -fPIC -o " .. folder .. "/alone.so spec/support/error_alone.c -ldl")
    local answer, reset = faulty.answer(), faulty.drop("rst")
    server:plan({ requests = { answer, reset, answer, reset, answer } })
    local script = "local url = '" .. server.url .. "/'\n" .. [[
      local session = require("referrals.core").http.session({})
      session:expect_many(true)
      for _, method in ipairs({ "PUT", "PUT", "GET", "GET" }) do
        local exchange = session:start({ method = method, url = url })
        while not exchange:done() do session:pump(5) end
        print((exchange:result()))
      end
    ]]
    local environment = "LD_PRELOAD=" .. folder .. "/alone.so ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0"
    assert.equal("ok\nresend_refused\nok\nok\n", (shell.run_lua(folder, script, environment)))
    assert.equal(5, #server:requests())
  end)

  it("trusts a CA that is given instead of the system's, and nothing beside it", function()
    compile("-shared -fPIC -o " .. folder .. "/trust.so spec/support/trust_seen.c -Wl,--no-as-needed -lcurl -ldl")
    local environment = "LD_PRELOAD=" .. folder .. "/trust.so ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0"
    for given, expected in pairs {
      ['{ ca_file = "/x.pem" }'] = "file /x.pem\npath none\n", ['{ ca_path = "/x" }'] = "file none\npath /x\n",
      ['{ ca_file = "/x.pem", ca_path = "/x" }'] = "file /x.pem\npath /x\n", ["{}"] = "",
    } do
      local script = ([[
        local session = require("referrals.core").http.session(%s)
        local exchange = session:start({ method = "GET", url = "https://127.0.0.1:1/" })
        while not exchange:done() do session:pump(5) end
      ]]):format(given)
      local told = shell.run_lua(folder, script, environment)
      assert.equal(expected, told:sub(1, #expected))
      assert.equal(expected ~= "", told ~= "")
    end
  end)

  it("says so when a name has no address", function()
    local session = http.session({ proxy = "" })
    local result = asking.ask(session, { method = "PUT", url = "https://name.invalid/", body = "x" })
    assert.same({ "name_lookup", false }, { result.outcome, result.sent })
    session:close()
  end)

  describe("in a child of its process", function()
    it("is abandoned, and the parent's connections live on", function()
      local tls = tls_server.start()
      finally(function() tls:stop() end)
      local request = " PUT " .. tls.url .. "/ x"
      local driver = compile_driver("driver", "")
      local output, status = shell.run(driver .. " " .. tls.ca_file .. " fork" .. request:rep(2))
      assert.equal("ok sent 200 1 -\nok sent 200 0 -\n", output)
      assert.equal(0, status)
    end)

    if has_posix then
      it("knows that, and the child makes its own", function()
        local wait = require("posix.sys.wait")
        local session = http.session({})
        asking.ask(session, { url = server.url .. "/parent" })
        local uuid_before = http.uuid()
        local child = unistd.fork()
        if child == 0 then
          local good = not session:is_ours() and session:pump(5) == 0
            and asking.result(session:start({ url = server.url })).outcome == "invalid"
          session:close()
          session = http.session({})
          good = good and asking.ask(session, { url = server.url .. "/child?" .. http.uuid() }).outcome == "ok"
          unistd._exit(good and 0 or 1)
        end
        local _, how, status = wait.wait(child)
        assert.same({ "exited", 0 }, { how, status })
        assert.is_true(session:is_ours())
        asking.ask(session, { url = server.url .. "/parent?" .. http.uuid() })
        local paths = {}
        for i, request in ipairs(server:requests()) do
          paths[i] = request.path
        end
        assert.truthy(paths[2]:find("^/child%?"))
        assert.truthy(paths[3]:find("^/parent%?"))
        assert.is_not.equal(paths[2]:match("%?(.*)"), paths[3]:match("%?(.*)"))
        assert.is_not.equal(uuid_before, paths[3]:match("%?(.*)"))
        assert.equal(2, #server:record())
        session:close()
      end)
    end
  end)

  -- Before libcurl 7.80 nobody asks before a request goes out, so a write's body is one that cannot be rewound.
  describe("built for an old libcurl", function()
    local driver

    setup(function() driver = compile_driver("old", "-DREFERRALS_WITHOUT_PREREQ") end)

    local function drive(...)
      local words = { driver, "-", "stay" }
      for _, word in ipairs({ ... }) do
        words[#words + 1] = shell.quote(word)
      end
      return shell.must(table.concat(words, " "))
    end

    local function puts()
      local count = 0
      for _, request in ipairs(server:requests()) do
        count = count + (request.method ~= "GET" and 1 or 0)
      end
      return count
    end

    it("sends reads and writes as ever", function()
      local url = server.url
      local output = drive("PUT", url, "body", "GET", url, "", "POST", url, "", "PATCH", url, "more", "GET", url, "")
      for line in output:gmatch("[^\n]+") do
        assert.truthy(line:find("^ok sent 200 %d %-$"), output)
      end
      local bodies = {}
      for i, request in ipairs(server:requests()) do
        bodies[i] = request.method .. " " .. request.body
        assert.is_nil(request.head:lower():find("chunked", 1, true))
      end
      assert.same({ "PUT body", "GET ", "POST ", "PATCH more", "GET " }, bodies)
    end)

    it("sends no write twice", function()
      for _, how in ipairs({ "fin", "rst" }) do
        for _, body in ipairs({ "body", ("x"):rep(100000) }) do
          server:plan({ connections = { { faulty.answer(), faulty.drop(how) }, { faulty.answer() } } })
          local output = drive("GET", server.url, "", "PUT", server.url, body, "GET", server.url, "")
          assert.truthy(output:find("\nfailed sent 0 ", 1, true), output)
          assert.truthy(output:find("\nok sent 200 %d %-\n$"), output)
          assert.equal(1, puts())
        end
      end
    end)

    it("sends a write without a body on a connection of its own", function()
      server:plan({ connections = { { faulty.answer(), faulty.drop() }, { faulty.answer() } } })
      assert.equal("ok sent 200 1 -\nok sent 200 1 -\n", drive("GET", server.url, "", "POST", server.url, ""))
      assert.equal(1, puts())
    end)

    it("knows what was surely not sent", function()
      local nobody = "http://127.0.0.1:" .. shell.free_port() .. "/"
      local output = drive("PUT", nobody, "x", "PUT", "http://example.com/", "x")
      assert.truthy(output:find("^failed unsent 0 %d Failed to connect"), output)
      assert.truthy(output:find("\nfailed unsent 0 0 https is required", 1, true), output)
    end)
  end)
end)
