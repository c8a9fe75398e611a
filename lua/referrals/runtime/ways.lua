--- What straight updates that others go on beside need in the core: as many as there ever were at once, used again and
--- again. One that never came back, because whoever had it was ended, is the collector's.

local core = require "referrals.core"

local M = {}
local Ways = {}
Ways.__index = Ways

---@class referrals.ways
---@field take fun(self): userdata, userdata|nil
---@field give_back fun(self, way: userdata, spare: userdata|nil)

---@return referrals.ways
function M.new()
  return setmetatable({ ways = {}, spares = {} }, Ways)
end

--- For one update at a time.
---@return userdata way
---@return userdata|nil spare a closed exchange or ticket, to be used again
function Ways:take()
  local ways, spares = self.ways, self.spares
  local way, spare = ways[#ways], spares[#spares]
  ways[#ways], spares[#spares] = nil, nil
  return way or core.http.way(), spare
end

---@param way userdata
---@param spare userdata|nil closed
function Ways:give_back(way, spare)
  local ways, spares = self.ways, self.spares
  ways[#ways + 1], spares[#spares + 1] = way, spare
end

return M
