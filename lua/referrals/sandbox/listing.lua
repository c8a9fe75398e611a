--- The list: filter, order, pages of at most 100 and the link to the next. Pages are cut by position from the list as
--- it is when they are asked for, so rows that change while a client walks move under its feet, as they really do.
local documents = require "referrals.sandbox.documents"
local json = require "referrals.sandbox.json"
local odata = require "referrals.sandbox.odata"
local pointer = require "referrals.sandbox.pointer"
local queries = require "referrals.sandbox.query"
local responses = require "referrals.sandbox.responses"
local values = require "referrals.sandbox.values"

local M = {}

local OPTIONS = {
  ["$filter"] = true, ["$orderby"] = true, ["$select"] = true, ["$top"] = true, ["$skip"] = true, ["$count"] = true,
  ["$expand"] = true, ["$skiptoken"] = true,
}
local SORTABLE = { createdDateTime = true, updatedDateTime = true }
local CONTEXT = "https://api.partner.microsoft.com/v1.0/engagements/$metadata#referrals"

--- The forms a next link may take. The documentation prints plain http and a path without /engagements.
M.LINKS = {
  same = function(base) return base .. "/v1.0/engagements/referrals" end,
  http = function(base) return base:gsub("^https:", "http:") .. "/v1.0/engagements/referrals" end,
  prefix = function(base) return base .. "/v1.0/referrals" end,
  documented = function() return "http://api.partner.microsoft.com/v1.0/referrals" end,
  foreign = function(_, host) return host .. "/v1.0/engagements/referrals" end,
  loop = function(base) return base .. "/v1.0/engagements/referrals" end,
}

local function problem(target, message)
  return nil, { target = target, message = message }
end

local function whole_number(text, _, name)
  if not text:find("^%d+$") or #text > 9 then
    return problem(name, name .. " must be a whole number.")
  end
  return tonumber(text)
end

