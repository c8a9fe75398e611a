-- A server that misbehaves as it is told: a process of its own, started by spec/support/faulty.lua.
--
-- It prints its two ports: the one it misbehaves on, and the one it takes commands on. It ends when told
-- to quit, or when the connection to its commander ends, so that no test can leave it behind.
local socket = require("socket")

local COMMANDER_SECONDS = 30
local CHUNK = 16384

local plan = {}
local record = {}
local arrivals = 0
local listener
local releases = 0
local tasks = {}

local function spawn(f)
  tasks[#tasks + 1] = { thread = coroutine.create(f) }
end

-- The plan's step for the nth request of a connection, or for the nth of all; the last of a list stays.
local function step_for(connection_number, request_number)
  local steps, index = plan.requests, arrivals
  if plan.connections then
    steps = plan.connections[math.min(connection_number, #plan.connections)]
    index = request_number
  end
  return steps[math.min(index, #steps)]
end

-- A connection in the record. It is entered again when the record has been started anew.
local function enter(state)
  state.record = record
  state.number = #record + 1
  state.requests = 0
  state.entry = { requests = {}, bytes = "" }
  record[state.number] = state.entry
end

-- Returns nil at the end of the connection.
local function receive_some(client, state)
  while true do
    local bytes, why, partial = client:receive(CHUNK)
    bytes = bytes or partial
    if bytes ~= "" then
      if state.record ~= record then
        enter(state)
      end
      state.entry.bytes = state.entry.bytes .. bytes
      return bytes
    end
    if why ~= "timeout" then
      return nil
    end
    coroutine.yield({ read = client })
  end
end

-- The first request in what came; nil while it is not all there. Only Content-Length tells how long a body is.
local function take_request(state)
  local head_end = select(2, state.unread:find("\r\n\r\n", 1, true))
  if not head_end then
    return nil
  end
  local head = state.unread:sub(1, head_end)
  local length = tonumber(head:lower():match("\r\ncontent%-length:%s*(%d+)")) or 0
  if #state.unread < head_end + length then
    return nil
  end
  local body = state.unread:sub(head_end + 1, head_end + length)
  state.unread = state.unread:sub(head_end + length + 1)
  local method, path = head:match("^(%S+) (%S+)")
  return { method = method, path = path, head = head, body = body }
end

-- Returns false when the connection ended before.
local function receive_request(client, state)
  local request = take_request(state)
  while not request do
    local bytes = receive_some(client, state)
    if not bytes then
      return false
    end
    state.unread = state.unread .. bytes
    request = take_request(state)
  end
  arrivals = arrivals + 1
  request.number = arrivals
  state.requests = state.requests + 1
  state.entry.requests[state.requests] = request
  return true
end

-- Returns false when the peer is gone.
local function send(client, bytes)
  local from = 1
  while from <= #bytes do
    local sent, why, partial = client:send(bytes, from)
    from = (sent or partial) + 1
    if not sent then
      if why ~= "timeout" then
        return false
      end
      coroutine.yield({ write = client })
    end
  end
  return true
end

local function send_piece(client, piece)
  if type(piece) == "string" then
    return send(client, piece)
  end
  if piece.pause then
    for i = 1, #piece.bytes do
      if not send(client, piece.bytes:sub(i, i)) then
        return false
      end
      coroutine.yield({ at = socket.gettime() + piece.pause })
    end
    return true
  end
  while send(client, piece.forever) do
    coroutine.yield({ at = 0 })
  end
  return false
end

local function finish(client, how)
  if how == "rst" then
    client:setoption("linger", { on = true, timeout = 0 })
  end
  client:close()
end

-- One step; returns true when the connection goes on.
local function perform(client, state, step)
  if step.hold then
    local before = releases
    while releases == before do
      coroutine.yield({ at = socket.gettime() + 0.005 })
    end
  end
  if step.delay then
    coroutine.yield({ at = socket.gettime() + step.delay })
  end
  for _, piece in ipairs(step.send or {}) do
    if not send_piece(client, piece) then
      state.entry.peer_left = true
      client:close()
      return false
    end
  end
  if step.finish then
    finish(client, step.finish)
    return false
  end
  return true
end

local function serve(client, state)
  local going = true
  while going do
    local early = plan.connections and step_for(state.number, state.requests + 1)
    if not (early and early.unread) and not receive_request(client, state) then
      state.entry.peer_left = true
      client:close()
      return
    end
    going = perform(client, state, step_for(state.number, math.max(1, state.requests)))
  end
end

local function accept_waiting()
  local client = listener:accept()
  while client do
    client:settimeout(0)
    client:setoption("tcp-nodelay", true)
    local connection, state = client, { unread = "" }
    enter(state)
    spawn(function() serve(connection, state) end)
    client = listener:accept()
  end
end

local function accept_all()
  while true do
    accept_waiting()
    coroutine.yield({ read = listener })
  end
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

local function receive_exactly(client, length)
  local parts, left = {}, length
  while left > 0 do
    local bytes, why, partial = client:receive(math.min(left, CHUNK))
    bytes = bytes or partial
    if bytes == "" then
      assert(why == "timeout", why)
      coroutine.yield({ read = client })
    end
    parts[#parts + 1] = bytes
    left = left - #bytes
  end
  return table.concat(parts)
end

local commands = {
  plan = function(text)
    accept_waiting() -- they belong to the record that ends here
    plan = assert(load("return " .. text))()
    arrivals, record = 0, {}
    return ""
  end,
  record = function() return literal(record) end,
  release = function()
    releases = releases + 1
    return ""
  end,
  quit = function() os.exit(0) end,
}

-- A command is "name length\n" and that many bytes; so is the answer, without the name.
local function obey(client)
  client:settimeout(0)
  local line = ""
  while true do
    local byte, why = client:receive(1)
    if byte == "\n" then
      local name, length = line:match("^(%a+) (%d+)$")
      local answer = commands[name](receive_exactly(client, tonumber(length)))
      send(client, #answer .. "\n" .. answer)
      line = ""
    elseif byte then
      line = line .. byte
    elseif why == "timeout" then
      coroutine.yield({ read = client })
    else
      os.exit(0)
    end
  end
end

local function listen()
  local bound = assert(socket.bind("127.0.0.1", 0, 512))
  bound:settimeout(0)
  return bound, select(2, bound:getsockname())
end

-- Runs every task that can go on; what each waits for decides how long the next select may take.
local function run_tasks(readable, writable)
  local left = {}
  local started = tasks
  tasks = {}
  for _, task in ipairs(started) do
    local wants = task.wants or { at = 0 }
    local due = wants.at and wants.at <= socket.gettime()
    if due or readable[wants.read] or writable[wants.write] then
      local ok, next_wants = coroutine.resume(task.thread)
      assert(ok, next_wants)
      task.wants = next_wants
    end
    if coroutine.status(task.thread) ~= "dead" then
      left[#left + 1] = task
    end
  end
  for _, task in ipairs(tasks) do
    left[#left + 1] = task
  end
  tasks = left
end

local function wait_for_tasks()
  local reads, writes, nearest = {}, {}, socket.gettime() + 1
  for _, task in ipairs(tasks) do
    local wants = task.wants or { at = 0 }
    reads[#reads + 1] = wants.read
    writes[#writes + 1] = wants.write
    nearest = math.min(nearest, wants.at or nearest)
  end
  return socket.select(reads, writes, math.max(0, nearest - socket.gettime()))
end

local port, control, control_port
listener, port = listen()
control, control_port = listen()
io.stdout:write(port, " ", control_port, "\n")
io.stdout:flush()

control:settimeout(COMMANDER_SECONDS)
local commander = control:accept()
if not commander then
  os.exit(1)
end
control:close()
spawn(function() obey(commander) end)
spawn(accept_all)
while true do
  local readable, writable = wait_for_tasks()
  run_tasks(readable, writable)
end
