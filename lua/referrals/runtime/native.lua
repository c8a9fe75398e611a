--- How to wait in a plain script: the one who waits moves the session on, and with it everything else under way. Verbs
--- of a batch are coroutines over the one session; whoever waits resumes those whose time has come.

local core = require "referrals.core"
local ways = require "referrals.runtime.ways"

local now, is_yieldable = core.http.now, core.is_yieldable
local resume, running, yield = coroutine.resume, coroutine.running, coroutine.yield

local Runtime = {}
Runtime.__index = Runtime

local FOREVER = 3600 -- seconds: what is under way has a deadline of its own
local DEEPEST = 16 -- coroutines resumed within each other; C's stack has room for some 200 levels of all kinds

local function session_options(config)
  return {
    ca_file = config.ca_file,
    ca_path = config.ca_path,
    proxy = config.proxy,
    http_version = config.http_version,
    user_agent = config.user_agent,
  }
end

--- The session of this process: after a fork the child makes its own.
function Runtime:current_session()
  if not self.session or not self.session:is_ours() then
    local session = core.http.session(self.options)
    self.last, self.way = session:spare(), core.http.way()
    self.ways = ways.new()
    self.waiting, self.sleeping, self.workers = {}, {}, {}
    self.ready = { first = 1, last = 0 }
    self.task_count = 0
    self.session = session -- last: with it all is there, whatever raised
  end
  return self.session
end

-- Coroutines of a batch ----------------------------------------------------------------------------------------------

---@class referrals.worker a coroutine of a batch, which runs one task after the other
---@field thread thread
---@field batch table
---@field task referrals.task|nil
---@field may_yield boolean not where the caller's own code runs; asked where Lua cannot tell
---@field waits boolean was it left until what it waits for is there?

--- The one that runs, when it is a batch's and may be left waiting: in a finaliser, for one, it may not. Lua 5.1 cannot
--- tell; there it may be left where it is in a verb.
---@return referrals.worker|nil
function Runtime:running_worker()
  local thread = running()
  local worker = thread and self.workers[thread]
  if not worker then
    return nil
  end
  worker.waits = false -- it was to be left before, and Lua 5.1 raised
  local can_yield = is_yieldable()
  if can_yield == nil then
    can_yield = worker.may_yield
  end
  return can_yield and worker or nil
end

--- Leaves the worker that runs until what it waits for is there; or until something is that it could not be left for,
--- since Lua 5.1 raised instead of yielding.
local function leave(worker)
  worker.waits = true
  yield()
end

local YIELDED = "the function yielded: in a batch nobody would resume it"

local FINISHED = {} -- what a coroutine yields when its task is over and it could take another one

local function work(task)
  while true do
    task:run()
    task = yield(FINISHED)
  end
end

