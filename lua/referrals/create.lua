--- POST, which is never sent twice: there is no key by which the service would know the second one. A referral whose
--- answer got lost is looked for among the newest ones instead.
--- Source: the reference, "Endpoints": a blind repeat duplicates.

local change = require "referrals.change"
local core = require "referrals.core"
local errors = require "referrals.errors"
local failure = require "referrals.failure"
local listing = require "referrals.listing"
local odata = require "referrals.odata"
local report = require "referrals.report"
local representation = require "referrals.representation"
local schema = require "referrals.schema"
local service_error = require "referrals.service_error"
local transition = require "referrals.transition"
local validation = require "referrals.validation"
local Write = require "referrals.write"

local M = {}

local pick = Write.pick

local LOOKS = 3 -- a referral just made may take a moment to be listed
local MARGIN = 300 -- seconds: the service's machines need not agree on the time
local STAMP, STAMP_LENGTH = "!%Y-%m-%dT%H:%M:%S", 19

---@class referrals.creation one POST
---@field client referrals.client
---@field call referrals.call
---@field opts table the verb's options
---@field document userdata what is posted, as the core's document
---@field started number when, by the runtime's clock
---@field search referrals.search how a lost one is found again

---@class referrals.search
---@field query string of the listing
---@field judge fun(row: referrals.row): boolean|nil, boolean|nil is it the one? and: can none of the next rows be it?

-- What is posted -----------------------------------------------------------------------------------------------------

--- A new referral has no version yet, although the table may be a copy of one that has.
local function without_tag(given)
  local members = {}
  for name, value in pairs(given) do
    members[name] = value
  end
  members.eTag = nil
  return members
end

--- A new referral as it is posted: without links and OData annotations.
---@param given table|string
---@return userdata|nil document
---@return referrals.error|nil err `validation`
function M.document(given)
  local text = given
  if type(given) == "table" then
    local err
    text, err = change.whole(without_tag(given))
    if not text then
      return nil, err
    end
  end
  local document, expected, offset = core.document.read(text)
  if not document then
    local message = "the referral is " .. representation.where_wrong(text, expected, offset)
    return nil, errors.new("validation", { member = "referral", expected = "a JSON object", message = message })
  end
  return core.document.read(document:written())
end

--- Judges a new referral.
---@param client referrals.client
---@param document userdata
---@param opts table check, allow_unknown
---@return referrals.error|nil err `validation` or `transition`
function M.check(client, document, opts)
  local text, check = document:text(), pick(opts.check, client.config.check)
  local problem = validation.check_new(representation.decode(text, true), {
    text = text,
    allow_unknown = pick(opts.allow_unknown, client.config.allow_unknown),
    status_check = check,
    on_warning = function(warning)
      client.exchange:tell { type = "warning", member = warning.member, message = warning.message }
    end,
  })
  if problem then
    return errors.new("validation", problem)
  end
  return check ~= false and transition(text) or nil
end

-- Looking for it -----------------------------------------------------------------------------------------------------

