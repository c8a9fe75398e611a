--- What must hold in the current version for a write to happen, beyond its entity tag; and the `conflict` error that
--- tells which members are in the way.

local change = require "referrals.change"
local core = require "referrals.core"
local errors = require "referrals.errors"
local representation = require "referrals.representation"
local schema = require "referrals.schema"
local validation = require "referrals.validation"

local M = {}

local equal, same_tag = core.json.equal, core.etag.equal

local STATUS = { ["/status"] = true, ["/substatus"] = true }

local function value_of(text)
  return text and representation.decode(text)
end

---@class referrals.clash
---@field member string
---@field mine any what the call asked for
---@field theirs any what stands there now
---@field base any what the call started from, where that is known

---@return referrals.clash
local function clash(difference, base)
  return {
    member = schema.path(difference.pointer) or "",
    mine = value_of(difference.to),
    theirs = value_of(difference.from),
    base = value_of(base),
  }
end

--- Every difference as a clash; `base` is the representation that the call started from, where there is one.
---@param differences table[] as the core's apply gives them
---@param base referrals.representation|nil
---@return referrals.clash[]
local function clashes(differences, base)
  local members = {}
  for index, difference in ipairs(differences) do
    members[index] = clash(difference, base and base.document:get(difference.pointer))
  end
  return members
end

local function names(members)
  local list = {}
  for index, member in ipairs(members) do
    list[index] = member.member
  end
  table.sort(list)
  return table.concat(list, ", ")
end

local function conflict(current, members, why)
  return errors.new("conflict", {
    message = #members > 0 and why .. ": " .. names(members) or why,
    current = current:table(),
    members = members,
    applied = false,
  })
end

--- Is this the version that a tag names? A weak tag is compared like any other: whether it will do for a write, the
--- service says.
---@param tag string
---@param current referrals.representation
---@return boolean
function M.is_version(tag, current)
  return tag == current.etag or same_tag(tag, current.etag or "none")
end

--- The version asked for as it was read: with the table that names it, or first of all in this call.
local function pinned_version(update)
  local first = update.first
  return update.pinned_from or (first and M.is_version(update.pin, first) and first) or nil
end

--- A `conflict` about these differences.
---@param current referrals.representation
---@param differences table[]
---@param why string
---@param base referrals.representation|nil what the call started from
---@return referrals.error
function M.conflict(current, differences, why, base)
  return conflict(current, clashes(differences, base), why)
end

--- The version asked for is no longer the current one.
---@param update referrals.write with `pin`, and `pinned_from` where that version was read
---@param current referrals.representation
---@param differences table[]
---@return referrals.error|nil err `conflict`
function M.pin(update, current, differences)
  if update.pin and not M.is_version(update.pin, current) then
    local why = "the referral is not in the version asked for any more"
    return conflict(current, clashes(differences, pinned_version(update)), why)
  end
end

-- What a change may carry without a meaning, so that applying a condition to a version would pass over it.
local NOT_COMPARED = { eTag = "nothing (opts.if_match names a version)", links = "nothing (no write depends on links)" }

local function below(path, name)
  return schema.join(path, type(name) == "string" and name or tostring(name))
end

local function is_object(path)
  local node = schema.node(path)
  return node ~= nil and node.type == "object"
end

--- An object of which nothing is asked: the way to it.
local function empty_object(asked, path)
  if next(asked) == nil then
    return is_object(path) and path or nil
  end
  for name, value in pairs(asked) do
    if type(value) == "table" and getmetatable(value) == nil and is_object(path) then
      local found = empty_object(value, below(path, name))
      if found then
        return found
      end
    end
  end
end

--- The way to a name that is an annotation's.
local function annotation_in(asked, path)
  for name, value in pairs(asked) do
    if type(name) == "string" and name:find("@odata.", 1, true) then
      return name
    end
    local inner = below(path, name)
    local found = type(value) == "table" and is_object(inner) and annotation_in(value, inner)
    if found then
      return name .. "." .. found
    end
  end
end

local function refused(member, expected)
  return errors.new("validation", { member = member, expected = expected })
end

--- A condition that would hold for every referral is none.
---@param only_if table
---@return referrals.error|nil err `validation`
function M.refuse(only_if)
  local empty = empty_object(only_if, "")
  if empty then
    return refused(empty == "" and "only_if" or "only_if." .. empty, "members that must have these values")
  end
  for name, expected in pairs(NOT_COMPARED) do
    if only_if[name] ~= nil then
      return refused("only_if." .. name, expected)
    end
  end
  local annotation = annotation_in(only_if, "")
  return annotation and refused("only_if." .. annotation, "nothing (no write depends on an annotation)") or nil
