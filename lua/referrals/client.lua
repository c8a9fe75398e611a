--- The verbs of a client. Results have one shape: value, nil, info; or nil, error object, info.

local caller = require "referrals.caller"
local change = require "referrals.change"
local changes = require "referrals.changes"
local config = require "referrals.config"
local core = require "referrals.core"
local create = require "referrals.create"
local create_shared = require "referrals.create_shared"
local deal = require "referrals.deal"
local errors = require "referrals.errors"
local exchange = require "referrals.exchange"
local listing = require "referrals.listing"
local patch = require "referrals.patch"
local replace = require "referrals.replace"
local representation = require "referrals.representation"
local runtime = require "referrals.runtime"
local shared_token = require "referrals.auth.shared"
local straight = require "referrals.straight"
local update = require "referrals.update"
local update_many = require "referrals.update_many"
local OPTIONS = require "referrals.verb_options"

local M = {}

---@class referrals.client
---@field config referrals.config
---@field exchange referrals.exchange
local Client = {}
Client.__index = Client

---@alias referrals.returns "representation"|"minimal"|"text"

local RETURNS = { representation = true, minimal = true, text = true }

local NO_OPTIONS = {}

local at_once = straight.at_once

local function with_returns_checked(checked, err)
  if checked and checked.returns and not RETURNS[checked.returns] then
    err = errors.new("validation", { member = "returns", expected = "'representation', 'minimal' or 'text'" })
  end
  return checked, err
end

--- Checks a verb's options; a mistake raises at the caller's line.
local function verb_options(options, allowed)
  if options == nil then
    return NO_OPTIONS
  end
  return with_returns_checked(config.verb(options, allowed, caller.level))
end

--- A verb's options and the id it is about.
local function about(id, opts, allowed)
  local options, err = verb_options(opts, allowed)
  if not err then
    err = select(2, config.guid_or_id(id))
  end
  return options, err
end

local function refused(err)
  err.applied = false
  return nil, err, { attempts = 0, round_trips = 0 }
end

-- Reading ------------------------------------------------------------------------------------------------------------

--- The referral as the service has it now. Source: GET /referrals/{id}.
---@param id string
---@param opts? table returns, timeout (seconds), nulls (keep JSON null as referrals.null)
---@return table|string|nil referral
---@return referrals.error|nil err
---@return table info
function Client:get(id, opts)
  caller.expect_client(self, "get")
  caller.expect(1, "get", id, "string")
  local options, err = about(id, opts, OPTIONS.read)
  if err then
    return refused(err)
  end
  local call = self.exchange:call(options.timeout)
  local read
  read, err = self.exchange:read(call, id, options.returns)
  if not read then
    return nil, err, call.info
  end
  return read:give(options.returns, options.nulls), nil, call.info
end

-- Listing ------------------------------------------------------------------------------------------------------------

--- The query of a list and its options, checked; a mistake in the program raises at the caller's line.
local function listing_options(verb, query, opts)
  caller.expect(1, verb, query, "table, string or nil")
  local options, err = verb_options(opts, OPTIONS.read)
  local text
  if not err then
    text, err = listing.query(query)
  end
  return text, err, options
end

--- One page of referrals. `count` is how many match in all where the query asked for it; `next`, when there are more,
--- is the query of the next page: `client:list(page.next)`.
--- A row may show less than the referral (`select`); `update(row, change)` reads the referral itself first.
--- Source: GET /referrals.
---@param query? referrals.odata.query|string filter, orderby, select, top, skip, count; a page's `next`; or a raw query
--- string
---@param opts? table returns, timeout (seconds), nulls
---@return referrals.page|nil page
---@return referrals.error|nil err
---@return table info
function Client:list(query, opts)
  caller.expect_client(self, "list")
  local text, err, options = listing_options("list", query, opts)
  if err then
    return refused(err)
  end
  return listing.list(self, text, options)
end

--- All referrals of a list, page after page as they are needed: `for r in client:each { filter = ... } do`.
--- Raises its error object; calling the iterator again asks for the page that failed once more.
--- Source: GET /referrals and its @odata.nextLink.
---@param query? referrals.odata.query|string as for `list`
---@param opts? table returns, timeout (seconds for each page), nulls
---@return fun(): table|string|nil
function Client:each(query, opts)
  caller.expect_client(self, "each")
  local text, err, options = listing_options("each", query, opts)
  if err then
    error(err, 0)
  end
  return listing.each(self, text, options)
end

--- The other referrals of this referral's engagement.
--- Source: GET /referrals/{id}, then GET /referrals by engagementId.
---@param id string
---@param opts? table returns, timeout (seconds in all), nulls
---@return (table|string)[]|nil others
---@return referrals.error|nil err
---@return table info
function Client:related(id, opts)
  caller.expect_client(self, "related")
  caller.expect(1, "related", id, "string")
  local options, err = about(id, opts, OPTIONS.read)
  if err then
    return refused(err)
  end
  return listing.related(self, id, options)
