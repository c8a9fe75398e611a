--- Judging values by the schema before they are sent. Every check returns nothing when all is well, or what an error
--- object needs: {member, expected, message}. Only what is given is judged, so give what differs from the referral.

local cjson = require "cjson"
local core = require "referrals.core"
local counterparts = require "referrals.counterparts"
local errors = require "referrals.errors"
local is_date_time = require "referrals.date_time"
local member_path = require "referrals.member_path"
local nearest = require "referrals.nearest"
local same = require "referrals.same"
local schema = require "referrals.schema"

local M = {}

---@class referrals.validation.problem
---@field member string dotted path; items count from 1 in brackets, "" is the whole value
---@field expected string
---@field message string

---@class referrals.validation.options
---@field allow_unknown boolean|nil let unknown names, and near misses of an open enumeration, through
---@field status_check boolean|nil false leaves the values of status and substatus to the service
---@field known (fun(path: string): boolean)|nil does the current referral have this member?
---@field current any the value there now, decoded: what equals it is not judged, and its names are known
---@field text string|nil what the value was decoded from: an empty table does not tell [] from {}
---@field base string|nil the path of the value, where `check` was given its text
---@field on_warning fun(problem: referrals.validation.problem)|nil told of values that pass although they are not known

local DATE_TIME = "a UTC date-time such as 2018-11-06T18:40:42.6178337Z"

local join = member_path.join

local judge

---@return referrals.validation.problem
local function problem(path, expected, why)
  local what = path == "" and "the value" or errors.visible(path)
  return { member = path, expected = expected, message = ("%s: expected %s%s"):format(what, expected, why or "") }
end

local function a_type(value)
  if value == cjson.null then
    return "null"
  end
  local name = type(value)
  return (name == "nil" and "" or "a ") .. name
end

local function wrong_type(path, expected, value)
  return problem(path, expected, ", got " .. a_type(value))
end

local function did_you_mean(name)
  return name and (" (did you mean '%s'?)"):format(name) or ""
end

--- Is it an annotation such as "@odata.context" or "ids@odata.type"? Those are never written, so never judged.
local function is_annotation(name)
  return name:find("@odata.", 1, true) ~= nil
end

-- Single values ------------------------------------------------------------------------------------------------------

--- Money is exact when it comes as text: these digits are written as the number, one for one.
local function is_decimal(text)
  local whole, fraction = text:match("^%-?(%d+)(.*)$")
  return whole ~= nil and (whole == "0" or whole:sub(1, 1) ~= "0")
    and (fraction == "" or fraction:find("^%.%d+$") ~= nil)
end

local function judge_string(node, path, value)
  if type(value) ~= "string" then
    return wrong_type(path, node.expected or "a string", value)
  elseif node.pattern and not value:find(node.pattern) then
    return problem(path, node.expected, (", got '%s'"):format(errors.visible(value, 40)))
  end
end

local function judge_number(_, path, value)
  if type(value) == "string" then
    return not is_decimal(value) and problem(path, "a number", (", got '%s'"):format(errors.visible(value, 40))) or nil
  elseif type(value) ~= "number" then
    return wrong_type(path, "a number", value)
  elseif value ~= value or value == math.huge or value == -math.huge then
    return problem(path, "a finite number")
  end
end

local function judge_boolean(_, path, value)
  return type(value) ~= "boolean" and wrong_type(path, "true or false", value) or nil
end

local function judge_date_time(_, path, value)
  if type(value) ~= "string" then
    return wrong_type(path, DATE_TIME, value)
  end
  return not is_date_time(value) and problem(path, DATE_TIME, (", got '%s'"):format(errors.visible(value, 40))) or nil
end

--- A known value that was probably meant. Other digits are another value, not a slip: 1to5employees may well come.
local function near_miss(values, value)
  local name, edits = nearest(value, values)
  return name and edits <= 2 and name:gsub("%D", "") == value:gsub("%D", "") and name or nil
end

