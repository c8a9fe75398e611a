--- How to wait in an nginx worker: the session runs on the thread of a reactor, and the light thread that asked yields
--- until its answer is there: in a cosocket to the reactor, or at a semaphore where many wait (bell.lua).

local answer = require "referrals.runtime.answer"
local bell = require "referrals.runtime.bell"
local core = require "referrals.core"

local M = {}

local IDLE_MS = 60000 -- an idle connection to the reactor is kept so long
local MANY = 4 -- waiting at once: from then on one listens to the reactor's bell for all
local GRACE = 1 -- second: the reactor always answers by the deadline, so only its end is waited for longer
local SHORTEST_SLEEP = 0.001 -- seconds: nginx rounds less to nothing, and warns of that

local CAN_WAIT = {
  rewrite = true,
  server_rewrite = true,
  access = true,
  content = true,
  timer = true,
  ssl_cert = true,
  ssl_client_hello = true,
  ssl_session_fetch = true,
}

local Runtime = {}
Runtime.__index = Runtime

--- Raises in a phase where nothing can wait, at the line of whoever called the verb.
local function check_phase()
  local phase = ngx.get_phase()
  if not CAN_WAIT[phase] then
    local caller = require "referrals.caller"
    local message = ("a referrals verb cannot run in the phase '%s', which cannot wait for an answer: "
      .. "start a timer with ngx.timer.at and call it there"):format(phase)
    error(message, caller.level())
  end
end

-- The reactors of this Lua VM, by their options: clients that ask for the same share one, and with it its connections.
local shared = {}