local function read_orderby(text)
  local keys = {}
  for part in text:gmatch("[^,]+") do
    local name, direction = part:match("^%s*(%S+)%s*(%a*)%s*$")
    if not SORTABLE[name] or direction ~= "" and direction ~= "asc" and direction ~= "desc" then
      return problem("$orderby", "Cannot order by " .. part .. ".")
    end
    keys[#keys + 1] = { name = name, descending = direction == "desc" }
  end
  return keys
end

local function read_select(text)
  local names = {}
  for name in text:gmatch("[^,]+") do
    name = name:match("^%s*(.-)%s*$")
    if not name:find("^[%w@._]+$") then
      return problem("$select", "Cannot select " .. name .. ".")
    end
    names[#names + 1] = name
  end
  return names
end

local function read_filter(text, any_member)
  local predicate, why = odata.compile(text, any_member)
  if not predicate then
    return problem("$filter", "The filter cannot be read: " .. why .. ".")
  end
  return predicate
end

local READERS = {
  { name = "top", read = whole_number },
  { name = "skip", read = whole_number },
  { name = "orderby", read = read_orderby },
  { name = "select", read = read_select },
  { name = "filter", read = read_filter },
}

local function check_names(parameters)
  for name in pairs(parameters) do
    if name:sub(1, 1) == "$" and not OPTIONS[name] then
      return { target = name, message = "The query option " .. name .. " is not supported." }
    end
  end
end

-- A token carries the whole query, so that a link needs nothing else: "<position>.<rows sent>.<query>".
local function resume(token, any_member)
  local position, sent, query = token:match("^(%d+)%.(%d+)%.(.*)$")
  if not position then
    return problem("$skiptoken", "The token is not valid.")
  end
  local plan, why = M.read(query, any_member)
  if plan then
    plan.position, plan.sent = tonumber(position), tonumber(sent)
  end
  return plan, why
end

--- A query string as a plan of what to list.
---@param query string
---@param any_member boolean?
---@return table? plan
---@return SandboxProblem?
function M.read(query, any_member)
  local parameters = queries.parse(query)
  local unknown = check_names(parameters)
  if unknown then
    return nil, unknown
  elseif parameters["$skiptoken"] then
    return resume(parameters["$skiptoken"], any_member)
  end
  local plan = { query = query, sent = 0, count = parameters["$count"] == "true" }
  for _, reader in ipairs(READERS) do
    local name = "$" .. reader.name
    if parameters[name] then
      local why
      plan[reader.name], why = reader.read(parameters[name], any_member, name)
      if why then
        return nil, why
      end
    end
  end
  plan.key = (parameters["$filter"] or "") .. "\0" .. (parameters["$orderby"] or "")
  plan.position = plan.skip or 0
  return plan
end

local function team_of(document)
  local team = documents.value(document, "team")
  local scopes = {}
  for index, element in ipairs(team and json.kind(team) == "array" and values.items(team) or {}) do
    scopes[index] = function(path) return pointer.find(element, pointer.tokens("/" .. path)) end
  end
  return scopes
end

local function matches(plan, document)
  return not plan.filter or plan.filter {
    root = function(path) return documents.value(document, path) end,
    team = function() return team_of(document) end,
  }
end

local function sort_key(document, name)
  local text = tostring(documents.scalar(document, name))
  return odata.date_key(text) or text
end

local function sort(rows, orderby)
  local keys = {}
  for _, document in ipairs(rows) do
    keys[document] = {}
    for index, key in ipairs(orderby) do
      keys[document][index] = sort_key(document, key.name)
    end
  end
  table.sort(rows, function(a, b)
    for index, key in ipairs(orderby) do
      local left, right = keys[a][index], keys[b][index]
      if left ~= right then
        return (left < right) ~= key.descending
      end
    end
    return a.id < b.id
  end)
end

-- A walk over thousands of pages asks the same question each time: the answer holds until the next write.
local function select_rows(service, plan)
  local cache = service.listings
  if cache.revision ~= service.documents.revision then
    cache = { revision = service.documents.revision }
    service.listings = cache
  end
  local rows = cache[plan.key]
  if not rows then
    rows = {}
    for _, document in ipairs(service.documents.list) do
      if matches(plan, document) then
        rows[#rows + 1] = document
      end
    end
    if plan.orderby then
      sort(rows, plan.orderby)
    end
    cache[plan.key] = rows
  end
  return rows
end

local function row_text(service, plan, document)
  local text = document.text
  if service.switches.rows_without_etag then
    text = pointer.without(text, "eTag")
  end
  if not plan.select then
    return text
  end
  local known, parts = values.by_name(text), {}
  for _, name in ipairs(plan.select) do
    if known[name] then
      parts[#parts + 1] = values.quote(name) .. ":" .. known[name]
    end
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

local function next_link(service, request, plan, taken)
  local form = service.switches.next_link
  local forward = form == "loop" and 0 or taken
  local token = string.format("%d.%d.%s", plan.position + forward, plan.sent + forward, plan.query)
  local address = M.LINKS[form](service:base_url(request), service.switches.foreign_host)
  return address .. "?$skiptoken=" .. queries.encode(token)
end

local function page_size(service, plan)
  local size = service.options.page_size
  if plan.top and service.switches.top_is_page then
    return math.min(size, plan.top), false
  elseif plan.top and plan.top - plan.sent <= size then
    return plan.top - plan.sent, true
  end
  return size, false
end

---@param service SandboxService
---@param request SandboxRequest
---@return SandboxResponse
function M.answer(service, request)
  local plan, refusal = M.read(request.query, service.switches.filter_any_member)
  if not plan then
    return responses.invalid(refusal)
  end
  local rows = select_rows(service, plan)
  local size, is_last = page_size(service, plan)
  local texts = {}
  for index = plan.position + 1, math.min(plan.position + size, #rows) do
    texts[#texts + 1] = row_text(service, plan, rows[index])
  end
  local parts = { '{"@odata.context":' .. values.quote(CONTEXT) }
  if plan.count then
    parts[#parts + 1] = '"@odata.count":' .. #rows
  end
  parts[#parts + 1] = '"value":[' .. table.concat(texts, ",") .. "]"
  if not is_last and #texts > 0 and plan.position + #texts < #rows then
    parts[#parts + 1] = '"@odata.nextLink":' .. values.quote(next_link(service, request, plan, #texts))
  end
  return responses.json(200, table.concat(parts, ",") .. "}")
end

return M
