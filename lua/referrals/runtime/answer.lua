--- An answer that did not come by the core's HTTP: of the sandbox in this process, or none at all. The methods are
--- those of the core's answers.

local core = require "referrals.core"

local M = {}

---@class referrals.answer
---@field head fun(self): string, boolean, integer|nil, string|nil, string|nil outcome ("ok" for a complete answer,
--- whatever its status), whether the request may have reached the server, status, request-id, what went wrong
---@field header fun(self, name: string): string|nil
---@field body fun(self): string|nil
---@field referral fun(self, known: userdata|nil): userdata|nil, string|nil, string|integer|nil, string|nil
---@field close fun(self)
local Answer = {}
Answer.__index = Answer

function Answer:head()
  return self.outcome, self.sent, self.status, self:header("request-id"), self.message
end

function Answer:header(name)
  return self.headers and core.http.header(self.headers, name)
end

function Answer:body()
  return self.text
end

--- The document, its id, its If-Match value, the header's tag where the body has none, and the body's; or nil, what was
--- expected and where.
function Answer:referral(known)
  local document, expected, offset = core.document.read(self.text, known)
  if not document then
    return nil, expected, offset
  end
  local tag = document:string("eTag")
  local header = not tag and self:header("ETag") or nil
  return document, document:string("id"), (core.etag.normalise(tag or header or "")), header, tag
end

function Answer.close() end

---@param fields {outcome: string, sent: boolean, status: integer?, headers: string?, text: string?, message: string?}
---@return referrals.answer
function M.new(fields)
  return setmetatable(fields, Answer)
end

return M
