--- Seeded random numbers, the same on every Lua, so that a run of faults can be repeated.
local M = {}
local Random = {}
Random.__index = Random

local MODULUS, MULTIPLIER = 2147483647, 16807

---@param seed integer?
function M.new(seed)
  local self = setmetatable({ state = (seed or 1) % (MODULUS - 1) + 1 }, Random)
  for _ = 1, 4 do -- small seeds start close to zero
    self:number()
  end
  return self
end

--- Above 0, below 1.
---@return number
function Random:number()
  self.state = self.state * MULTIPLIER % MODULUS
  return self.state / MODULUS
end

---@return string
function Random:guid()
  local groups = {}
  for index = 1, 8 do
    groups[index] = string.format("%04x", math.floor(self:number() * 65536))
  end
  return string.format("%s%s-%s-4%s-8%s-%s%s%s", groups[1], groups[2], groups[3], groups[4]:sub(2), groups[5]:sub(2),
    groups[6], groups[7], groups[8])
end

return M
