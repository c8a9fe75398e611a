--- How to wait in an nginx worker: the session runs on the thread of a reactor, and whoever asked yields until the
--- answer is there: at the reactor's door (door.lua), or in a light thread at its bell, where many wait (bell.lua).

local answer = require "referrals.runtime.answer"
local bell = require "referrals.runtime.bell"
local core = require "referrals.core"
local doors = require "referrals.runtime.door"
local tasks = require "referrals.runtime.tasks"
local threads = require "referrals.runtime.threads"
local ways = require "referrals.runtime.ways"

local M = {}

local MANY = 4 -- waiting at once: from then on one listens to the reactor's bell for all
local CROWD = 64 -- waiting at once: from then on nobody comes to the door who can wait at the bell
local RECENT = 8 -- reactors that are kept with their connections although no client is left
local SHORTEST_SLEEP = 0.001 -- seconds: nginx rounds less to nothing, and warns of that

local CAN_WAIT = {
  rewrite = true,
  server_rewrite = true,
  access = true,
  content = true,
  timer = true,
  ssl_cert = true,
}

local Runtime = {}
Runtime.__index = Runtime

--- Why nothing can wait here. nginx would begin a wait that Lua cannot get into, and come back to the wrong place.
local function obstacle()
  local phase = ngx.get_phase()
  if not CAN_WAIT[phase] then
    return ("in the phase '%s': start a timer with ngx.timer.at and call it there"):format(phase)
  elseif core.is_yieldable() == false then
    return "where Lua cannot yield: in a callback of string.gsub or table.sort, or while a module is being loaded"
  end
end

--- Raises where nothing can wait, at the line of whoever called the verb.
local function check_can_wait()
  local found = obstacle()
  if found then
    local caller = require "referrals.caller"
    error("a referrals verb cannot wait for an answer " .. found, caller.level())
  end
end

-- The reactors of this Lua VM, by their options: clients that ask for the same share one, and with it its connections.
-- They last as long as a client of theirs; and the last few, for clients that are made for each request.
local shared = setmetatable({}, { __mode = "v" })
local recent = {}

local function remember(current)
  table.insert(recent, 1, current)
  recent[RECENT + 1] = nil
end

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

--- What the master made is of no use to its workers.
local function of_this_process(current)
  return current and current.reactor:is_ours() and current or nil
end

--- Started on first use, which is after the fork.
function Runtime:current_reactor()
  local current = of_this_process(self.current) or of_this_process(shared[self.key])
  if not current then
    local reactor, why = core.reactor.new(self.options, self.queue)
    if not reactor then
      return nil, why
    end
    local door = doors.new(reactor, self.queue)
    current = { reactor = reactor, door = door, bell = bell.new(reactor, door) }
    shared[self.key] = current
    remember(current)
  end
  self.current = current
  current.bell:look_after()
  return current
end

local function recall(ticket, way)
  ticket:recall(way)
end

--- Waits until the ticket's request is done. A few wait at the door, many for the bell.
---@return boolean done
---@return string|nil why it is not
---@return boolean|nil full too many want to wait at once, and it did not begin
local function wait(current, ticket, seconds, way)
  local many = current.reactor:held()
  local listening = current.bell.listening
  if (listening or many >= MANY) and threads.end_with_request() then
    if not listening then
      current.bell:ask_for_listener()
    end
    if listening or many >= CROWD then
      local posted, why = current.bell:wait(ticket, seconds)
      local done = ticket:done()
      if done or not posted then
        return done, why
      end
    end
  end
  local socket, why, full = current.door:knock(ticket:line(), seconds, way and recall, ticket, way)
  local done = ticket:done() -- takes the result before the connection, which may be closed now, counts as gone
  if socket then
    current.door:keep(socket)
    why = "it answered without a result"
  end
  return done, why, full
end