end

--- The referrals that were updated at or after a moment, oldest change first. See referrals.changes for what a walk
--- promises. Raises its error objects.
--- Source: GET /referrals, ordered and filtered by updatedDateTime.
---@param since? string an updatedDateTime, or what `watermark` gave; nil for everything
---@param query? table filter, select
---@param opts? table returns, timeout (seconds for each page), nulls
---@return referrals.changes walk call it for the next one, or `for r in walk do`; `walk:watermark()`
function Client:changes(since, query, opts)
  caller.expect_client(self, "changes")
  caller.expect(1, "changes", since, "string or nil")
  local options, err = verb_options(opts, OPTIONS.read)
  local walk
  if not err then
    walk, err = changes.new(self, since, query, options)
  end
  if err then
    error(err, 0)
  end
  return walk
end

-- Writing ------------------------------------------------------------------------------------------------------------

--- What a table showed, by JSON Pointer: the text it was read from, or its own values. What a whole referral is without
--- is shown as null; a row, or an answer that lost members, says nothing of it.
local function shown_by(given)
  local read = representation.of(given)
  if read and (read.row or read.partial) then
    return read.document
  elseif read then
    return { get = function(_, pointer)
      return read.document:get(pointer) or "null"
    end }
  end
  local text = change.whole(given)
  return text and core.document.read(text)
end

--- An update that may be one of a batch, whose items and options were checked with it.
---@param batch table|nil {limit, options}
local function update_within(client, batch, id, given, opts)
  local options, err, shown = opts, nil, nil
  if not batch then
    caller.expect(1, "update", id, "string or table")
    caller.expect(2, "update", given, "table, string or function")
    options, err = verb_options(opts, OPTIONS.update)
  elseif opts ~= batch.options then
    options, err = with_returns_checked(config.verb_of_data(opts, OPTIONS.update))
  end
  if type(id) == "table" then
    id, shown = id.id, shown_by(id)
  end
  if not err then
    err = select(2, config.guid_or_id(id))
  end
  if err then
    return refused(err)
  end
  return update.run(client, id, given, options, shown, batch)
end

--- Changes a referral and returns it as the service now has it: read, check, write under the version that was read.
--- Source: PUT /referrals/{id} with If-Match (or PATCH, see `method`).
---@param id string|table an id, or a referral as read: what it showed must still hold for the members that change
---@param given table|string|function members to set; JSON text; or a function of the current referral
---@param opts? table if_match, only_if, check, allow_unknown, dry_run, method, conflict_retries, timeout (seconds),
--- returns, nulls
---@return table|string|nil referral
---@return referrals.error|nil err `err.applied` is false, true or "unknown"
---@return table info {changed, members, ignored, skipped, resolved, attempts, round_trips, request_id, ...}
function Client:update(id, given, opts)
  local exchanges = self.exchange or caller.expect_client(self, "update")
  local value, info, stopped = at_once(exchanges, id, given, opts)
  if info then
    return value, nil, info
  elseif stopped then
    return update.go_on(self, id, given, opts or NO_OPTIONS, stopped)
  end
  return update_within(self, nil, id, given, opts)
end

--- Many updates at once. One failure never stops the rest, but `auth` does, and so do ten times `forbidden` where
--- nothing else came; what was not tried then is marked `skipped`. Updates of one referral keep their order and never
--- run together.
---@param items referrals.item[]|fun(): referrals.item|nil a list, or an iterator that is read as places get free
---@param opts? table concurrency; deadline (seconds for all); on_result(result): results go there and are not kept;
--- on_progress(done, total, failed), false stops; and update's options, for every item without its own
---@return referrals.item_result[]|referrals.totals|nil results in the items' order, with the totals as fields; with
--- on_result only the totals
---@return referrals.error|nil err `validation`; nothing was begun
function Client:update_many(items, opts)
  caller.expect_client(self, "update_many")
  caller.expect(1, "update_many", items, "table or function")
  local options, err = verb_options(opts, OPTIONS.update_many)
  if not err and options.deadline ~= options.deadline then -- NaN would be none
    err = errors.new("validation", { member = "deadline", expected = "a number of seconds" })
  end
  err = err or update_many.refusal(items)
  if err then
    return refused(err)
  end
  return update_many.run(self, items, options, update_within)
end

--- Writes exactly this document, without `links` and OData annotations, under its eTag or `opts.if_match`;
--- nothing is read before.
--- Source: PUT /referrals/{id} with If-Match.
---@param id string
---@param document table|string a whole referral, as a table or as JSON text
---@param opts? table if_match, dry_run, timeout (seconds), returns, nulls
---@return table|string|nil referral
---@return referrals.error|nil err
---@return table info
function Client:replace(id, document, opts)
  caller.expect_client(self, "replace")
  caller.expect(1, "replace", id, "string")
  caller.expect(2, "replace", document, "table or string")
  local options, err = about(id, opts, OPTIONS.replace)
  if err then
    return refused(err)
  end
  return replace.run(self, id, document, options)
