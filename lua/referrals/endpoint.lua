--- Where a service is: a URL, taken apart.

local M = {}

local MAX_URL = 2048

---@class referrals.endpoint
---@field url string normalised: lower-case scheme and host, no slash at the end
---@field scheme "http"|"https"
---@field host string lower-case; an IPv6 address keeps its brackets
---@field port integer
---@field base_path string "" or with a slash in front and none at the end
---@field loopback boolean

--- With a zero in front it may be octal, or a name that anybody answers to.
local function is_part(digits)
  return not digits:find("^0%d") and tonumber(digits) <= 255
end

local function is_loopback(host)
  if host == "localhost" or host == "[::1]" then
    return true
  end
  local a, b, c, d = host:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$")
  return a == "127" and is_part(b) and is_part(c) and is_part(d)
end

--- Splits "host", "host:port" or "[v6]:port"; nil when it is none of these.
local function split_authority(authority)
  local host, port = authority:match("^(%[[%x:.]+%])(.*)$")
  if not host then
    host, port = authority:match("^([%w.-]+)(.*)$")
  end
  if not host or not (port == "" or port:find("^:%d%d?%d?%d?%d?$")) then
    return nil
  end
  return host:lower(), tonumber(port:sub(2))
end

--- Parses an endpoint: an absolute http(s) URL without user info, query and fragment. Plain http only to loopback,
--- where nobody else can read the token.
---@param url string
---@return referrals.endpoint|nil endpoint
---@return string|nil expected what was expected, when it is none; never holds the URL, it might hold a secret
function M.parse(url)
  local scheme, authority, path = url:match("^(%a+)://([^/?#]*)([^?#]*)$")
  local host, port = split_authority(authority or "")
  if not scheme or not host or path:find("[^%w%-._~/%%:+,;=!$&'()*]") or #url > MAX_URL then
    return nil, "an absolute URL without user info, query and fragment"
  end
  scheme = scheme:lower()
  port = port or (scheme == "http" and 80 or 443)
  if scheme ~= "http" and scheme ~= "https" then
    return nil, "an https URL"
  elseif port < 1 or port > 65535 then
    return nil, "a port from 1 to 65535"
  elseif scheme == "http" and not is_loopback(host) then
    return nil, "an https URL (plain http goes to loopback addresses only)"
  end
  local base_path = path:gsub("/+$", "")
  local default_port = port == (scheme == "http" and 80 or 443)
  return {
    url = scheme .. "://" .. host .. (default_port and "" or ":" .. port) .. base_path,
    scheme = scheme,
    host = host,
    port = port,
    base_path = base_path,
    loopback = is_loopback(host),
  }
end

return M
