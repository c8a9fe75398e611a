--- A referral as it was read: its text, its entity tag, and the tables it gave out. What such a table is edited into is
--- found by comparing it with the text it came from, so that only edits become a change.

local core = require "referrals.core"
local errors = require "referrals.errors"
local same = require "referrals.same"
local schema = require "referrals.schema"

local M = {}

--- What the API says about the representation; never members that a change writes.
local ENVELOPE = { eTag = true, links = true }

---@class referrals.representation
---@field document userdata the core's document
---@field id string|nil
---@field etag string|nil the If-Match value
---@field tag string|nil the body's eTag
---@field length integer|nil bytes of the text, where they were counted
---@field body string|nil the bytes the service sent, where they were asked for
local methods = {}
local metatable = { __index = methods }

-- Which representation a table was read from, and which element of an array each table in it was, in the order of the
-- text: {representation, elements, nulls}.
local given_out = setmetatable({}, { __mode = "k" })

-- Where a weak table's values hold on to their keys, an element that the caller linked back to its referral would keep
-- that for ever.
local held_weakly = _VERSION == "Lua 5.1" and { __mode = "k" } or nil

-- Those that show only five members, and so have no elements: table -> representation.
local minimal_given_out = setmetatable({}, { __mode = "k" })

local function is_annotation(name)
  return type(name) == "string" and name:find("@odata.", 1, true) ~= nil
end

local function is_list(value)
  return type(value) == "table" and value[1] ~= nil
end

--- The JSON Pointer to a member of the value at `place`.
local function below(place, name)
  name = tostring(name)
  if name:find("[~/]") then
    name = name:gsub("~", "~0"):gsub("/", "~1")
  end
  return place .. "/" .. name
end

-- Decoding -----------------------------------------------------------------------------------------------------------

--- A Lua value out of JSON text that the core accepted; nulls in objects read as nil.
---@param text string
---@param nulls? boolean keep them as referrals.null
---@return any
function M.decode(text, nulls)
  return (core.json.decode(text, nulls))
end

-- Reading ------------------------------------------------------------------------------------------------------------

local function protocol(message, fields)
  local err = errors.new("protocol", fields or {})
  err.message = message
  return nil, err
end

local function line_and_column(text, offset)
  local before = text:sub(1, offset - 1)
  local _, lines = before:gsub("\n", "")
  return lines + 1, offset - (before:match("^.*()\n") or 0)
end

--- "line 3, column 7: expected ..." for text that the core did not accept.
---@param text string
---@param expected string
---@param offset integer bytes from 1
---@return string
function M.where_wrong(text, expected, offset)
  local line, column = line_and_column(text, offset)
  return ("no valid JSON at line %d, column %d: expected %s"):format(line, column, expected)
end

--- Only what is wrong is looked at here: no id, an entity tag that cannot be used.
local function unusable(document, id, header_etag)
  if not id then
    return protocol("the answer is no referral: it has no id", { member = "id" })
  end
  local _, why = core.etag.normalise(document:string("eTag") or header_etag)
  return protocol("the answer's entity tag is unusable: " .. why, { member = "eTag" })
end

local function made(fields)
  local document = fields.document
  if not fields.id or (not fields.etag and (fields.header_etag or document:string("eTag"))) then
    return unusable(document, fields.id, fields.header_etag)
  end
  return setmetatable(fields, metatable)
end

--- What the core has read and found to be a referral with an id and a usable entity tag of its own.
---@param document userdata
---@param id string
---@param tag string its eTag
---@param etag string the If-Match value
---@param length integer|nil bytes of its text
---@return referrals.representation
function M.of_document(document, id, tag, etag, length)
  return setmetatable({ document = document, id = id, tag = tag, etag = etag, length = length }, metatable)
end

--- A response that was to be a referral becomes one.
---@param response referrals.response
---@return referrals.representation|nil representation the response itself
---@return referrals.error|nil err `protocol`: no JSON object, no id, no usable entity tag
function M.of_response(response)
  if not response.document then
    if not response.expected then
      return protocol("the answer has no content, where a referral was to be")
    end
    return protocol("the answer is " .. M.where_wrong(response.body, response.expected, response.offset))
  end
  return made(response)
end

--- Reads a referral's JSON text.
---@param text string
---@param header_etag? string the ETag header's value; the body's own eTag wins over it
---@return referrals.representation|nil representation
---@return referrals.error|nil err as above
function M.read(text, header_etag)
  local document, expected, offset = core.document.read(text)
  if not document then
    return protocol("the answer is " .. M.where_wrong(text, expected, offset))
  end
  local tag = document:string("eTag") or header_etag
  return made {
    document = document,
    id = document:string("id"),
    etag = tag and core.etag.normalise(tag) or nil,
    header_etag = header_etag,
  }
end

--- The representation that a table was read from.
---@param value any
---@return referrals.representation|nil
function M.of(value)
  local origin = given_out[value]
  return origin and origin.representation or minimal_given_out[value]
end

-- Giving out ---------------------------------------------------------------------------------------------------------

--- The referral as a plain table, which is remembered as read from here.
---@param nulls? boolean keep JSON null as referrals.null everywhere
---@return table
function methods:table(nulls)
  local value, elements = self.document:decode(nulls)
  if type(value.eTag) ~= "string" then
    value.eTag = self.header_etag
  end
  given_out[value] = { representation = self, elements = setmetatable(elements, held_weakly), nulls = nulls }
  return value
end

--- The five members that most scripts want, nothing else decoded.
---@return table {id, eTag, status, substatus, updatedDateTime}
function methods:minimal()
  local document = self.document
  return self:give_minimal(document:minimal(self.id, self.tag or document:string("eTag") or self.header_etag))
end

