--- Faults: what can go wrong with a request, switched on by count or by seeded chance.
--- What a response can show is done here; what only a connection can show is left to the carrier in `response.fault`.
local clocks = require "referrals.sandbox.clock"
local json = require "referrals.sandbox.json"
local pointers = require "referrals.sandbox.pointer"
local responses = require "referrals.sandbox.responses"

local M = {}
local Faults = {}
Faults.__index = Faults

---@class SandboxFault
---@field kind string  one of `faults.KINDS`
---@field method string?  only requests of this method
---@field path string?  only requests whose path contains this
---@field times integer?  so many requests; 1 when no probability is given
---@field probability number?  each matching request with this chance, at most `times` of them
---@field after integer?  pass over so many matching requests first
---@field applied boolean?  status, html: apply the request first and lose its answer
---@field status integer?  status: the status (503); html: 502
---@field retry_after number?  status: seconds to wait
---@field retry_after_form "seconds"|"date"|nil
---@field pointer string?  other_writer: the value it changes ...
---@field value string?  ... and the JSON it writes there
---@field mode "fin"|"rst"|nil  close_before, close_after
---@field delay number?  late: seconds
---@field apply "before"|"after"|nil  late: is the request applied before the wait (default) or after it?
---@field interval number?  trickle: seconds between two bytes (1)
---@field keep integer?  cut: bytes sent (half of the body)
---@field extra integer?  wrong_length: Content-Length is off by so many (10)
---@field hold boolean?  wrong_length: leave the connection open, so that the client waits
---@field code string?  status: the code in the error body
---@field message string?  status: the message in it

local TYPES = {
  kind = "string", method = "string", path = "string", times = "number", probability = "number", after = "number",
  applied = "boolean", status = "number", retry_after = "number", retry_after_form = "string", pointer = "string",
  value = "string", mode = "string", delay = "number", apply = "string", interval = "number", keep = "number",
  extra = "number", hold = "boolean", code = "string", message = "string",
}

local OF_ALL = { kind = true, method = true, path = true, times = true, probability = true, after = true }

local OF_KIND = {
  status = { "applied", "status", "retry_after", "retry_after_form", "code", "message" },
  html = { "applied", "status", "retry_after", "retry_after_form" },
  garbage = {}, empty = {}, stale = {}, reject_tag = {},
  other_writer = { "pointer", "value" },
  close_before = { "mode" }, close_after = { "mode" },
  late = { "delay", "apply" }, trickle = { "interval" },
  cut = { "keep" }, wrong_length = { "extra", "hold" },
}

local KINDS = {}

local function with_retry_after(response, fault, clock)
  if fault.retry_after then
    local as_date = fault.retry_after_form == "date"
    response.headers["Retry-After"] = as_date and clocks.http_date(clock:now() + math.ceil(fault.retry_after))
      or string.format("%d", math.ceil(fault.retry_after)) -- whole seconds, says RFC 9110
  end
  return response
end

function KINDS.status(fault, exchange)
  if fault.applied then
    exchange.answer()
  end
  local status = fault.status or 503
  local response
  if status == 429 then
    response = responses.throttled(fault.retry_after or 1)
  else
    response = responses.error(status, fault.code or "serviceNotAvailable", fault.message or "The service is busy.")
  end
  return with_retry_after(response, fault, exchange.clock)
end

function KINDS.html(fault, exchange)
  if fault.applied then
    exchange.answer()
  end
  return with_retry_after(responses.html(fault.status or 502), fault, exchange.clock)
end

function KINDS.garbage(_, exchange)
  local response = exchange.answer()
  response.body = '{"id": "49d9' .. "\255\0" .. "<not json"
  return response
end

function KINDS.empty(_, exchange)
  local response = exchange.answer()
  response.body = ""
  return response
end

--- A GET answers the version before the current one.
function KINDS.stale(_, exchange)
  local document = exchange.document
  local previous = document and document.previous
  if not previous or exchange.request.method ~= "GET" then
    return exchange.answer()
  end
  local text, tag = document.text, document.tag
  document.text, document.tag = previous.text, previous.tag
  local response = exchange.answer()
  document.text, document.tag = text, tag
  return response
end

--- Another writer gets in first.
function KINDS.other_writer(fault, exchange)
  if exchange.document then
    exchange.write_as_other(fault.pointer, fault.value)
  end
  return exchange.answer()
end

--- 412 for the current tag, although nobody wrote.
function KINDS.reject_tag()
  return responses.precondition_failed()
end

local function carried(response, fault)
  response.fault = {}
  for name, value in pairs(fault) do
    response.fault[name] = value
  end
  return response
end

function KINDS.close_before(fault)
  return carried({ status = 0, headers = {}, body = "" }, fault)
end

local function carry_answer(fault, exchange)
  return carried(exchange.answer(), fault)
end

