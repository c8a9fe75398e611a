--- Access tokens that all workers of an nginx share, in a lua_shared_dict: one of them asks for a new one, the others
--- take it from there. The token stands in that memory as it is, where every Lua code of this nginx can read it, so the
--- dict should be used for nothing else. Refresh tokens and client secrets never get there.

local core = require "referrals.core"
local errors = require "referrals.errors"

local M = {}

local LONGEST_RENEWAL = 20 -- seconds; a worker that dies in the middle of one keeps the lock no longer
local SHORTEST_WAIT, LONGEST_WAIT = 0.002, 0.1
local SHORTEST_LIFE = 0.001 -- seconds: what is to last less lasts for ever in a dict
local UNFIT = "shared: the lua_shared_dict does not take it, so this worker's token is its own: "

---@class referrals.shared_token
---@field last string|nil the token that this worker had last
---@field unkept boolean|nil the source's tokens are not to be kept
local Shared = {}
Shared.__index = Shared

local function dict_of(name)
  local nginx = rawget(_G, "ngx")
  return type(nginx) == "table" and type(nginx.shared) == "table" and nginx.shared[name] or nil
end

local function warn(context, why)
  context.tell { type = "warning", member = "shared", message = UNFIT .. tostring(why) }
end

--- What is wrong with the option `shared`.
---@param name string|nil
---@param member? string what it was given as, "shared" by default
---@return referrals.error|nil err `validation`
function M.refusal(name, member)
  member = member or "shared"
  if name == nil or dict_of(name) then
    return nil
  end
  local expected = "the name of a lua_shared_dict of the nginx that this runs in"
  local message = ("%s: expected %s, got '%s'"):format(member, expected, errors.visible(name, 40))
  return errors.new("validation", { member = member, expected = expected, message = message, applied = false })
end

--- What workers share of one source.
---@param name string of a lua_shared_dict
---@param identity string all that decides which token the source gives; may hold secrets
---@return referrals.shared_token
function M.new(name, identity)
  local key = "referrals token " .. ngx.encode_base64(ngx.sha1_bin(identity))
  return setmetatable({ dict = dict_of(name), key = key, lock = key .. " lock" }, Shared)
end

--- The token that the dict holds. Times are by a clock that is the same for all processes.
---@return referrals.token_answer|nil
function Shared:newest()
  local started, life, token = tostring(self.dict:get(self.key)):match("^(%d+%.%d+) (%d+%.%d+) (%S+)$")
  return token and { started = tonumber(started), life = tonumber(life), token = token }
end

--- What another worker got after this one had its own.
---@return referrals.token_answer|nil
function Shared:take()
  local newest = self:newest()
  if newest and newest.token ~= self.last then
    self.last = newest.token
    return newest
  end
end

function Shared:publish(answer, context)
  local left = answer.started + answer.life - context.runtime:now()
  if left >= SHORTEST_LIFE then
    local text = ("%.3f %.3f %s"):format(answer.started, answer.life, answer.token)
    local kept, why = self.dict:set(self.key, text, left)
    if not kept then
      warn(context, why)
    end
  end
end

--- Whoever locks ends before the lock does.
---@return number|nil deadline nil: another one has it
---@return string owner for unlock()
---@return string|nil why the dict takes no lock, of anybody
function Shared:try_lock(now, deadline)
  local seconds, owner = math.min(deadline - now, LONGEST_RENEWAL), core.http.uuid()
  if seconds < SHORTEST_LIFE then
    return nil, owner
  end
  local locked, why = self.dict:add(self.lock, owner, seconds)
  return locked and now + seconds or nil, owner, not locked and why ~= "exists" and why or nil
end

function Shared:unlock(owner)
  if self.dict:get(self.lock) == owner then
    self.dict:delete(self.lock)
  end
end

--- What rotates goes on when the lock ends: its answer may hold the only refresh token that is good, and what keeps
--- that token keeps the others from it.
function Shared:renew_locked(context, deadline, owner, renew, rotates)
  local taken = self:take() -- it may have come between the look and the lock
  if taken then
    self:unlock(owner)
    return taken
  end
  local answer, err = renew(rotates and context or setmetatable({ deadline = deadline }, { __index = context }))
  if answer and answer.life then
    self:publish(answer, context)
    self.last = answer.token
  elseif answer then
    self.unkept = true
  end
  self:unlock(owner)
  return answer, err
end

--- Another token than this worker had: another worker's, else a new one.
---@param context referrals.token_context
---@param renew fun(context: referrals.token_context): referrals.token_answer|nil, referrals.error|nil
---@param rotates boolean|nil something is lost when it is ended halfway
---@return referrals.token_answer|nil
---@return referrals.error|nil err
function Shared:renew(context, renew, rotates)
  local runtime, pause = context.runtime, SHORTEST_WAIT
  while not self.unkept do
    local taken, now = self:take(), runtime:now()
    if taken then
      return taken
    elseif now >= context.deadline then
      local message = "the time was up while another worker was getting the token"
      return nil, errors.new("timeout", { message = message, stage = "token", applied = false })
    end
    local deadline, owner, why = self:try_lock(now, context.deadline)
    if deadline then
      return self:renew_locked(context, deadline, owner, renew, rotates)
    elseif why then
      warn(context, why)
      return renew(context)
    end
    if runtime:sleep(math.min(pause, context.deadline - now)) == false then
      return nil, errors.new("busy", { message = errors.NO_WAY_TO_WAIT, stage = "token", applied = false })
    end
    pause = math.min(2 * pause, LONGEST_WAIT)
  end
  return renew(context)
end

--- The service refused this token: no worker takes it any more.
---@param token string
function Shared:forget(token)
  local newest = self:newest()
  if newest and newest.token == token then
    self.dict:delete(self.key)
  end
end

return M
