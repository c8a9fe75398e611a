--- Chooses how to wait.

local in_process = require "referrals.runtime.in_process"
local native = require "referrals.runtime.native"
local nginx = require "referrals.runtime.nginx"

---@class referrals.runtime
---@field has_others boolean|nil what else the host runs goes on whenever somebody waits
---@field session userdata|nil the core's, once there was something to send
---@field last userdata|nil an exchange whose userdata serves the next one once it is closed
---@field way userdata|nil what an update that is waited for needs in the core
---@field task_count integer|nil coroutines of batches under way
---@field ask fun(self, request: referrals.request, template: userdata, token: string, timeout: number):
--- referrals.answer, string|nil
---@field perform fun(self, request: table): string, boolean, integer|nil, string|nil, string|nil, string|nil
---@field expect_to_wait fun(self) raises where nothing can wait
---@field carrier fun(self): userdata|nil what carries straight updates, one of many; see straight.lua
---@field await fun(self, carrier: userdata, carried: userdata, seconds: number, way: userdata): referrals.answer|nil
--- until what it carries is done; an answer in place of one that can be waited for no longer, which the way knows then
---@field ways referrals.ways|nil for what the carrier carries
---@field sleep fun(self, seconds: number)
---@field now fun(self): number seconds of a clock that nobody sets
---@field concurrently fun(self, next_task: fun(): referrals.task|nil, limit: integer)
---@field starts_later boolean|nil a task may begin after the next one was asked for
---@field hold fun(self): any before the caller's own code runs in the middle of a verb
---@field release fun(self, held: any) after it

---@class referrals.task
---@field run fun(self)
---@field failed fun(self, raised: any) told what `run` raised
---@field shared boolean|nil others wait for it: who waits deep within others resumes it too
---@field deadline number|nil of a shared one, by now(): nobody waits for it much longer
---@field others_wait nil|fun(self, seconds: number) of a shared one: others wait for it so long from now and a little
--- more, its deadline at most; told where whoever is to begin it, or runs it, may be ended

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