--- A worker of the batch that has nothing to do.
local function idle_worker(batch)
  local idle = batch.idle
  local worker = idle[#idle]
  if worker then
    idle[#idle] = nil
    return worker
  end
  return { thread = coroutine.create(work), batch = batch, task = nil, may_yield = true, waits = false }
end

---@param task referrals.task
---@param batch table
function Runtime:start(task, batch)
  local worker = idle_worker(batch)
  worker.task, worker.may_yield = task, true
  self.workers[worker.thread] = worker
  batch.running, self.task_count = batch.running + 1, self.task_count + 1
  return self:resume(worker, task)
end

---@param worker referrals.worker
---@param task referrals.task|nil the one to begin with
function Runtime:resume(worker, task)
  worker.waits = false
  self.depth = self.depth + 1
  local ok, what = resume(worker.thread, task)
  self.depth = self.depth - 1
  if not (ok and worker.waits and what ~= FINISHED) then
    return self:stopped(worker, ok, what)
  end
end

--- A worker came to the end of its task, or will never come there.
function Runtime:stopped(worker, ok, what)
  local batch, task = worker.batch, worker.task
  worker.task, worker.waits = nil, false
  batch.running, self.task_count = batch.running - 1, self.task_count - 1
  if ok and what == FINISHED then
    batch.idle[#batch.idle + 1] = worker
  else
    self.workers[worker.thread] = nil
    task:failed(ok and YIELDED or what)
  end
end

function Runtime:wake_sleepers()
  if next(self.sleeping) == nil then
    return
  end
  local time = now()
  for worker, wake in pairs(self.sleeping) do
    if wake <= time then
      self.sleeping[worker] = nil
      self:make_ready(worker)
    end
  end
end

--- Puts a worker at the end of those that may go on.
function Runtime:make_ready(worker)
  local ready = self.ready
  local last = ready.last + 1
  ready[last], ready.last = worker, last
end

--- Takes the one at a place out of the queue. Nearly always it is the first.
local function take(ready, place)
  local worker, first = ready[place], ready.first
  for at = place, first + 1, -1 do
    ready[at] = ready[at - 1]
  end
  ready[first], ready.first = nil, first + 1
  return worker
end

--- The next worker that may go on. Who waits deep within others resumes only those of its own batch: it needs no
--- more to come to its end, and the others go on after it.
function Runtime:next_ready(batch)
  local ready = self.ready
  local first, last = ready.first, ready.last
  if first > last then
    ready.first, ready.last = 1, 0
    return nil
  elseif self.depth < DEEPEST then
    return take(ready, first)
  end
  for place = first, last do
    local worker = ready[place]
    if worker.batch == batch or worker.task.shared then
      return take(ready, place)
    end
  end
end

function Runtime:until_next_wake(seconds)
  local time = now()
  for _, wake in pairs(self.sleeping) do
    seconds = math.min(seconds, wake - time)
  end
  return math.max(seconds, 0)
end

--- Moves everything on, for at most so many seconds or until something is done.
---@param seconds number
---@param batch table|nil the batch that waits
function Runtime:step(seconds, batch)
  local session = self:current_session()
  local waiting = self.waiting
  local longest = self:until_next_wake(seconds)
  if seconds == FOREVER and session:in_flight() == 0 and next(self.sleeping) == nil then
    longest = 0 -- nothing is waited for: a verb in a finaliser moved all of it on, just now
  end
  session:pump(longest)
  local exchange = session:next_done()
  while exchange do
    local worker = waiting[exchange]
    if worker then
      waiting[exchange] = nil
      self:make_ready(worker)
    end
    exchange = session:next_done()
  end
  self:wake_sleepers()
  local worker = self:next_ready(batch)
  while worker do
    if worker.waits then
      self:resume(worker)
    end
    worker = self:next_ready(batch)
  end
end

function Runtime:run_batch(batch, next_task, limit)
  while true do
    local task = batch.running < limit and next_task()
    while task do
      self:start(task, batch)
      task = batch.running < limit and next_task()
    end
    if batch.running == 0 then
      return -- so the last question was asked, and there was none
    end
    self:step(FOREVER, batch)
  end
end

--- Nobody resumes a batch's workers any more, in whatever state they are.
function Runtime:forget_batch(batch)
  local others = 0
  for thread, worker in pairs(self.workers) do
    if worker.batch == batch then
      self.workers[thread], worker.waits = nil, false
    elseif worker.task then
      others = others + 1
    end
  end
  for exchange, worker in pairs(self.waiting) do
    if worker.batch == batch then
      self.waiting[exchange] = nil
    end
  end
  for worker in pairs(self.sleeping) do
    if worker.batch == batch then
      self.sleeping[worker] = nil
    end
  end
  self.task_count = others
end

--- Runs tasks side by side, each in a coroutine, until `next_task` has none while none runs. What raises in the middle
--- of that is no task: a watchdog's hook, or whoever pressed Ctrl-C; or the memory is short.
---@param next_task fun(): referrals.task|nil nil: none at this moment
---@param limit integer how many at once
function Runtime:concurrently(next_task, limit)
  local session, batch, depth = self:current_session(), { running = 0, idle = {} }, self.depth
  session:expect_many(limit > 1)
  local ok, raised = pcall(self.run_batch, self, batch, next_task, limit)
  self.depth = depth
  self:forget_batch(batch)
  session:expect_many(false)
  if not ok then
    error(raised, 0)
  end
end

--- A plain script can wait everywhere.
function Runtime.expect_to_wait() end

--- Between hold and release the caller's own code runs: it may call verbs where a coroutine cannot be left (within
--- pcall on Lua 5.1, within a sort's comparison on any), so those move the session on instead.
function Runtime:hold()
  local thread = running()
  local worker = thread and self.workers and self.workers[thread]
  if worker and worker.may_yield then
    worker.may_yield = false
    return worker
  end
end

function Runtime.release(_, held)
  if held then
    held.may_yield = true
  end
end

-- Waiting ------------------------------------------------------------------------------------------------------------

--- The session that straight updates of a batch go over, once there is one.
function Runtime:carrier()
  return self.session
end

--- Waits for an exchange. With no batch under way nobody else has to be looked after.
function Runtime:await(session, exchange)
  if self.task_count == 0 then
    return session:finish(exchange)
  end
  local worker = self:running_worker()
  if worker then
    self.waiting[exchange] = worker
    while not exchange:done() do -- a verb in a finaliser may have learned of its end before
      leave(worker)
    end
    self.waiting[exchange] = nil
    return
  end
  while not exchange:done() do
    self:step(FOREVER)
  end
end

--- One request of a client and its answer, which is to be closed.
---@param request referrals.request
---@param template userdata the core's: what is the same for all requests of the client
---@param token string
---@param timeout number seconds
---@return referrals.answer answer
---@return string|nil client_request_id
---@return string outcome and whatever else answer:head() gives
---@return boolean sent
---@return integer|nil status
---@return string|nil request_id
---@return string|nil message
function Runtime:ask(request, template, token, timeout)
  local session, spare = self:current_session(), self.last
  if self.task_count == 0 then
    local exchange, id, outcome, sent, status, request_id, message =
      session:ask(request, template, token, timeout, spare)
    self.last = exchange -- once it is closed its userdata serves the next one
    return exchange, id, outcome, sent, status, request_id, message
  end
  local exchange, client_request_id = session:start(request, template, token, timeout, spare)
  self.last = exchange
  self:await(session, exchange)
  return exchange, client_request_id, exchange:head()
end

--- One request that is not a client's own, such as a token's, and its answer.
---@param request table {method, url, headers: string[], body, timeout, connect_timeout, max_body}
---@return string outcome "ok" for a complete answer, whatever its status
---@return boolean sent may the request have reached the server?
---@return integer|nil status
---@return string|nil headers the raw block
---@return string|nil body
---@return string|nil message what went wrong
function Runtime:perform(request)
  local session = self:current_session()
  local exchange = session:start(request)
  self:await(session, exchange)
  local outcome, sent, status, headers, body, message = exchange:result()
  exchange:close()
  return outcome, sent, status, headers, body, message
end

--- Waits, while what else is under way goes on.
---@param seconds number
---@return false|nil none: false where there is no way to wait, as it can be in nginx
function Runtime:sleep(seconds)
  self:current_session()
  local wake = now() + seconds
  local worker = self:running_worker()
  if worker then
    self.sleeping[worker] = wake
    leave(worker)
  end
  while now() < wake do
    self:step(wake - now())
  end
end

Runtime.now = now

local M = {}

---@param config referrals.config
---@return referrals.runtime
function M.new(config)
  return setmetatable({ options = session_options(config), depth = 0, task_count = 0 }, Runtime)
end

return M