--- Closes a ticket that was not waited for to its end.
---@return string outcome
---@return boolean sent
---@return string message
local function give_up(ticket, why, full)
  if full and ticket:close() then
    return "busy", false, "this worker has no way to wait for one more request (" .. why .. "): too many begin at "
      .. "once, or its worker_connections or descriptors are too few"
  end
  -- Nobody waits any more, so the reactor cancels what was not sent; what was may be applied.
  return "network", not ticket:close(), "waiting for the reactor failed: " .. why
end

--- Gets a request through the reactor. What `reactor:begin` takes follows the seconds.
---@return userdata|nil ticket done, and to be closed
---@return string|nil client_request_id; without a ticket the outcome
---@return boolean|nil sent
---@return string|nil message
function Runtime:through_reactor(seconds, ...)
  check_can_wait()
  local current, why_none = self:current_reactor()
  if not current then
    return nil, "network", false, "the reactor could not be started: " .. why_none
  end
  local ticket, client_request_id = current.reactor:begin(...)
  if not ticket then
    return nil, "busy", false, ("%d requests of this worker are under way already"):format(self.queue)
  end
  local done, why, full = wait(current, ticket, seconds)
  if done then
    return ticket, client_request_id
  end
  return nil, give_up(ticket, why, full)
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

--- The reactor, which also carries the read and the write of a straight update.
function Runtime:carrier()
  check_can_wait()
  local current = self:current_reactor()
  return current and current.reactor
end

--- See runtime/native.lua.
function Runtime:await(_, ticket, seconds, way)
  local done, why, full = wait(self.current, ticket, seconds, way)
  if not done then
    recall(ticket, way)
    local outcome, sent, message = give_up(ticket, why, full)
    return answer.new { outcome = outcome, sent = sent, message = message }
  end
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

--- By the reactor's clock, where nginx's own timers are no place to wait.
---@return boolean whether that went
function Runtime:nap(seconds)
  local current = self:current_reactor()
  local socket = current and current.door:knock(current.reactor:nap(seconds), seconds)
  if socket then
    current.door:keep(socket)
  end
  return socket ~= nil
end

--- See runtime/native.lua. Without a connection to nap with there is no other way in a coroutine of the caller's: nginx
--- would leave it at a timer of its own, with memory of a request that may be gone by then.
function Runtime:sleep(seconds)
  check_can_wait()
  if threads.end_with_request() then
    ngx.sleep(math.max(seconds, SHORTEST_SLEEP))
  elseif not self:nap(seconds) then
    return false
  end
end

--- See runtime/native.lua.
function Runtime.expect_to_wait()
  check_can_wait()
end

--- nginx counts from the time at which its loop began to turn, which may be long ago where something blocked it.
local function pass(deadline)
  repeat
    ngx.sleep(math.max(deadline - core.http.now(), SHORTEST_SLEEP))
  until core.http.now() >= deadline
end

--- Runs a function of the caller's in a light thread of its own, and waits for its end.
---@param run fun() that does not raise
---@param deadline number|nil by now(): what has not ended then is ended
function Runtime.in_light_thread(_, run, deadline)
  local ended = false
  local thread = ngx.thread.spawn(function()
    run()
    ended = true
  end)
  if ended or not deadline then
    return ngx.thread.wait(thread)
  end
  local clock = ngx.thread.spawn(pass, deadline)
  ngx.thread.wait(thread, clock)
  ngx.thread.kill(ended and clock or thread)
end

--- Monotonic, and no worse than nginx's own time: reading it costs no system call.
function Runtime.now(_)
  return core.http.now()
end

--- See runtime/native.lua.
function Runtime.concurrently(_, next_task, limit)
  check_can_wait()
  return tasks.concurrently(next_task, limit)
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
  require "ngx.semaphore" -- now, since later there may be no descriptor left to load it by, with a request under way
  local options = {
    ca_file = config.ca_file,
    ca_path = config.ca_path,
    proxy = config.proxy,
    http_version = config.http_version,
    user_agent = config.user_agent,
  }
  local runtime = {
    has_others = true,
    starts_later = true,
    options = options,
    queue = config.queue,
    key = key_of(options, config.queue),
    ways = ways.new(),
  }
  return setmetatable(runtime, Runtime)
end

return M
