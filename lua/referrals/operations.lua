--- A JSON Patch as a caller gives it: read and judged, what it makes different, and whether a version shows it.
--- Source: the reference, "Patchable paths"; RFC 6902 and RFC 6901.

local change = require "referrals.change"
local core = require "referrals.core"
local errors = require "referrals.errors"
local member_path = require "referrals.member_path"
local removal = require "referrals.removal"
local representation = require "referrals.representation"
local schema = require "referrals.schema"
local validation = require "referrals.validation"

local M = {}

local equal, elements = core.json.equal, core.json.elements
local REGISTRATIONS = "/registrations"

---@class referrals.operation
---@field op "add"|"replace"|nil nil: replace where the member is there, else add
---@field path string JSON Pointer
---@field value string JSON text
---@field array string|nil the array that an "add" at "/-" appends to

---@class referrals.operations
---@field [integer] referrals.operation
---@field text string|nil the JSON text they were given as: sent as it is, unless it names annotations

local function invalid(member, expected, message)
  return nil, errors.new("validation", { member = member, expected = expected, message = message })
end

-- Reading ------------------------------------------------------------------------------------------------------------

local OPS = { add = true, replace = true }
local FIELDS = { op = true, path = true, value = true }

--- Names that are never written, whatever is allowed: about the representation, not members of the referral.
local function is_never_written(steps)
  for _, step in ipairs(steps) do
    if step:find("@odata.", 1, true) then
      return true
    end
  end
  return steps[1] == "eTag" or steps[1] == "links"
end

local function check_path(path, value, allow_unknown)
  local steps = member_path.pointer_steps(path)
  if not steps or not schema.path(path) or not core.json.write(path) then
    return "a JSON Pointer such as /details/notes, in UTF-8"
  elseif is_never_written(steps) then
    return "a member of the referral: this one is never written"
  elseif schema.patchable(path) or allow_unknown then
    return nil
  end
  local name = schema.path(path) or path
  local problem = validation.check(name, representation.decode(value))
  if problem then
    return problem.expected, problem.message, problem.member
  end
  local message = "%s: the service does not let PATCH change it; update with the method PUT can write it"
  return "a member that the service lets be patched", message:format(errors.visible(name)), name
end

--- One operation's parts, whose value is JSON text that may carry marks.
local function accept(member, op, path, marked, allow_unknown)
  if op ~= nil and not OPS[op] then
    local got = type(op) == "string" and ("'%s'"):format(errors.visible(op, 40)) or "a " .. type(op)
    local message = ("%s.op: expected 'add' or 'replace', the only ones the service knows, got %s"):format(member, got)
    return invalid(member .. ".op", "'add' or 'replace'", message)
  elseif type(path) ~= "string" then
    return invalid(member .. ".path", "a JSON Pointer such as /details/notes")
  elseif not marked then
    return invalid(member .. ".value", "a value (referrals.null is null)")
  end
  if op == "replace" and path:find("/%-$") then
    local message = "%s.op: expected 'add' at the path %s, where nothing is yet that could be replaced"
    return invalid(member .. ".op", "'add'", message:format(member, errors.visible(path, 40)))
  end
  local value, expected, pointer = core.document.resolve(marked, change.PROTOTYPE, path)
  if not value then
    return invalid(schema.path(pointer) or member .. ".value", expected)
  end
  local wrong, message, name = check_path(path, value, allow_unknown)
  if wrong then
    return invalid(name or member .. ".path", wrong, message)
  end
  return { op = op, path = path, value = value, array = path:match("^(.+)/%-$") }
end

--- In an operation there is nothing that items could be added to: it says all that is to stand at its path.
local function holds_addition(value)
  if type(value) ~= "table" then
    return false
  elseif getmetatable(value) == core.json.add then
    return true
  end
  for _, part in pairs(value) do
    if holds_addition(part) then
      return true
    end
  end
  return false
end

local function from_table(given, member, options)
  if type(given) ~= "table" then
    return invalid(member, "an operation {op =, path =, value =}")
  end
  for name in pairs(given) do
    if not FIELDS[name] then
      return invalid(("%s.%s"):format(member, errors.visible(name)), "only op, path and value")
    end
  end
  if given.op == nil and not options.either then
    return invalid(member .. ".op", "'add' or 'replace'")
  end
  local marked
  if given.value ~= nil then
    local expected, where
    marked, expected, where = core.json.write(given.value)
    if not marked then
      return invalid(where ~= "" and where or member .. ".value", expected)
    elseif holds_addition(given.value) then
      return invalid(member .. ".value", "a value: items are added at the array's path and '/-', or by `update`")
    end
  end
  return accept(member, given.op, given.path, marked, options.allow_unknown)
end

local function from_text(text, member, options)
  local operation = core.document.read(text)
  if not operation then
    return invalid(member, "an object with op, path and value")
  end
  local op = operation:string("op") or operation:get("/op") or ""
  return accept(member, op, operation:string("path"), operation:get("/value"), options.allow_unknown)
end

--- A name with an escape may read as an annotation too.
local function may_annotate(text)
  return text:find("@odata.", 1, true) ~= nil or text:find("\\u00[2-7]") ~= nil
end