local function judge_enum(node, path, value, _, options)
  local expected = "one of " .. table.concat(node.values, ", ")
  if type(value) ~= "string" then
    return wrong_type(path, expected, value)
  end
  for _, known in ipairs(node.values) do
    if value == known then
      return nil
    end
  end
  if node.closed and options.status_check == false then
    return nil
  end
  local meant = near_miss(node.values, value)
  local found = problem(path, expected, (", got '%s'%s"):format(errors.visible(value, 40), did_you_mean(meant)))
  if node.closed or value == "" or (meant and not options.allow_unknown) then
    return found
  end
  if options.on_warning then
    options.on_warning(found)
  end
end

-- Objects and arrays -------------------------------------------------------------------------------------------------

--- Is every key of the table of this type? (The core, too, refuses mixed tables and holes; this names the member.)
local function keyed_by(value, key_type)
  for key in pairs(value) do
    if type(key) ~= key_type then
      return false
    end
  end
  return true
end

local function read_only(path)
  local hint = path:find("^registrations") and ": use register_deal, or patch one of the /registrations/0 paths" or ""
  return { member = path, expected = "no change", message = ("%s is set by the service%s"):format(path, hint) }
end

--- The nested tables that a name with dots stands for, where there are such members: error objects, and the filter
--- of a list, write a way like that.
local function nested(node, name)
  local steps = schema.steps(name)
  for _, step in ipairs(steps) do
    node = node and node.type == "object" and node.members[step]
  end
  return node and #steps > 1 and table.concat(steps, " = { ") .. " = ..." .. (" }"):rep(#steps - 1) or nil
end

--- Where this name stands whatever its case, in `node` itself or in one of its objects, as it is to be written.
local function elsewhere(node, name)
  local wanted, names = name:lower(), schema.names(node)
  for _, own in ipairs(names) do
    if own:lower() == wanted then
      return own
    end
  end
  for _, outer in ipairs(names) do
    local child = node.members[outer]
    for _, inner in ipairs(child.type == "object" and schema.names(child) or {}) do
      if inner:lower() == wanted then
        return ("%s = { %s = ... }"):format(outer, inner)
      end
    end
  end
end

--- A name that the schema does not have under `node`.
local function judge_unknown(node, path, name, current, options)
  local full = join(path, name)
  local in_current = type(current) == "table" and current[name] ~= nil
  if options.allow_unknown or in_current or (options.known and options.known(full)) then
    return nil
  end
  local hint = did_you_mean(nested(node, name) or elsewhere(node, name) or nearest(name, schema.names(node)))
  return {
    member = full,
    expected = "a known member",
    message = ("%s: no such member%s"):format(errors.visible(full), hint),
  }
end

local function judge_member(node, path, name, value, current, options)
  local child = node.members[name]
  if is_annotation(name) or (child and child.envelope) then
    return nil
  elseif not child then
    return judge_unknown(node, path, name, current, options)
  end
  local now = type(current) == "table" and current[name] or nil
  if child.read_only and not same(value, now) then
    return read_only(join(path, name))
  end
  return judge(child, join(path, name), value, now, options)
end

