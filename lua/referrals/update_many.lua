--- Many updates at once: as many verbs side by side as allowed, each referral's own in their order, results in the
--- items' order or to a callback as they come.

local errors = require "referrals.errors"

local M = {}

local LOOK_AHEAD = 4 -- times the concurrency: items held back because their referral is being updated
local ALL_FORBIDDEN = 10 -- refusals in a row, and none that was not: the next ones will be refused too

---@class referrals.item
---@field id string|table an id, or a referral as read
---@field change table|string|function
---@field opts table|nil the options of update

---@class referrals.item_result
---@field index integer the item's place, from 1
---@field id string|nil
---@field ok boolean
---@field value table|string|nil
---@field err any an error object; or what the item's function raised
---@field info table|nil
---@field skipped true|nil it was not tried

---@class referrals.totals
---@field total integer items seen
---@field succeeded integer
---@field failed integer
---@field skipped integer
---@field changed integer succeeded, and something was written
---@field stopped any why the rest was skipped: an error object, "deadline" or "on_progress"

---@class referrals.batch
local Batch = {}
Batch.__index = Batch

-- Items --------------------------------------------------------------------------------------------------------------

local function from_list(list)
  local index = 0
  return function()
    index = index + 1
    return list[index]
  end
end

local function id_of(item)
  local id = type(item) == "table" and item.id
  if type(id) == "table" then
    id = id.id
  end
  return type(id) == "string" and id or nil
end

--- The next item of the caller's, with its place; nil at the end, or when their iterator raised.
function Batch:pull()
  if self.exhausted then
    return nil
  end
  local ok, item = pcall(self.next_item)
  if not ok then
    self.raised, item = self.raised or { item }, nil
  end
  if item == nil then
    self.exhausted = true
    return nil
  end
  self.totals.total = self.totals.total + 1
  local id = id_of(item)
  return { index = self.totals.total, item = item, id = id, key = id and id:lower() }
end