local function split_text(text)
  text = text:gsub("^\239\187\191", "")
  local first, expected, offset = core.json.judge(text)
  if not first then
    return invalid("operations", "JSON text", "the patch is " .. representation.where_wrong(text, expected, offset))
  elseif first ~= "[" then
    return invalid("operations", "an array of operations")
  end
  return elements(text, ""), nil, text
end

--- Are the keys 1, 2, 3...? An operation behind a hole would be lost without a word.
local function check_list(given)
  local length = 0
  for _ in pairs(given) do
    length = length + 1
  end
  if length ~= #given or (length > 0 and given[length] == nil) then
    return select(2, invalid("operations", "an array of operations {op =, path =, value =}"))
  end
end

--- Reads a patch. Nothing is raised for what may come from data.
---@param given table|string an array of {op =, path =, value =}, or JSON text
---@param options table {allow_unknown, either: an operation may leave its op out}
---@return referrals.operations|nil
---@return referrals.error|nil err `validation`
function M.read(given, options)
  local list, read_one = given, from_table
  local text, err
  if type(given) == "string" then
    list, err, text = split_text(given)
    read_one = from_text
  else
    err = check_list(given)
  end
  if err then
    return nil, err
  end
  local operations = { text = text and not may_annotate(text) and text or nil }
  for index, item in ipairs(list) do
    local operation
    operation, err = read_one(item, ("operations[%d]"):format(index), options)
    if not operation then
      return nil, err
    end
    operations[index] = operation
  end
  if #operations == 0 then
    return invalid("operations", "at least one operation")
  end
  return operations
end

-- What they say ------------------------------------------------------------------------------------------------------

--- The value that the patch sets at a path, as JSON text.
---@param operations referrals.operations
---@param path string
---@return string|nil
function M.value_at(operations, path)
  local value
  for _, operation in ipairs(operations) do
    if operation.path == path then
      value = operation.value
    end
  end
  return value
end

--- The first operation whose place in an array may be another's by the next version.
---@param operations referrals.operations
---@return referrals.operation|nil
function M.indexed(operations)
  for _, operation in ipairs(operations) do
    if (operation.path .. "/"):find("/%d+/") then
      return operation
    end
  end
end

--- Is anything of it appended to an array?
---@param operations referrals.operations
---@return boolean
function M.append(operations)
  for _, operation in ipairs(operations) do
    if operation.array then
      return true
    end
  end
  return false
end

--- The request's body.
---@param operations referrals.operations
---@param base userdata|nil the core's document, for operations that leave their op open
---@return string
function M.body(operations, base)
  if operations.text then
    return operations.text
  end
  local parts = {}
  for index, operation in ipairs(operations) do
    local op = operation.op or (base:get(operation.path) and "replace" or "add")
    local path = core.json.write(operation.path)
    parts[index] = ('{"op":"%s","path":%s,"value":%s}'):format(op, path, operation.value)
  end
  return "[" .. table.concat(parts, ",") .. "]"
end

local function with_item(array, item)
  local head = array and array:match("^(%[.*)%]$")
  if not head then
    return "[" .. item .. "]"
  end
  return head .. (head:find("[^%[%s]") and "," or "") .. item .. "]"
end

local function add_difference(difference, operation)
  if not operation.array then
    difference.to, difference.items = operation.value, nil
    return
  elseif difference.items or not difference.to then
    difference.items = difference.items or {}
    difference.items[#difference.items + 1] = operation.value
  end
  difference.to = with_item(difference.to or difference.from, operation.value)
end

--- What the operations make different, by member, in the form of the core's apply; `items` are what is appended.
---@param operations referrals.operations
---@param base userdata|nil the core's document, where it was read
---@return table[]
function M.differences(operations, base)
  local differences, by_pointer = {}, {}
  for _, operation in ipairs(operations) do
    local pointer = operation.array or operation.path
    if not by_pointer[pointer] then
      by_pointer[pointer] = { pointer = pointer, from = base and base:get(pointer) }
      differences[#differences + 1] = by_pointer[pointer]
    end
    add_difference(by_pointer[pointer], operation)
  end
  return differences
end

-- Whether a version shows them ---------------------------------------------------------------------------------------

--- How many elements of an array are this item. The service completes a deal registration, so there it need only be
--- contained.
local function count(document, pointer, item)
  local found = 0
  for _, element in ipairs(document and elements(document:text(), pointer) or {}) do
    local same
    if pointer == REGISTRATIONS then
      same = removal.contains(representation.decode(element), representation.decode(item))
    else
      same = equal(element, item)
    end
    found = found + (same and 1 or 0)
  end
  return found
end

local function appended(difference, document, base)
  for _, item in ipairs(difference.items) do
    local asked = 0
    for _, other in ipairs(difference.items) do
      asked = asked + (equal(item, other) and 1 or 0)
    end
    if count(document, difference.pointer, item) < count(base, difference.pointer, item) + asked then
      return false
    end
  end
  return true
end

--- Is what a difference asks for there? Of what is appended, one more than the version had that it was appended to.
---@param difference table
---@param document userdata the core's document
---@param base userdata|nil the document it was written on, where it was read
---@return boolean
function M.shown(difference, document, base)
  if difference.items then
    return appended(difference, document, base)
  end
  return equal(document:get(difference.pointer) or "null", difference.to)
end

return M
