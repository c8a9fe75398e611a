--- Whoever reads an iterator's next page waits, and others may run meanwhile: another light thread or a callback. Read
--- by two at once it would give rows twice, or leave some out.

local caller = require "referrals.caller"

local M = {}

local MAIN = {} -- plain Lua 5.1 has no value for what is no coroutine
local GRACE = 1 -- second after which one that never came back is not waited for any more

local MESSAGE = "this iterator is being read in another coroutine, which waits for its next page: call it in one place"

--- Raises when another coroutine is reading. From here to leave() this one is.
---@param iterator table which notes that
---@param runtime referrals.runtime
---@param seconds number that it may take
function M.enter(iterator, runtime, seconds)
  local reader, now = coroutine.running() or MAIN, runtime:now()
  if iterator.reader and iterator.reader ~= reader and now < iterator.read_until then
    error(MESSAGE, caller.level())
  end
  iterator.reader, iterator.read_until = reader, now + seconds + GRACE
end

---@param iterator table
function M.leave(iterator)
  iterator.reader = nil
end

return M