local function judge_object(node, path, value, current, options)
  if type(value) ~= "table" then
    return wrong_type(path, "an object", value)
  elseif not keyed_by(value, "string") then
    return problem(path, "an object", ", got an array")
  end
  local names = {}
  for name in pairs(value) do
    names[#names + 1] = name
  end
  table.sort(names) -- the same mistake gets the same error every time
  for _, name in ipairs(names) do
    local found = judge_member(node, path, name, value[name], current, options)
    if found then
      return found
    end
  end
end

local function judge_array(node, path, value, current, options)
  if type(value) ~= "table" then
    return wrong_type(path, "an array", value)
  elseif not keyed_by(value, "number") then
    return problem(path, "an array", ", got an object")
  end
  local count = 0
  for _ in pairs(value) do
    count = count + 1
  end
  local counterpart = counterparts(node.key, current)
  for index = 1, count do
    local item = value[index]
    local item_path = ("%s[%d]"):format(path, index)
    if item == nil then
      return problem(path, "an array without holes", (", nothing is at %d"):format(index))
    end
    local found = judge(node.items, item_path, item, counterpart(item, index), options)
    if found then
      return found
    end
  end
end

local OPENING = { array = "[", object = "{" }
local NAMES = { ["["] = "an array", ["{"] = "an object" }

--- An empty array in an object's place, or the other way round: both decode to an empty table.
local function judge_empty(node, path, value, options)
  local opening = OPENING[node.type]
  if not (opening and options.text) or type(value) ~= "table" or next(value) ~= nil then
    return nil
  end
  local place = schema.pointer(path):sub(#schema.pointer(options.base or "") + 1)
  local _, written = core.json.string_at(options.text, place)
  local found = written and written:match("[%[{]")
  if found and found ~= opening then
    return problem(path, NAMES[opening], ", got " .. NAMES[found])
  end
end

local JUDGES = {
  any = function() end,
  array = judge_array,
  boolean = judge_boolean,
  ["date-time"] = judge_date_time,
  enum = judge_enum,
  number = judge_number,
  object = judge_object,
  string = judge_string,
}

function judge(node, path, value, current, options)
  if current ~= nil and same(value, current) then
    return nil
  elseif value == cjson.null then
    local refused = node.required and not (node.closed and options.status_check == false)
    return refused and problem(path, "a value", ", it cannot be null") or nil
  end
  return judge_empty(node, path, value, options) or JUDGES[node.type](node, path, value, current, options)
end

-- What callers use ---------------------------------------------------------------------------------------------------

--- The nodes of paths that lead to one whatever the options; no more than the schema has members.
local known_nodes = {}

--- Finds the node of a path and the path as people write it; else nil and, when the path is wrong, why.
local function locate(path, options)
  if known_nodes[path] then
    return known_nodes[path], path
  end
  local node, walked, sealed = schema.root, "", false
  for _, step in ipairs(schema.steps(path)) do
    local child = schema.below(node, step)
    if not child and node.type == "object" then
      return nil, judge_unknown(node, walked, step, nil, options)
    elseif not child then
      return nil, problem(walked, "no member below it", (", got '%s'"):format(errors.visible(step)))
    elseif child.envelope then
      return nil
    end
    local in_array = node.type == "array" and step ~= "-"
    walked = in_array and ("%s[%d]"):format(walked, step + 1) or join(walked, step)
    node, sealed = child, sealed or child.read_only
  end
  if sealed and not schema.patchable(schema.pointer(path)) then
    return nil, read_only(walked)
  end
  if path == walked and not path:find("[%d-]") then
    known_nodes[path] = node
  end
  return node, walked
end

--- Judges a value that is to be set at a path. An eTag, `links` and `@odata.` names are never members to write and so
--- pass; whoever writes drops them.
---@param path string dotted, as in schema.node; "" for a whole change or referral
---@param value any decoded JSON; cjson.null is null
---@param options? referrals.validation.options
---@return referrals.validation.problem|nil problem nil when all is well
function M.check(path, value, options)
  options = options or {}
  if is_annotation(path) then
    return nil
  end
  local node, where = locate(path, options)
  if not node then
    return where
  elseif where == "registrations.-" then
    return M.check_registration(value, options)
  end
  options.base = where
  return judge_empty(node, where, value, options) or judge(node, where, value, options.current, options)
end

--- The first required member that is missing.
local function missing(names, value)
  for _, name in ipairs(names) do
    if value[name] == nil or value[name] == cjson.null then
      return problem(name, "a value", ", it is required")
    end
  end
end

--- Judges a referral that is to be created: the required members, then everything that is there.
---@param referral any decoded JSON
---@param options? referrals.validation.options
---@return referrals.validation.problem|nil problem nil when all is well
function M.check_new(referral, options)
  if type(referral) ~= "table" then
    return wrong_type("", "an object", referral)
  end
  return missing(schema.required_for_create, referral) or M.check("", referral, options)
end

--- Judges a deal registration that is to be added (reference, "Deal registration"): type, contract and at least one
--- item of solutionDetails are required.
---@param value any decoded JSON
---@param options? referrals.validation.options
---@return referrals.validation.problem|nil problem nil when all is well
function M.check_registration(value, options)
  if type(value) ~= "table" then
    return wrong_type("", "an object", value)
  end
  local found = missing({ "type", "contract", "solutionDetails" }, value)
  if not found and type(value.solutionDetails) == "table" and next(value.solutionDetails) == nil then
    found = problem("solutionDetails", "at least one solution")
  end
  return found or judge(schema.registration, "", value, nil, options or {})
end

return M
