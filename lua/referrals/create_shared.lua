--- A shared (co-sell) referral: two POSTs, the caller's own and then Microsoft's in the same engagement. A call that
--- came only half way says so, and can be continued.
--- Source: the reference, "A shared (co-sell) referral".

local change = require "referrals.change"
local config = require "referrals.config"
local core = require "referrals.core"
local create = require "referrals.create"
local errors = require "referrals.errors"
local odata = require "referrals.odata"
local representation = require "referrals.representation"

local M = {}

local elements, string_at = core.json.elements, core.json.string_at
local MICROSOFT = "msft"

local function invalid(member, expected, message)
  return nil, errors.new("validation", { member = member, expected = expected, message = message })
end

-- The two referrals --------------------------------------------------------------------------------------------------

local function with(document, members)
  local _, text = document:apply(assert(core.json.write(members)), change.PROTOTYPE)
  return text and core.document.read(text) or document
end

local function has_target(document, member, value)
  for _, target in ipairs(elements(document:text(), "/target") or {}) do
    if string_at(target, member) == value then
      return true
    end
  end
  return false
end

--- The caller's own referral, checked.
local function own_document(client, given, opts)
  local document, err = create.document(given)
  if not document then
    return nil, err
  end
  local kind = document:string("type")
  if kind and kind ~= "Shared" then
    return invalid("type", "Shared")
  elseif not has_target(document, "/type", "SolutionProfile") then
    local message = "target: a shared referral needs one of the type SolutionProfile"
    return invalid("target", "one of the type SolutionProfile", message)
  end
  document = with(document, { type = "Shared" })
  err = create.check(client, document, opts)
  if err then
    return nil, err
  end
  return document
end

--- The same for Microsoft.
local function microsoft_document(document, engagement)
  return with(document, {
    engagementId = engagement,
    target = change.array { { type = "BusinessProfileLocation", id = MICROSOFT } },
  })
end

--- Microsoft's referral in an engagement.
local function search_of(engagement, own)
  local query, err = odata.query { filter = odata.eq("engagementId", engagement) }
  return query and {
    query = query,
    judge = function(row)
      return row.id:lower() ~= own.id:lower() and has_target(row.document, "/id", MICROSOFT)
    end,
  }, err
end

-- Step by step -------------------------------------------------------------------------------------------------------

---@class referrals.sharing one call of the verb
---@field client referrals.client
---@field call referrals.call
---@field opts table
---@field document userdata the caller's own
---@field continued boolean the own referral was there before this call

local function post(sharing, document, search)
  return create.post {
    client = sharing.client,
    call = sharing.call,
    opts = sharing.opts,
    document = document,
    search = search,
  }
end

--- The own referral: created, or the one that an earlier call created.
local function first_step(sharing)
  local continued = sharing.opts.continue
  if continued == nil then
    return post(sharing, sharing.document)
  end
  local id = type(continued) == "table" and continued.id or continued
  local fit, err = config.guid_or_id(id)
  if not fit then
    err.member, err.message = "continue", "continue: " .. err.message
    return nil, err
  end
  sharing.continued = true
  return sharing.client.exchange:read(sharing.call, id, sharing.opts.returns)
end

--- Microsoft's: looked for first where an earlier call may have created it.
local function second_step(sharing, own)
  local engagement = own.document:string("engagementId")
  if not engagement then
    local message = "the referral came without an engagementId"
    return nil, errors.new("protocol", { member = "engagementId", message = message })
  end
  local search, err = search_of(engagement, own)
  if not search then
    return nil, err
  elseif sharing.continued then
    local found
    found, err = create.find(sharing.client, sharing.call, search)
    if err then
      return nil, err
    elseif found[1] then
      local info = sharing.call.info
      info.changed, info.resolved = false, "verified"
      return found[1]
    end
  end
  return post(sharing, microsoft_document(sharing.document, engagement), search)
end

--- Half of it is there: which half, and how to go on.
local function half_way(sharing, own, err)
  local state = sharing.continued and "is there" or "was created"
  local message = "Microsoft's referral, the second of two: %s. Your own %s (%s): go on with {continue = err.created}"
  err.message = message:format(err.message:gsub("%.$", ""), state, own.id)
  err.step, err.created = 2, own:table()
  if err.applied ~= "unknown" then
    err.applied = not sharing.continued
  end
  return nil, err, sharing.call.info
end

--- The first half is not there, as far as this call knows; one that an earlier call created is still the way to go on.
local function no_first(sharing, err)
  err.step = sharing.continued and 2 or 1
  err.created = sharing.continued and sharing.opts.continue or nil
  if err.applied == nil then
    err.applied = false
  end
  return nil, err, sharing.call.info
end

local function dry(sharing)
  local client, info, opts = sharing.client, sharing.call.info, sharing.opts
  local microsoft = microsoft_document(sharing.document, "[that of the first]")
  info.changed, info.dry_run = false, true
  info.requests = {
    client.exchange:described(create.request(sharing.document)), client.exchange:described(create.request(microsoft)),
  }
  info.request = info.requests[1]
  return {
    own = representation.shown(sharing.document, opts.returns, opts.nulls),
    microsoft = representation.shown(microsoft, opts.returns, opts.nulls),
  }, nil, info
end

--- Creates the two referrals of a co-sell opportunity.
---@param client referrals.client
---@param given table|string
---@param opts table the verb's options
---@return table|nil both {own, microsoft}
---@return referrals.error|nil err with `step`; in the second one with `created`
---@return table info
function M.run(client, given, opts)
  local sharing = { client = client, call = client.exchange:call(opts.timeout), opts = opts, continued = false }
  local info = sharing.call.info
  local document, err = own_document(client, given, opts)
  sharing.document = document
  if err then
    err.applied = false
    return nil, err, info
  elseif create.is_dry(client, opts) then
    return dry(sharing)
  end
  local own, microsoft
  own, err = first_step(sharing)
  if not own then
    return no_first(sharing, err)
  end
  microsoft, err = second_step(sharing, own)
  if not microsoft then
    return half_way(sharing, own, err)
  end
  return { own = own:give(opts.returns, opts.nulls), microsoft = microsoft:give(opts.returns, opts.nulls) }, nil, info
end

return M
