--- The Referrals API emulated: a request in, a response out. It keeps every referral as the text it was sent and notes
--- every request it got. It shares no code with the client, so that each checks the other.
local clocks = require "referrals.sandbox.clock"
local create = require "referrals.sandbox.create"
local documents = require "referrals.sandbox.documents"
local example = require "referrals.sandbox.example"
local faults = require "referrals.sandbox.faults"
local json = require "referrals.sandbox.json"
local listing = require "referrals.sandbox.listing"
local patch = require "referrals.sandbox.patch"
local pointer = require "referrals.sandbox.pointer"
local put = require "referrals.sandbox.put"
local query = require "referrals.sandbox.query"
local randoms = require "referrals.sandbox.random"
local responses = require "referrals.sandbox.responses"
local settings = require "referrals.sandbox.settings"
local tokens = require "referrals.sandbox.tokens"

local M = {}

--- The documentation's example as a GET shows it; every new service holds it.
M.example = example.TEXT
M.EXAMPLE_ID = example.ID

local COLLECTION = "/v1.0/engagements/referrals"
local GUID = "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$"

---@class SandboxRequest
---@field method string
---@field path string  with the query, as in the request line
---@field headers table<string, string>?  names in any case
---@field body string?
---@field scheme string?  "http" or "https", for the links in answers
---@field connection any?  which connection it came on, for the record

---@class SandboxEntry  one request as the record keeps it
---@field method string
---@field path string  with the query
---@field headers table<string, string>  names in lower case
---@field body string  raw
---@field status integer  0 when nothing was answered
---@field applied boolean  did it change the stored referrals?
---@field fault string?  the kind of the fault it met
---@field at number  when, by the service's clock
---@field connection any?

---@class SandboxService
---@field record SandboxEntry[]
---@field switches SandboxSwitches
---@field options SandboxOptions
local Service = {}
Service.__index = Service

--- A new service. `options` and their defaults: settings.lua.
---@param options SandboxOptions?
---@return SandboxService
function M.new(options)
  local chosen = settings.read(options or {})
  local clock = clocks.new(chosen.clock)
  -- Chance has a source of its own, so that a fault's sequence does not hang on how many ids were made.
  local random = randoms.new(chosen.seed + 1)
  local service = setmetatable({
    options = chosen,
    switches = chosen.switches,
    clock = clock,
    random = random,
    chance = randoms.new(chosen.seed),
    documents = documents.new(clock),
    tokens = tokens.new(chosen, clock, random),
    listings = {},
    record = {},
  }, Service)
  service.faults = faults.new(service.chance)
  for _, fault in ipairs(chosen.faults) do
    service:fault(fault)
  end
  if not chosen.empty then
    service:store(example.TEXT)
  end
  return service
end

local function normalise(request)
  local headers = {}
  for name, value in pairs(request.headers or {}) do
    headers[name:lower()] = value
  end
  local path, question = request.path:match("^([^?]*)%??(.*)$")
  return {
    method = request.method, path = path, query = question, target = request.path, headers = headers,
    body = request.body or "", scheme = request.scheme, connection = request.connection,
  }
end

function Service:base_url(request)
  local host = request.headers.host
  if self.options.base_url or not host then
    return self.options.base_url or "https://api.partner.microsoft.com"
  end
  return (request.scheme or "https") .. "://" .. host
end

function Service:tag(response, document)
  if self.switches.etag_header then
    response.headers.ETag = document.tag
  end
end

function Service:referral(document, status)
  local response = responses.json(status, document.text)
  self:tag(response, document)
  return response
end

local function id_of(path)
  local segment = path:match("^" .. COLLECTION:gsub("%.", "%%.") .. "/([^/]+)$")
  return segment and query.decode_segment(segment)
end

local function refuse_method(allowed)
  local response = responses.error(405, "invalidRequest", "The method is not allowed here.")
  response.headers.Allow = allowed
  return response
end

local WRITERS = { PUT = put.answer, PATCH = patch.answer }

local function answer_referral(service, request, id)
  local write = WRITERS[request.method]
  if not write and request.method ~= "GET" then
    return refuse_method("GET, PUT, PATCH")
  end
  local document = service.documents:find(id)
  if request.method == "PUT" and not request.headers["if-match"] then
    return responses.error(428, "invalidRequest", "The If-Match header is required.", "If-Match")
  elseif not document then
    return responses.not_found(id)
  end
  return write and write(service, request, document) or service:referral(document, 200)
end

local function answer_collection(service, request)
  if request.method == "GET" then
    return listing.answer(service, request)
  elseif request.method == "POST" then
    return create.answer(service, request)
  end
  return refuse_method("GET, POST")
end

local function refuse_headers(service, request)
  local why = service.tokens:refusal(request.headers.authorization)
  if why then
    return responses.unauthenticated(why)
  elseif not (request.headers["client-request-id"] or ""):find(GUID) then
    return responses.error(400, "invalidRequest", "The client-request-id header must be a GUID.", "client-request-id")
  end
