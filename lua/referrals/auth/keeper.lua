--- Where a refresh token is kept that changes with every use: in a file, with the caller's function, or both. What
--- could not be kept stays in memory until it is.

local core = require "referrals.core"
local errors = require "referrals.errors"
local protected = require "referrals.auth.protected"
local request = require "referrals.auth.request"

local M = {}

local SHORTEST_WAIT, LONGEST_WAIT = 0.005, 0.1

---@class referrals.keeper
local Keeper = {}
Keeper.__index = Keeper

---@param options {file: string|nil, on_rotate: function|nil, refresh_token: string|nil}
---@return referrals.keeper
function M.new(options)
  return setmetatable({ file = options.file, on_rotate = options.on_rotate, newest = options.refresh_token }, Keeper)
end

local function failure(...)
  return request.failure("auth", { message = (...):format(select(2, ...)) })
end

-- The lock -----------------------------------------------------------------------------------------------------------

--- Locks the file against other processes and other sources. Never blocks: a lock that somebody has is asked for again,
--- until the call's time is up.
---@param context referrals.token_context
---@return userdata|false|nil lock false where there is no file to lock
---@return referrals.error|nil err
function Keeper:lock(context)
  if not self.file then
    return false
  end
  local runtime, pause = context.runtime, SHORTEST_WAIT
  while true do
    local lock, why = core.secret_file.lock(self.file)
    if lock then
      return lock
    elseif why then
      return nil, failure("the token file's lock '%s.lock' cannot be had: %s", errors.visible(self.file, 300), why)
    end
    local remaining = context.deadline - runtime:now()
    if remaining <= 0 then
      local message = ("the time was up while another process had the token file '%s' locked"):format(
        errors.visible(self.file, 300)
      )
      return nil, request.failure("timeout", { message = message })
    end
    if runtime:sleep(math.min(pause, remaining)) == false then
      return nil, request.failure("busy", { message = errors.NO_WAY_TO_WAIT })
    end
    pause = math.min(2 * pause, LONGEST_WAIT)
  end
end

---@param lock userdata|false
function M.release(lock)
  if lock then
    lock:release()
  end
end

-- The refresh token --------------------------------------------------------------------------------------------------

--- The file's token.
---@param lock userdata|false
---@return string|nil token nil when it holds none
---@return string|nil wrong what is wrong with the file
---@return boolean|nil exists without a token: is there such a file?
local function in_file(lock)
  local text, why
  if lock then
    text, why = lock:read()
    if why then
      return nil, "cannot be used: " .. why
    end
  end
  local token = text and text:match("^%s*(.-)%s*$") or ""
  if token == "" then
    return nil, nil, text ~= nil
  elseif not request.is_token(token) then
    return nil, "holds no refresh token: one line of visible ASCII"
  end
  return token
end

--- The token to use now: the file's, which another process may have renewed, else the newest that is known here. It is
--- spent by being used, so it is not used where there could be no place for the next one.
---@param lock userdata|false
---@return string|nil token
---@return referrals.error|nil err
function Keeper:current(lock)
  local token, wrong, exists = in_file(lock)
  token = token or (not wrong and self.newest)
  if not token then
    wrong = wrong or (exists and "is empty" or "does not exist") .. ": write the first refresh token there"
    return nil, failure("the token file '%s' %s", errors.visible(self.file, 300), wrong)
  end
  local can_write, why = true, nil
  if lock then
    can_write, why = lock:try()
  end
  if not can_write then
    local message = "no token was asked for, since a new refresh token could not be written to '%s': %s"
    local err = failure(message, errors.visible(self.file, 300), why)
    err.unspent = true -- so whoever has an access token that works goes on with it
    return nil, err
  end
  self.used = token
  return token
end

local function refused(secrets, ok, first, why)
  local function said(what)
    return errors.visible(request.redact(errors.text(what), secrets), 200)
  end
  if not ok then
    return "raised: " .. said(first)
  elseif first == false or (first == nil and why ~= nil) then
    return "failed" .. (why ~= nil and ": " .. said(why) or "")
  end
end

local KEPT_HERE = "; it stays in memory and is handed over at the next call"

--- Somebody wrote another token into the file than the one that the new one was got with: theirs is the newer one.
---@param lock userdata|false
---@return boolean superseded
---@return string|nil wrong what is wrong with the file
function Keeper:is_superseded(lock)
  local unkept = self.unkept
  local there, wrong = in_file(lock)
  return there ~= nil and there ~= unkept.token and not (unkept.file and there == unkept.used), wrong
end

--- Hands over what is still to be kept.
---@param lock userdata|false
---@param runtime referrals.runtime
---@return referrals.error|nil err what could not be done; it will be tried again
function Keeper:hand_over(lock, runtime)
  local unkept = self.unkept
  local superseded, why = self:is_superseded(lock)
  if superseded then
    self.unkept = nil
    return nil
  elseif unkept.file then
    local ok
    if not why then
      ok, why = lock:write(unkept.token .. "\n")
    end
    if not ok then
      local message = "the new refresh token could not be written to '%s': %s" .. KEPT_HERE
      return failure(message, errors.visible(self.file, 300), why)
    end
    unkept.file = nil
  end
  if unkept.on_rotate then
    local secrets = { unkept.token, unkept.answer.token, self.secret, self.used }
    why = refused(secrets, protected.call(self.source, runtime, self.on_rotate, unkept.token))
    if why then
      return failure("on_rotate, which keeps the new refresh token, %s" .. KEPT_HERE, why)
    end
  end
  self.unkept = nil
end

--- Keeps a new refresh token, before anybody uses what came with it.
---@param lock userdata|false
---@param token string
---@param answer referrals.token_answer what came with it
---@param runtime referrals.runtime
---@return referrals.error|nil err
function Keeper:keep(lock, token, answer, runtime)
  self.newest = token
  self.unkept = { token = token, used = self.used, answer = answer, file = self.file, on_rotate = self.on_rotate }
  return self:hand_over(lock, runtime)
end

return M