end

--- Sends a JSON Patch as it is given, under the version that is read first.
--- Source: PATCH /referrals/{id}.
---@param id string
---@param given table|string an array of {op = "add" or "replace", path = "/details/notes", value = ...}, or JSON text
---@param opts? table if_match (that version, without a read; false: whatever the version is), check, allow_unknown,
--- dry_run, conflict_retries, timeout (seconds), returns, nulls
---@return table|string|nil referral
---@return referrals.error|nil err `err.applied` is false, true or "unknown"
---@return table info {changed, members, ignored, resolved, attempts, round_trips, request_id, ...}
function Client:patch(id, given, opts)
  caller.expect_client(self, "patch")
  caller.expect(1, "patch", id, "string")
  caller.expect(2, "patch", given, "table or string")
  local options, err = about(id, opts, OPTIONS.patch)
  if err then
    return refused(err)
  end
  return patch.run(self, id, given, options)
end

--- Creates a referral. A POST is never sent twice: one whose answer got lost is looked for among the newest referrals
--- by its externalReferenceId and name (info.resolved = "verified"), and otherwise `unsettled`.
--- Source: POST /referrals.
---@param referral table|string type, customerProfile, consent and details are required; or JSON text
---@param opts? table check, allow_unknown, dry_run, timeout (seconds), returns, nulls
---@return table|string|nil referral as the service made it, whose status may differ from the one that was posted
---@return referrals.error|nil err `err.applied` is false or "unknown"
---@return table info {changed, ignored, resolved, attempts, round_trips, request_id, ...}
function Client:create(referral, opts)
  caller.expect_client(self, "create")
  caller.expect(1, "create", referral, "table or string")
  local options, err = verb_options(opts, OPTIONS.create)
  if err then
    return refused(err)
  end
  return create.run(self, referral, options)
end

--- Creates the two referrals of a co-sell opportunity: your own, of the type Shared, and then Microsoft's in the same
--- engagement. When only the first could be created the error has `created`: continue with
--- `create_shared(referral, {continue = err.created})`, which looks for Microsoft's before it creates it.
--- Source: POST /referrals, twice.
---@param referral table|string with a target of the type SolutionProfile
---@param opts? table continue (your own referral of an earlier call, or its id); and those of `create`
---@return table|nil both {own, microsoft}
---@return referrals.error|nil err `step` is 1 or 2; `applied` is true when only your own was created in this call
---@return table info
function Client:create_shared(referral, opts)
  caller.expect_client(self, "create_shared")
  caller.expect(1, "create_shared", referral, "table or string")
  local options, err = verb_options(opts, OPTIONS.create_shared)
  if err then
    return refused(err)
  end
  return create_shared.run(self, referral, options)
end

--- Registers a deal. It is never sent again where it may have been sent: the referral is read, and where the deal is
--- not in it the error is `unsettled`.
--- Source: PATCH /referrals/{id}, add /registrations/-.
---@param id string
---@param registration table|string type, contract and solutionDetails are required; or JSON text
---@param opts? table if_match, check, allow_unknown, dry_run, conflict_retries, timeout (seconds), returns, nulls
---@return table|string|nil referral
---@return referrals.error|nil err
---@return table info
function Client:register_deal(id, registration, opts)
  caller.expect_client(self, "register_deal")
  caller.expect(1, "register_deal", id, "string")
  caller.expect(2, "register_deal", registration, "table or string")
  local options, err = about(id, opts, OPTIONS.deal)
  if err then
    return refused(err)
  end
  return deal.register(self, id, registration, options)
end

--- Changes the registered deal, the first of the referral's: the only one the service lets be changed.
--- Source: PATCH /referrals/{id}, the /registrations/0 paths.
---@param id string
---@param change_of_deal table members of the registration that change: {contract = {value = 60000}}
---@param opts? table as for `register_deal`
---@return table|string|nil referral
---@return referrals.error|nil err
---@return table info
function Client:update_deal(id, change_of_deal, opts)
  caller.expect_client(self, "update_deal")
  caller.expect(1, "update_deal", id, "string")
  caller.expect(2, "update_deal", change_of_deal, "table")
  local options, err = about(id, opts, OPTIONS.deal)
  if err then
    return refused(err)
  end
  return deal.update(self, id, change_of_deal, options)
end

-- Making -------------------------------------------------------------------------------------------------------------

--- A client with options of its own.
---@param options? table see README.md, "Options of a client"
---@return referrals.client|nil client
---@return referrals.error|nil err `validation`: a wrong value
function M.new(options)
  local resolved, err = config.resolve(options, caller.level())
  err = err or shared_token.refusal(resolved.shared)
  if err then
    return nil, err
  end
  local client = setmetatable({ config = resolved, exchange = exchange.new(resolved, runtime.new(resolved)) }, Client)
  local source = client.exchange.source
  if resolved.shared and source and source.share then
    source:share(resolved.shared)
  end
  return client
end

return M