--- The rows of a search, each once.
---@param client referrals.client
---@param call referrals.call
---@param search referrals.search
---@return referrals.row[]|nil
---@return referrals.error|nil err
function M.find(client, call, search)
  local walk, seen, found = listing.walk(client, search.query), {}, {}
  while walk.next do
    local page, err = walk:page(call)
    if not page then
      return nil, err
    end
    for _, row in ipairs(page.rows) do
      local fits, no_more = search.judge(row)
      if no_more then
        return found
      elseif fits and not seen[row.id:lower()] then
        seen[row.id:lower()] = true
        found[#found + 1] = row
      end
    end
  end
  return found
end

--- The earliest moment, by the service's own clock, at which what this call made can have been made; as the beginning
--- of a date-time. Our clock may be anywhere.
local function earliest(creation)
  local call = creation.call
  local now = service_error.http_date(call.date)
  return now and os.date(STAMP, math.floor(now - (call.date_at - creation.started) - MARGIN))
end

--- Among the newest: the same externalReferenceId and the same name, made since this call began.
local function among_newest(creation)
  local document = creation.document
  local reference, name = document:string("externalReferenceId"), document:string("name")
  return {
    query = odata.query { orderby = "createdDateTime desc" },
    judge = function(row)
      local limit, created = earliest(creation), row.document:string("createdDateTime")
      if not limit or not created or created:sub(1, STAMP_LENGTH) < limit then
        return false, true
      end
      return row.document:string("externalReferenceId") == reference and row.document:string("name") == name
    end,
  }
end

local NO_REFERENCE = "the referral may have been created, and without an externalReferenceId it cannot be told: set one"

local function unsettled(creation, cause, message)
  return nil, report.open(cause, creation.call, {
    message = message,
    intended = representation.decode(creation.document:text()),
  })
end

--- Exactly one is it. None may still come, and of several nobody knows which.
local function look(creation, cause)
  local client, call = creation.client, creation.call
  for round = 1, LOOKS do
    if client.exchange:pause(call, round, round == 1 and cause or {}) then
      return unsettled(creation, cause, "the referral may have been created, and no time was left to look for it")
    end
    local found, err = M.find(client, call, creation.search)
    if not found then
      local message = "the referral may have been created, and looking for it failed: %s"
      return unsettled(creation, cause, message:format(err.message))
    elseif #found > 1 then
      local message = "the referral may have been created: %d like it were created since this call began"
      return unsettled(creation, cause, message:format(#found))
    elseif found[1] then
      return found[1]
    end
  end
  return unsettled(creation, cause, "the referral may have been created; so far there is none like it")
end

--- By which it could be found again.
local function has_reference(creation)
  return (creation.document:string("externalReferenceId") or "") ~= ""
end

--- What became of a POST without an answer.
local function settle(creation, cause)
  if not creation.search then
    if not has_reference(creation) then
      return unsettled(creation, cause, NO_REFERENCE)
    end
    creation.search = among_newest(creation)
  end
  local row, err = look(creation, cause)
  if not row then
    return nil, err
  end
  local info = creation.call.info
  info.resolved = "verified"
  local read = creation.client.exchange:read(creation.call, row.id, creation.opts.returns)
  if not read then
    info.representation = false -- a row may be less than the referral, but it is there
  end
  return read or row
end

-- Sending ------------------------------------------------------------------------------------------------------------

local function ignored(document, answer)
  local names = {}
  for index, difference in ipairs(answer.document:apply(document:text(), change.PROTOTYPE, "differences") or {}) do
    names[index] = schema.path(difference.pointer) or ""
  end
  return names
end

---@return referrals.request
function M.request(document)
  return { method = "POST", path = "/referrals", body = document:text() }
end

--- Posts a referral.
---@param creation referrals.creation
---@return referrals.representation|nil
---@return referrals.error|nil err
function M.post(creation)
  local exchanges, info = creation.client.exchange, creation.call.info
  creation.started = exchanges.runtime:now()
  creation.call.keeps_date = true
  local request = M.request(creation.document)
  request.referral, request.text = true, creation.opts.returns == "text"
  request.whole_time = not creation.search and not has_reference(creation)
  local response, err, sent = exchanges:send(creation.call, request)
  local read
  if response then
    read, err = representation.of_response(response)
    if not read then
      err.http_status = response.status
      err = failure.describe(creation.client.config, creation.call, request, err)
    end
  end
  if not read then
    if not response and not failure.is_unknown(err, sent) then
      err.applied = false
      return nil, err
    end
    read, err = settle(creation, err)
  end
  if read then
    info.changed, info.ignored = true, ignored(creation.document, read)
  end
  return read, err
end

--- Is this call only to show what it would do?
---@return boolean
function M.is_dry(client, opts)
  return pick(opts.dry_run, client.config.dry_run)
end

--- Creates a referral.
---@param client referrals.client
---@param given table|string
---@param opts table the verb's options
---@return table|string|nil value
---@return referrals.error|nil err
---@return table info
function M.run(client, given, opts)
  local call = client.exchange:call(opts.timeout)
  local info = call.info
  local document, err = M.document(given)
  err = err or M.check(client, document, opts)
  if err then
    err.applied = false
    return nil, err, info
  elseif M.is_dry(client, opts) then
    info.changed, info.dry_run, info.request = false, true, client.exchange:described(M.request(document))
    return representation.shown(document, opts.returns, opts.nulls), nil, info
  end
  local read
  read, err = M.post { client = client, call = call, opts = opts, document = document }
  if not read then
    return nil, err, info
  end
  return read:give(opts.returns, opts.nulls), nil, info
end

return M
