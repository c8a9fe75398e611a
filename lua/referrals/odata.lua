--- Queries: conditions that compose, and the percent-encoded query string of a listing.
---   odata.all_of(odata.eq("status", "New"), odata.any("team", odata.eq("email", address)))
--- A wrong Lua type raises where it was written. A wrong value (it may come from data) stays in the condition and is
--- the `validation` error of `filter` and `query`, so that conditions can be built without checking each step.
--- Source: the reference, "Listing"; OData 4.0, part 2, for the grammar.

local config = require "referrals.config"
local errors = require "referrals.errors"
local literal = require "referrals.odata_literal"

local M = {}

local MAX_QUERY = 8192 -- bytes; servers refuse longer request lines, and seldom say why
local ALWAYS_SELECTED = { "id", "eTag", "updatedDateTime" } -- without them a row could not be updated later

---@class referrals.odata.condition
---@field render fun(prefix: string, depth: integer): string|nil, referrals.error|nil
---@field compound boolean needs parentheses inside another condition

---@class referrals.odata.query
---@field filter referrals.odata.condition|table|string|nil as in `filter`
---@field orderby string|table|nil "createdDateTime desc", a list of such texts, or {createdDateTime = "desc"}
---@field select string|string[]|nil id, eTag and updatedDateTime are always added
---@field top integer|nil
---@field skip integer|nil
---@field count boolean|nil

local condition_mt = { __name = "referrals.odata.condition" }

local function condition(render, compound)
  return setmetatable({ render = render, compound = compound or false }, condition_mt)
end

M.datetime = literal.datetime

-- Conditions ---------------------------------------------------------------------------------------------------------

local function comparison(operator, member, value)
  return condition(function(prefix)
    local path = literal.path(member)
    if not path then
      return literal.invalid(member, "a member's name such as customerProfile.address.country")
    end
    local text, err = literal.of(member, value)
    if not text then
      return nil, err
    end
    return ("%s%s %s %s"):format(prefix, path, operator, text)
  end)
end

local function comparing(operator)
  return function(member, value)
    if type(member) ~= "string" then
      error(operator .. ": expected a member's name, got a " .. type(member), 2)
    end
    local mistake = literal.mistake(value)
    if mistake then
      error(("%s: %s for '%s'"):format(operator, mistake, errors.visible(member)), 2)
    end
    return comparison(operator, member, value)
  end
end

---@alias referrals.odata.compare fun(member: string, value: referrals.odata.value): referrals.odata.condition

-- A member is dotted or with slashes. Text is quoted, but bare where the member's name ends in DateTime.
M.eq = comparing("eq") ---@type referrals.odata.compare
M.ne = comparing("ne") ---@type referrals.odata.compare
M.gt = comparing("gt") ---@type referrals.odata.compare
M.ge = comparing("ge") ---@type referrals.odata.compare
M.lt = comparing("lt") ---@type referrals.odata.compare
M.le = comparing("le") ---@type referrals.odata.compare

--- A filter's text as it is; only control characters and the empty text are refused.
---@param text string
---@return referrals.odata.condition
function M.raw(text)
  if type(text) ~= "string" then
    error("raw: expected a string, got a " .. type(text), 2)
  end
  return condition(function()
    if text:find(errors.CONTROL) or not text:find("%S") then
      return literal.invalid("filter", "a text without control characters", text)
    end
    return text
  end, true)
end

local function is_condition(value)
  return type(value) == "table" and getmetatable(value) == condition_mt
end

local function joined(word, parts)
  if #parts == 1 then
    return parts[1]
  end
  return condition(function(prefix, depth)
    local texts = {}
    for index, part in ipairs(parts) do
      local text, err = part.render(prefix, depth)
      if not text then
        return nil, err
      end
      texts[index] = part.compound and "(" .. text .. ")" or text
    end
    if #texts == 0 then
      return literal.invalid("filter", "at least one condition")
    end
    return table.concat(texts, " " .. word .. " ")
  end, true)
