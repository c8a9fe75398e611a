--- Many updates at once: as many verbs side by side as allowed, each referral's own in their order, results in the
--- items' order or to a callback as they come.

local errors = require "referrals.errors"
local snapshot = require "referrals.snapshot"
local verb_options = require "referrals.verb_options"

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

---@class referrals.batch_entry: referrals.task an item on its way
---@field batch referrals.batch
---@field index integer the item's place, from 1
---@field item any
---@field id string|nil
---@field key string|nil of its referral: GUIDs compare without case
---@field finished boolean its result was noted
local Entry = {}
Entry.__index = Entry

-- Items --------------------------------------------------------------------------------------------------------------

local function from_list(list)
  local index = 0
  return function()
    index = index + 1
    return list[index]
  end
end

--- Why this is no list: what stands behind a hole, or under a name, would be passed over without a word.
---@param items table|function
---@return referrals.error|nil err `validation`
function M.refusal(items)
  local count, last = 0, 0
  for key in next, type(items) == "table" and items or {} do
    count = count + 1
    last = type(key) == "number" and key % 1 == 0 and key > 0 and math.max(last, key) or math.huge
  end
  if last > count then
    local expected = "a list without holes and names, of {id =, change =, opts =}"
    return errors.new("validation", { member = "items", expected = expected })
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
    self:abort(item) -- what is held back is not begun any more
    item = nil
  end
  if item == nil then
    self.exhausted = true
    return nil
  end
  local totals = self.totals
  local index, id = totals.total + 1, id_of(item)
  totals.total = index
  local entry = { batch = self, index = index, item = item, id = id, key = id and id:lower(), finished = false }
  return setmetatable(entry, Entry)
end

--- The item as it is now, for later.
function Entry:keep()
  local ok, item = pcall(snapshot.of_item, self.item)
  self.item = ok and item or self.item -- one that cannot be read is told so when it is its turn
end

