--- A token source that keeps its token until shortly before it expires, and renews it once however many wait for it.

local errors = require "referrals.errors"
local protected = require "referrals.auth.protected"
local request = require "referrals.auth.request"
local shared_token = require "referrals.auth.shared"

local M = {}

local DEFAULT_MARGIN = 300 -- seconds before its end at which a token is renewed
local SPARE_TIME = 10 -- seconds that a renewal may take while the old token still works, or its share of the call's
local SHARE = 0.5
local ROTATING_SHARE = 0.8 -- an answer that nobody waits for may hold the only refresh token that is good
local RENEW_AGAIN = 30 -- seconds until the next try, after one that failed while the old token still works
local SHORTEST_WAIT, LONGEST_WAIT = 0.002, 0.05
local PATIENCE = 1 -- second that others wait for whoever nginx may have ended meanwhile, as on its own stack

--- What a call lends to a source.
---@class referrals.token_context
---@field runtime referrals.runtime
---@field deadline number by the runtime's clock
---@field connect_timeout number
---@field tell fun(event: table)

---@class referrals.token_source
---@field token fun(self, context: referrals.token_context): string|nil, referrals.error|nil
---@field invalidate fun(self, token: string): boolean the service refused this token; may another one be had?
---@field issues boolean|nil a renewed token is worth another try even where it reads as the refused one did
---@field at_hand nil|fun(self, now: number, seconds: number): string|nil the token, where none need be asked for, or
--- waited for, to have one that is good for so long

---@class referrals.token_answer a token just got
---@field token string
---@field life number|nil seconds; nil: not to be kept
---@field started number when it was asked for, by the runtime's clock

local PASSING = { network = true, timeout = true, server = true, throttled = true, busy = true, protocol = true }

--- Does a failure say nothing about the next try? A refusal without a code of OAuth's is somebody else's on the way.
local function is_passing(err)
  return PASSING[err.kind] or (err.http_status ~= nil and err.code == nil)
end

local NO_TIMER = "nginx runs no timer to renew the token in: lua_max_running_timers is too low"

local function failure(kind, message)
  return errors.new(kind, { message = message, stage = "token", applied = false })
end

local metatable = {
  __name = "referrals.token_source",
  __tostring = function(source)
    return "referrals.token_source: " .. source.name
  end,
}

--- Waits until a renewal ended, its time is over, or ours is.
local function wait_for(renewal, context)
  local runtime, pause = context.runtime, SHORTEST_WAIT
  while not renewal.ended do
    local now = runtime:now()
    if now >= context.deadline then
      return failure("timeout", "the time was up while another call was getting the token")
    elseif now >= renewal.given_up then
      return nil -- it was abandoned
    end
    if runtime:sleep(math.min(pause, context.deadline - now, renewal.given_up - now)) == false then
      return failure("busy", errors.NO_WAY_TO_WAIT)
    end
    pause = math.min(2 * pause, LONGEST_WAIT)
  end
end

