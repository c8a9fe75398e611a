local nginx = require "support.nginx"
local pointer = require "referrals.sandbox.pointer"
local sandbox = require "referrals.sandbox"
local site = require "referrals.sandbox.nginx"
local values = require "referrals.sandbox.values"

local ID = sandbox.EXAMPLE_ID
local TAG = '"2500ec5a-0000-0000-0000-5bf4967d0000"'
local BODY = pointer.without(sandbox.example, "links")
local GONE = "00000000-0000-0000-0000-000000000000"

local function read(path)
  local file = io.open(path, "rb")
  local text = file and file:read("*a") or ""
  if file then
    file:close()
  end
  return text
end

--- One curl process: {exit, status, version, body, headers}.
local function curl(server, arguments, path, body)
  local folder = site.new_folder()
  if body then
    local file = assert(io.open(folder .. "/body", "wb"))
    file:write(body)
    file:close()
    arguments = arguments .. " --data-binary @" .. folder .. "/body -H 'content-type: application/json'"
  end
  local ca_file = server.ca_file and "--cacert " .. server.ca_file or ""
  local told = site.output(("curl -s --noproxy '*' --max-time 10 %s -H 'authorization: Bearer x' "
    .. "-H 'client-request-id: %s' -o %s/answer -D %s/head -w '%%{exitcode} %%{http_code} %%{http_version}' %s '%s'")
    :format(ca_file, GONE, folder, folder, arguments, server.url .. path))
  local exit, status, version = told:match("^(%d+) (%d+) (%S+)")
  local result = { exit = tonumber(exit), status = tonumber(status), version = version,
    body = read(folder .. "/answer"), headers = read(folder .. "/head"):lower() }
  site.run("rm -rf " .. folder)
  return result
end