end

local function joining(name, word)
  return function(...)
    local parts = { ... }
    for index = 1, select("#", ...) do
      if not is_condition(parts[index]) then
        error(("%s: expected conditions, number %d is a %s"):format(name, index, type(parts[index])), 2)
      end
    end
    return joined(word, parts)
  end
end

--- Every one of the conditions holds. Without any: a `validation` error later, for "nothing asked" is not "all".
---@type fun(...: referrals.odata.condition): referrals.odata.condition
M.all_of = joining("all_of", "and")

--- At least one of the conditions holds.
---@type fun(...: referrals.odata.condition): referrals.odata.condition
M.any_of = joining("any_of", "or")

--- Some item of a collection fulfils the condition, whose members are the item's: any("team", eq("email", "x@y")) is
--- team/any(t:t/email eq 'x@y').
---@param collection string dotted or with slashes
---@param item referrals.odata.condition
---@return referrals.odata.condition
function M.any(collection, item)
  if type(collection) ~= "string" or not is_condition(item) then
    error("any: expected a collection's name and a condition", 2)
  end
  return condition(function(prefix, depth)
    local path = literal.path(collection)
    if not path then
      return literal.invalid(collection, "a collection's name such as team")
    end
    local letter = path:match("([^/])[^/]*$"):lower()
    local variable = depth == 0 and letter or letter .. depth -- an inner one must not hide the outer one
    local text, err = item.render(variable .. "/", depth + 1)
    if not text then
      return nil, err
    end
    return ("%s%s/any(%s:%s)"):format(prefix, path, variable, text)
  end)
end

