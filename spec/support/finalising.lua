--- Calls that are interrupted by finalisers, as any call may be that asks Lua for memory. For scripts of their own: the
--- collector is made as eager as it can be.
local M = {}

local inside, busy, calls = false, false, 0
local finalise

local function make_garbage()
  if newproxy then
    getmetatable(newproxy(true)).__gc = function()
      finalise()
    end
  else
    setmetatable({}, { __gc = function()
      finalise()
    end })
  end
end

function M.make_eager()
  for index = 1, 2000 do -- Lua 5.1 goes through a small heap in one step, and always at the same place
    M[index] = { index }
  end
  if rawget(_G, "jit") then
    jit.off() -- a trace is left and entered anew while there is something to finalise, which here is always
  end
  if _VERSION == "Lua 5.4" then
    collectgarbage("incremental", 1, 1000, 1) -- 0 would leave a value as it is
    collectgarbage() -- else it waits as long as it was told before
  else
    collectgarbage("setpause", 0)
    collectgarbage("setstepmul", 10000)
  end
end

--- Whether a finaliser called `other` while `call` ran, and the value that `call` returned. Raises what `other` raises.
function M.interrupted(call, other)
  local before, wrong = calls, nil
  finalise = function()
    make_garbage()
    if inside and not busy then
      busy, calls = true, calls + 1
      local done, message = pcall(other)
      wrong = wrong or not done and message or nil
      busy = false
    end
  end
  make_garbage()
  inside = true
  local result = call()
  inside = false
  assert(not wrong, wrong)
  return calls > before, result
end

return M