--- An item that may start now: one that was held back for its referral, else the next whose referral is free.
function Batch:take()
  for place, entry in ipairs(self.held) do
    if not self.busy[entry.key] and not self:held_before(place, entry.key) then
      table.remove(self.held, place)
      return entry
    end
  end
  while #self.held < self.look_ahead do
    local entry = self:pull()
    if not entry then
      return nil
    elseif not entry.key or not (self.busy[entry.key] or self:held_before(#self.held + 1, entry.key)) then
      return entry
    end
    self.held[#self.held + 1] = entry
  end
end

function Batch:held_before(place, key)
  for earlier = 1, place - 1 do
    if self.held[earlier].key == key then
      return true
    end
  end
  return false
end

-- Results ------------------------------------------------------------------------------------------------------------

function Batch:note(result)
  local totals = self.totals
  if result.skipped then
    totals.skipped = totals.skipped + 1
  elseif result.ok then
    totals.succeeded = totals.succeeded + 1
    totals.changed = totals.changed + (result.info and result.info.changed and 1 or 0)
  else
    totals.failed = totals.failed + 1
  end
  if self.on_result then
    self:tell(self.on_result, result)
  else
    self.results[result.index] = result
  end
end

--- Calls one of the caller's functions. What it raises stops the batch and is raised again when all that is under way
--- has come to its end: a write that nobody waits for would be settled by nobody.
function Batch:tell(callback, ...)
  if self.raised then
    return nil
  end
  local held = self.runtime:hold()
  local ok, answer = pcall(callback, ...)
  self.runtime:release(held)
  if not ok then
    return self:abort(answer)
  end
  return answer
end

function Batch:abort(raised)
  self.raised = self.raised or { raised }
  self.stopped = self.stopped or "raised"
end

local function is_kind(err, kind)
  return errors.is(err) and err.kind == kind
end

--- Is there a reason not to go on with the rest?
function Batch:reason_to_stop(result)
  local totals = self.totals
  self.forbidden = self.forbidden + (is_kind(result.err, "forbidden") and 1 or 0)
  if is_kind(result.err, "auth") then
    return result.err
  elseif self.forbidden >= ALL_FORBIDDEN and self.forbidden == totals.failed and totals.succeeded == 0 then
    return result.err
  end
end

function Batch:finish(entry, result)
  entry.finished = true
  if entry.key then
    self.busy[entry.key] = nil
  end
  result.index, result.id = entry.index, entry.id
  self:note(result)
  self.stopped = self.stopped or self:reason_to_stop(result)
  local totals = self.totals
  local done = totals.succeeded + totals.failed + totals.skipped
  if self.on_progress and self:tell(self.on_progress, done, self.known_total, totals.failed) == false then
    self.stopped = self.stopped or "on_progress"
  end
end

-- Running ------------------------------------------------------------------------------------------------------------

local FIELDS = {
  { name = "id", string = true, table = true, expected = "an id, or a referral as read" },
  { name = "change", table = true, string = true, ["function"] = true, expected = "a table, JSON text or a function" },
  { name = "opts", table = true, ["nil"] = true, expected = "a table of update's options" },
}

--- Items come from data, so one that is none is an error result like any other.
---@return referrals.error|nil err `validation`
local function malformed(item)
  if type(item) == "table" and type(item.id) == "string" and type(item.change) == "table" and item.opts == nil then
    return nil
  elseif type(item) ~= "table" then
    local expected = "a table {id =, change =, opts =}"
    return errors.new("validation", { member = "items", expected = expected, applied = false })
  end
  for _, field in ipairs(FIELDS) do
    if not field[type(item[field.name])] then
      return errors.new("validation", { member = field.name, expected = field.expected, applied = false })
    end
  end
end

function Batch:options_for(item)
  if item.opts == nil then
    return self.defaults
  end
  local options = {}
  for name, value in pairs(self.defaults) do
    options[name] = value
  end
  for name, value in pairs(item.opts or {}) do
    options[name] = value
  end
  return options
end

function Batch:task(entry)
  local item = entry.item
  return {
    run = function()
      local wrong = malformed(item)
      if wrong then
        return self:finish(entry, { ok = false, err = wrong })
      end
      local value, err, info = self.client:update_within(self.batch_call, item.id, item.change, self:options_for(item))
      return self:finish(entry, { ok = err == nil, value = value, err = err, info = info })
    end,
    failed = function(raised)
      if entry.finished then -- a callback that was told of it yielded
        return self:abort(raised)
      end
      return self:finish(entry, { ok = false, err = raised })
    end,
  }
end

function Batch:next_task()
  local entry = not self.stopped and self:take()
  if not entry then
    return nil
  elseif self.limit and self.runtime:now() >= self.limit then
    table.insert(self.held, 1, entry)
    self.stopped = self.stopped or "deadline"
    return nil
  end
  if entry.key then
    self.busy[entry.key] = true
  end
  return self:task(entry)
end

--- After a stop: what was not tried is told, for a list as for what was read of an iterator.
function Batch:skip_rest()
  local entry = table.remove(self.held, 1)
  if not entry and self.is_list then
    entry = self:pull()
  end
  while entry do
    local why = errors.is(self.stopped) and self.stopped or nil
    self:note { index = entry.index, id = entry.id, ok = false, skipped = true, err = why }
    entry = table.remove(self.held, 1) or (self.is_list and self:pull()) or nil
  end
end

function Batch:run()
  self.runtime:concurrently(function()
    return self:next_task()
  end, self.concurrency)
  if self.stopped then
    self:skip_rest()
  end
  if self.raised then
    error(self.raised[1], 0)
  end
  local totals = self.totals
  totals.stopped = self.stopped
  if not self.on_result then
    for name, value in pairs(totals) do
      self.results[name] = value
    end
    return self.results
  end
  return totals
end

local OWN = { concurrency = true, deadline = true, on_progress = true, on_result = true }

--- Runs a batch.
---@param client referrals.client
---@param items referrals.item[]|fun(): referrals.item|nil
---@param opts table checked
---@return table results
function M.run(client, items, opts)
  local defaults = {}
  for name, value in pairs(opts) do
    if not OWN[name] then -- `value` may be false
      defaults[name] = value
    end
  end
  local runtime = client.exchange.runtime
  local is_list = type(items) == "table"
  local concurrency = opts.concurrency or client.config.concurrency
  local limit = opts.deadline and runtime:now() + opts.deadline
  local batch = setmetatable({
    client = client,
    runtime = runtime,
    next_item = is_list and from_list(items) or items,
    is_list = is_list,
    known_total = is_list and #items or nil,
    defaults = defaults,
    concurrency = concurrency,
    look_ahead = concurrency * LOOK_AHEAD,
    limit = limit,
    batch_call = { limit = limit },
    on_result = opts.on_result,
    on_progress = opts.on_progress,
    held = {},
    busy = {},
    results = {},
    forbidden = 0,
    totals = { total = 0, succeeded = 0, failed = 0, skipped = 0, changed = 0 },
  }, Batch)
  return batch:run()
end

return M
