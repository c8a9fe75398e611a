--- The referrals that changed, oldest change first, over a list that moves while it is read.
---
---     local walk = client:changes(watermark)
---     for referral in walk do ... end
---     watermark = walk:watermark()      -- keep it, and go on from it next time
---
--- A referral that matches all the time comes at least once, even when every row changes while the walk goes on: each
--- page is asked for by the moment reached so far, never by a position, for whatever changes moves to the end. A newer
--- version of a referral that this walk has given out is left to the next walk, and the watermark stays before it: so a
--- program that writes what it is given comes to an end.
--- The watermark may be kept after any row, and after an error or a crash: the walk from there on gives everything that
--- this one did not, and the last row (and others of its moment) once more; where it was held back, all that came
--- since.

local caller = require "referrals.caller"
local config = require "referrals.config"
local errors = require "referrals.errors"
local failure = require "referrals.failure"
local listing = require "referrals.listing"
local moment = require "referrals.moment"
local odata = require "referrals.odata"
local reader = require "referrals.reader"
local service_error = require "referrals.service_error"

local M = {}

local QUERY = { filter = "string|table", select = "string|table" }
local DATE_TIME = "a UTC date-time such as 2018-11-06T18:40:42.6178337Z"
local REMEMBERED = 50000 -- referrals, of which at most twice as many are kept; some 200 bytes each
local MAX_TIED = 100000 -- referrals of one moment
local MAX_VAIN = 10 -- passes in a row over one moment that bring nothing

---@class referrals.changes
---@operator call: table|string|nil
---@field cursor string|nil the moment reached, as the service wrote it
---@field operator "ge"|"gt" whether referrals of that moment may still come
---@field mark string|nil the watermark
---@field held boolean the watermark stays where it is
---@field began string|nil the moment of the first answer, by the service's clock
---@field forgot boolean some of what this walk gave out is not remembered any more
---@field tie table|nil the moment that fills whole pages, while it is read
local Changes = {}
Changes.__index = Changes

-- What was given out -------------------------------------------------------------------------------------------------

local function version_of(row)
  return row.etag or row.updated
end

--- The version of a referral that this walk gave out, as far as it remembers.
function Changes:known(id)
  return self.recent[id] or self.older[id]
end

function Changes:remember(id, version)
  if self.recent_count == REMEMBERED then
    self.forgot = self.forgot or next(self.older) ~= nil
    self.older, self.recent, self.recent_count = self.recent, {}, 0
  end
  self.recent[id], self.recent_count = version, self.recent_count + 1
end