for name, options in pairs { ["HTTP/1.1"] = {}, ["TLS"] = { tls = true }, ["HTTP/2"] = { h2 = true } } do
  describe("sandbox under nginx, " .. name, function()
    local server
    local referral = "/referrals/" .. ID

    setup(function() server = nginx.start(options) end)
    teardown(function() server:stop() end)

    before_each(function() server:reset() end)
    after_each(function() assert.equal("", server:error_log()) end)

    it("serves the example", function()
      local answer = curl(server, "", referral)
      assert.same({ 0, 200, options.h2 and "2" or "1.1" }, { answer.exit, answer.status, answer.version })
      assert.equal(sandbox.example, answer.body)
      assert.truthy(answer.headers:find("etag: " .. TAG, 1, true))
    end)

    it("compresses for those who ask", function()
      local answer = curl(server, "--compressed", referral)
      assert.equal(sandbox.example, answer.body)
      assert.truthy(answer.headers:find("content-encoding: gzip", 1, true))
    end)

    it("answers an applied write under If-Match with 200 and records it exactly", function()
      local answer = curl(server, "-X PUT -H 'If-Match: " .. TAG .. "'", referral, BODY)
      assert.equal(200, answer.status)
      assert.equal(server:stored(ID), answer.body)
      local record = server:record()
      assert.equal(1, #record)
      assert.equal(TAG, record[1].headers["if-match"])
      assert.equal(BODY, record[1].body)
      assert.is_true(record[1].applied)
      assert.is_number(record[1].connection)
      answer = curl(server, "-X PUT -H 'If-Match: " .. TAG .. "'", referral, BODY)
      assert.equal(412, answer.status)
      assert.truthy(answer.body:find('"code":"99918"', 1, true))
    end)

    it("takes bodies larger than nginx's buffer and bytes of every kind", function()
      local large = pointer.add(BODY, { "details", "notes" }, values.quote(("x"):rep(300000)))
      assert.equal(200, curl(server, "-X PUT -H 'If-Match: *'", referral, large).status)
      local bytes = {}
      for byte = 0, 255 do
        bytes[#bytes + 1] = string.char(byte)
      end
      local binary = table.concat(bytes)
      assert.equal(400, curl(server, "-X PUT -H 'If-Match: *'", referral, binary).status)
      local record = server:record()
      assert.equal(large, record[1].body)
      assert.equal(binary, record[2].body)
    end)

    it("answers 204 without a body", function()
      local answer = curl(server, "-X PATCH", referral, '[{"op":"add","path":"/salesStage","value":"50"}]')
      assert.same({ 204, "" }, { answer.status, answer.body })
    end)

    it("issues tokens and pages that lead on", function()
      server:reset { page_size = 1 }
      server:store('{"id":"b"}')
      local first = curl(server, "", "/referrals?$select=id")
      local link = values.unquote(values.member(first.body, "@odata.nextLink"))
      assert.equal(server.url, link:sub(1, #server.url))
      assert.truthy(curl(server, "", link:sub(#server.url + 1)).body:find('"value":[{"id":"b"}]', 1, true))
    end)

    it("carries faults on the connection", function()
      local broken = { close_before = options.h2 and 92 or 52, close_after = options.h2 and 92 or 52,
        cut = options.h2 and 92 or 18, wrong_length = options.h2 and 92 or 18 }
      for kind, exit in pairs(broken) do
        server:reset()
        server:fault { kind = kind, method = "PUT" }
        assert.equal(exit, curl(server, "-X PUT -H 'If-Match: *'", referral, BODY).exit)
        local entry = server:record()[1]
        assert.same({ kind, kind ~= "close_before" }, { entry.fault, entry.applied })
      end
      server:fault { kind = "close_after", mode = "rst" }
      assert.equal(options.h2 and 92 or 56, curl(server, "", referral).exit)
      server:fault { kind = "trickle", interval = 0 }
      assert.equal(server:stored(ID), curl(server, "", referral).body)
    end)

    it("waits, and can apply after the client gave up", function()
      server:fault { kind = "late", delay = 0.1 }
      assert.equal(200, curl(server, "", referral).status)
      server:fault { kind = "late", delay = 0.3, apply = "after" }
      assert.equal(28, curl(server, "--max-time 0.1 -X PUT -H 'If-Match: *'", referral, BODY).exit)
      assert.is_false(server:record()[2].applied)
      site.run("sleep 0.4")
      assert.is_true(server:record()[2].applied)
    end)

    it("is steered: other writers, the clock, switches", function()
      server:write(ID, "/details/dealValue", "7.00")
      assert.equal("7.00", pointer.find(server:stored(ID), { "details", "dealValue" }))
      server:write(ID)
      server:switch { etag_header = false }
      assert.is_nil(curl(server, "", referral).headers:find("etag:", 1, true))
      server:revoke("x")
      assert.equal(401, curl(server, "", referral).status)
      assert.equal(1, server:expire())
      server:advance(10)
      server:expire_tokens()
      server:forget()
      assert.same({}, server:record())
      server:remove(ID)
      assert.has_error(function() server:stored(ID) end)
    end)
  end)
end

describe("sandbox nginx", function()
  it("leaves neither process nor folder behind", function()
    local server = nginx.start()
    finally(function() server:stop() end)
    local folder, pid = server.folder, server.pid
    assert.is_true(nginx.is_alive(pid))
    server:stop()
    assert.is_false(nginx.is_alive(pid))
    assert.is_false(site.run("test -e " .. folder))
  end)

  it("ends with the process that serves it, even when that is killed", function()
    local folder = site.new_folder()
    finally(function() site.run("rm -rf " .. folder) end)
    site.run(("lua5.1 lua/referrals/sandbox/serve.lua --port 0 --folder %s > %s/out 2>&1 & echo $! > %s/lua.pid")
      :format(folder, folder, folder))
    assert.is_true(site.run(("for i in $(seq 100); do test -s %s/nginx.pid && exit 0; sleep 0.05; done; exit 1")
      :format(folder)))
    local url = site.output("head -n 1 " .. folder .. "/out")
    assert.truthy(url:find("^http://127%.0%.0%.1:%d+/v1%.0/engagements$"))
    assert.equal("ready", site.output("curl -s " .. url:match("^(.*)/v1%.0") .. "/sandbox/ready"))
    site.run(("kill -KILL $(cat %s/lua.pid)"):format(folder))
    assert.is_true(site.run(("for i in $(seq 100); do test -e %s/nginx.pid || exit 0; sleep 0.05; done; exit 1")
      :format(folder)))
  end)

  it("says that the port is taken, and tells nobody an address", function()
    local server = nginx.start()
    finally(function() server:stop() end)
    local told = site.output("lua5.1 lua/referrals/sandbox/serve.lua --port " .. server.port .. " 2>&1; echo $?")
    assert.equal("cannot listen at port " .. server.port .. " of 127.0.0.1: address already in use\n2", told)
  end)
end)
