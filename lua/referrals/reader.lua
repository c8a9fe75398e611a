--- Whoever reads an iterator's next page waits, and others may run meanwhile: another light thread or a callback. Read
--- by two at once it would give rows twice, or leave some out.

local caller = require "referrals.caller"

local M = {}

local MAIN = {} -- plain Lua 5.1 has no value for what is no coroutine
local GRACE = 1 -- second after which one that never came back is not waited for any more

local MESSAGE = "this iterator is being read already, and waits for its next page: call it in one place, once at a time"

--- Does this coroutine read it further down its stack, too? One whose reading a raise has ended does not.
local function reads_twice(iterator)
  local level, count = 1, 0
  local info = debug.getinfo(level, "f")
  while info do
    if info.func == M.read and select(2, debug.getlocal(level, 1)) == iterator then
      count = count + 1
    end
    level = level + 1
    info = debug.getinfo(level, "f")
  end
  return count > 1
end

--- Does whoever began to read it still do so? One that was ended, by a raise or from outside, comes back no more.
local function is_read(iterator, reader, now)
  local current = iterator.reader
  if not current then
    return false
  elseif current == reader then
    return reads_twice(iterator)
  end
  return now < iterator.read_until and (current == MAIN or coroutine.status(current) ~= "dead")
end

--- The next page of an iterator's walk. Raises where that is being read already.
---@param iterator table which notes that
---@param walk referrals.walk
---@param call referrals.call
---@return referrals.listing.page|nil page nil without an error at the end
---@return referrals.error|nil err
function M.read(iterator, walk, call)
  local reader, now = coroutine.running() or MAIN, walk.client.exchange.runtime:now()
  if is_read(iterator, reader, now) then
    error(MESSAGE, caller.level())
  end
  walk.client.exchange.runtime:expect_to_wait() -- raises where nobody can, before anybody reads
  iterator.reader, iterator.read_until = reader, now + call.timeout + GRACE
  local page, err = walk:page(call)
  iterator.reader = nil
  return page, err
end

return M
