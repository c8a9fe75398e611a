--- Where a listing goes on. Of a next link only the query is ever used: the request goes to the endpoint's own
--- /referrals, so that no link can lead the token to another host, port or scheme. A link that names another host is
--- not followed at all, for its pages would be somebody else's.
--- Source: the reference, "Endpoints": the documentation's own link is plain http under another path.

local errors = require "referrals.errors"

local M = {}

local MAX_LINK = 16384 -- bytes; skip tokens are long
local DEFAULT_PORTS = { http = 80, https = 443 }

--- Encodes the bytes that no URL holds: some servers print their links with blanks and quotes as they are.
local function encode_strays(query)
  return (query:gsub("[^A-Za-z0-9%-._~!$&()*+,;=:@/?%%]", function(byte)
    return ("%%%02X"):format(byte:byte())
  end))
end

local function origin(host, port)
  return ("%s:%d"):format(host, port)
end

--- "host" and the port, the scheme's own where none is written; nil when it is no plain authority.
local function split_authority(authority, scheme)
  local host, port = authority:match("^(%[[%x:.]+%]):?(%d*)$")
  if not host then
    host, port = authority:match("^([%w.-]+):?(%d*)$")
  end
  if not host or #port > 5 then
    return nil
  end
  return host:lower(), tonumber(port) or DEFAULT_PORTS[scheme], port == ""
end

--- Why the link's host is not the endpoint's, or nil. A port that nobody wrote is that of the endpoint's scheme: http
--- for https differs only in the scheme.
local function foreign(base, scheme, authority)
  local host, port, implied = split_authority(authority, scheme)
  if not host then
    return "names no plain host"
  end
  local same_port = port == base.port or ((implied or port == DEFAULT_PORTS[scheme])
    and base.port == DEFAULT_PORTS[base.scheme])
  if host ~= base.host or not same_port then
    return ("leads to %s and not to %s"):format(errors.visible(origin(host, port)), origin(base.host, base.port))
  end
end

--- Splits a link into scheme, authority, path and query; the first two are nil where it is relative.
local function split(text)
  local scheme, authority, rest = text:match("^(%a[%w+.-]*)://([^/?]*)(.*)$")
  if not scheme then
    authority, rest = text:match("^//([^/?]*)(.*)$")
  end
  local path, query = (rest or text):match("^([^?]*)%??(.*)$")
  return scheme and scheme:lower(), authority, path, query
end

--- What is wrong with the parts of a link, or nil.
local function objection(base, scheme, authority, path, query)
  if authority and not DEFAULT_PORTS[scheme or base.scheme] then
    return "is neither http nor https"
  elseif not authority and (path:find(":", 1, true) or path:find("\\", 1, true)) then
    return "is no URL"
  end
  local why = authority and foreign(base, scheme or base.scheme, authority)
  if why then
    return why
  elseif (authority or path ~= "") and not ("/" .. path):lower():find("/referrals/?$") then
    return "leads to something else than referrals"
  elseif query == "" then
    return "has no query and would start all over again"
  end
end

--- The query of a next link, "?" included.
---@param base referrals.endpoint
---@param text string the link as the service wrote it, absolute or relative
---@return string|nil query
---@return string|nil why the link cannot be followed; names the host, never holds the query
function M.pin(base, text)
  if #text > MAX_LINK then
    return nil, ("has more than %d bytes"):format(MAX_LINK)
  elseif text:find(errors.CONTROL) or text:find("#", 1, true) then
    return nil, "holds a control character or a fragment"
  end
  local scheme, authority, path, query = split(text)
  local why = objection(base, scheme, authority, path, query)
  if why then
    return nil, why
  end
  return "?" .. encode_strays(query)
end

--- A query string that a program wrote: `$filter=status eq 'New'`, percent-encoded or not, or a page's `next`.
---@param text string with or without "?" in front
---@return string|nil query "" or with "?" in front
---@return referrals.error|nil err `validation`
function M.raw(text)
  if #text > MAX_LINK or text:find(errors.CONTROL) then
    local expected = ("a query string of at most %d bytes without control characters"):format(MAX_LINK)
    return nil, errors.new("validation", { member = "query", expected = expected })
  end
  local query = text:gsub("^%?", "")
  return query == "" and "" or "?" .. encode_strays(query)
end

return M