--- Remembers a minimal table that the core has made of this one.
---@param value table
---@return table value
function methods:give_minimal(value)
  minimal_given_out[value] = self
  return value
end

---@param returns? "representation"|"minimal"|"text"
---@param nulls? boolean
---@return table|string
function methods:give(returns, nulls)
  if returns == "text" then
    return self.body or self.document:text()
  elseif returns == "minimal" then
    return self:minimal()
  end
  return self:table(nulls)
end

--- A document that nobody has sent yet, as `give` would give it; of no version, so no edits of it are remembered.
---@return table|string
function M.shown(document, returns, nulls)
  if returns == "text" then
    return document:text()
  elseif returns == "minimal" then
    return document:minimal(document:string("id"), document:string("eTag"))
  end
  return M.decode(document:text(), nulls)
end

-- Edits --------------------------------------------------------------------------------------------------------------

local EXPECTED_KEPT = "a value: nothing is removed by being set to nil "
  .. "(referrals.null sets null, table.remove takes an array's element out)"

local function set_to_nil(pointer)
  local member = schema.path(pointer) or pointer
  return errors.new("validation", { member = member, expected = EXPECTED_KEPT })
end

local function is_object(value)
  return type(value) == "table" and not is_list(value) and getmetatable(value) == nil
end

local function at_place(value, place)
  for step in place:gmatch("/([^/]*)") do
    if is_list(value) then
      value = value[tonumber(step) + 1]
    else
      value = type(value) == "table" and value[step:gsub("~1", "/"):gsub("~0", "~")] or nil
    end
  end
  return value
end

local missing_in

--- Where in the array that stood at `list_place` an element stood: its position from 0, or false.
local function position_in(list_place, stood)
  local inside = stood and stood:sub(1, #list_place + 1) == list_place .. "/"
  return inside and tonumber(stood:sub(#list_place + 2)) or false
end

--- A table that is written as an object or as an array.
local function can_be_told(element)
  local kind = type(element) == "table" and getmetatable(element)
  return kind == nil or kind == core.json.array
end

--- Where the tables in a list were read; `list_place`: where the list itself stood. A new table is taken for a copy of
--- what stood at its place, unless that stands elsewhere in the list now.
local function places_in(list, list_place, context)
  local places, kept = {}, {}
  for index, element in ipairs(list) do
    if can_be_told(element) and context.elements[element] then
      places[index] = position_in(list_place, context.elements[element])
      kept[places[index]] = true
    end
  end
  for index, element in ipairs(list) do
    if places[index] == nil and kept[index - 1] and can_be_told(element) then
      places[index] = false
    end
  end
  return places
end

--- An element that was read from here may not have lost a member, wherever it stands now. `list_place`: where the list
--- itself stood.
local function missing_in_elements(list, list_place, context)
  if getmetatable(list) ~= core.json.add then
    context.places[list] = places_in(list, list_place, context)
  end
  for _, element in ipairs(list) do
    local place = type(element) == "table" and context.elements[element]
    if place and not context.visiting[element] then
      context.visiting[element] = true -- an element that was put into itself is for the writer to refuse
      local missing = missing_in(at_place(context.root, place), element, place, context)
      context.visiting[element] = nil
      if missing then
        return missing
      end
    end
  end
end

--- The first member of a value that was given out and is gone from it now; a JSON Pointer, or nil.
function missing_in(original, given, place, context)
  if is_list(given) then
    return missing_in_elements(given, place, context)
  elseif not (is_object(original) and is_object(given)) then
    return nil
  end
  for name, value in pairs(original) do
    local inside = below(place, name)
    local gone = given[name] == nil and not is_annotation(name)
    local missing = gone and inside or missing_in(value, given[name], inside, context)
    if missing then
      return missing
    end
  end
end

local compare_objects

--- The change that makes `original` into `given`: nil for none; or nil and the path of a member set to nil.
local function compare(original, given, path, context)
  if same(original, given) then
    return nil
  elseif is_object(original) and is_object(given) then
    return compare_objects(original, given, path, context)
  end
  local missing = missing_in(original, given, path, context)
  if missing then
    return nil, missing
  end
  return given
end

function compare_objects(original, given, path, context)
  local skipped = path == "" and ENVELOPE or {}
  local change
  for name in pairs(original) do
    if given[name] == nil and not skipped[name] and not is_annotation(name) then
      return nil, below(path, name)
    end
  end
  for name, value in pairs(given) do
    local was = original[name]
    if not skipped[name] and not is_annotation(name) then
      local edited, missing = value, nil
      if was ~= nil then
        edited, missing = compare(was, value, below(path, name), context)
      end
      if missing then
        return nil, missing
      elseif edited ~= nil then
        change = change or {}
        change[name] = edited
      end
    end
  end
  return change
end

--- By table, the JSON Pointer to where each element of an array stood.
local function places_of(elements, text)
  local pointers, places = core.json.element_pointers(text), {}
  for element, number in pairs(elements) do
    places[element] = pointers[number]
  end
  return places
end

--- What was edited in a table that this module gave out, as a change.
---@param given table a remembered one
---@return table|nil change empty when nothing was edited
---@return referrals.error|nil err `validation` naming a member that was set to nil
---@return table|nil places where the elements of its arrays were read, for core.json.write
function M.edits(given)
  local origin, context = given_out[given], { elements = {}, visiting = {}, places = {} }
  if origin then
    local document = origin.representation.document
    context.root = document:decode(origin.nulls)
    context.elements = places_of(origin.elements, document:text())
  else
    context.root = minimal_given_out[given]:minimal()
  end
  local original = context.root
  local change, missing = compare_objects(original, given, "", context)
  if missing then
    return nil, set_to_nil(missing)
  end
  return change or {}, nil, context.places
end

return M
