-- A server that misbehaves as it is told, for any spec:
--
--   local server = faulty.start({ connections = { { faulty.answer(), faulty.drop("fin") }, { faulty.answer() } } })
--   ... ask server.url .. "/path" ...
--   server:requests()   what came, in order
--   server:stop()       or faulty.stop_all() in after_each
--
-- A plan is {connections = {{step, ...}, ...}}: the nth connection follows the nth list, its nth request the nth
-- step; or {requests = {step, ...}}: the nth request of all. The last of each list stays for all that follow.
-- A plan may also be one step, for all requests.
--
-- A step is {unread=, hold=, delay=, send=, finish=}, in this order: a request is read (unless unread), it waits
-- for server:release() (hold), then for some seconds (delay), sends its pieces, and closes ("fin", "rst") or
-- keeps the connection. A piece is a string, {bytes=, pause=} (a byte at a time) or {forever=} (until the peer
-- has left). The functions below make the usual steps.
local socket = require("socket")

local faulty = {}

local started = {}
local load_text = loadstring or load -- luacheck: ignore (5.1)

local function with(step, more)
  for key, value in pairs(more or {}) do
    step[key] = value
  end
  return step
end

local function response(options)
  local body = options.body or "{}"
  local lines = { "HTTP/1.1 " .. (options.status or 200) .. " " .. (options.reason or "Any") }
  for _, header in ipairs(options.headers or {}) do
    lines[#lines + 1] = header
  end
  lines[#lines + 1] = "Content-Length: " .. (options.length or #body)
  return table.concat(lines, "\r\n") .. "\r\n\r\n" .. body
end

-- {status=, reason=, headers={"Name: value"}, body=, length=: a wrong Content-Length}, and fields of the step.
function faulty.answer(options, step)
  return with({ send = { response(options or {}) } }, step)
end

-- These bytes and nothing else; closes unless the step says otherwise.
function faulty.raw(bytes, step)
  return with({ send = { bytes }, finish = "fin" }, step)
end

-- Reads the request and closes without an answer.
function faulty.drop(how)
  return { finish = how or "fin" }
end

-- Closes without reading. Only in a plan of connections.
function faulty.unread(how)
  return { unread = true, finish = how or "fin" }
end

-- Announces all of the body and closes after `bytes` of it.
function faulty.cut(body, bytes)
  return faulty.raw(response({ body = body:sub(1, bytes), length = #body }))
end

-- A chunked body without its last chunk.
function faulty.open_chunks()
  return faulty.raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n")
end

-- A good answer, a byte at a time.
function faulty.trickle(options, pause)
  return { send = { { bytes = response(options), pause = pause } } }
end

function faulty.endless_headers()
  return { send = { "HTTP/1.1 200 OK\r\n", { forever = ("X-Header: value\r\n"):rep(100) } } }
end

function faulty.endless_header_line()
  return { send = { "HTTP/1.1 200 OK\r\nX-Header: ", { forever = ("value"):rep(1000) } } }
end

function faulty.endless_interim()
  return { send = { { forever = ("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"):rep(50) } } }
end

function faulty.endless_body()
  return { send = { "HTTP/1.1 200 OK\r\n\r\n", { forever = ("body"):rep(1000) } } }
end

-- A small answer that unpacks to so many bytes.
function faulty.gzip_bomb(bytes)
  local pipe = assert(io.popen("head -c " .. bytes .. " /dev/zero | gzip -9n"))
  local packed = pipe:read("*a")
  pipe:close()
  return faulty.answer({ body = packed, headers = { "Content-Encoding: gzip" } })
end

function faulty.redirect(url)
  return faulty.answer({ status = 302, headers = { "Location: " .. url }, body = "moved" })
end

function faulty.garbage()
  return faulty.raw("no such thing as a status line\r\n\r\nbody")
end

-- Interim answers before the one that counts.
function faulty.interim(options)
  local hints = "HTTP/1.1 103 Early Hints\r\nX-Interim: yes\r\n\r\n"
  return { send = { "HTTP/1.1 100 Continue\r\n\r\n", hints, response(options or {}) } }
end

local function literal(value)
  if type(value) ~= "table" then
    return type(value) == "string" and string.format("%q", value) or tostring(value)
  end
  local parts = {}
  for key, item in pairs(value) do
    parts[#parts + 1] = "[" .. literal(key) .. "]=" .. literal(item)
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

local server = {}
server.__index = server

function server:command(name, text)
  text = text or ""
  assert(self.control:send(name .. " " .. #text .. "\n" .. text))
  local length = tonumber((assert(self.control:receive("*l"))))
  return length == 0 and "" or assert(self.control:receive(length))
end

-- Starts over with another plan and an empty record. A connection that stands counts as a new one from its next
-- request on.
function server:plan(plan)
  if not plan.connections and not plan.requests then
    plan = { requests = { plan } }
  end
  self:command("plan", literal(plan))
end

-- Lets every step go on that holds now.
function server:release()
  self:command("release")
end

-- {{requests = {{method=, path=, head=, body=, number=}, ...}, bytes = all that came, peer_left=}, ...}: by
-- connection; `number` is the order over all of them.
function server:record()
  return assert(load_text("return " .. self:command("record")))()
end

-- The requests of all connections, in the order in which they came.
function server:requests()
  local requests = {}
  for _, connection in ipairs(self:record()) do
    for _, request in ipairs(connection.requests) do
      requests[#requests + 1] = request
    end
  end
  table.sort(requests, function(a, b) return a.number < b.number end)
  return requests
end

-- Returns as soon as condition(server) holds; raises after some seconds without it.
function server:wait_for(condition, seconds)
  local limit = socket.gettime() + (seconds or 20)
  while not condition(self) do
    assert(socket.gettime() < limit, "the server never came to that")
    socket.sleep(0.002)
  end
end

function server:stop()
  if started[self] then
    started[self] = nil
    self.control:send("quit 0\n")
    self.control:close()
    self.process:close()
  end
end

function faulty.start(plan)
  local process = assert(io.popen("exec lua5.4 spec/support/faulty_server.lua", "r"))
  local port, control_port = assert(process:read("*l")):match("^(%d+) (%d+)$")
  local self = setmetatable({ process = process, port = tonumber(port) }, server)
  self.control = assert(socket.connect("127.0.0.1", tonumber(control_port)))
  self.control:settimeout(30)
  self.control:setoption("tcp-nodelay", true)
  self.url = "http://127.0.0.1:" .. port
  started[self] = true
  self:plan(plan or faulty.answer())
  return self
end

function faulty.stop_all()
  for self in pairs(started) do
    self:stop()
  end
end

return faulty
