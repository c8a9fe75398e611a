--- How many light threads wait for a reactor at once: each at a semaphore, and one in a timer at the reactor's bell,
--- which posts what is done. It serves as long as anybody waits, so it holds no exiting worker, and no client's going
--- away ends it.

local core = require "referrals.core"

local M = {}
local Bell = {}
Bell.__index = Bell

local GRACE = 1 -- second: the reactor always answers by the deadline, so only its end is waited for longer
local LONGEST_MS = 86400000
local SWEEP = 0.1 -- seconds
local LOOK_AGAIN = 0.1 -- seconds, where nobody listens yet
local ASK_AGAIN = 1 -- second after which a timer that did not run never will
local BUSY = 1000 -- answers in a second
local FEW = 2 -- that go on in one turn of nginx's loop while there are less than those
local QUIET = 8 -- tickets started in a row before the thread is told: one at a time wakes it each time, and all of
-- many at the end leaves it idle until then

local now = core.http.now

---@param reactor userdata
---@param door table the reactor's, see door.lua
function M.new(reactor, door)
  return setmetatable({
    reactor = reactor,
    door = door,
    semaphores = {}, -- by the ticket's place
    tickets = {}, -- those waited for, by their place
    waiting = 0,
    due = 0, -- of those posted together, who did not go on yet
    due_at = 0, -- by nginx's time, which stands still while they do
    second = 0, -- when the current one of those began in which the answers are counted
    rung = 0, -- answers in it
    rung_before = 0, -- and in the one before
    quiet = 0, -- tickets started since the thread was last told
    listening = false,
    swept = 0, -- when
    asked = nil, -- when a timer was asked for that did not run yet
  }, Bell)
end

function Bell:forget(place)
  self.tickets[place] = nil
  self.waiting = self.waiting - 1
end

--- nginx ends a light thread without running anything of it, but not without taking it from the semaphore.
function Bell:sweep()
  if now() - self.swept < SWEEP then
    return
  end
  self.swept = now()
  for place, ticket in pairs(self.tickets) do
    local count = self.semaphores[place]:count() -- -1: it waits; 0: it was posted and goes on soon, or is gone
    if count > 0 or (count == 0 and not ticket:done()) then
      self:forget(place)
      self.semaphores[place] = nil
      ticket:close()
    end
  end
end

--- How many go on in one turn of the loop. While there are few, one after the other: a burst of answers would keep
--- everybody else in the worker waiting. Where there are many, turns of the loop would cost more than they do.
function Bell:most_at_once()
  local time = now()
  if time - self.second >= 1 then
    self.rung_before = time - self.second < 2 and self.rung or 0
    self.second, self.rung = time, 0
  end
  return math.max(self.rung, self.rung_before) < BUSY and FEW or math.huge
end

--- Lets go on whose tickets are done, so many at most.
---@return integer count tickets
---@return integer posted those that somebody waits for
function Bell:post(list, most)
  local count, posted = self.reactor:rung(list, most), 0
  for index = 1, count do
    local place = list[index]
    if self.tickets[place] then
      self.semaphores[place]:post(1)
      posted = posted + 1
    end
  end
  return count, posted
end

function Bell:post_rung(list)
  local count
  self.due_at = ngx.now()
  count, self.due = self:post(list, self:most_at_once())
  self.rung = self.rung + count
end

--- Those posted together go on one after another, and mostly ask for something next: the thread is called for several
--- of them together, and by the last. Should that one be gone, the thread looks when it next rings.
function Bell:may_be_quiet()
  if self.due > 0 and ngx.now() ~= self.due_at then
    self.due = 0 -- some were ended before they went on
  end
  self.quiet = self.due > 0 and self.quiet < QUIET and self.quiet + 1 or 0
  return self.quiet > 0
end

function Bell:went_on()
  self.due = self.due - 1
  if self.due == 0 then
    self.reactor:call()
  end
end

--- What whoever listens does, where nobody does: perhaps no timer runs for a long time, and who is gone keeps a place.
function Bell:look_after()
  if self.waiting == 0 or self.listening then
    return
  end
  self:post({}, math.huge)
  self:sweep()
end

local function serve(self, socket)
  local line, list = self.reactor:bell(), {}
  repeat
    if not (socket:send(line) and socket:receive()) then
      return false
    end
    self:post_rung(list)
    self:sweep()
  until self.waiting == 0
  return true
end

--- Whoever still waits then goes to the reactor's door itself.
function Bell:end_service(socket, whole)
  self.listening = false
  if whole then
    return self.door:keep(socket)
  end
  socket:close()
  for place in pairs(self.tickets) do
    self.semaphores[place]:post(1)
  end
end

local function run(premature, self)
  self.asked = nil
  local socket = not premature and not self.listening and self.door:connect(LONGEST_MS)
  if socket then
    self.listening = true
    local ok, whole = pcall(serve, self, socket)
    self:end_service(socket, ok and whole)
    if not ok then
      error(whole, 0)
    end
  end
end

--- Has somebody listen soon, if nginx still starts timers.
function Bell:ask_for_listener()
  local time = now()
  if not self.listening and (not self.asked or time - self.asked >= ASK_AGAIN) then
    self.asked = ngx.timer.at(0, run, self) and time or nil
  end
end

--- Waits for a ticket's end while somebody listens. Without its having ended: the caller has to wait otherwise.
---@return boolean|nil
---@return string|nil why
function Bell:wait(ticket, seconds)
  local place = ticket:start(self:may_be_quiet())
  local semaphore = self.semaphores[place]
  if not semaphore then
    semaphore = require("ngx.semaphore").new()
    self.semaphores[place] = semaphore
  end
  self.tickets[place] = ticket
  self.waiting = self.waiting + 1
  local limit = now() + seconds + GRACE
  local posted, why
  repeat -- whoever listens may not have come yet, nor ever come
    posted, why = semaphore:wait(self.listening and seconds + GRACE or LOOK_AGAIN)
  until posted or ticket:done() or now() >= limit
  self:forget(place)
  if self.due > 0 then
    self:went_on()
  end
  return posted or ticket:done(), why
end

return M
