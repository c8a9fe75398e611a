--- Chooses how to wait.

local in_process = require "referrals.runtime.in_process"
local native = require "referrals.runtime.native"
local nginx = require "referrals.runtime.nginx"

local M = {}

---@param config referrals.config
---@return referrals.runtime
function M.new(config)
  if config.sandbox then
    return in_process.new(config)
  elseif nginx.is_here() then
    return nginx.new(config)
  end
  return native.new(config)
end

return M