end

--- A name that neither the schema nor the document has: a condition on it would hold for all referrals, or for none.
local function check_names(update, document, asked, path)
  for name, value in pairs(asked) do
    local full = below(path, name)
    if type(value) == "table" and is_object(full) then
      local err = check_names(update, document, value, full)
      if err then
        return err
      end
    elseif not schema.node(full) and document:get(schema.pointer(full)) == nil then
      local problem = validation.check(full, value, { allow_unknown = update.allow_unknown })
      if problem then
        problem.member, problem.message = "only_if." .. problem.member, "only_if." .. problem.message
        return errors.new("validation", problem)
      end
    end
  end
end

local function check_only_if(update, current)
  if not update.only_if then
    return nil
  end
  local differences, expected, pointer = current.document:apply(update.only_if, change.PROTOTYPE, "differences")
  if not differences then
    return errors.new("validation", { member = "only_if." .. (schema.path(pointer) or ""), expected = expected })
  end
  local unknown = check_names(update, current.document, update.asked, "")
  if unknown or #differences == 0 then
    return unknown
  end
  return conflict(current, clashes(differences), "only_if does not hold")
end

--- By pointer: the differences, and status and substatus together when one of them differs.
local function touched(differences)
  local by_pointer = {}
  for _, difference in ipairs(differences) do
    by_pointer[difference.pointer] = difference
  end
  if by_pointer["/status"] or by_pointer["/substatus"] then
    for pointer in pairs(STATUS) do
      by_pointer[pointer] = by_pointer[pointer] or { pointer = pointer }
    end
  end
  return by_pointer
end

--- What the caller saw must still be so, for the members that change.
local function check_shown(update, current, differences)
  if not update.shown then
    return nil
  end
  local members = {}
  for pointer, difference in pairs(touched(differences)) do
    local seen = update.shown:get(pointer)
    local now = current.document:get(pointer)
    if seen and not equal(now or "null", seen) then
      members[#members + 1] = clash({ pointer = pointer, to = difference.to, from = now }, seen)
    end
  end
  if #members > 0 then
    return conflict(current, members, "the referral is no longer what the given one showed")
  end
end

--- An object with an array in it, for what is no object now: the array may have gone with an earlier object.
local function brings_array(difference)
  return difference.to:sub(1, 1) == "{" and (difference.from or "null"):sub(1, 1) ~= "{"
    and difference.to:find("[", 1, true) ~= nil
end

--- After somebody else's write: a status, a substatus or a whole array that they changed is not overwritten by a
--- table, nor a substatus by the one that goes with a new status.
local function check_overwriting(update, current, differences)
  if update.first == current or update.change.is_function then
    return nil
  end
  local members = {}
  local function check(difference)
    local before = update.first.document:get(difference.pointer)
    if not equal(before or "null", difference.from or "null", true) then
      members[#members + 1] = clash(difference, before)
    end
  end
  local by_pointer = {}
  for _, difference in ipairs(differences) do
    by_pointer[difference.pointer] = difference
    if STATUS[difference.pointer] or difference.whole_array or brings_array(difference) then
      check(difference)
    end
  end
  if by_pointer["/status"] and not by_pointer["/substatus"] and update.check ~= false then
    check({ pointer = "/substatus", from = current.document:get("/substatus") })
  end
  if #members > 0 then
    return conflict(current, members, "another writer changed it meanwhile")
  end
end

--- The conflict with writers who were faster: what stands now in the members that the step was to write.
---@param step referrals.step
---@param current referrals.representation
---@param why string
---@return referrals.error
function M.outrun(step, current, why)
  local members = {}
  for index, difference in ipairs(step.differences) do
    local now = current.document:get(difference.pointer)
    members[index] = clash({ pointer = difference.pointer, to = difference.to, from = now }, difference.from)
  end
  return conflict(current, members, why)
end

--- Whether these differences may be written on this version.
---@param update referrals.update
---@param current referrals.representation
---@param differences table[]
---@return referrals.error|nil err `conflict`
function M.check(update, current, differences)
  if update.first == current and not (update.pin or update.only_if or update.shown) then
    return nil
  end
  return M.pin(update, current, differences)
    or check_only_if(update, current)
    or check_shown(update, current, differences)
    or check_overwriting(update, current, differences)
end

return M