--- A renewal's own context. Its events are told when it is over: who listens may use the client.
local function context_of(renewal, context)
  return {
    runtime = context.runtime,
    connect_timeout = context.connect_timeout,
    deadline = renewal.deadline,
    tell = function(event)
      renewal.events[#renewal.events + 1] = event
    end,
  }
end

--- Each event of a renewal that is over, once: to whoever began it, or where that one was ended, to whoever comes next.
local function tell_events(renewal, context)
  while renewal and renewal.ended and renewal.events[1] do
    context.tell(table.remove(renewal.events, 1))
  end
end

--- Tells how long others wait: a runtime calls it where whoever is to begin a renewal, or runs it, may be ended. Made
--- here for the same reason as what renews.
local function waiting_for(mine, runtime)
  return function(_, seconds)
    mine.given_up = math.min(mine.deadline, runtime:now() + seconds + PATIENCE)
  end
end

--- Runs this as a task of its own. A verb may wait on top of another's stack, where that other one cannot go on; the
--- task stands on nobody's stack, so whoever waits moves it on. What it raises passes, and nobody waits for it longer.
--- `refuse` runs instead where nobody could be kept from ending it halfway.
local function apart(runtime, run, mine, refuse)
  local task, raised = { run = run, shared = true, deadline = mine.deadline, refuse = refuse }, nil
  task.others_wait = waiting_for(mine, runtime)
  function task.failed(_, what)
    raised = { what }
  end
  runtime:concurrently(function()
    local first = task
    task = nil
    return first
  end, 1)
  if raised then
    mine.given_up = 0
    error(raised[1], 0)
  end
end

--- Makes a source. Nothing secret can be read from it: all is in upvalues.
---@param options {name: string, margin: number|nil, waits: boolean|nil, rotates: boolean|nil, identity: string|nil,
--- issues: boolean|nil, renew: function} `renew` gets a context and gives a referrals.token_answer, or nil and an
--- error; `waits`: it waits by the runtime; `rotates`: and loses something when it is ended halfway; `identity`: all
--- that decides which token it gives, where workers may share it; `issues`: what it gets was issued that moment
---@return referrals.token_source
function M.new(options)
  local source = setmetatable({ name = options.name, issues = options.issues }, metatable)
  local margin = options.margin or DEFAULT_MARGIN
  local kept -- {token, renew_at, expires}
  local renewal -- the one under way: {deadline, given_up, ended, token, err, events}
  local latest -- the one that was begun last
  local shared -- referrals.shared_token: stands between this worker's renewals and the source's own

  local function keep(answer)
    local life = answer.life
    kept = life
      and {
        token = answer.token,
        renew_at = answer.started + life - math.min(margin, life / 2),
        expires = answer.started + life,
        is_sound = request.is_token(answer.token),
      }
  end

  local function works(now)
    return kept ~= nil and now < kept.expires
  end

  --- What a renewal came to; from now on nobody waits for it.
  local function finish(mine, answer, err, now)
    if answer then
      keep(answer)
      mine.token = answer.token
    elseif (is_passing(err) or err.unspent) and works(now) then
      kept.renew_at = math.min(kept.expires, now + RENEW_AGAIN)
      mine.token = kept.token
    end
    mine.ended, mine.err = true, err
    if renewal == mine then
      renewal = nil
    end
  end

  --- What renews. Made here, so that it holds nothing of the stack of whoever asked: in nginx that one may be ended.
  --- One that was given up before it began does not begin: a refresh token that rotates is not to be used twice.
  local function task_of(mine, context)
    local own = context_of(mine, context)
    return function()
      if renewal ~= mine then
        return
      end
      local answer, err
      if shared then
        answer, err = shared:renew(own, options.renew, options.rotates)
      else
        answer, err = options.renew(own)
      end
      finish(mine, answer, err, own.runtime:now())
    end
  end

  local function refusal_of(mine, runtime)
    return function()
      finish(mine, nil, failure("busy", NO_TIMER), runtime:now())
    end
  end

  --- Only one at a time comes here.
  ---@return string|nil token
  ---@return referrals.error|nil err
  ---@return boolean|nil again it was given up before it ended, and another call took over
  local function renew(context)
    context.runtime:expect_to_wait()
    local now = context.runtime:now()
    local left = context.deadline - now
    local share = left * (options.rotates and ROTATING_SHARE or SHARE)
    local deadline = now + (works(now) and math.min(share, SPARE_TIME) or left)
    local given_up = options.waits and deadline or math.min(deadline, now + PATIENCE)
    local mine = { deadline = deadline, given_up = given_up, events = {} }
    renewal, latest = mine, mine
    local run = task_of(mine, context)
    if options.waits then
      apart(context.runtime, run, mine, options.rotates and refusal_of(mine, context.runtime) or nil)
    else
      run()
    end
    tell_events(mine, context)
    if not mine.ended then
      return nil, failure("timeout", "the time was up while the token was being got"), renewal ~= mine
    end
    return mine.token, not mine.token and mine.err or nil
  end

  --- What another call's renewal comes to.
  ---@return string|nil token
  ---@return referrals.error|nil err
  ---@return boolean|nil again that says nothing about the next one: it was given up, or its time was up and not ours
  local function join(current, context)
    local err = wait_for(current, context)
    if err or current.token then
      return current.token, err
    elseif current.err and current.err.kind ~= "timeout" then
      return nil, errors.new(current.err.kind, current.err)
    end
    return nil, nil, true
  end

  --- The token, from memory if it will do.
  function source:token(context)
    if protected.inside(self) then
      return nil, failure("auth", "the function that gives or keeps this client's token cannot use this client")
    end
    tell_events(latest, context)
    local token, err, again
    repeat
      local now = context.runtime:now()
      local current = renewal and now < renewal.given_up and renewal or nil -- else it was abandoned
      if works(now) and (current or now < kept.renew_at) then
        return kept.token
      elseif current then
        token, err, again = join(current, context)
      else
        token, err, again = renew(context)
      end
    until not again
    return token, err
  end

  function source.at_hand(_, now, seconds)
    if kept and kept.is_sound and now < kept.renew_at and now + seconds <= kept.expires then
      return not protected.inside(source) and kept.token or nil
    end
  end

  function source.invalidate(_, token)
    if kept and kept.token == token then
      kept = nil
    end
    if shared then
      shared:forget(token)
    end
    return true
  end

  --- From now on the workers of this nginx share the token, where it is one that can be told from others.
  ---@param name string of a lua_shared_dict
  function source.share(_, name)
    shared = options.identity and shared_token.new(name, options.identity) or nil
  end

  return source
end

return M
