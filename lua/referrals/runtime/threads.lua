--- Who runs in nginx. When a request ends early, nginx takes its handler and its light threads from the semaphores and
--- timers that they wait for. A coroutine that a caller made it leaves there, with memory of a request that is gone.

local M = {}

local getinfo = debug.getinfo

--- Whether one ends oneself is a question that nginx answers differently for a light thread, which only its parent may
--- end, and for all else. None is its own parent, so none ends.
local function in_light_thread()
  local _, why = ngx.thread.kill(coroutine.running())
  return why == "killer not parent"
end

local USUAL = 12 -- levels, about, up to the function that was started first

local function in_handler()
  local level = USUAL
  while getinfo(level, "l") do
    level = level + 1
  end
  while not getinfo(level - 1, "l") do
    level = level - 1
  end
  local first = getinfo(level - 1, "S")
  return first.what == "main" and first.source:find("^=%l[%l_]*_by_lua") ~= nil
end

--- May this wait at a semaphore or by a timer? True for a light thread and for a handler in nginx's configuration; of
--- a handler in a file, and of a timer's, it cannot be told from a coroutine.
---@return boolean
function M.end_with_request()
  return in_light_thread() or in_handler()
end

return M