--- An item that may start now: one that was held back for its referral, else the next whose referral is free.
function Batch:take()
  local held, busy = self.held, self.busy
  for place = 1, #held do
    local entry = held[place]
    if not busy[entry.key] and not self:held_before(place, entry.key) then
      return table.remove(held, place)
    end
  end
  while #held < self.look_ahead do
    local entry = self:pull()
    if not entry then
      return nil
    end
    local key = entry.key
    local is_free = not key or not (busy[key] or self:held_before(#held + 1, key))
    if not is_free or self.runtime.starts_later then
      entry:keep()
    end
    if is_free then
      return entry
    end
    held[#held + 1] = entry
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
--- has come to its end: a write that nobody waits for would be settled by nobody. The other function is told of it.
function Batch:tell(callback, ...)
  if self.is_hushed or self.broken[callback] then
    return nil
  end
  local held = self.runtime:hold()
  local ok, answer = pcall(callback, ...)
  self.runtime:release(held)
  if not ok then
    self.broken[callback] = true
    return self:abort(answer)
  end
  return answer
end

function Batch:abort(raised)
  self.raised = self.raised or { raised }
  self.stopped = self.stopped or "raised"
end

--- Is there a reason in a failure not to go on with the rest?
function Batch:reason_to_stop(result)
  local err = result.err
  if not errors.is(err) then
    return nil
  elseif err.kind == "auth" then
    return err
  elseif err.http_status then
    self.answered = self.answered + 1
    self.forbidden = self.forbidden + (err.kind == "forbidden" and 1 or 0)
  end
  if self.forbidden >= ALL_FORBIDDEN and self.forbidden == self.answered and self.totals.succeeded == 0 then
    return err
  end
end

function Batch:tell_progress()
  local totals = self.totals
  local done = totals.succeeded + totals.failed + totals.skipped
  if self:tell(self.on_progress, done, self.known_total, totals.failed) == false then
    self.stopped = self.stopped or "on_progress"
  end
end

function Entry:finish(ok, value, err, info)
  local batch = self.batch
  self.finished = true
  if self.key then
    batch.busy[self.key] = nil
  end
  local result = { index = self.index, id = self.id, ok = ok, value = value, err = err, info = info }
  batch:note(result)
  if not ok then
    batch.stopped = batch.stopped or batch:reason_to_stop(result)
  end
  if batch.on_progress then
    batch:tell_progress()
  end
end

-- Running ------------------------------------------------------------------------------------------------------------

local MISPLACED = { opt = true, option = true, options = true }
for name in pairs(verb_options.update) do
  MISPLACED[name] = true
end

local FIELDS = {
  { name = "id", string = true, table = true, expected = "an id, or a referral as read" },
  { name = "change", table = true, string = true, ["function"] = true, expected = "a table, JSON text or a function" },
  { name = "opts", table = true, ["nil"] = true, expected = "a table of update's options" },
}

--- An option beside `opts` instead of in it would be no option. Other names are the caller's own.
---@return referrals.error|nil err `validation`
local function misplaced(item)
  for name in next, item do
    if MISPLACED[name] then
      local expected = "nothing there: an item's options stand in its `opts`"
      return errors.new("validation", { member = tostring(name), expected = expected, applied = false })
    end
  end
end

--- Items come from data, so one that is none is an error result like any other.
---@return referrals.error|nil err `validation`
local function malformed(item)
  if type(item) == "table" and type(item.id) == "string" and type(item.change) == "table" and item.opts == nil then
    return misplaced(item)
  elseif type(item) ~= "table" then
    local expected = "a table {id =, change =, opts =}"
    return errors.new("validation", { member = "items", expected = expected, applied = false })
  end
  for _, field in ipairs(FIELDS) do
    if not field[type(item[field.name])] then
      return errors.new("validation", { member = field.name, expected = field.expected, applied = false })
    end
  end
  return misplaced(item)
end

--- Puts update's options among others; a table may inherit them.
local function add_options(options, given)
  for name in pairs(verb_options.update) do
    if given[name] ~= nil then
      options[name] = given[name]
    end
  end
  return options
end

--- The batch's options with an item's own, among which there may be such as are none.
local function with_own(defaults, own)
  local options = add_options({}, defaults)
  for name, value in pairs(own) do
    options[name] = value
  end
  return add_options(options, own)
end

function Entry:run()
  local batch, item = self.batch, self.item
  local wrong = malformed(item)
  if wrong then
    return self:finish(false, nil, wrong)
  end
  local call, options = batch.call, batch.call.options
  if item.opts ~= nil then
    options = with_own(options, item.opts)
  end
  local value, err, info = batch.update(batch.client, call, item.id, item.change, options)
  return self:finish(err == nil, value, err, info)
end

function Entry:failed(raised)
  if self.finished then -- one of the callbacks that were told of it yielded, and would again
    self.batch.is_hushed = true
    return self.batch:abort(raised)
  end
  return self:finish(false, nil, raised)
end

--- The next item to be run, if one may start.
---@return referrals.batch_entry|nil
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
  return entry
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

--- Runs a batch.
---@param client referrals.client
---@param items referrals.item[]|fun(): referrals.item|nil
---@param opts table checked
---@param update function of the client, a batch's call, an id, a change and options: one update
---@return table results
function M.run(client, items, opts, update)
  local runtime = client.exchange.runtime
  local is_list = type(items) == "table"
  local concurrency = opts.concurrency or client.config.concurrency
  local limit = opts.deadline and runtime:now() + opts.deadline
  local batch = setmetatable({
    client = client,
    update = update,
    runtime = runtime,
    next_item = is_list and from_list(items) or items,
    is_list = is_list,
    known_total = is_list and #items or nil,
    concurrency = concurrency,
    look_ahead = concurrency * LOOK_AHEAD,
    limit = limit,
    call = { limit = limit, options = add_options({}, opts) },
    on_result = opts.on_result,
    on_progress = opts.on_progress,
    held = {},
    busy = {},
    broken = {}, -- the caller's functions that raised, and are not called again
    results = {},
    answered = 0, -- failures that the service answered with
    forbidden = 0, -- of those
    totals = { total = 0, succeeded = 0, failed = 0, skipped = 0, changed = 0 },
  }, Batch)
  return batch:run()
end

return M
