--- A reactor's door, as nginx reaches it: each waiter by a cosocket of its own, which is the one wait that nginx ends
--- together with its request wherever it stands, in a coroutine of the caller's too.

local core = require "referrals.core"

local M = {}
local Door = {}
Door.__index = Door

local IDLE_MS = 1000 -- an idle connection to the reactor is kept so long: it is one of the worker's connections
local KEPT = 256 -- idle connections, at most: nginx lays out room for all of them each time that one is the first
local GRACE = 1 -- second: the reactor always answers by the deadline, so only its end is waited for longer

local now = core.http.now

---@param reactor userdata
---@param most integer that wait at once
function M.new(reactor, most)
  local pool = { pool = "referrals:" .. core.http.uuid(), pool_size = math.min(most, KEPT) }
  return setmetatable({ address = reactor:address(), pool = pool }, Door)
end

---@param milliseconds number for whatever is waited for there
---@return table|nil socket
---@return string|nil why
function Door:connect(milliseconds)
  local socket = ngx.socket.tcp()
  socket:settimeouts(milliseconds, milliseconds, milliseconds)
  local ok, why = socket:connect(self.address, self.pool)
  if not ok then
    socket:close()
    return nil, why
  end
  return socket
end

--- Takes a connection back that nothing is waited for on.
function Door:keep(socket)
  socket:setkeepalive(IDLE_MS, self.pool.pool_size)
end

--- nginx may have been blocked since, and then it counts that in.
local function receive(socket, limit)
  local line, why
  repeat
    line, why = socket:receive()
  until line or why ~= "timeout" or now() >= limit
  return line, why
end

--- Knocks and waits until it is answered.
---@param line string
---@param seconds number by then it is
---@param leave? fun(ticket: userdata, way: userdata) called when it is not, before the connection is closed: the
--- reactor may forget what nobody is there for
---@param ticket? userdata
---@param way? userdata
---@return table|nil socket for keep()
---@return string|nil why
---@return boolean|nil full there is no way in now, and nobody knocked
function Door:knock(line, seconds, leave, ticket, way)
  ngx.update_time() -- it would count from when its loop began to turn, and something may have blocked it since
  local limit = now() + seconds + GRACE
  local socket, why = self:connect(math.ceil((seconds + GRACE) * 1000))
  if not socket then
    return nil, why, true
  end
  local ok
  ok, why = socket:send(line)
  if ok then
    ok, why = receive(socket, limit)
  end
  if not ok then
    if leave then
      leave(ticket, way)
    end
    socket:close()
    return nil, why
  end
  return socket
end

return M