local function key_of(options, most)
  local names, parts = {}, { tostring(most) }
  for name in pairs(options) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    parts[#parts + 1] = ("%s=%q"):format(name, options[name])
  end
  return table.concat(parts, "\n")
end

--- A connection to the reactor.
---@return table|nil
---@return string|nil why
local function connect(current, milliseconds)
  local socket = ngx.socket.tcp()
  socket:settimeouts(milliseconds, milliseconds, milliseconds)
  local ok, why = socket:connect(current.address, current.pool)
  if not ok then
    socket:close()
    return nil, why
  end
  return socket
end

local function keep(current, socket)
  socket:setkeepalive(IDLE_MS, current.pool.pool_size)
end

--- Started on first use, which is after the fork: what the master made is of no use to its workers.
function Runtime:current_reactor()
  local current = shared[self.key]
  if not current or not current.reactor:is_ours() then
    local reactor, why = core.reactor.new(self.options, self.queue)
    if not reactor then
      return nil, why
    end
    local pool = { pool = "referrals:" .. core.http.uuid(), pool_size = self.queue }
    current = { reactor = reactor, address = reactor:address(), pool = pool }
    current.bell = bell.new(reactor, function(milliseconds)
      return connect(current, milliseconds)
    end, function(socket)
      keep(current, socket)
    end)
    shared[self.key] = current
  end
  return current
end

--- Knocks with the ticket at the reactor's door, and waits there until its request is done.
---@return boolean|nil
---@return string|nil why
local function wait_at_door(current, ticket, seconds)
  local socket, why = connect(current, math.ceil((seconds + GRACE) * 1000))
  if not socket then
    return nil, why
  end
  local ok
  ok, why = socket:send(ticket:line())
  if ok then
    ok, why = socket:receive()
  end
  if not ok then
    socket:close()
    return nil, why
  end
  ticket:done() -- takes the result before the connection, which may be closed now, counts as gone
  keep(current, socket)
  return true
end

--- Waits until the ticket's request is done. A few wait at the door, many for the bell.
---@return boolean|nil
---@return string|nil why
local function wait(current, ticket, seconds)
  if current.bell.listening then
    local posted, why = current.bell:wait(ticket, seconds)
    if not posted or ticket:done() then
      return posted, why
    end
  elseif current.reactor:held() >= MANY then
    current.bell:ask_for_listener()
  end
  return wait_at_door(current, ticket, seconds)
end

--- Gets a request through the reactor. What `reactor:begin` takes follows the seconds.
---@return userdata|nil ticket done, and to be closed
---@return string|nil client_request_id; without a ticket the outcome
---@return boolean|nil sent
---@return string|nil message
function Runtime:through_reactor(seconds, ...)
  check_phase()
  local current, why_none = self:current_reactor()
  if not current then
    return nil, "network", false, "the reactor could not be started: " .. why_none
  end
  local ticket, client_request_id = current.reactor:begin(...)
  if not ticket then
    return nil, "busy", false, ("%d requests of this worker are under way already"):format(self.queue)
  end
  local waited, why = wait(current, ticket, seconds)
  if ticket:done() then
    return ticket, client_request_id
  end
  -- Nobody waits any more, so the reactor cancels what was not sent; what was may be applied.
  why = waited and "it answered without a result" or why
  return nil, "network", not ticket:close(), "waiting for the reactor failed: " .. why
end

--- See runtime/native.lua.
function Runtime:ask(request, template, token, timeout)
  local ticket, id_or_outcome, sent, message = self:through_reactor(timeout, request, template, token, timeout)
  if ticket then
    return ticket, id_or_outcome, ticket:head()
  end
  local none = answer.new { outcome = id_or_outcome, sent = sent, message = message }
  return none, nil, none:head()
end

--- See runtime/native.lua.
function Runtime:perform(request)
  local ticket, outcome, sent, message = self:through_reactor(request.timeout, request)
  if not ticket then
    return outcome, sent, nil, nil, nil, message
  end
  local status, headers, body
  outcome, sent, status, headers, body, message = ticket:result()
  ticket:close()
  return outcome, sent, status, headers, body, message
end

function Runtime.sleep(_, seconds)
  check_phase()
  ngx.sleep(math.max(seconds, SHORTEST_SLEEP))
end

--- Monotonic, and no worse than nginx's own time: reading it costs no system call.
function Runtime.now(_)
  return core.http.now()
end

--- Runs in a light thread. LuaJIT lets it yield within pcall.
local function run(task, place)
  place.ok, place.raised = pcall(task.run, task)
  place.ended = true
end

local function run_in_timer(_, task, place, ended)
  run(task, place)
  ended:post()
end

--- Runs in a light thread a task that others count on too: in a timer, so that it goes on when the client of this
--- request goes away and nginx ends all its light threads. What the timer needs goes as arguments: the locals of an
--- ended light thread are gone from the closures that still have them open.
local function run_apart(task, place)
  local semaphore = require "ngx.semaphore"
  local ended = semaphore.new()
  local started = ngx.timer.at(0, run_in_timer, task, place, ended)
  if not started then -- the worker is exiting, or has too many timers
    return run(task, place)
  end
  while not place.ended do
    ended:wait(IDLE_MS / 1000)
  end
end

local function wait_for_any(places)
  local threads = {}
  for index, place in ipairs(places) do
    threads[index] = place.thread
  end
  ngx.thread.wait(unpack(threads))
end

--- Those that still run. Waiting for the ended ones gives back what nginx keeps of them.
local function reap(places)
  local left = {}
  for _, place in ipairs(places) do
    if not place.ended then
      left[#left + 1] = place
    else
      ngx.thread.wait(place.thread)
      if not place.ok then
        place.task:failed(place.raised)
      end
    end
  end
  return left
end

--- Runs tasks side by side, each in a light thread, until `next_task` has none while none runs.
---@param next_task fun(): referrals.task|nil
---@param limit integer
function Runtime.concurrently(_, next_task, limit)
  check_phase()
  local running = {}
  while true do
    local task = #running < limit and next_task()
    while task do
      local place = { task = task }
      place.thread = ngx.thread.spawn(task.shared and run_apart or run, task, place)
      running[#running + 1] = place
      task = #running < limit and next_task()
    end
    if #running == 0 then
      return -- so the last question was asked, and there was none
    end
    wait_for_any(running)
    running = reap(running)
  end
end

function Runtime.hold() end

function Runtime.release() end

--- Can this be nginx? Also in the phases where no verb can run: a client is often made there.
---@return boolean
function M.is_here()
  local nginx = rawget(_G, "ngx")
  return type(nginx) == "table" and type(nginx.get_phase) == "function" and type(nginx.socket) == "table"
end

---@param config referrals.config
---@return referrals.runtime
function M.new(config)
  local options = {
    ca_file = config.ca_file,
    ca_path = config.ca_path,
    proxy = config.proxy,
    http_version = config.http_version,
    user_agent = config.user_agent,
  }
  return setmetatable({ options = options, queue = config.queue, key = key_of(options, config.queue) }, Runtime)
end

return M
