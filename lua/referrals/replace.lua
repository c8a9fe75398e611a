--- PUT exactly one document: the bare operation, without a read before it.

local change = require "referrals.change"
local core = require "referrals.core"
local errors = require "referrals.errors"
local exchange = require "referrals.exchange"
local failure = require "referrals.failure"
local report = require "referrals.report"
local representation = require "referrals.representation"
local schema = require "referrals.schema"

local M = {}

local function invalid(member, expected, message)
  return nil, errors.new("validation", { member = member, expected = expected, message = message })
end

--- The document's text as the core reads it.
local function read_document(given)
  local text = given
  if type(given) == "table" then
    local read = representation.of(given)
    if read and (read.row or read.partial) then
      local whose = read.row and "a list may leave" or "the answer to that write has left"
      return invalid("document", ("a referral read by its id: %s members out, which would be lost"):format(whose))
    end
    local err
    text, err = change.encode(given)
    if not text then
      return nil, err
    end
  end
  local document, expected, offset = core.document.read(text)
  if not document then
    local message = "the document is " .. representation.where_wrong(text, expected, offset)
    return invalid("document", "a JSON object", message)
  end
  return document
end

local function if_match_for(given, document, opts)
  local tag = document:string("eTag")
  if type(given) == "table" and given.eTag ~= nil then
    tag = given.eTag -- a remembered table has one that came in the header too, or another one by now
  end
  if opts.if_match == nil and tag == nil then
    return invalid("eTag", "the entity tag of the version to replace, in the document or as opts.if_match")
  end
  return change.version(opts.if_match, tag)
end

local function moved(err)
  err.message = "the referral is not in the version that this document is for: " .. err.message
  return err
end

local function dry(client, call, request, document, opts)
  call.info.changed, call.info.dry_run = false, true
  call.info.request = client.exchange:described(request)
  local would_be = representation.read(document:text(), request.if_match)
  local value = would_be and would_be:give(opts.returns, opts.nulls)
  return value or representation.shown(document, opts.returns, opts.nulls), nil, call.info
end

--- Does one document say nothing that another one does not, but for what the service sets?
local function says_no_more(document, than)
  local differences = than:apply(document:written(), change.PROTOTYPE, "differences")
  return differences ~= nil and schema.are_set_by_service(differences)
end

--- Does a version show the document, and no member beside it that this write would have taken away?
local function shows(current, document)
  return says_no_more(document, current.document) and says_no_more(current.document, document)
end

local NO_CONTENT = 204

--- Written, and without a body: the referral is read. Written it is, whatever becomes of that.
local function unseen(client, call, request, id, returns)
  local read = client.exchange:read(call, id, returns)
  if read and (read.etag ~= request.if_match or shows(read, request.known)) then
    return read
  end
  call.info.representation = false
  return assert(representation.read(('{"id":"%s"}'):format(id)))
end

--- Sends the document once. Gives the answer, or an error and whether that leaves open what became of the write.
local function send(client, call, request, id, returns)
  local response, err, sent = client.exchange:send(call, request)
  if not response then
    return nil, err, failure.is_unknown(err, sent)
  elseif response.status == NO_CONTENT then
    return unseen(client, call, request, id, returns)
  end
  local answer, unusable = exchange.representation(response, id)
  if answer then
    return answer
  end
  return nil, failure.describe(client.config, call, request, unusable), true
end

--- An answer got lost: the referral is looked at. In its old version the same bytes go out again under the same
--- If-Match, of which at most one can apply; a new version shows the document, or it cannot be told.
---@return referrals.representation|nil answer
---@return referrals.representation|nil seen what was read last
local function settle(client, call, request, document, id, opts, cause)
  local exchanges, seen = client.exchange, nil
  for round = 1, math.max(client.config.retries, 1) do
    local current = not exchanges:pause(call, round, cause) and exchanges:read(call, id, opts.returns)
    if not current then
      break
    end
    seen = current
    if current.etag ~= request.if_match then
      call.info.resolved = shows(current, document) and "verified" or nil
      return call.info.resolved and current or nil, seen
    elseif not exchanges:may_send_again(call, cause) then
      break
    end
    seen = nil
    local answer, err, unknown = send(client, call, request, id, opts.returns)
    if answer then
      return answer
    elseif not unknown and err.http_status ~= 412 then
      break
    end
  end
  return nil, seen
end

--- Runs one replacement.
---@param client referrals.client
---@param id string
---@param given table|string
---@param opts table the verb's options
---@return table|string|nil value
---@return referrals.error|nil err
---@return table info
function M.run(client, id, given, opts)
  local call = client.exchange:call(opts.timeout)
  local if_match
  local document, err = read_document(given)
  if document then
    if_match, err = if_match_for(given, document, opts)
    err = err or change.check_id(document:string("id"), id)
  end
  if err then
    err.applied = false
    return nil, err, call.info
  end
  local request = {
    method = "PUT",
    path = exchange.path(id),
    body = document:written(),
    if_match = if_match,
    writes = id,
    referral = true,
    known = document,
    text = opts.returns == "text",
  }
  if opts.dry_run or (opts.dry_run == nil and client.config.dry_run) then
    return dry(client, call, request, document, opts)
  end
  local answer, send_err, unknown = send(client, call, request, id, opts.returns)
  local seen
  if unknown then
    answer, seen = settle(client, call, request, document, id, opts, send_err)
  end
  if answer then
    call.info.changed = true
    return answer:give(opts.returns, opts.nulls), nil, call.info
  elseif unknown then
    local intended = representation.decode(document:text())
    return nil, report.open(send_err, call, { intended = intended, current = seen and seen:table() }), call.info
  end
  send_err.applied = false
  return nil, send_err.http_status == 412 and moved(send_err) or send_err, call.info
end

return M
