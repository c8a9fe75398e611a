--- Lists: one page, all pages as one sequence, and the other referrals of an engagement.
--- A page is judged whole before any of its rows is given out; of its JSON only the rows are decoded, one by one.
--- Source: the reference, "Endpoints" and "Listing".

local caller = require "referrals.caller"
local core = require "referrals.core"
local errors = require "referrals.errors"
local failure = require "referrals.failure"
local link = require "referrals.link"
local odata = require "referrals.odata"
local reader = require "referrals.reader"
local representation = require "referrals.representation"

local M = {}

local MAX_PAGES = 20000 -- of 100 rows each; more is a service that does not end

---@class referrals.page: (table|string)[] the page's referrals
---@field next string|nil the query of the next page, for `list`; what is in it is the service's business
---@field count integer|nil how many match in all, when the query asked for it

---@class referrals.row: referrals.representation
---@field row true members may be missing from it, so it is never written as a whole referral

---@class referrals.listing.page a page as it was read
---@field rows referrals.row[]
---@field next string|nil
---@field count integer|nil

-- One page -----------------------------------------------------------------------------------------------------------

--- The query string of what a caller gave; a mistake in a table raises at the caller's line.
---@param query referrals.odata.query|string|nil
---@return string|nil text "" or with "?" in front
---@return referrals.error|nil err `validation`
function M.query(query)
  if type(query) == "string" then
    return link.raw(query)
  end
  local text, err = odata.query(query, caller.level())
  return text, err -- not a tail call: the level counts this function
end

--- The rows of a page, each judged; or nil, what is wrong and the member.
local function read_rows(document)
  local texts = core.json.elements(document:text(), "/value")
  if not texts then
    return nil, "the answer is no list: it has no array 'value'", "value"
  end
  for index, text in ipairs(texts) do
    local row, err = representation.read(text)
    if not row then
      return nil, ("row %d of the list: %s"):format(index, err.message), err.member
    end
    row.row = true
    texts[index] = row
  end
  return texts
end

--- The query of the next page; nothing at the end; or nil and what is wrong with the link.
local function read_next(document, base, query)
  local text = document:get("/@odata.nextLink")
  if not text or text == "null" then
    return nil
  end
  local address = document:string("@odata.nextLink")
  local following, why
  if address then
    following, why = link.pin(base, address)
  else
    why = "is no text"
  end
  if following and following == query then
    why = "leads back to the same page"
  end
  if why then
    return nil, "the link to the next page " .. why
  end
  return following
end

local function read_count(document)
  local text = document:get("/@odata.count")
  return text and tonumber((text:match('^"?(%d+)"?$')))
end

--- A response as a page; or nil, what is wrong and the member.
local function read_page(response, base, query)
  local document, expected, offset = core.document.read(response.body)
  if not document then
    return nil, "the answer is " .. representation.where_wrong(response.body, expected, offset)
  end
  local rows, why, member = read_rows(document)
  if not rows then
    return nil, why, member
  end
  local following
  following, why = read_next(document, base, query)
  if why then
    return nil, why, "@odata.nextLink"
  end
  return { rows = rows, next = following, count = read_count(document) }
end

--- Reads one page.
---@param client referrals.client
---@param call referrals.call
---@param query string "" or with "?" in front
---@return referrals.listing.page|nil
---@return referrals.error|nil err
function M.page(client, call, query)
  local request = { method = "GET", path = "/referrals" .. query }
  local response, err = client.exchange:send(call, request)
  if not response then
    return nil, err
  end
  local page, message, member = read_page(response, client.config.base, query)
  if not page then
    local fields = { kind = "protocol", message = message, member = member, http_status = response.status }
    return nil, failure.describe(client.config, call, request, fields)
  end
  return page
end

--- The verb `list`.
---@param client referrals.client
---@param query string as `query` gives it
---@param opts table
---@return referrals.page|nil
---@return referrals.error|nil err
---@return table info
function M.list(client, query, opts)
  local call = client.exchange:call(opts.timeout)
  local page, err = M.page(client, call, query)
  if not page then
    return nil, err, call.info
  end
  local given = { next = page.next, count = page.count }
  for index, row in ipairs(page.rows) do
    given[index] = row:give(opts.returns, opts.nulls)
  end
  return given, nil, call.info
