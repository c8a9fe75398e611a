--- The options and switches of a service, their defaults, and the refusal of unknown ones.
local listing = require "referrals.sandbox.listing"

local M = {}

---@class SandboxSwitches  may be turned at any time
---@field etag_header boolean  send the ETag header (true)
---@field rows_without_etag boolean  leave eTag out of listed rows (false)
---@field ignore string[]  members of the root that writes silently pass over ({})
---@field transitions boolean  enforce the status table (true)
---@field created "as_posted"|"accepted"  the state of what is posted
---@field next_link "same"|"http"|"prefix"|"documented"|"foreign"|"loop"
---@field foreign_host string  where a foreign next link points
---@field filter_any_member boolean  filter by undocumented members too (false)
---@field patch_any_path boolean  patch undocumented paths too (false)
---@field top_is_page boolean  $top is the size of a page, not of the whole answer (false)

---@class SandboxOptions
---@field tokens table?  accepted access tokens, a list or a set; without it every one
---@field refresh_tokens table?  accepted refresh tokens; without it every one
---@field clients table<string, string>?  secrets by client id; without it every one
---@field clock (fun(): number)?  seconds since the epoch
---@field base_url string?  scheme and host of the links in answers; else from the request
---@field seed integer  of ids and of chance (1)
---@field delay number  each answer waits up to so many seconds (0)
---@field faults SandboxFault[]
---@field page_size integer  rows of a page at most (100)
---@field empty boolean  without the example (false)
---@field record boolean  note requests (true)
---@field token_lifetime number  seconds (3600)
---@field rotate_strict boolean  a refresh token works once (false)
---@field mfa boolean  the password grant is refused (false)
---@field switches SandboxSwitches

local SWITCHES = {
  etag_header = true, rows_without_etag = false, ignore = {}, transitions = true, created = "as_posted",
  next_link = "same", foreign_host = "https://referrals.example", filter_any_member = false, patch_any_path = false,
  top_is_page = false,
}
local DEFAULTS = {
  seed = 1, delay = 0, faults = {}, page_size = 100, empty = false, record = true, token_lifetime = 3600,
  rotate_strict = false, mfa = false, switches = SWITCHES,
}
local OPTIONAL = { tokens = true, refresh_tokens = true, clients = true, clock = true, base_url = true }

local function fill(given, defaults, optional, what)
  local chosen = {}
  for name, value in pairs(given) do
    if defaults[name] == nil and not optional[name] then
      error("unknown sandbox " .. what .. " " .. tostring(name), 4)
    end
    chosen[name] = value
  end
  for name, value in pairs(defaults) do
    if chosen[name] == nil then
      chosen[name] = type(value) == "table" and {} or value
    end
  end
  return chosen
end

--- The given options over the defaults, in a table of their own.
---@param given table
---@return SandboxOptions
function M.read(given)
  local options = fill(given, DEFAULTS, OPTIONAL, "option")
  options.switches = fill(options.switches, SWITCHES, {}, "switch")
  if not listing.LINKS[options.switches.next_link] then
    error("unknown form of next link " .. tostring(options.switches.next_link), 3)
  end
  return options
end

return M
