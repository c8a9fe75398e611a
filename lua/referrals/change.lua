--- What a caller wants changed: a table, JSON text or a function, as the core's change text for a given version.

local caller = require "referrals.caller"
local core = require "referrals.core"
local errors = require "referrals.errors"
local removal = require "referrals.removal"
local representation = require "referrals.representation"
local schema = require "referrals.schema"
local snapshot = require "referrals.snapshot"
local validation = require "referrals.validation"

local M = {}

--- Says what each member holds, for the core: what an empty table is, which members are numbers.
M.PROTOTYPE = assert(core.document.read(schema.prototype))

local array, add, remove = core.json.array, core.json.add, core.json.remove

local ANY_VALUE = "string, number, boolean, table or userdata" -- referrals.null is userdata

-- Values with a meaning ----------------------------------------------------------------------------------------------

--- Marks a table as an array: written as [] even when it is empty.
---@param items table
---@return table items the same table
function M.array(items)
  caller.expect(1, "array", items, "table")
  return setmetatable(items, array)
end

--- Items to add to an array, whatever else stands in it; those it has already are not added twice.
---@param ... any at least one item
---@return table
function M.add(...)
  local items = { ... }
  for position = 1, math.max(1, select("#", ...)) do
    caller.expect(position, "add", items[position], ANY_VALUE)
  end
  return setmetatable(items, add)
end

--- Elements to take out of an array.
---@param which string|number|table|function a function of an element, true to remove it; a table of members an element
--- must have; any other value: the element itself or its key (the e-mail address in a team, else its id)
---@return table
function M.remove(which)
  caller.expect(1, "remove", which, ANY_VALUE .. " or function")
  if type(which) == "table" and next(which) == nil then
    error("bad argument #1 to 'remove' (members that tell elements apart expected, got an empty table, which all have)",
      caller.level())
  end
  return setmetatable({ match = which }, remove)
end

-- Reading what was given ---------------------------------------------------------------------------------------------

local function invalid(member, expected, message)
  member = member ~= "" and member or "change"
  return nil, errors.new("validation", { member = member, expected = expected, message = message })
end

--- A table of members: no list, nor a value with a meaning of its own. `whole` names it when it is wrong as a whole,
--- `prefix` is put before the name of a member that is. Removals are resolved by the document, and
--- refused without one. `places`: of edits, see representation.edits().
local function write_members(value, whole, prefix, document, places, allow_unknown)
  local text, is_object, member, unresolved = core.json.write(value, places)
  if unresolved and document then
    local found = { allow_unknown = allow_unknown }
    text, is_object, member = core.json.write(removal.resolve(value, document, found) or {}, places)
    if found.problem then
      return nil, errors.new("validation", found.problem)
    end
  end
  if not text then
    return invalid(member ~= "" and prefix .. member or whole, is_object)
  elseif not is_object then
    return invalid(whole, "a table of members")
  end
  return text
end

--- JSON text as a change; only an object is one.
local function accept(text)
  text = text:gsub("^\239\187\191", "")
  local first, expected, offset = core.json.judge(text)
  if not first then
    return nil, errors.new("validation", {
      member = "change",
      expected = "JSON text",
      message = "the change is " .. representation.where_wrong(text, expected, offset),
    })
  elseif first ~= "{" then
    return invalid("change", "a JSON object")
  end
  return text
end

--- A member of JSON text as a Lua value; nil for null.
local function member_of(text, pointer)
  local value, other = core.json.string_at(text, pointer)
  if other == nil or other == "null" then
    return value
  end
  return representation.decode(other)
end

---@class referrals.change
---@field id string|nil the id that stands in it
---@field etag string|nil the entity tag that stands in it: the version it is for
---@field read referrals.representation|nil what the table that was given had been read from
---@field is_function boolean
---@field allow_unknown boolean|nil members that nobody knows may be named
local Change = {}
Change.__index = Change

--- A change that the core has written already.
---@param text string as core.json.write gives it
---@return referrals.change
function M.of_text(text)
  return setmetatable({ text = text, is_function = false }, Change)
end

--- Reads a change as given to a verb. Nothing is raised for what may come from data.
---@param given table|string|function
---@return referrals.change|nil change
---@return referrals.error|nil err `validation`
function M.new(given)
  local change = setmetatable({ given = given, is_function = type(given) == "function" }, Change)
  if change.is_function then
    return change
  elseif type(given) == "string" then
    local text, err = accept(given)
    if not text then
      return nil, err
    end
    change.text = text
    change.id, change.etag = member_of(text, "/id"), member_of(text, "/eTag")
    return change
  end
  change.id, change.etag = given.id, given.eTag
  change.read = representation.of(given)
  if change.read then
    local edits, err, places = representation.edits(given)
    if not edits then
      return nil, err
    end
    change.given, change.places = edits, places
  end
  return change
end

--- Keeps a change as it is now.
function Change:freeze()
  if not (self.text or self.is_function) then
    self.text, self.given, self.places = snapshot.of_change(self.given, self.places)
  end
end

