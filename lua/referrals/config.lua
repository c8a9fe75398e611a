--- Options: of a client, of a single verb, and from the environment. A wrong Lua type or an unknown name is a mistake
--- in the program and raises where it was made; a wrong value may come from data and is a `validation` error.
--- Described in README.md, "Options of a client".

local core = require "referrals.core"
local decimal = require "referrals.decimal"
local endpoints = require "referrals.endpoint"
local errors = require "referrals.errors"
local nearest = require "referrals.nearest"
local version = require "referrals.version"

local M = {}

--- Where the service is, without a slash at the end (reference, "Endpoints").
M.DEFAULT_ENDPOINT = "https://api.partner.microsoft.com/v1.0/engagements"

local SANDBOX_ENDPOINT = "http://localhost/v1.0/engagements" -- never connected to
local SANDBOX_TOKEN = "sandbox"
local MIB = 1024 * 1024
local MAX_SECONDS = 86400 -- a day; what is meant as "for ever" would be an accident here
local MAX_TOKEN = 65536

---@class referrals.config
---@field endpoint string
---@field base referrals.endpoint the endpoint, parsed
---@field token string|function|table|nil
---@field timeout number seconds
---@field connect_timeout number seconds
---@field retries integer
---@field conflict_retries integer
---@field method "PUT"|"PATCH"
---@field cache integer entries; 0 = off
---@field cache_bytes integer
---@field concurrency integer
---@field max_body integer bytes
---@field queue integer requests of one nginx worker at once; more are refused as `busy`
---@field ca_file string|nil
---@field ca_path string|nil
---@field proxy string|nil "" is no proxy whatever the environment says
---@field http_version "1.1"|"2"|nil
---@field user_agent string
---@field dry_run boolean
---@field check boolean
---@field allow_unknown boolean
---@field on_event function|nil
---@field sandbox table|nil a service in this process
---@field shared string|nil

-- What each option may hold ------------------------------------------------------------------------------------------
-- A rule's check gives nothing when the value is fine, else what was expected.

local function seconds(value)
  if not (value > 0 and value <= MAX_SECONDS) then -- NaN fails both
    return "a number of seconds above 0 and at most " .. MAX_SECONDS
  end
end

local function whole(least, most)
  return function(value)
    if not (value >= least and value <= most and value % 1 == 0) then
      return ("a whole number from %d to %d"):format(least, most)
    end
  end
end

local function one_of(...)
  local expected = '"' .. table.concat({ ... }, '" or "') .. '"'
  local allowed = {}
  for _, value in ipairs({ ... }) do
    allowed[value] = true
  end
  return function(value)
    return not allowed[value] and expected or nil
  end
end

local function printable(value)
  return (value == "" or value:find(errors.CONTROL)) and "a text without control characters" or nil
end

local PROXY_SCHEMES = { http = true, https = true, socks4 = true, socks4a = true, socks5 = true, socks5h = true }

local function proxy(value)
  local scheme, rest = value:match("^([%w+.-]+)://(.*)$")
  local authority = (rest or value):match("^[^/?#]*"):match("[^@]*$")
  local host = authority:match("^(.-):%d+$") or authority
  local is_host = host:find("^[%w._-]+$") or host:find("^%[[%w:.%%]+%]$")
  local is_scheme = not scheme or PROXY_SCHEMES[scheme:lower()]
  if value ~= "" and not (is_host and is_scheme and not value:find("[%z\1-\32\127]")) then
    return "a proxy's URL such as http://proxy.example:8080, or an empty text for none"
  end
end

local function endpoint(value)
  return (select(2, endpoints.parse(value)))
end