--- Might it be a newer version of what was given out long ago? Then a program that writes what it is given might never
--- come to an end, so all that changed since the walk began is left to the next one.
function Changes:may_be_forgotten(row)
  return self.forgot and self.began and row.moment:sub(1, #self.began) > self.began
end

function Changes:leave_rest()
  self.held, self.finished = true, true
  self:hand_out({})
end

function Changes:advance_watermark(row)
  local before = moment.of(self.mark)
  if not self.held and not (before and row.moment <= before) then
    self.mark = row.updated
  end
end

--- The next row of the current page that is to be given out.
function Changes:take()
  while self.index < #self.rows do
    self.index = self.index + 1
    local row = self.rows[self.index]
    self.rows[self.index] = false
    local id, version = row.id:lower(), version_of(row)
    local known = self:known(id)
    if not known and self:may_be_forgotten(row) then
      return self:leave_rest()
    elseif not known then
      self:remember(id, version)
      self:advance_watermark(row)
      return row
    elseif known ~= version then
      self.held = true
    end
  end
end

-- Reading on ---------------------------------------------------------------------------------------------------------

function Changes:query()
  local filter = self.filter
  if self.cursor then
    local since = odata[self.operator]("updatedDateTime", self.cursor)
    filter = filter and odata.all_of(since, filter) or since
  end
  return odata.query { filter = filter, orderby = "updatedDateTime asc", select = self.select }
end

function Changes:start_walk()
  local query, err = self:query()
  return query and listing.walk(self.client, query), err
end

local function protocol(self, call, message)
  local request = { method = "GET", path = "/referrals" }
  local fields = { kind = "protocol", message = message, member = "updatedDateTime" }
  return failure.describe(self.client.config, call, request, fields)
end

function Changes:note_beginning(call)
  local seconds = service_error.http_date(call.date)
  self.began = self.began or seconds and moment.of_seconds(seconds)
end

--- The next page of a walk that has rows or is the last one.
function Changes:read_page(walk)
  local page, err, call
  repeat
    call = self.client.exchange:call(self.opts.timeout)
    call.keeps_date = not self.began
    page, err = reader.read(self, walk, call)
    if not page then
      return nil, err
    end
    self:note_beginning(call)
  until #page.rows > 0 or not page.next
  local wrong = moment.judge(page.rows, self.cursor)
  if wrong then
    if self.tie then -- its walk is already past this page
      self:next_pass()
    end
    return nil, protocol(self, call, wrong)
  end
  return page, nil, call
end

function Changes:hand_out(rows)
  self.rows, self.index = rows, 0
end

--- Takes over the first page from the cursor on. It shows all that there is up to its last row's moment, at one time.
function Changes:accept(page, walk, call)
  local rows, reached = page.rows, moment.of(self.cursor)
  local first, last = rows[1], rows[#rows]
  if not page.next then
    self.finished = true
  elseif reached and (last.moment == reached and first.moment ~= reached
    or self.operator == "gt" and first.moment == reached) then
    return protocol(self, call, "the list does not go on from the moment asked for")
  elseif first.moment == last.moment then
    self.cursor, self.operator = last.updated, "ge"
    self:begin_tie(walk, last.moment)
    self:mark_tied(rows)
  else
    self.cursor, self.operator = last.updated, "ge"
  end
  self:hand_out(rows)
end

---@return referrals.error|nil err the next call reads again what failed
function Changes:read_on()
  if self.tie then
    return self:read_tie()
  end
  local walk, err = self:start_walk()
  if not walk then
    return err
  end
  local page, read_err, call = self:read_page(walk)
  if not page then
    return read_err
  end
  return self:accept(page, walk, call)
end

-- One moment over several pages --------------------------------------------------------------------------------------
-- Only here the next links are followed. They go by position, so a row that changes and moves away makes the next page
-- skip one. The pages are therefore read again until every row of one pass was still there in the pass after it: then
-- that first one of the two skipped nothing. What is newer waits for that.

function Changes:begin_tie(walk, at)
  self.tie = {
    moment = at,
    walk = walk,
    listed = 0,
    confirmed = 0, -- of those listed: how many the pass before had seen as well
    marks = {}, -- the versions that this pass saw
    marks_before = {}, -- and the pass before
    ids = {},
    size = 0, -- how many ids
    size_before = 0,
    vain = 0,
  }
end

--- Notes which pass saw a row, and whether the pass before had seen it.
function Changes:mark_tied(rows)
  local tie = self.tie
  for _, row in ipairs(rows) do
    local id = row.id:lower()
    local key = id .. "\n" .. version_of(row)
    if not tie.marks[key] then
      tie.listed = tie.listed + 1
      tie.confirmed = tie.confirmed + (tie.marks_before[key] and 1 or 0)
      tie.marks[key] = true
    end
    tie.size = tie.size + (tie.ids[id] and 0 or 1)
    tie.ids[id] = true
  end
end

local function tied_rows(rows, at)
  local tied = {}
  for index, row in ipairs(rows) do
    if row.moment ~= at then
      break
    end
    tied[index] = row
  end
  return tied
end

--- Starts the next pass.
---@param listed_before integer|nil how many rows the last one saw; nil when it was not ended
function Changes:next_pass(listed_before)
  local tie = self.tie
  tie.listed_before, tie.marks_before, tie.marks = listed_before, tie.marks, {}
  tie.listed, tie.confirmed, tie.walk = 0, 0, nil
end

--- Where rows leave the moment, or come to light, another pass has a purpose. Where neither happens and still not the
--- same rows are there, no number of passes would do.
---@return boolean|nil endless
function Changes:end_pass()
  local tie = self.tie
  if tie.confirmed == tie.listed_before then
    self.tie, self.operator = nil, "gt"
    return nil
  end
  local brought = tie.size > tie.size_before or tie.listed < (tie.listed_before or 0)
  tie.vain, tie.size_before = brought and 0 or tie.vain + 1, tie.size
  self:next_pass(tie.listed)
  return tie.vain >= MAX_VAIN
end

function Changes:read_tie()
  local tie = self.tie
  local err, page, call
  if not tie.walk then
    tie.walk, err = self:start_walk()
    if not tie.walk then
      return err
    end
  end
  page, err, call = self:read_page(tie.walk)
  if not page then
    return err
  end
  local tied = tied_rows(page.rows, tie.moment)
  local ended = #tied < #page.rows or not page.next
  if ended and tie.listed == 0 then -- what is left of this moment is on one page
    self.tie = nil
    return self:accept(page, tie.walk, call)
  end
  self:mark_tied(tied)
  if tie.size > MAX_TIED then
    return protocol(self, call, ("more than %d referrals were updated at the same moment"):format(MAX_TIED))
  end
  self:hand_out(tied)
  if ended and self:end_pass() then
    tie.vain = 0
    return protocol(self, call, "the pages of one moment show other referrals each time that they are read")
  end
end

-- The iterator -------------------------------------------------------------------------------------------------------

--- The next referral, nil at the end. Raises an error object; the next call tries again what failed.
---@return table|string|nil
function Changes:__call()
  while true do
    local row = self:take()
    if row then
      return row:give(self.opts.returns, self.opts.nulls)
    elseif self.finished then
      return nil
    end
    local err = self:read_on()
    if err then
      error(err, 0)
    end
  end
end

--- The moment to go on from: the newest updatedDateTime given out so far, as the service wrote it, an older one where a
--- newer version was left to the next walk, or what the walk started from; of the local clock there is nothing in it.
--- Safe to keep after any row.
---@return string|nil
function Changes:watermark()
  return self.mark
end

local function copy(value)
  if type(value) ~= "table" then
    return value
  end
  local copied = {}
  for key, item in pairs(value) do
    copied[key] = item
  end
  return copied
end

--- Starts a walk; nothing is read yet.
---@param client referrals.client
---@param since string|nil
---@param query table|nil filter, select
---@param opts table
---@return referrals.changes|nil
---@return referrals.error|nil err `validation`
function M.new(client, since, query, opts)
  query = config.verb(query, QUERY, caller.level())
  if since and not moment.of(since) then
    local message = ("since: expected %s, got '%s'"):format(DATE_TIME, errors.visible(since, 40))
    return nil, errors.new("validation", { member = "since", expected = DATE_TIME, message = message })
  end
  local filter, err = odata.filter(query.filter or {}, caller.level())
  if not filter then
    return nil, err
  end
  local walk = setmetatable({
    client = client,
    opts = copy(opts),
    filter = filter ~= "" and odata.raw(filter) or nil,
    select = copy(query.select),
    cursor = since,
    operator = "ge",
    mark = since,
    held = false,
    forgot = false,
    finished = false,
    rows = {},
    index = 0,
    recent = {},
    older = {},
    recent_count = 0,
  }, Changes)
  local fit
  fit, err = walk:query()
  return fit and walk or nil, err
end

return M