end

-- Page after page ----------------------------------------------------------------------------------------------------

---@class referrals.walk
---@field next string|nil the query of the page that comes next; nil after the last
local Walk = {}
Walk.__index = Walk

--- Follows the next links from a query on. Nothing moves on when a page fails, so the same page may be asked for again.
---@param client referrals.client
---@param query string
---@return referrals.walk
function M.walk(client, query)
  return setmetatable({ client = client, next = query, pages = 0, mark_at = 1 }, Walk)
end

local function failed(walk, call, path, message, member)
  local fields = { kind = "protocol", message = message, member = member }
  return nil, failure.describe(walk.client.config, call, { method = "GET", path = path }, fields)
end

local function endless(walk, call, message)
  return failed(walk, call, "/referrals" .. walk.next, message, "@odata.nextLink")
end

--- Reads the next page.
---@param call referrals.call
---@return referrals.listing.page|nil page nil without an error at the end
---@return referrals.error|nil err
function Walk:page(call)
  local query = self.next
  if not query then
    return nil
  elseif query == self.mark then
    return endless(self, call, "the links to the next pages lead in a circle")
  elseif self.pages >= MAX_PAGES then
    return endless(self, call, ("the list has more than %d pages"):format(MAX_PAGES))
  end
  local page, err = M.page(self.client, call, query)
  if not page then
    return nil, err
  end
  self.pages = self.pages + 1
  -- One link is kept, and another one whenever twice as many were followed: a circle of any length comes back to it
  -- (Brent's algorithm), and the memory does not grow with the pages as a set of all links would.
  if self.pages == self.mark_at then
    self.mark, self.mark_at = query, 2 * self.mark_at
  end
  self.next = page.next
  return page
end

--- The verb `each`: an iterator that raises its error object.
---@param client referrals.client
---@param query string
---@param opts table
---@return fun(): table|string|nil
function M.each(client, query, opts)
  local walk = M.walk(client, query)
  local timeout, returns, nulls = opts.timeout, opts.returns, opts.nulls -- as they were checked
  local rows, index = {}, 0
  return function()
    while index >= #rows do
      local call = client.exchange:call(timeout)
      local page, err = reader.read(walk, walk, call)
      if err then
        error(err, 0)
      elseif not page then
        return nil
      end
      rows, index = page.rows, 0
    end
    index = index + 1
    local row = rows[index]
    rows[index] = false -- what was given out is not kept alive by its page
    return row:give(returns, nulls)
  end
end

-- The other referrals of an engagement -------------------------------------------------------------------------------

--- Whether a row is another engagement's; one may not show it.
local function is_foreign(row, engagement)
  local own = row.document:string("engagementId")
  return own ~= nil and own:lower() ~= engagement:lower()
end

--- All rows of an engagement's list but one referral's, each referral once.
local function collect_others(walk, call, id, engagement, opts)
  local seen, others = { [id:lower()] = true }, {}
  repeat
    local page, err = walk:page(call)
    if err then
      return nil, err
    end
    for _, row in ipairs(page.rows) do
      local key = row.id:lower()
      if is_foreign(row, engagement) then
        local message = "referral %s is of another engagement: the list is not filtered"
        return failed(walk, call, "/referrals", message:format(errors.visible(row.id)), "engagementId")
      elseif not seen[key] then -- rows move between pages while a list is read
        seen[key] = true
        others[#others + 1] = row:give(opts.returns, opts.nulls)
      end
    end
  until not walk.next
  return others
end

--- The verb `related`.
---@param client referrals.client
---@param id string
---@param opts table
---@return (table|string)[]|nil
---@return referrals.error|nil err
---@return table info
function M.related(client, id, opts)
  local call = client.exchange:call(opts.timeout)
  local read, err = client.exchange:read(call, id)
  if not read then
    return nil, err, call.info
  end
  local engagement = read.document:string("engagementId")
  if not engagement then
    return {}, nil, call.info -- a referral of no engagement has no others
  end
  local query
  query, err = odata.query({ filter = odata.eq("engagementId", engagement) })
  local others
  if query then
    others, err = collect_others(M.walk(client, query), call, id, engagement, opts)
  end
  return others, err, call.info
end

return M