--- A change must be about the referral it is applied to.
---@param given any the id in the change
---@param id string
---@return referrals.error|nil err `validation`
function M.check_id(given, id)
  if given == nil or (type(given) == "string" and given:lower() == id:lower()) then
    return nil
  end
  local message = ("id: the change is about '%s', not about '%s'"):format(errors.visible(given), id)
  return errors.new("validation", { member = "id", expected = id, message = message })
end

--- A table of what must hold, as the core's change text.
---@param given table
---@return string|nil text
---@return referrals.error|nil err `validation`
function M.condition(given)
  return write_members(given, "only_if", "only_if.")
end

--- What a function wants changed: a table or JSON text. The version that it is for, where it says so and it is not just
--- the referral it was given: {etag, read}.
local function from_function(fn, current)
  local given = current:table()
  local result, why = fn(given)
  if result == nil then
    result = given
  elseif result == false then
    return nil, nil, why == nil and "the function said no" or why
  end
  local text, id, err
  local version = result ~= given and {} or nil
  if type(result) == "string" then
    text, err = accept(result)
    id, version.etag = text and member_of(text, "/id"), text and member_of(text, "/eTag")
  elseif type(result) == "table" then
    id = result.id
    if version then
      version.etag, version.read = result.eTag, representation.of(result)
    end
  else
    return invalid("change", "a table, JSON text, nothing or false from the function, not a " .. type(result))
  end
  err = err or M.check_id(id, current.id)
  if err then
    return nil, err
  elseif representation.of(result) then
    local edits, wrong, places = representation.edits(result)
    return edits, wrong, nil, places, version
  end
  return text or result, nil, nil, nil, version
end

--- The change for one version, as the core's change text. A function is called with that version, once.
---@param current referrals.representation
---@return string|nil text
---@return referrals.error|nil err
---@return any skipped why the function wants nothing written; neither text nor err then
---@return {etag: any, read: referrals.representation|nil}|nil version what the function's own answer is for
function Change:text_for(current)
  if self.text then
    return self.text
  end
  local given, places, err, skipped, version = self.given, self.places, nil, nil, nil
  if self.is_function then
    given, err, skipped, places, version = from_function(given, current)
  end
  if not given then
    return nil, err, skipped
  elseif type(given) == "string" then
    return given, nil, nil, version
  end
  local text
  text, err = write_members(given, "change", "", current.document, places, self.allow_unknown)
  return text, err, nil, version
end

--- The version a write is for: the option's entity tag, else the one that stands in the change.
---@param option any
---@param inside any
---@return string|nil if_match nil when neither names one
---@return referrals.error|nil err `validation`
function M.version(option, inside)
  local member = option ~= nil and "if_match" or "eTag"
  local tag = option ~= nil and option or inside
  if tag == nil then
    return nil
  elseif type(tag) ~= "string" or tag == "*" then
    return invalid(member, "one version's entity tag ('*' is any version)")
  end
  local normal, why = core.etag.normalise(tag)
  if not normal then
    return invalid(member, why:match(": expected (.*)$"), member .. ": " .. why)
  end
  return normal
end

--- A whole value as JSON text, where there is no current version to keep anything from.
---@param value table
---@return string|nil text
---@param is_named boolean|nil a name that nobody knows is the mistake, and not what stands there
---@return referrals.error|nil err `validation`
function M.whole(value, is_named)
  local marked, unfit, member = core.json.write(value)
  if not marked then
    return invalid(member, unfit)
  end
  local text, expected, pointer = core.document.resolve(marked, M.PROTOTYPE)
  if not text then
    local path = schema.path(pointer) or ""
    local problem = is_named and validation.check(path, {}) or nil
    return nil, errors.new("validation", problem or { member = path, expected = expected })
  end
  return text
end

--- A change as JSON text without any referral that it is for: what it adds to arrays is all that they have.
---@param given table|string
---@param allow_unknown boolean|nil something may be taken out of arrays that nobody knows
---@return string|nil text
---@return referrals.error|nil err `validation`
function M.alone(given, allow_unknown)
  local read, err = M.new(given)
  if not read or read.text then
    return read and read.text, err
  end
  local found = { allow_unknown = allow_unknown }
  local resolved = removal.resolve(read.given, nil, found)
  if found.problem then
    return nil, errors.new("validation", found.problem)
  end
  return M.whole(resolved or {}, not allow_unknown)
end

--- A referral as JSON text: of a table that this module gave out the bytes that were read, with its edits applied and
--- without `links` and OData annotations; of any other table its members.
---@param referral table
---@return string|nil text
---@return referrals.error|nil err `validation`
function M.encode(referral)
  caller.expect(1, "encode", referral, "table")
  local read = representation.of(referral)
  if not read then
    return M.whole(referral)
  end
  local edits, err = M.new(referral)
  err = err or M.check_id(referral.id, read.id)
  if err then
    return nil, err
  end
  local text
  text, err = edits:text_for(read)
  if not text then
    return nil, err
  end
  local differences, next_text, pointer = read.document:apply(text, M.PROTOTYPE)
  if not differences then
    return invalid(schema.path(pointer) or "change", next_text)
  end
  return next_text or read.document:written()
end

return M
