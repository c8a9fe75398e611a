--- Many referrals for a spec: their texts, and a sandbox under nginx filled with them over one connection.
local socket = require "socket"

local M = {}

local ID = "00000000-0000-4000-8000-%012d"
local TEXT = '{"id":"%s","engagementId":"%s","status":"%s","substatus":"Pending","name":"referral %d",'
  .. '"details":{"dealValue":%d.00,"notes":null},"team":[],"updatedDateTime":"%s","eTag":"\\"%d-0\\""}'
local AT_ONCE = 200 -- requests on the wire before their answers are read

---@param number integer
---@return string
function M.id(number)
  return ID:format(number)
end

--- The number in an id.
---@param id string
---@return integer
function M.number(id)
  return tonumber(id:match("(%d+)$"))
end

--- The text of the referral with this number. Without `fields` each has a moment of its own, in the numbers' order.
---@param number integer
---@param fields {updated: string?, status: string?, engagement: string?}?
---@return string
function M.text(number, fields)
  fields = fields or {}
  local updated = fields.updated
    or ("2024-01-01T%02d:%02d:%02d.5Z"):format(math.floor(number / 3600), math.floor(number / 60) % 60, number % 60)
  return TEXT:format(M.id(number), fields.engagement or "e", fields.status or "New", number, number, updated, number)
end

local function request(text)
  return ("POST /sandbox/store HTTP/1.1\r\nHost: sandbox\r\nContent-Length: %d\r\n\r\n%s"):format(#text, text)
end

local function read_answer(connection)
  local status = assert(connection:receive("*l"))
  assert(status:find(" 200 ", 1, true), status)
  local length
  repeat
    local line = assert(connection:receive("*l"))
    length = tonumber(line:lower():match("^content%-length: (%d+)")) or length
  until line == ""
  assert(connection:receive(length))
end

--- Stores these texts in a server of support.nginx.
---@param server table
---@param texts string[]
function M.store(server, texts)
  local host, port = server.control_origin:match("^http://(.-):(%d+)$")
  local connection = assert(socket.connect(host, tonumber(port)))
  connection:settimeout(10)
  for from = 1, #texts, AT_ONCE do
    local upto = math.min(from + AT_ONCE - 1, #texts)
    local requests = {}
    for index = from, upto do
      requests[#requests + 1] = request(texts[index])
    end
    assert(connection:send(table.concat(requests)))
    for _ = from, upto do
      read_answer(connection)
    end
  end
  connection:close()
end

--- Stores the referrals with the numbers from 1 to `count`.
---@param server table
---@param count integer
---@param fields_of (fun(number: integer): table)?  as for `text`
function M.fill(server, count, fields_of)
  local texts = {}
  for number = 1, count do
    texts[number] = M.text(number, fields_of and fields_of(number))
  end
  M.store(server, texts)
end

return M
