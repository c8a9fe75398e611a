--- OData filters: comparisons, and/or/not, parentheses and any() over the members the service can filter by.
local values = require "referrals.sandbox.values"

local M = {}
local Parser = {}
Parser.__index = Parser

local FILTERABLE = {
  engagementId = true, status = true, substatus = true, qualification = true, type = true, direction = true,
  updatedDateTime = true, ["customerProfile/address/country"] = true,
}
local COMPARISONS = { eq = true, ne = true, gt = true, ge = true, lt = true, le = true }
local WORDS = { ["true"] = true, ["false"] = false }
local GUID = "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$"
local MAX_NESTING = 50

--- A date-time in a form that compares as text, or nil.
---@param text string
---@return string?
function M.date_key(text)
  local moment, fraction = text:match("^(%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d)%.?(%d*)Z$")
  if moment then
    return moment .. "." .. fraction .. ("0"):rep(9 - #fraction)
  end
  local day = text:match("^%d%d%d%d%-%d%d%-%d%d$")
  return day and day .. "T00:00:00.000000000"
end

local function comparable(a, b)
  if type(a) ~= "string" or type(b) ~= "string" then
    return a, b
  end
  local left, right = M.date_key(a), M.date_key(b)
  if left and right then
    return left, right
  elseif a:find(GUID) and b:find(GUID) then
    return a:lower(), b:lower()
  end
  return a, b
end

local function compare(operator, a, b)
  a, b = comparable(a, b)
  if operator == "eq" then
    return a == b
  elseif operator == "ne" then
    return a ~= b
  elseif type(a) ~= type(b) or type(a) ~= "string" and type(a) ~= "number" then
    return false
  elseif operator == "gt" then
    return a > b
  elseif operator == "ge" then
    return a >= b
  elseif operator == "lt" then
    return a < b
  end
  return a <= b
end

function Parser:fail(message)
  error({ filter = message .. " at position " .. self.pos }, 0)
end

--- Takes the text a pattern matches here, blanks before it skipped.
function Parser:take(pattern)
  local _, stop, capture = self.text:find("^%s*" .. pattern, self.pos)
  if not stop then
    return nil
  end
  self.pos = stop + 1
  return capture or true
end

function Parser:expect(pattern, what)
  return self:take(pattern) or self:fail("expected " .. what)
end

function Parser:keyword(word)
  return self:take("(" .. word .. ")%f[^%w_/:%-]")
end

-- Blanks count in a string, so it is read without take().
function Parser:string()
  local parts = {}
  repeat
    local part, doubled, after = self.text:match("^([^']*)'('?)()", self.pos)
    if not part then
      self:fail("expected a closing quote")
    end
    parts[#parts + 1] = part
    self.pos = after
  until doubled == ""
  return table.concat(parts, "'")
end

local function constant(value)
  return function() return value end
end

function Parser:path(word)
  local scope, rest = word:match("^([^/]+)/(.+)$")
  if scope and scope == self.variable then
    return function(scopes) return values.scalar(scopes[scope](rest)) end
  elseif self.variable then
    self:fail("expected " .. self.variable .. "/...")
  elseif not FILTERABLE[word] and not self.any_member then
    self:fail("cannot filter by " .. word)
  end
  return function(scopes) return values.scalar(scopes.root(word)) end
end

function Parser:operand()
  if self:take("'") then
    return constant(self:string())
  end
  local word = self:expect("([%w_%-%.:/@]+)", "a member or a value")
  if WORDS[word] ~= nil then
    return constant(WORDS[word])
  elseif word == "null" then
    return constant(nil)
  elseif word:find("^%-?%d+%.?%d*$") then
    return constant(tonumber(word))
  elseif word:find(GUID) or M.date_key(word) then
    return constant(word)
  elseif not word:find("^[%a_][%w_/]*$") then
    self:fail("cannot read " .. word)
  end
  return self:path(word)
end

function Parser:comparison()
  local left = self:operand()
  local operator = self:expect("(%l%l)%f[%s]", "a comparison")
  if not COMPARISONS[operator] then
    self:fail("unknown comparison " .. operator)
  end
  local right = self:operand()
  return function(scopes) return compare(operator, left(scopes), right(scopes)) end
end

function Parser:any()
  local variable = self:take("(%a[%w_]*)%s*:")
  if not variable then
    self:expect("%)", "')'")
    return function(scopes) return #scopes.team() > 0 end
  end
  local outer = self.variable
  self.variable = variable
  local condition = self:alternatives()
  self.variable = outer
  self:expect("%)", "')'")
  return function(scopes)
    for _, element in ipairs(scopes.team()) do
      if condition { [variable] = element } then
        return true
      end
    end
    return false
  end
end

function Parser:primary()
  if self:take("%(") then
    local inner = self:alternatives()
    self:expect("%)", "')'")
    return inner
  elseif not self.variable and self:take("team/any%(") then
    return self:any()
  end
  return self:comparison()
end

function Parser:negation()
  if self:keyword("not") then
    local inner = self:primary()
    return function(scopes) return not inner(scopes) end
  end
  return self:primary()
end

function Parser:conjunction()
  local left = self:negation()
  while self:keyword("and") do
    local first, second = left, self:negation()
    left = function(scopes) return first(scopes) and second(scopes) end
  end
  return left
end

function Parser:alternatives()
  self.nesting = self.nesting + 1
  if self.nesting > MAX_NESTING then
    self:fail("nested too deeply")
  end
  local left = self:conjunction()
  while self:keyword("or") do
    local first, second = left, self:conjunction()
    left = function(scopes) return first(scopes) or second(scopes) end
  end
  self.nesting = self.nesting - 1
  return left
end

---@class SandboxScopes
---@field root fun(path: string): string?  the JSON text of a member
---@field team fun(): (fun(path: string): string?)[]  the same for each team member

--- A filter as a predicate.
---@param text string
---@param any_member boolean?  filter by any member, not only by the documented ones
---@return (fun(scopes: SandboxScopes): boolean)? predicate
---@return string? why
function M.compile(text, any_member)
  local parser = setmetatable({ text = text, pos = 1, nesting = 0, any_member = any_member }, Parser)
  local ok, result = pcall(function()
    local predicate = parser:alternatives()
    if not parser:take("$") then
      parser:fail("unexpected text")
    end
    return predicate
  end)
  if ok then
    return result
  elseif type(result) == "table" then
    return nil, result.filter
  end
  error(result, 0)
end

return M
