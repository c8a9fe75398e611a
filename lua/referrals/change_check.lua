--- Whether what a change makes different may be written: its values and names, and what PATCH lets be changed.

local errors = require "referrals.errors"
local plain = require "referrals.plain"
local representation = require "referrals.representation"
local schema = require "referrals.schema"
local validation = require "referrals.validation"

local M = {}

local function value_of(text)
  return text and representation.decode(text, true)
end

local function are_plain(differences)
  for index = 1, #differences do
    local difference = differences[index]
    if not plain.fits(difference.pointer, difference.to) then
      return false
    end
  end
  return true
end

local function known_in(document)
  return function(path)
    return document:get(schema.pointer(path)) ~= nil
  end
end

--- Judges only what differs from the current version.
---@param update referrals.update
---@param current referrals.representation
---@param differences table[]
---@return referrals.error|nil err `validation`
function M.values(update, current, differences)
  if are_plain(differences) then
    return nil
  end
  local options = update:judging()
  options.known = known_in(current.document)
  for _, difference in ipairs(differences) do
    options.current, options.text = value_of(difference.from), difference.to
    local path = schema.path(difference.pointer)
    local problem
    if path then
      problem = validation.check(path, value_of(difference.to), options)
    elseif not (difference.from or update.allow_unknown) then
      problem = { member = "", message = "a member without a name is not known" }
    end
    if problem then
      return errors.new("validation", problem)
    end
  end
end

--- Why a member cannot be written by PATCH: the service lets only some be. A name that the schema does not know is
--- for the service to judge, where the caller allows such names.
---@param update referrals.update
---@param differences table[]
---@return referrals.error|nil err `validation`
function M.patchable(update, differences)
  for _, difference in ipairs(differences) do
    local pointer, path = difference.pointer, schema.path(difference.pointer) or ""
    local place = difference.act == "append" and pointer .. "/-" or pointer
    local let_through = update.allow_unknown and not schema.node(path)
    if not schema.patchable(place) and not let_through then
      local message = "%s: the service does not let PATCH change it; the method PUT can write it"
      return errors.new("validation", {
        member = path,
        expected = "a member that the service lets be patched",
        message = message:format(errors.visible(path)),
      })
    end
  end
end

--- What the core cannot write. Where nothing is known about a member, that it is none says more.
---@param update referrals.update
---@param current referrals.representation
---@param path string|nil nil: there is none
---@param expected string
---@return referrals.error err `validation`
function M.unfit(update, current, path, expected)
  local options = update:judging()
  options.known = known_in(current.document)
  local problem = path and validation.check(path, {}, options) or { member = path or "change", expected = expected }
  return errors.new("validation", problem)
end

return M