end

local function route(service, request)
  local id = id_of(request.path)
  if not id and request.path ~= COLLECTION then
    return responses.error(404, "itemNotFound", "There is nothing at " .. request.path .. ".")
  end
  local refusal = refuse_headers(service, request)
  if refusal then
    return refusal
  elseif id then
    return answer_referral(service, request, id)
  end
  return answer_collection(service, request)
end

function Service:answer(request)
  local version = tokens.version(request.path)
  if version then
    return self.tokens:answer(request, version)
  end
  local response = route(self, request)
  local headers = response.headers
  headers["request-id"] = self.random:guid()
  headers["client-request-id"] = request.headers["client-request-id"]
  headers["x-ms-ags-diagnostic"] = '{"ServerInfo":{"DataCenter":"Sandbox","RoleInstance":"AGS_IN_0"}}'
  headers.timestamp = clocks.text(self.clock:now())
  headers.Date = clocks.http_date(self.clock:now())
  return response
end

local function note(service, request)
  local entry = {
    method = request.method, path = request.target, headers = request.headers, body = request.body, status = 0,
    applied = false, at = service.clock:now(), connection = request.connection,
  }
  if service.options.record then
    service.record[#service.record + 1] = entry
  end
  return entry
end

--- Answers one request and notes it.
---@param request SandboxRequest
---@return SandboxResponse
function Service:handle(request)
  local normal = normalise(request)
  local entry = note(self, normal)
  local fault = self.faults:draw(normal)
  local function answer()
    local revision = self.documents.revision
    local response = self:answer(normal)
    entry.applied, entry.status = self.documents.revision ~= revision, response.status
    return response
  end
  local response = fault and self:meet(fault, normal, answer) or answer()
  entry.status, entry.fault = response.status, fault and fault.kind
  if self.options.delay > 0 then
    response.delay = self.options.delay * self.chance:number()
  end
  return response
end

function Service:meet(fault, request, answer)
  local id = id_of(request.path)
  local document = id and self.documents:find(id)
  return faults.meet(fault, {
    request = request, clock = self.clock, answer = answer, document = document,
    write_as_other = function(at, value)
      if at then
        return self:write_as_other(document.id, at, value)
      end
      return self:touch(document.id)
    end,
  })
end

--- Switches a fault on; its fields: faults.lua.
---@param fault SandboxFault
function Service:fault(fault)
  self.faults:add(fault)
end

--- Switches all faults off.
function Service:clear_faults()
  self.faults:clear()
end

--- Empties the record.
function Service:forget()
  self.record = {}
end

--- Keeps a referral exactly as this text writes it.
---@param text string  JSON with an id
---@return string id  in lower case
function Service:store(text)
  return self.documents:keep(text).id
end

--- The text stored for this id, byte for byte.
---@param id string
---@return string?
function Service:stored(id)
  local document = self.documents:find(id)
  return document and document.text
end

---@param id string
---@return boolean removed
function Service:remove(id)
  return self.documents:remove(id)
end

local function existing(service, id)
  return service.documents:find(id) or error("no referral " .. id, 3)
end

--- A new version without another change, as any writer's write makes one.
---@param id string
function Service:touch(id)
  local document = existing(self, id)
  self.documents:write(document, document.text)
end

--- Changes one value as another writer would.
---@param id string
---@param at string  a JSON Pointer; "/-" at its end appends, a member that is not there is added
---@param value string  JSON
function Service:write_as_other(id, at, value)
  local document = existing(self, id)
  if not json.check(value) then
    error("the value is no JSON text", 2)
  end
  local path = pointer.tokens(at) or error("not a JSON Pointer: " .. at, 2)
  local text = pointer.replace(document.text, path, value)
  if not text then
    local why
    text, why = pointer.add(document.text, path, value)
    text = text or error(why, 2)
  end
  self.documents:write(document, text)
end

local FOURTEEN_DAYS = 14 * 86400

--- Closes every New referral that is older than 14 days by the service's clock, as the service does by itself.
---@return integer closed
function Service:expire()
  local limit, closed = clocks.text(self.clock:now() - FOURTEEN_DAYS), 0
  for _, document in ipairs(self.documents.list) do
    local created = tostring(documents.scalar(document, "createdDateTime"))
    if documents.scalar(document, "status") == "New" and created < limit then
      local text = pointer.add(document.text, { "status" }, '"Closed"')
      self.documents:write(document, pointer.add(text, { "substatus" }, '"Expired"'))
      closed = closed + 1
    end
  end
  return closed
end

--- Moves the service's clock forward: tokens expire, New referrals grow old.
---@param seconds number
function Service:advance(seconds)
  self.clock:advance(seconds)
end

--- Ends all access tokens issued so far.
function Service:expire_tokens()
  self.tokens:expire()
end

--- Refuses this access token from now on.
---@param token string
function Service:revoke(token)
  self.tokens:revoke(token)
end

return M
