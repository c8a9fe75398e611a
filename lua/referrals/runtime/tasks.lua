--- Tasks side by side in light threads of nginx.

local core = require "referrals.core"

local M = {}

local TO_START = 0.1 -- seconds in which a timer that was asked for should run
local GRACE = 1 -- second that a task in a timer may go on beyond its deadline; it may have been ended by what it called
local SHORTEST_WAIT = 0.001 -- seconds: nginx rounds less to nothing, and warns of that
local IDLE = 60 -- seconds after which a light thread that gets nothing to do ends

--- Runs in a light thread. LuaJIT lets it yield within pcall.
local function run(task, place)
  place.ok, place.raised = pcall(task.run, task)
  place.ended = true
end

local function run_in_timer(_, task, place, ended)
  if not place.taken then
    place.taken = true
    task:others_wait(math.huge)
    run(task, place)
    ended:post()
  end
end

--- Is this one not to be run here, since it may not be ended halfway as a request may? A worker that exits runs no more
--- timers, so there it is run all the same.
local function needs_timer(task)
  return task.refuse ~= nil and ngx.get_phase() ~= "timer" and not ngx.worker.exiting()
end

--- Has a timer run it. One that finds too many others running never runs, and nginx says so in its log; what needs one
--- asks again, more and more seldom.
---@return boolean begun
local function begin_in_timer(task, place, ended)
  local pause = TO_START
  repeat
    task:others_wait(pause)
    if ngx.timer.at(0, run_in_timer, task, place, ended) then
      ended:wait(pause)
    elseif needs_timer(task) then
      ngx.sleep(pause)
    end
    pause = 2 * pause
  until place.taken or not needs_timer(task) or core.http.now() + pause > task.deadline
  return place.taken
end

--- Runs in a light thread a task that others count on too: in a timer, so that it goes on when the client of this
--- request goes away and nginx ends all its light threads. What the timer needs goes as arguments: the locals of an
--- ended light thread are gone from the closures that still have them open. Where no timer runs it is run here, unless
--- it refuses to, and where it may be ended others wait only a little; a timer that goes on beyond its deadline is
--- not waited for.
local function run_apart(task, place)
  local ended = require("ngx.semaphore").new()
  if not begin_in_timer(task, place, ended) then
    place.taken = true
    task.run = needs_timer(task) and task.refuse or task.run
    task:others_wait((task.refuse or ngx.get_phase() == "timer") and math.huge or 0)
    return run(task, place)
  end
  local limit = task.deadline + GRACE
  while not place.ended and core.http.now() < limit do
    ended:wait(math.max(limit - core.http.now(), SHORTEST_WAIT))
  end
  place.ok, place.ended = place.ok or not place.ended, true
end

--- A timer that comes too late finds the place of its own task.
local function run_apart_from(task, place)
  local own = {}
  run_apart(task, own)
  place.ok, place.raised, place.ended = own.ok, own.raised, true
end

---@class referrals.place where a batch's tasks run, one after the other
---@field thread userdata|nil a light thread
---@field turn userdata|nil a semaphore: the next task is there, or none will come
---@field task referrals.task|nil
---@field ok boolean|nil
---@field raised any
---@field ended boolean|nil
---@field gone boolean|nil

--- A light thread takes task after task: nginx keeps a quarter of a kilobyte of each until its request or timer ends.
---@param place referrals.place
---@param ended userdata a semaphore
local function serve(place, ended)
  repeat
    local run_it = place.task.shared and run_apart_from or run
    run_it(place.task, place)
    if ended:count() < 1 then -- all that ended by then are looked at together
      ended:post()
    end
    place.turn:wait(IDLE)
  until place.ended -- still: it got none
  place.gone = true
end

local function begin(place, task, ended)
  place.task, place.ok, place.raised, place.ended = task, nil, nil, nil
  if place.thread then
    place.turn:post()
  else
    place.turn = require("ngx.semaphore").new()
    place.thread = ngx.thread.spawn(serve, place, ended)
  end
end

--- Those that still run; the others go among the idle.
---@param places referrals.place[]
---@param idle referrals.place[]
local function reap(places, idle)
  local left = {}
  for _, place in ipairs(places) do
    if not place.ended then
      left[#left + 1] = place
    else
      local task, ok, raised = place.task, place.ok, place.raised
      place.task = nil
      idle[#idle + 1] = place
      if not ok then
        task:failed(raised)
      end
    end
  end
  return left
end

local function idle_place(idle)
  local place = table.remove(idle)
  while place and place.gone do
    ngx.thread.wait(place.thread) -- which gives back what else nginx keeps of it
    place = table.remove(idle)
  end
  return place or {}
end

local function dismiss(idle)
  for _, place in ipairs(idle) do
    place.turn:post()
    ngx.thread.wait(place.thread)
  end
end

--- Whoever began a batch may be ended in the middle of it, and then nothing more is begun.
local function coordinate(next_task, limit, beginner)
  local running, idle, ended = {}, {}, require("ngx.semaphore").new()
  local function next_one()
    return #running < limit and coroutine.status(beginner) ~= "dead" and next_task()
  end
  while true do
    local task = next_one()
    while task do
      local place = idle_place(idle)
      running[#running + 1] = place
      begin(place, task, ended)
      task = next_one()
    end
    if #running == 0 then
      return dismiss(idle) -- the last question was asked, and there was none
    end
    ended:wait(IDLE)
    running = reap(running, idle)
  end
end

--- Runs tasks side by side, each in a light thread, until `next_task` has none while none runs. Whoever asks may be a
--- coroutine of the caller's, which cannot wait at a semaphore, so that is another light thread's to do.
---@param next_task fun(): referrals.task|nil called in that one
---@param limit integer
function M.concurrently(next_task, limit)
  local ok, raised
  ngx.thread.wait(ngx.thread.spawn(function(beginner)
    ok, raised = pcall(coordinate, next_task, limit, beginner)
  end, coroutine.running()))
  if not ok then
    error(raised, 0)
  end
end

return M
