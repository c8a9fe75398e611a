--- How to wait in a plain script: the one who waits moves the session on, and with it everything else under way. Verbs
--- of a batch are coroutines over the one session; whoever waits resumes those whose time has come.

local core = require "referrals.core"

local now = core.http.now

---@class referrals.runtime
---@field perform fun(self, request: table): string, boolean, integer|nil, string|nil, string|nil, string|nil
---@field sleep fun(self, seconds: number)
---@field now fun(self): number seconds of a clock that nobody sets
---@field concurrently fun(self, next_task: fun(): referrals.task|nil, limit: integer)
---@field hold fun(self): any before the caller's own code runs in the middle of a verb
---@field release fun(self, held: any) after it

---@class referrals.task
---@field run fun()
---@field failed fun(raised: any) told what `run` raised

local Runtime = {}
Runtime.__index = Runtime

local FOREVER = 3600 -- seconds: what is under way has a deadline of its own

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
    self.session = core.http.session(self.options)
    self.waiting, self.sleeping, self.tasks = {}, {}, {}
  end
  return self.session
end

-- Coroutines of a batch ----------------------------------------------------------------------------------------------

--- The coroutine that runs, when it is one of a batch that may be left waiting.
function Runtime:batch_coroutine()
  local running = coroutine.running()
  return running and self.tasks[running] and self.tasks[running].may_yield and running or nil
end

function Runtime:resume(thread)
  local ok, raised = coroutine.resume(thread)
  if coroutine.status(thread) == "dead" then
    local task = self.tasks[thread]
    self.tasks[thread] = nil
    task.ended(ok, raised)
  end
end

function Runtime:wake_sleepers()
  if next(self.sleeping) == nil then
    return
  end
  local time, due = now(), {}
  for thread, wake in pairs(self.sleeping) do
    if wake <= time then
      due[#due + 1] = thread
    end
  end
  for _, thread in ipairs(due) do
    if self.sleeping[thread] then
      self.sleeping[thread] = nil
      self:resume(thread)
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
function Runtime:step(seconds)
  local session = self:current_session()
  session:pump(self:until_next_wake(seconds))
  local exchange = session:next_done()
  while exchange do
    local thread = self.waiting[exchange]
    if thread then
      self.waiting[exchange] = nil
      self:resume(thread)
    end
    exchange = session:next_done()
  end
  self:wake_sleepers()
end

--- Runs tasks side by side, each in a coroutine, until `next_task` has none while none runs.
---@param next_task fun(): referrals.task|nil nil: none at this moment
---@param limit integer how many at once
function Runtime:concurrently(next_task, limit)
  self:current_session()
  local running = 0
  local function start(task)
    local thread = coroutine.create(task.run)
    running = running + 1
    self.tasks[thread] = {
      may_yield = true,
      ended = function(ok, raised)
        running = running - 1
        if not ok then
          task.failed(raised)
        end
      end,
    }
    self:resume(thread)
  end
  repeat
    local task = running < limit and next_task()
    while task do
      start(task)
      task = running < limit and next_task()
    end
    if running > 0 then
      self:step(FOREVER)
    end
  until running == 0 and not task
end

--- Between hold and release the caller's own code runs: it may call verbs where a coroutine cannot be left (within
--- pcall on Lua 5.1), so those move the session on instead.
function Runtime:hold()
  local thread = self.tasks and self:batch_coroutine()
  if thread then
    self.tasks[thread].may_yield = false
  end
  return thread
end

function Runtime:release(thread)
  if thread then
    self.tasks[thread].may_yield = true
  end
end

-- Waiting ------------------------------------------------------------------------------------------------------------

--- One request and its answer.
---@param request table {method, url, headers: string[], body, timeout, connect_timeout, max_body}
---@return string outcome "ok" for a complete answer, whatever its status
---@return boolean sent may the request have reached the server?
---@return integer|nil status
---@return string|nil headers the raw block
---@return string|nil body
---@return string|nil message what went wrong
function Runtime:perform(request)
  local exchange = self:current_session():start(request)
  local thread = self:batch_coroutine()
  if thread then
    self.waiting[exchange] = thread
    coroutine.yield()
  end
  while not exchange:done() do
    self:step(request.timeout)
  end
  local outcome, sent, status, headers, body, message = exchange:result()
  exchange:close()
  return outcome, sent, status, headers, body, message
end

--- Waits, while what else is under way goes on.
---@param seconds number
function Runtime:sleep(seconds)
  self:current_session()
  local wake = now() + seconds
  local thread = self:batch_coroutine()
  if thread then
    self.sleeping[thread] = wake
    coroutine.yield()
  end
  while now() < wake do
    self:step(wake - now())
  end
end

function Runtime.now(_)
  return now()
end

local M = {}

---@param config referrals.config
---@return referrals.runtime
function M.new(config)
  return setmetatable({ options = session_options(config) }, Runtime)
end

return M