local function sorted_keys(map)
  local keys = {}
  for key in pairs(map) do
    keys[#keys + 1] = key
  end
  table.sort(keys, function(a, b)
    return tostring(a) < tostring(b)
  end)
  return keys
end

local UNRESTRICTED = condition(function()
  return ""
end)

--- A table of equalities as a condition; nil and what is wrong with it in the program.
local function equalities(map)
  local parts = {}
  for _, member in ipairs(sorted_keys(map)) do
    local mistake = type(member) ~= "string" and "expected members' names as keys" or literal.mistake(map[member])
    if mistake then
      return nil, ("filter '%s': %s"):format(errors.visible(member), mistake)
    end
    parts[#parts + 1] = comparison("eq", member, map[member])
  end
  return #parts > 0 and joined("and", parts) or UNRESTRICTED
end

local function to_condition(filter)
  if is_condition(filter) then
    return filter
  elseif type(filter) == "string" then
    return M.raw(filter)
  elseif type(filter) == "table" then
    return equalities(filter)
  end
  return nil, "filter: expected a table, a condition or a string, got a " .. type(filter)
end

--- The text of a $filter, not yet percent-encoded.
---@param filter referrals.odata.condition|table<string, referrals.odata.value>|string the last is raw text
---@param level? integer whom a raise blames: 1 (default) the caller, 2 the caller's caller
---@return string|nil text "" for an empty table: no restriction
---@return referrals.error|nil err `validation`
function M.filter(filter, level)
  local made, mistake = to_condition(filter)
  if not made then
    error(mistake, (level or 1) + 1)
  end
  return made.render("", 0)
end

-- The query string ---------------------------------------------------------------------------------------------------

local TERMS = 'members\' names, each with "asc" or "desc"'

local function order_term(name, direction)
  local path = literal.path(name)
  if not path or (direction ~= "asc" and direction ~= "desc") then
    return literal.invalid("orderby", TERMS, name .. " " .. direction)
  end
  return path .. " " .. direction
end

--- Is it a list of texts, without a hole behind which one would be lost? Where names are allowed, texts may stand under
--- them.
local function is_list_of_texts(list, names_allowed)
  local count = 0
  for key, value in pairs(list) do
    if type(value) ~= "string" or not (type(key) == "number" or names_allowed and type(key) == "string") then
      return false
    end
    count = count + (type(key) == "number" and 1 or 0)
  end
  return count == #list
end

--- The parts of a text between commas, without the blanks around them; a list is taken as it is; nil where it is none.
local function list_of(value, names_allowed)
  if type(value) ~= "string" then
    return is_list_of_texts(value, names_allowed) and value or nil
  end
  local parts = {}
  for part in (value .. ","):gmatch("%s*([^,]-)%s*,") do
    parts[#parts + 1] = part
  end
  return parts
end

--- The terms of an orderby as {name, direction} pairs: of a list of texts or a map of name to direction.
local function order_pairs(terms)
  local found = {}
  for _, term in ipairs(terms) do
    local name, direction = term:match("^(%S*)%s*(.*)$")
    found[#found + 1] = { name, direction == "" and "asc" or direction }
  end
  for _, key in ipairs(sorted_keys(terms)) do
    if type(key) == "string" then
      found[#found + 1] = { key, terms[key] }
    end
  end
  return found
end

local function orderby_text(orderby)
  local terms, texts = list_of(orderby, true), {}
  if not terms then
    return literal.invalid("orderby", TERMS)
  end
  for index, pair in ipairs(order_pairs(terms)) do
    local text, err = order_term(pair[1], pair[2])
    if not text then
      return nil, err
    end
    texts[index] = text
  end
  return table.concat(texts, ",")
end

local function select_text(given)
  local names, texts, seen = list_of(given), {}, {}
  if not names then
    return literal.invalid("select", "members' names")
  end
  local function add(path)
    if not seen[path] then
      texts[#texts + 1], seen[path] = path, true
    end
  end
  for _, name in ipairs(names) do
    local path = literal.path(name)
    if not path then
      return literal.invalid("select", "members' names", name)
    end
    add(path)
  end
  for _, name in ipairs(ALWAYS_SELECTED) do
    add(name)
  end
  return table.concat(texts, ",")
end

local function whole(name)
  return function(value)
    if not (value >= 0 and value <= 1e9 and value % 1 == 0) then
      return literal.invalid(name, "a whole number, not below 0")
    end
    return ("%d"):format(value)
  end
end

-- In the order in which they are written.
local PARAMETERS = {
  { name = "filter", render = M.filter },
  { name = "orderby", render = orderby_text },
  { name = "select", render = select_text },
  { name = "top", render = whole("top") },
  { name = "skip", render = whole("skip") },
  { name = "count", render = function(value)
    return value and "true" or ""
  end },
}

local TYPES = {
  filter = "string|table", orderby = "string|table", select = "string|table",
  top = "number", skip = "number", count = "boolean",
}

--- Percent-encodes everything but RFC 3986's unreserved characters.
local function encode(text)
  return (text:gsub("[^A-Za-z0-9%-._~]", function(byte)
    return ("%%%02X"):format(byte:byte())
  end))
end

--- The query string of a listing, "?" included, percent-encoded; "" when nothing is asked.
---@param query? referrals.odata.query an unknown name in it or a wrong Lua type raises
---@param level? integer whom a raise blames: 1 (default) the caller, 2 the caller's caller
---@return string|nil text
---@return referrals.error|nil err `validation`
function M.query(query, level)
  level = level or 1
  query = config.verb(query, TYPES, level + 1)
  local parts = {}
  for _, parameter in ipairs(PARAMETERS) do
    local value = query[parameter.name]
    if value ~= nil then
      local text, err = parameter.render(value, level + 1)
      if not text then
        return nil, err
      elseif text ~= "" then
        parts[#parts + 1] = "$" .. parameter.name .. "=" .. encode(text)
      end
    end
  end
  local text = #parts > 0 and "?" .. table.concat(parts, "&") or ""
  if #text > MAX_QUERY then
    return literal.invalid("filter", ("a query of at most %d bytes, encoded"):format(MAX_QUERY))
  end
  return text
end

return M
