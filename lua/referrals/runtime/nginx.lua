--- How to wait in an nginx worker: the session runs on the thread of a reactor, and the light thread that asked yields
--- in a cosocket to it until its answer is there.

local core = require "referrals.core"

local M = {}

local MOST_JOBS = 4096 -- requests of one worker at once; more are refused as busy rather than queued without end
local IDLE_MS = 60000 -- an idle connection to the reactor is kept so long
local GRACE = 1 -- second: the reactor always answers by the deadline, so only its end is waited for longer

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

--- The reactor of this worker's Lua VM: started on first use, which is after the fork.
function Runtime:current_reactor()
  if not self.reactor or not self.reactor:is_ours() then
    local reactor, why = core.reactor.new(self.options, MOST_JOBS)
    if not reactor then
      return nil, why
    end
    self.reactor = reactor
    self.address = reactor:address()
    self.pool = ("referrals:%s:%s"):format(self.address, core.http.uuid())
  end
  return self.reactor
end

local function failed(why)
  return "network", false, nil, nil, nil, why
end

--- Waits at the reactor's door until the ticket's request is done.
function Runtime:wait(ticket, seconds)
  local socket = ngx.socket.tcp()
  local milliseconds = math.ceil((seconds + GRACE) * 1000)
  socket:settimeouts(milliseconds, milliseconds, milliseconds)
  local ok, why = socket:connect(self.address, { pool = self.pool, pool_size = MOST_JOBS })
  if ok then
    ok, why = socket:send(ticket:line())
  end
  if ok then
    ok, why = socket:receive()
  end
  if not ok then
    socket:close()
    return nil, why
  end
  socket:setkeepalive(IDLE_MS, MOST_JOBS)
  return true
end

--- See runtime/native.lua.
function Runtime:perform(request)
  check_phase()
  local reactor, why = self:current_reactor()
  if not reactor then
    return failed("the reactor could not be started: " .. why)
  end
  local ticket = reactor:start(request)
  if not ticket then
    return "busy", false, nil, nil, nil, ("%d requests of this worker are under way already"):format(MOST_JOBS)
  end
  local waited, wait_why = self:wait(ticket, request.timeout)
  local outcome, sent, status, headers, body, message = ticket:result()
  ticket:close()
  if outcome == nil then
    -- Nobody waits any more, so the reactor cancels what was not sent; what was may be applied.
    return "network", true, nil, nil, nil, "waiting for the reactor failed: " .. tostring(waited or wait_why)
  end
  return outcome, sent, status, headers, body, message
end

function Runtime.sleep(_, seconds)
  check_phase()
  ngx.sleep(seconds)
end

--- Monotonic, and no worse than nginx's own time: reading it costs no system call.
function Runtime.now(_)
  return core.http.now()
end

local function protected(task, place)
  local ok, raised = pcall(task.run) -- LuaJIT lets a light thread yield in here
  if not ok then
    task.failed(raised)
  end
  place.done = true
end

--- Those that still run; the ended ones are waited for, which only reaps them.
local function reap(places)
  local left = {}
  for _, place in ipairs(places) do
    if place.done then
      ngx.thread.wait(place.thread)
    else
      left[#left + 1] = place
    end
  end
  return left
end

local function wait_for_any(places)
  local threads = {}
  for index, place in ipairs(places) do
    threads[index] = place.thread
  end
  ngx.thread.wait(unpack(threads))
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
      local place = { done = false }
      place.thread = ngx.thread.spawn(protected, task, place)
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
  return setmetatable({
    options = {
      ca_file = config.ca_file,
      ca_path = config.ca_path,
      proxy = config.proxy,
      http_version = config.http_version,
      user_agent = config.user_agent,
    },
  }, Runtime)
end

return M