local function token(value)
  if type(value) == "string" and (value == "" or #value > MAX_TOKEN or value:find("[^\33-\126]")) then
    return "an access token: visible ASCII without blanks, of at most 64 KiB, and without the word Bearer"
  end
end

local function integer(least, most, default)
  return { type = "number", integer = true, check = whole(least, most), default = default }
end

local function flag(default)
  return { type = "boolean", default = default }
end

local RULES = {
  endpoint = { type = "string", check = endpoint, secret = true }, -- user info may be in a wrong one
  token = { type = "string|function|table", method = "token", check = token, secret = true },
  timeout = { type = "number", check = seconds, default = 60 },
  connect_timeout = { type = "number", check = seconds, default = 10 },
  retries = integer(0, 100, 4),
  conflict_retries = integer(0, 100, 5),
  method = { type = "string", check = one_of("PUT", "PATCH"), default = "PUT" },
  cache = integer(0, 10000000, 1000),
  cache_bytes = integer(0, 2 ^ 40, 64 * MIB),
  concurrency = integer(1, 1000, 16),
  max_body = integer(1, 2 ^ 30, 8 * MIB),
  queue = integer(1, 100000, 4096),
  ca_file = { type = "string", check = printable },
  ca_path = { type = "string", check = printable },
  proxy = { type = "string", check = proxy, secret = true },
  http_version = { type = "string", check = one_of("1.1", "2") },
  user_agent = { type = "string", check = printable, default = "referrals-lua/" .. version },
  dry_run = flag(false),
  check = flag(true),
  allow_unknown = flag(false),
  on_event = { type = "function" },
  sandbox = { type = "table", method = "handle" },
  shared = { type = "string", check = printable },
}

local function sorted_names(set)
  local names = {}
  for name in pairs(set) do
    names[#names + 1] = name
  end
  table.sort(names, function(a, b)
    return tostring(a) < tostring(b)
  end)
  return names
end

local NAMES = sorted_names(RULES)

-- Checking -----------------------------------------------------------------------------------------------------------

--- Is the value of one of the types in "string|function"?
local function has_type(value, types)
  return types == "any" or ("|" .. types .. "|"):find("|" .. type(value) .. "|", 1, true) ~= nil
end

--- What is wrong with the names and Lua types of an option table: a message for the programmer, or nil.
local function mistake(options, types)
  if type(options) ~= "table" then
    return "options: expected a table, got a " .. type(options)
  end
  for _, name in ipairs(sorted_names(options)) do
    local expected = types[name]
    if not expected then
      local meant = nearest(name, sorted_names(types))
      local hint = meant and (" (did you mean '%s'?)"):format(meant) or ""
      return ("unknown option '%s'%s"):format(errors.visible(name), hint)
    elseif not has_type(options[name], expected) then
      local kinds = expected:gsub("|", " or a ")
      return ("option '%s': expected a %s, got a %s"):format(name, kinds, type(options[name]))
    end
  end
end

--- Does the object, where the option takes one, have the method it is taken for?
local function lacks_method(options)
  for _, name in ipairs(NAMES) do
    local value, method = options[name], RULES[name].method
    if type(value) == "table" and method and type(value[method]) ~= "function" then
      return ("option '%s': expected an object with a method '%s'"):format(name, method)
    end
  end
end

--- A `validation` error for the first wrong value, or nil. `named` makes the member's name out of the option's.
local function wrong_value(options, named)
  for _, name in ipairs(NAMES) do
    local rule, value = RULES[name], options[name]
    local expected = value ~= nil and rule.check and has_type(value, rule.type) and rule.check(value)
    if expected then
      local got = rule.secret and "" or (", got '%s'"):format(errors.visible(value, 40))
      local member = named and named(name) or name
      return errors.new("validation", {
        member = member,
        expected = expected,
        message = ("%s: expected %s%s"):format(member, expected, got),
      })
    end
  end
end

local TYPES = {}
for name, rule in pairs(RULES) do
  TYPES[name] = rule.type
end

local function with_defaults(options)
  local config = {}
  for name, rule in pairs(RULES) do
    local value = options[name]
    if value == nil then
      value = rule.default
    end
    config[name] = rule.integer and math.floor(value) or value
  end
  if config.sandbox then
    config.endpoint = config.endpoint or SANDBOX_ENDPOINT
    config.token = config.token or SANDBOX_TOKEN
  end
  config.base = endpoints.parse(config.endpoint or M.DEFAULT_ENDPOINT)
  config.endpoint = config.base.url
  config.writes_plainly = config.method == "PUT" and config.check and not config.dry_run
  return config
end

--- Checks the options of a client and fills in the defaults. The table given is left alone.
---@param options? table
---@param level? integer whom a raise blames: 1 the caller of this function, 2 (default) the caller's caller
---@return referrals.config|nil config
---@return referrals.error|nil err `validation`, with `member` the option's name
function M.resolve(options, level)
  options = options == nil and {} or options
  local message = mistake(options, TYPES) or lacks_method(options)
  if message then
    error(message, (level or 2) + 1)
  end
  local err = wrong_value(options)
  if err then
    return nil, err
  end
  return with_defaults(options)
end

--- Do all options have an allowed name and its one Lua type, and no value that has to be judged?
local function are_plain(options, allowed)
  if type(options) ~= "table" then
    return false
  end
  for name, value in next, options do
    if allowed[name] ~= type(value) or RULES[name] then
      return false
    end
  end
  return true
end

--- Judges the options of one verb.
---@return table|nil options
---@return referrals.error|nil err for a wrong value
---@return string|nil message for a wrong name or Lua type
local function judge(options, allowed)
  if are_plain(options, allowed) then
    return options
  end
  local message = mistake(options, allowed)
  if message then
    return nil, nil, message
  end
  local err = wrong_value(options)
  if err then
    return nil, err
  end
  return options
end

--- Checks the options of one verb. Those with the name of a client's option are held to the same values.
---@param options? table
---@param allowed table<string, string> name -> Lua type, several with "|" between them, or "any"
---@param level? integer|fun(): integer as in `resolve`; a function is only asked when there is somebody to blame
---@return table|nil options the table given, or an empty one
---@return referrals.error|nil err `validation`
function M.verb(options, allowed, level)
  if options == nil then
    return {}
  end
  local fit, err, message = judge(options, allowed)
  if message then
    if type(level) == "function" then
      error(message, level())
    end
    error(message, (level or 2) + 1)
  end
  return fit, err
end

--- The same where they come from data, as those of a batch's item do: a mistake in them is a result as well.
---@param options table
---@param allowed table<string, string>
---@return table|nil options
---@return referrals.error|nil err `validation`, with member "opts" for a wrong name or Lua type
function M.verb_of_data(options, allowed)
  local fit, err, message = judge(options, allowed)
  if message then
    message = "opts: " .. message
    err = errors.new("validation", { member = "opts", expected = "update's options", message = message })
  end
  return fit, err
end

-- The environment ----------------------------------------------------------------------------------------------------

local BOOLEANS = { ["1"] = true, ["true"] = true, yes = true, ["0"] = false, ["false"] = false, no = false }

local READERS = {
  boolean = function(text)
    return BOOLEANS[text:lower()], "1, true, yes, 0, false or no"
  end,
  number = function(text)
    return decimal(text), "a decimal number"
  end,
  string = function(text)
    return text
  end,
}

local function variable(name)
  return "REFERRALS_" .. name:upper()
end

--- Reads the options that are text, numbers or booleans from REFERRALS_<OPTION>; an empty variable counts as unset.
---@param getenv? fun(name: string): string|nil os.getenv by default
---@return table|nil options for `resolve`
---@return referrals.error|nil err `validation`, with `member` the variable's name; never holds a secret's value
function M.from_environment(getenv)
  getenv = getenv or os.getenv
  local options = {}
  for _, name in ipairs(NAMES) do
    local rule = RULES[name]
    local reader = READERS[rule.type:match("^%a+")]
    local text = reader and getenv(variable(name)) or ""
    if text ~= "" then
      local value, expected = reader(text)
      if value == nil then
        local message = ("%s: expected %s, got '%s'"):format(variable(name), expected, errors.visible(text, 40))
        return nil, errors.new("validation", { member = variable(name), expected = expected, message = message })
      end
      options[name] = value
    end
  end
  local err = wrong_value(options, variable)
  if err then
    return nil, err
  end
  return options
end

-- Ids ----------------------------------------------------------------------------------------------------------------

local is_id = core.http.is_id
local ID = "a referral's id: 1 to 128 letters, digits or . _ ~ -"

--- Is this fit to be the id in a referral's URL? Anything else could lead to another path.
---@param id any
---@return true|nil ok
---@return referrals.error|nil err `validation`, with member "id"
function M.guid_or_id(id)
  if is_id(id) then
    return true
  end
  local got = type(id) == "string" and ("'%s'"):format(errors.visible(id, 40)) or "a " .. type(id)
  local message = ("id: expected %s, got %s"):format(ID, got)
  return nil, errors.new("validation", { member = "id", expected = ID, message = message })
end

return M
