--- JSON Pointers (RFC 6901) into a text: the value found, replaced, added or removed as a slice; all other bytes stay.
local json = require "referrals.sandbox.json"
local values = require "referrals.sandbox.values"

local M = {}

local function splice(text, from, to, new)
  return text:sub(1, from - 1) .. new .. text:sub(to + 1)
end

--- The reference tokens of a pointer, or nil when it is none.
---@param pointer string
---@return string[]?
function M.tokens(pointer)
  if pointer ~= "" and pointer:sub(1, 1) ~= "/" or pointer:find("~[^01]") or pointer:find("~$") then
    return nil
  end
  local tokens = {}
  for token in pointer:gmatch("/([^/]*)") do
    tokens[#tokens + 1] = token:gsub("~1", "/"):gsub("~0", "~")
  end
  return tokens
end

local function find_member(object, name)
  local members = json.members(object)
  for index = #members, 1, -1 do
    local member = members[index]
    if values.unquote(object:sub(member.name_from, member.name_to)) == name then
      return member, members, index
    end
  end
  return nil, members
end

local function find_element(array, token)
  if token ~= "0" and not token:find("^[1-9]%d*$") then
    return nil
  end
  return json.elements(array)[tonumber(token) + 1]
end

local function find_child(text, token)
  local kind = json.kind(text)
  if kind == "object" then
    return (find_member(text, token))
  elseif kind == "array" then
    return find_element(text, token)
  end
end

--- The value a pointer names.
---@param text string
---@param tokens string[]
---@return string?
function M.find(text, tokens)
  for _, token in ipairs(tokens) do
    local child = find_child(text, token)
    if not child then
      return nil
    end
    text = text:sub(child.from, child.to)
  end
  return text
end

-- The blanks before the first item, so that what is added is laid out like its neighbours.
local function blanks_of(text)
  return text:match("^%s*[{%[]([ \t\r\n]*)")
end

local function append(text, last, new)
  local blanks = blanks_of(text)
  if last then
    return splice(text, last.to + 1, last.to, "," .. blanks .. new)
  end
  return splice(text, text:find("[{%[]") + 1, text:find("[}%]]%s*$") - 1, new)
end

local function add_member(object, name, value)
  local member, members = find_member(object, name)
  if member then
    return splice(object, member.from, member.to, value)
  end
  local space = blanks_of(object) == "" and "" or " "
  return append(object, members[#members], values.quote(name) .. ":" .. space .. value)
end

local function add_element(array, token, value)
  local elements = json.elements(array)
  if token == "-" or token == tostring(#elements) then
    return append(array, elements[#elements], value)
  end
  local element = find_element(array, token)
  if not element then
    return nil, "no element " .. token
  end
  return splice(array, element.from, element.from - 1, value .. "," .. blanks_of(array))
end

local function change_child(text, token, change)
  local child = find_child(text, token)
  if not child then
    return nil, "there is no " .. token
  end
  local new, why = change(text:sub(child.from, child.to))
  if not new then
    return nil, why
  end
  return splice(text, child.from, child.to, new)
end

-- Applies `change(container, last token)` at the end of the path and joins the pieces on the way back.
local function descend(text, tokens, index, change)
  if index == #tokens then
    return change(text, tokens[index])
  end
  return change_child(text, tokens[index], function(child)
    return descend(child, tokens, index + 1, change)
  end)
end

--- The text with an existing value replaced.
---@param text string
---@param tokens string[]
---@param value string
---@return string? text
---@return string? why
function M.replace(text, tokens, value)
  return descend(text, tokens, 1, function(container, token)
    return change_child(container, token, function() return value end)
  end)
end

--- The text with a member set, or an element inserted or appended ("-"), as RFC 6902 adds.
---@param text string
---@param tokens string[]
---@param value string
---@return string? text
---@return string? why
function M.add(text, tokens, value)
  return descend(text, tokens, 1, function(container, token)
    local kind = json.kind(container)
    if kind == "object" then
      return add_member(container, token, value)
    elseif kind == "array" then
      return add_element(container, token, value)
    end
    return nil, "cannot add " .. token .. " to a " .. kind
  end)
end

--- The object without any member of this name.
---@param object string
---@param name string
---@return string
function M.without(object, name)
  local member, members, index = find_member(object, name)
  while member do
    local before, after = members[index - 1], members[index + 1]
    if before then
      object = splice(object, before.to + 1, member.to, "")
    else
      object = splice(object, member.name_from, after and after.name_from - 1 or member.to, "")
    end
    member, members, index = find_member(object, name)
  end
  return object
end

return M