KINDS.close_after, KINDS.trickle, KINDS.cut, KINDS.wrong_length = carry_answer, carry_answer, carry_answer, carry_answer

--- Applied late, the carrier waits first and then calls `response.fault.finish()` for the response.
function KINDS.late(fault, exchange)
  if fault.apply ~= "after" then
    return carry_answer(fault, exchange)
  end
  local response = carried({ status = 0, headers = {}, body = "" }, fault)
  response.fault.finish = exchange.answer
  return response
end

M.KINDS = {}
for kind in pairs(KINDS) do
  M.KINDS[#M.KINDS + 1] = kind
end
table.sort(M.KINDS)

function M.new(random)
  return setmetatable({ random = random, list = {} }, Faults)
end

local CHOICES = {
  method = { GET = true, PUT = true, PATCH = true, POST = true },
  retry_after_form = { seconds = true, date = true },
  mode = { fin = true, rst = true },
  apply = { before = true, after = true },
}

local RANGES = {
  times = { 1, math.huge }, after = { 0, math.huge }, probability = { 0, 1 }, status = { 200, 599 },
  retry_after = { 0, 1e9 }, delay = { 0, math.huge }, interval = { 0, math.huge }, keep = { 0, math.huge },
}

local function one_of(choices)
  local known = {}
  for choice in pairs(choices) do
    known[#known + 1] = choice
  end
  table.sort(known)
  return "expected " .. table.concat(known, ", ")
end

local function is_of_kind(kind, name)
  for _, own in ipairs(OF_KIND[kind]) do
    if own == name then
      return true
    end
  end
  return OF_ALL[name]
end

--- What is wrong with a field's value, or nil.
local function wrong_value(kind, name, value)
  local choices, range = CHOICES[name], RANGES[name]
  if not TYPES[name] then
    return "there is none of this name"
  elseif not is_of_kind(kind, name) then
    return "expected nothing there: the kind " .. kind .. " does nothing with it"
  elseif TYPES[name] ~= type(value) then
    return ("expected a %s, got a %s"):format(TYPES[name], type(value))
  elseif choices and not choices[value] then
    return one_of(choices)
  elseif range and not (value >= range[1] and value <= range[2]) then
    return ("expected %g to %g"):format(range[1], range[2])
  elseif name == "value" and not json.check(value) then
    return "expected JSON text, such as '\"x\"' or '5'"
  elseif name == "pointer" and (value == "" or not pointers.tokens(value)) then
    return "expected a JSON Pointer, such as '/details/notes'"
  end
end

--- What is wrong with a fault: one that never fires, or as another one, would let a test pass for nothing.
local function mistake(fault)
  if not KINDS[fault.kind] then
    return ("unknown fault kind %s; one of %s"):format(tostring(fault.kind), table.concat(M.KINDS, ", "))
  end
  for name, value in pairs(fault) do
    local wrong = wrong_value(fault.kind, name, value)
    if wrong then
      return ("fault field '%s': %s"):format(tostring(name), wrong)
    end
  end
  if (fault.pointer == nil) ~= (fault.value == nil) then
    return ("fault field '%s': expected, it goes with '%s'"):format(
      fault.pointer and "value" or "pointer", fault.pointer and "pointer" or "value")
  elseif fault.kind == "stale" and (fault.method or "GET") ~= "GET" then
    return "fault field 'method': expected GET, since only a read can be stale"
  end
end

--- Switches a fault on. The first of those switched on that fires is the request's.
---@param fault SandboxFault
function Faults:add(fault)
  local message = mistake(fault)
  if message then
    error(message, 3)
  end
  self.list[#self.list + 1] = {
    fault = fault,
    left = fault.times or (fault.probability and math.huge or 1),
    pass = fault.after or 0,
  }
end

function Faults:clear()
  self.list = {}
end

--- A tag is only looked at where something is written.
local function concerns(fault, request)
  return (fault.method or request.method) == request.method
    and (fault.method or fault.kind ~= "reject_tag" or request.method ~= "GET")
    and (not fault.path or request.path:find(fault.path, 1, true) ~= nil)
end

function Faults:fires(entry)
  if entry.pass > 0 then
    entry.pass = entry.pass - 1
    return false
  elseif entry.fault.probability and self.random:number() >= entry.fault.probability then
    return false
  end
  entry.left = entry.left - 1
  return true
end

--- The fault this request meets, if any.
---@param request SandboxRequest
---@return SandboxFault?
function Faults:draw(request)
  for _, entry in ipairs(self.list) do
    if entry.left > 0 and concerns(entry.fault, request) and self:fires(entry) then
      return entry.fault
    end
  end
end

---@param fault SandboxFault
---@param exchange table  {request, clock, answer, document, write_as_other}
---@return SandboxResponse
function M.meet(fault, exchange)
  return KINDS[fault.kind](fault, exchange)
end

return M
