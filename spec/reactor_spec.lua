-- core.reactor: what a host does with it. A connection to the reactor's address is how the host waits.
local core = require "referrals.core"
local faulty = require "spec.support.faulty"
local unix = require "socket.unix"

local reactor_of = core.reactor

describe("reactor", function()
  local server, reactor

  before_each(function()
    server = faulty.start()
    reactor = assert(reactor_of.new({}, 4))
  end)
  after_each(function()
    reactor:close()
    faulty.stop_all()
  end)

  local function open(of)
    local client = assert((unix.stream or unix)())
    assert(client:connect(((of or reactor):address():gsub("^unix:", ""))))
    client:settimeout(20)
    return client
  end

  local function begin(path, more)
    local request = { url = server.url .. path, timeout = 20 }
    for name, value in pairs(more or {}) do
      request[name] = value
    end
    return assert(reactor:begin(request))
  end

  local function answered(ticket, client)
    assert(client:send(ticket:line()))
    assert.equal("", (client:receive("*l")))
    return ticket:result()
  end

  local function first_two(outcome, sent)
    return outcome, sent
  end

  it("answers what is knocked for, again and again on one connection", function()
    local client = open()
    server:plan(faulty.answer { status = 201, headers = { "X-One: two" }, body = '{"a":1}' })
    for _ = 1, 3 do
      local ticket = begin("/x", { method = "PUT", headers = { "If-Match: tag" }, body = "written" })
      local outcome, sent, status, headers, body, message = answered(ticket, client)
      assert.same({ "ok", true, 201, '{"a":1}' }, { outcome, sent, status, body })
      assert.equal("two", core.http.header(headers, "x-one"))
      assert.is_nil(message)
      assert.is_false(ticket:close())
    end
    local requests = server:requests()
    assert.equal(3, #requests)
    assert.equal("written", requests[3].body)
    assert.truthy(requests[3].head:find("If-Match: tag", 1, true))
    assert.equal(1, #server:record(), "connections")
    client:close()
  end)

  it("starts nothing before it is knocked for, and then never when the ticket is closed", function()
    local ticket = begin("/never")
    assert.is_nil((ticket:result()))
    assert.is_true(ticket:close())
    assert.is_false(ticket:close())
    local client = open()
    answered(begin("/asked"), client)
    assert.equal("/asked", server:requests()[1].path)
    client:close()
  end)

  it("takes no more than it was made for, and more again later", function()
    local tickets = {}
    for i = 1, 4 do
      tickets[i] = begin("/" .. i)
    end
    assert.is_nil(reactor:begin { url = server.url })
    tickets[2]:close()
    local client = open()
    assert.equal("ok", (answered(begin("/again"), client)))
    client:close()
  end)

  it("rings one bell for all that was started without a knock", function()
    local client, tickets = open(), {}
    for i = 1, 4 do
      local ticket = begin("/" .. i)
      tickets[ticket:start(i > 1)] = ticket
    end
    assert.equal(4, reactor:held())
    reactor:call()
    local named, list = 0, {}
    while named < 4 do
      client:send(reactor:bell())
      assert.equal("", (client:receive("*l")))
      for i = 1, reactor:rung(list, 4) do
        assert.equal("ok", (tickets[list[i]]:result()))
        tickets[list[i]]:close()
        named = named + 1
      end
    end
    assert.equal(0, reactor:rung(list, 4))
    assert.equal(0, reactor:held())
    client:close()
  end)

  it("rings again for those that were not taken", function()
    local client, tickets, list, named = open(), {}, {}, {}
    for i = 1, 4 do
      local ticket = begin("/" .. i)
      tickets[ticket:start(i > 1)] = ticket
    end
    reactor:call()
    for _ = 1, 4 do
      repeat
        client:send(reactor:bell())
        assert.equal("", (client:receive("*l")))
        local count = reactor:rung(list, 1)
        assert.truthy(count == 0 or count == 1)
      until count == 1
      named[list[1]] = true
    end
    for place, ticket in pairs(tickets) do
      assert.is_true(named[place])
      assert.equal("ok", (ticket:result()))
      ticket:close()
    end
    assert.equal(0, reactor:rung(list, 1))
    client:close()
  end)

  local function nice_values()
    local values = {}
    for id in io.popen("ls /proc/$PPID/task"):lines() do
      local file = io.open("/proc/self/task/" .. id .. "/stat")
      values[#values + 1] = tonumber(file:read("*a"):match("%) %a" .. (" %S+"):rep(15) .. " (%S+)"))
      file:close()
    end
    table.sort(values) -- the threads' numbers may begin anew between one and the next
    return values
  end

  it("gives way to the host's own threads", function()
    answered(begin("/x"), open()) -- the thread runs
    local values = nice_values()
    assert.equal(2, #values)
    assert.equal(math.min(values[1] + 10, 19), values[2])
  end)

  it("gives back the places of tickets that nobody holds", function()
    for i = 1, 100 do
      local ticket = reactor:begin { url = server.url .. "/" .. i }
      if not ticket then
        collectgarbage()
        assert(reactor:begin { url = server.url })
      end
    end
  end)

  it("says why there is no answer, and whether anything was sent", function()
    local client = open()
    local outcome, sent, status, headers, body, message = answered(begin("/", { url = "http://127.0.0.1:1/" }), client)
    assert.same({ "network", false }, { outcome, sent })
    assert.is_nil(status or headers or body)
    assert.truthy(message:find("Failed to connect", 1, true))
    assert.same({ "invalid", false }, { first_two(answered(begin("/", { url = "http://example.com/" }), client)) })
    server:plan(faulty.drop())
    assert.same({ "network", true }, { first_two(answered(begin("/", { method = "PUT", body = "x" }), client)) })
    client:close()
  end)

  it("answers by the deadline, which begins with the ticket", function()
    server:plan(faulty.answer({}, { delay = 5 }))
    local client, began = open(), core.http.now()
    local outcome, sent = answered(begin("/", { timeout = 0.2 }), client)
    assert.same({ "timeout", true }, { outcome, sent })
    assert.is_true(core.http.now() - began < 2)
    assert.same({ "timeout", false }, { first_two(answered(begin("/", { timeout = 0 }), client)) })
    client:close()
  end)

  it("leaves tickets usable when it is closed before them", function()
    server:plan(faulty.answer({}, { hold = true }))
    local client, running, ready = open(), begin("/running", { method = "PUT" }), begin("/ready")
    client:send(running:line())
    while #server:requests() == 0 do
      client:settimeout(0.01)
      client:receive("*l")
    end
    reactor:close()
    reactor:close()
    local outcome, sent = running:result()
    assert.same({ "cancelled", true }, { outcome, sent })
    assert.is_nil((ready:result()))
    assert.is_true(ready:close())
    assert.is_false(running:close())
    assert.has_error(function() reactor:begin { url = server.url } end)
    client:close()
  end)

  it("keeps reactors apart", function()
    local another = assert(reactor_of.new({}, 1))
    local ticket, client = begin("/mine"), open(another)
    assert(client:send(ticket:line()))
    assert.equal("", (client:receive("*l")))
    assert.is_nil((ticket:result()))
    client:close()
    another:close()
  end)

  it("refuses what is no option and no request", function()
    assert.has_error(function() reactor_of.new({ nonsense = 1 }, 1) end)
    assert.has_error(function() reactor_of.new({}, 0) end)
    assert.has_error(function() reactor:begin { url = 1 } end)
    assert.has_error(function() reactor:begin { url = server.url, headers = { 1 } } end)
  end)
end)
