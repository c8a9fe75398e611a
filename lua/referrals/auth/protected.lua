--- Runs a function of the caller's in the middle of our own work.

local M = {}

--- What is told to have been raised by a function that was ended at its deadline, or with the request in nginx.
M.ENDED = "it was ended"

-- Whose function a coroutine runs, and within which others: {owner, within}.
local owners = setmetatable({}, { __mode = "k" })

local function owned_by(owner)
  return { owner = owner, within = owners[coroutine.running() or false] }
end

local function finish(thread, ok, ...)
  if ok and coroutine.status(thread) ~= "dead" then
    return false, "it yielded"
  end
  return ok, ...
end

--- LuaJIT lets it yield within pcall.
local function call_in_light_thread(owner, runtime, fn, argument, deadline)
  local ok, first, second = false, M.ENDED, nil
  local entry = owned_by(owner)
  runtime:in_light_thread(function()
    local thread = coroutine.running()
    owners[thread] = entry
    ok, first, second = pcall(fn, argument)
    owners[thread] = nil -- nginx may use it again for something else
  end, deadline)
  return ok, first, second
end

--- Calls `fn` in a coroutine of its own. What it raises is told, as pcall would do; but a verb that it calls waits by
--- itself there, and may wait as it does elsewhere, which plain Lua 5.1 cannot do across pcall. In nginx it is a light
--- thread: what waits in another coroutine nginx does not end with its request.
---@param owner any what `inside` asks for
---@param runtime referrals.runtime
---@param fn function
---@param argument any
---@param deadline number|nil by the runtime's clock; kept in nginx, where a function that waits can be ended
---@return boolean ok
---@return any first its results, or what it raised
---@return any second
function M.call(owner, runtime, fn, argument, deadline)
  if runtime.in_light_thread then
    return call_in_light_thread(owner, runtime, fn, argument, deadline)
  end
  local thread = coroutine.create(function(given) -- Lua 5.1 makes none of a C function
    return fn(given)
  end)
  owners[thread] = owned_by(owner)
  return finish(thread, coroutine.resume(thread, argument))
end

--- Is this code called by a function that runs for this owner? Then waiting for the owner would be for ever.
---@param owner any
---@return boolean
function M.inside(owner)
  local entry = owners[coroutine.running() or false]
  while entry and entry.owner ~= owner do
    entry = entry.within
  end
  return entry ~= nil
end

return M
