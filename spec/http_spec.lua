local asking = require("spec.support.asking")
local faulty = require("spec.support.faulty")
local http = require("referrals.core").http
local sessions = require("spec.support.sessions")

local ask = asking.ask

sessions(describe, "http", function(open)
  local session, server

  before_each(function()
    session = open({})
    server = faulty.start()
  end)

  after_each(function()
    session:close()
    faulty.stop_all()
  end)

  describe("a request", function()
    it("arrives as it was given", function()
      for _, method in ipairs({ "PUT", "PATCH", "POST" }) do
        local result = ask(session, {
          method = method, url = server.url .. "/a/../b?c=%20d", body = "bytes \0\r\n\255",
          headers = { "Content-Type: application/json", "If-Match: \"x\"", "Empty;", "client-request-id: 1" },
        })
        assert.equal("invalid", result.outcome) -- "Empty;" is libcurl's own form, not a header
        result = ask(session, {
          method = method, url = server.url .. "/a/../b?c=%20d", body = "bytes \0\r\n\255",
          headers = { "Content-Type: application/json", "If-Match: \"x\"", "client-request-id: 1" },
        })
        assert.equal("ok", result.outcome)
      end
      local requests = server:requests()
      assert.equal(3, #requests)
      assert.equal("PUT /a/../b?c=%20d HTTP/1.1\r\nHost: 127.0.0.1:" .. server.port
        .. "\r\nAccept: */*\r\nAccept-Encoding: gzip\r\nContent-Type: application/json\r\nIf-Match: \"x\"\r\n"
        .. "client-request-id: 1\r\nContent-Length: 10\r\n\r\n", requests[1].head)
      for i, method in ipairs({ "PUT", "PATCH", "POST" }) do
        assert.equal(method, requests[i].method)
        assert.equal("bytes \0\r\n\255", requests[i].body)
      end
    end)

    it("has nothing that was not asked for", function()
      ask(session, { method = "GET", url = server.url .. "/" })
      ask(session, { method = "PUT", url = server.url .. "/", body = "x" })
      ask(session, { method = "POST", url = server.url .. "/" })
      local requests = server:requests()
      local host = "Host: 127.0.0.1:" .. server.port .. "\r\nAccept: */*\r\nAccept-Encoding: gzip\r\n"
      assert.equal("GET / HTTP/1.1\r\n" .. host .. "\r\n", requests[1].head)
      assert.equal("PUT / HTTP/1.1\r\n" .. host .. "Content-Length: 1\r\n\r\n", requests[2].head)
      assert.equal("POST / HTTP/1.1\r\n" .. host .. "Content-Length: 0\r\n\r\n", requests[3].head)
    end)

    it("names its user agent when the session has one", function()
      local named = open({ user_agent = "spec/1" })
      ask(named, { url = server.url .. "/" })
      named:close()
      assert.truthy(server:requests()[1].head:find("\r\nUser-Agent: spec/1\r\n", 1, true))
    end)

    it("never asks for leave to send a large body", function()
      local body = ("x"):rep(3 * 1024 * 1024)
      assert.equal("ok", ask(session, { method = "PUT", url = server.url .. "/", body = body }).outcome)
      local request = server:requests()[1]
      assert.equal(#body, #request.body)
      assert.is_nil(request.head:lower():find("expect", 1, true))
    end)

    it("goes where it is to go, whether the one before it went there too or could not go at all", function()
      local outcomes = {}
      for i, path in ipairs({ "/1", "/1", "/2", "/1", "/not this", "/1", "/12", "/1" }) do
        outcomes[i] = ask(session, { method = "PUT", url = server.url .. path, body = path }).outcome
      end
      assert.equal("ok ok ok ok invalid ok ok ok", table.concat(outcomes, " "))
      local targets = {}
      for i, request in ipairs(server:requests()) do
        targets[i] = request.head:match("^PUT (%S+)") .. " " .. request.body
      end
      assert.same({ "/1 /1", "/1 /1", "/2 /2", "/1 /1", "/1 /1", "/12 /12", "/1 /1" }, targets)
    end)

    it("is judged again after one to the same place failed", function()
      server:plan({ requests = { faulty.answer(), faulty.drop("rst"), faulty.answer(), faulty.answer() } })
      local outcomes = {}
      for i = 1, 4 do
        outcomes[i] = ask(session, { method = "PUT", url = server.url .. "/same" }).outcome
      end
      assert.equal("ok resend_refused ok ok", table.concat(outcomes, " "))
      assert.equal(4, #server:requests())
    end)

    it("leaves nothing behind for the next one", function()
      ask(session, { method = "PUT", url = server.url .. "/1", body = "first", headers = { "Secret: 1" } })
      ask(session, { method = "GET", url = server.url .. "/2" })
      ask(session, { method = "POST", url = server.url .. "/3" })
      for i, request in ipairs(server:requests()) do
        if i > 1 then
          assert.equal("", request.body)
          assert.is_nil(request.head:find("Secret", 1, true))
        end
      end
      assert.equal(1, #server:record())
    end)
  end)

  describe("an answer", function()
    it("comes with status, headers, body and times", function()
      server:plan(faulty.answer({ status = 412, body = "{\"a\":1}", headers = { "ETag: \"1\"", "X-A: b" } }))
      local result = ask(session, { url = server.url .. "/" })
      assert.equal("ok", result.outcome)
      assert.is_true(result.sent)
      assert.equal(412, result.status)
      assert.equal("{\"a\":1}", result.body)
      assert.equal("HTTP/1.1 412 Any\r\nETag: \"1\"\r\nX-A: b\r\nContent-Length: 7\r\n", result.headers)
      assert.is_nil(result.message)
      assert.equal(1.1, result.transfer.http_version)
      assert.equal(1, result.transfer.connections_made)
      assert.equal(7, result.transfer.received)
      assert.is_true(result.transfer.total > 0 and result.transfer.total >= result.transfer.first_byte)
    end)

    it("is unpacked", function()
      server:plan(faulty.gzip_bomb(5000))
      assert.equal(("\0"):rep(5000), ask(session, { url = server.url .. "/", max_body = 5000 }).body)
    end)

    it("is the one after the interim ones", function()
      server:plan(faulty.interim({ body = "final", headers = { "X-Final: yes" } }))
      local result = ask(session, { method = "PUT", url = server.url .. "/", body = "x" })
      assert.equal(200, result.status)
      assert.equal("final", result.body)
      assert.equal("yes", http.header(result.headers, "x-final"))
      assert.is_nil(http.header(result.headers, "x-interim"))
    end)

    it("is not followed elsewhere", function()
      server:plan(faulty.redirect(server.url .. "/elsewhere"))
      assert.equal(302, ask(session, { url = server.url .. "/" }).status)
      assert.equal(1, #server:requests())
    end)

    it("leaves no cookie", function()
      server:plan(faulty.answer({ headers = { "Set-Cookie: a=b; Path=/" } }))
      ask(session, { url = server.url .. "/" })
      ask(session, { url = server.url .. "/" })
      assert.is_nil(server:requests()[2].head:lower():find("cookie", 1, true))
    end)

    it("without a body is an empty text", function()
      server:plan(faulty.raw("HTTP/1.1 204 None\r\n\r\n", {}))
      local result = ask(session, { url = server.url .. "/" })
      assert.same({ "ok", 204, "" }, { result.outcome, result.status, result.body })
    end)
  end)

  describe("many at once", function()
    it("are all answered, whichever comes first", function()
      server:plan({ connections = { { faulty.answer({}, { hold = true }) }, { faulty.answer() } } })
      local held = session:start({ url = server.url .. "/held" })
      server:wait_for(function()
        session:pump(0)
        return #server:requests() == 1
      end)
      local others = {}
      for i = 1, 20 do
        others[i] = session:start({ url = server.url .. "/" .. i })
      end
      assert.equal(21, session:in_flight())
      for i = 1, 20 do
        assert.equal("ok", asking.wait(session, others[i]).outcome)
      end
      assert.is_false(held:done())
      assert.is_nil((held:result()))
      server:release()
      assert.equal("ok", asking.wait(session, held).outcome)
    end)

    it("are handed out once each by next_done", function()
      local waiting = {}
      for i = 1, 10 do
        waiting[session:start({ url = server.url .. "/" .. i })] = true
      end
      local counted = 0
      while next(waiting) do
        counted = counted + session:pump(5)
        for exchange in session.next_done, session do
          assert.is_true(waiting[exchange])
          waiting[exchange] = nil
        end
      end
      assert.equal(10, counted)
      assert.is_nil(session:next_done())
    end)

    it("keep to the number of connections that is allowed", function()
      local narrow = open({ max_connections = 2 })
      local exchanges = {}
      for i = 1, 12 do
        exchanges[i] = narrow:start({ url = server.url .. "/" .. i })
      end
      for i = 1, 12 do
        assert.equal("ok", asking.wait(narrow, exchanges[i]).outcome)
      end
      narrow:close()
      assert.equal(2, #server:record())
    end)
  end)

  describe("objects", function()
    it("may be closed in any order, and twice", function()
      local exchange = session:start({ url = server.url .. "/" })
      session:close()
      session:close()
      local result = asking.result(exchange)
      assert.equal("cancelled", result.outcome)
      exchange:close()
      exchange:close()
      assert.is_false(session:is_ours())
      assert.has_error(function() session:pump(0) end)
      assert.has_error(function() exchange:done() end)
    end)

    it("keep a result after the session is closed", function()
      local exchange = session:start({ url = server.url .. "/" })
      asking.wait(session, exchange)
      session:close()
      local result = asking.result(exchange)
      assert.equal("{}", result.body)
      assert.equal(1.1, result.transfer.http_version)
      exchange:close()
    end)

    it("end what is under way when they are collected", function()
      server:plan(faulty.answer({}, { hold = true }))
      session:start({ url = server.url .. "/" })
      server:wait_for(function()
        session:pump(0)
        return #server:requests() == 1
      end)
      collectgarbage()
      collectgarbage()
      assert.equal(0, session:in_flight())
      assert.is_nil(session:next_done())
      server:release()
      server:plan(faulty.answer())
      assert.equal("ok", ask(session, { url = server.url .. "/" }).outcome)
    end)

    it("cancel one and leave the others", function()
      server:plan(faulty.answer({}, { hold = true }))
      local one = session:start({ url = server.url .. "/1" })
      local two = session:start({ url = server.url .. "/2" })
      server:wait_for(function()
        session:pump(0)
        return #server:requests() == 2
      end)
      one:cancel()
      local result = asking.result(one)
      assert.same({ "cancelled", true }, { result.outcome, result.sent })
      server:release()
      assert.equal("ok", asking.wait(session, two).outcome)
      two:cancel()
      assert.equal("ok", (two:result()))
    end)

    it("wait even when nothing is under way", function()
      local before = http.now()
      assert.equal(0, session:pump(0.05))
      assert.is_true(http.now() - before >= 0.05)
    end)
  end)

  describe("functions", function()
    it("find a header by name, the last one of it", function()
      local block = "HTTP/1.1 200 OK\r\nETag:  \"1\" \r\nX: a\nx:\t b\r\nX-Longer: c\r\nEmpty:\r\nLast: d"
      assert.equal("\"1\"", http.header(block, "etag"))
      assert.equal("b", http.header(block, "X"))
      assert.equal("", http.header(block, "empty"))
      assert.equal("d", http.header(block, "LAST"))
      assert.is_nil(http.header(block, "HTTP/1.1 200 OK"))
      assert.is_nil(http.header(block, "Long"))
      assert.is_nil(http.header("", "x"))
    end)

    it("tell a time that only grows", function()
      local before = http.now()
      assert.is_true(http.now() >= before)
    end)
  end)
end)
