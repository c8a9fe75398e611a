--- A client for Microsoft's Partner Center Referrals API: leads and co-sell opportunities as Lua scripts.
---
---     local referrals = require "referrals"
---     local r, err = referrals.update(id, { status = "Closed", substatus = "Won" })

local auth = require "referrals.auth"
local cjson = require "cjson"
local change = require "referrals.change"
local client = require "referrals.client"
local config = require "referrals.config"
local core = require "referrals.core"
local odata = require "referrals.odata"
local shared_token = require "referrals.auth.shared"
local validate = require "referrals.validate"
local version = require "referrals.version"

-- The dynamic linker gives back a library that is loaded already, whatever its file is by now.
if core.version ~= version then
  error(("the core of referrals that is loaded is %s, and its Lua files are %s: install both, and restart nginx, which "
    .. "keeps a loaded core when it reloads"):format(core.version or "an older one", version), 0)
end

local M = {}

M._VERSION = version

--- JSON null: sets a member to null, where nil would only not mention it.
M.null = cjson.null

M.array = change.array
M.add = change.add
M.remove = change.remove
M.encode = change.encode

--- Conditions for the `filter` of a list: eq, ne, gt, ge, lt, le, all_of, any_of, any, raw, datetime.
M.odata = odata

--- Token sources for the option `token`: static, func, refresh_token, client_credentials, from_environment.
M.auth = auth

M.new = client.new
M.validate = validate

local default

--- The client that the module's own verbs use, made from the environment on first use.
local function default_client()
  if not default then
    local options, err = config.from_environment()
    if options and not options.token then
      options.token, err = auth.from_environment()
    end
    err = err or shared_token.refusal(options.shared, "REFERRALS_SHARED")
    if err then
      err.applied = false
      return nil, err
    end
    default, err = client.new(options)
    if not default then
      return nil, err
    end
  end
  return default
end

--- A verb of the default client.
local function verb(name)
  return function(...)
    local made, err = default_client()
    if not made then
      return nil, err, { attempts = 0, round_trips = 0 }
    end
    return made[name](made, ...)
  end
end

--- A verb of the default client that has no error results: it raises.
local function raising_verb(name)
  return function(...)
    local made, err = default_client()
    if not made then
      error(err, 0)
    end
    return made[name](made, ...)
  end
end

---@alias referrals.given table|string|fun(referral: table): table|string|false|nil, any

-- What they take and give is described with the client's methods of the same names.

---@type fun(id: string, opts?: table): table|string|nil, referrals.error|nil, table
M.get = verb "get"
---@type fun(query?: referrals.odata.query|string, opts?: table): referrals.page|nil, referrals.error|nil, table
M.list = verb "list"
---@type fun(query?: referrals.odata.query|string, opts?: table): fun(): table|string|nil
M.each = raising_verb "each"
---@type fun(since?: string, query?: table, opts?: table): referrals.changes
M.changes = raising_verb "changes"
---@type fun(id: string, opts?: table): (table|string)[]|nil, referrals.error|nil, table
M.related = verb "related"
---@type fun(id: string|table, change: referrals.given, opts?: table): table|string|nil, referrals.error|nil, table
M.update = verb "update"
---@type fun(items: referrals.item[]|function, opts?: table): table|nil, referrals.error|nil, table|nil
M.update_many = verb "update_many"
---@type fun(id: string, document: table|string, opts?: table): table|string|nil, referrals.error|nil, table
M.replace = verb "replace"
---@type fun(id: string, operations: table|string, opts?: table): table|string|nil, referrals.error|nil, table
M.patch = verb "patch"
---@type fun(referral: table|string, opts?: table): table|string|nil, referrals.error|nil, table
M.create = verb "create"
---@type fun(referral: table|string, opts?: table): table|nil, referrals.error|nil, table
M.create_shared = verb "create_shared"
---@type fun(id: string, deal: table|string, opts?: table): table|string|nil, referrals.error|nil, table
M.register_deal = verb "register_deal"
---@type fun(id: string, change: table, opts?: table): table|string|nil, referrals.error|nil, table
M.update_deal = verb "update_deal"

return M
