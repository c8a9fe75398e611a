--- The service's clock: seconds, the strictly increasing date-times it stamps on writes, and HTTP dates.
local M = {}
local Clock = {}
Clock.__index = Clock

local TICKS = 10000000 -- the service writes seven fractional digits

---@param read (fun(): number)?  seconds since the epoch; os.time by default
function M.new(read)
  return setmetatable({ read = read or os.time, offset = 0, second = 0, tick = 0 }, Clock)
end

---@return number
function Clock:now()
  return self.read() + self.offset
end

--- Moves the clock: what is issued or stored so far grows older by so many seconds.
---@param seconds number
function Clock:advance(seconds)
  self.offset = self.offset + seconds
end

local function text(second, tick)
  return os.date("!%Y-%m-%dT%H:%M:%S", second) .. string.format(".%07dZ", tick)
end

--- A moment as the service writes it.
---@param seconds number
---@return string
function M.text(seconds)
  local second = math.floor(seconds)
  return text(second, math.floor((seconds - second) * TICKS))
end

--- The date-time of a write: later than any stamped before, even when the clock stands still.
---@return string
function Clock:stamp()
  local now = self:now()
  local second = math.floor(now)
  local tick = math.floor((now - second) * TICKS)
  if second < self.second or second == self.second and tick <= self.tick then
    second, tick = self.second, self.tick + 1
  end
  if tick >= TICKS then
    second, tick = second + 1, 0
  end
  self.second, self.tick = second, tick
  return text(second, tick)
end

local DAYS = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" }
local MONTHS = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" }

--- A moment as HTTP writes it, whatever the locale.
---@param seconds number
---@return string
function M.http_date(seconds)
  local part = os.date("!*t", math.floor(seconds))
  return string.format("%s, %02d %s %04d %02d:%02d:%02d GMT", DAYS[part.wday], part.day, MONTHS[part.month], part.year,
    part.hour, part.min, part.sec)
end

return M
