--- Runs a function of the caller's in the middle of our own work.

local M = {}

-- Whose function a coroutine runs.
local owners = setmetatable({}, { __mode = "k" })

local function finish(thread, ok, ...)
  if ok and coroutine.status(thread) ~= "dead" then
    return false, "it yielded"
  end
  return ok, ...
end

--- Calls `fn` in a coroutine of its own. What it raises is told, as pcall would do; but a verb that it calls waits by
--- itself there, and in nginx it may wait for a cosocket, which plain Lua 5.1 cannot do across pcall.
---@param owner any what `inside` asks for
---@param fn function
---@return boolean ok
---@return any ... its results, or what it raised
function M.call(owner, fn, ...)
  local thread = coroutine.create(fn)
  owners[thread] = owner
  return finish(thread, coroutine.resume(thread, ...))
end

--- Is this code called by a function that runs for this owner? Then waiting for the owner would be for ever.
---@param owner any
---@return boolean
function M.inside(owner)
  local running = coroutine.running()
  return running ~= nil and owners[running] == owner
end

return M
