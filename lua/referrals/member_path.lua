--- The way to a member as people write it, "team[1].email", and as a JSON Pointer, "/team/0/email". A name that would
--- read as a way to somewhere else is quoted: the member "a.b" of details is details["a.b"].

local M = {}

local INDEX_DIGITS = 9 -- more is no index of anything that fits into a referral

local ESCAPES = { ['"'] = "\\u0022", ["\\"] = "\\u005c" }
local ESCAPED = { ["\\u0022"] = '"', ["\\u005c"] = "\\" }

local function is_plain(name)
  return name ~= "" and not name:find("[.%[]")
end

local function quote(name)
  return ('["%s"]'):format((name:gsub('["\\]', ESCAPES)))
end

--- The way to a member one step below.
---@param path string "" for the whole
---@param name string
---@return string
function M.join(path, name)
  if not is_plain(name) then
    return path .. quote(name)
  end
  return path == "" and name or path .. "." .. name
end

--- The step that begins at a place, and where the next one may begin: a quoted name, an index or a plain name.
local function step_at(path, at)
  local _, to, quoted = path:find('^%["([^"]*)"%]', at)
  if quoted then
    return quoted:gsub("\\u00%x%x", ESCAPED), to + 1
  end
  local digits
  _, to, digits = path:find("^%[([1-9]%d*)%]", at)
  if digits and #digits <= INDEX_DIGITS then
    return ("%d"):format(digits - 1), to + 1
  end
  _, to = path:find("^.[^.%[]*", at)
  return path:sub(at, to), to + 1
end

--- The steps of a path: "team[1].email" and, as a JSON Pointer counts, "team.0.email" are {"team", "0", "email"}.
---@param path string
---@return string[]
function M.steps(path)
  local steps, at = {}, path:find("[^.]")
  while at do
    local step, after = step_at(path, at)
    steps[#steps + 1] = step
    at = path:find("[^.]", after)
  end
  return steps
end

--- A path as a JSON Pointer: "team[1].email" -> "/team/0/email".
---@param path string
---@return string
function M.pointer(path)
  local parts = {}
  for _, step in ipairs(M.steps(path)) do
    local escaped = step:gsub("~", "~0"):gsub("/", "~1")
    parts[#parts + 1] = "/" .. escaped
  end
  return table.concat(parts)
end

--- The steps of a JSON Pointer, unescaped.
---@param pointer string
---@return string[]|nil steps nil when it is none or names the whole referral
function M.pointer_steps(pointer)
  if not pointer:find("^/") or pointer:find("~[^01]") or pointer:find("~$") then
    return nil
  end
  local steps = {}
  for step in pointer:gmatch("/([^/]*)") do
    steps[#steps + 1] = step:gsub("~1", "/"):gsub("~0", "~")
  end
  return steps
end

local function is_index(step)
  return #step <= INDEX_DIGITS and (step == "0" or step:find("^[1-9]%d*$") ~= nil)
end

--- A JSON Pointer as a path: "/team/0/email" -> "team[1].email".
---@param pointer string
---@return string|nil path nil when it is no JSON Pointer to a member
function M.path(pointer)
  if pointer:find("^/%w+$") then
    return pointer:sub(2)
  elseif not pointer:find("^/.") then
    return nil
  end
  local path = ""
  for step in pointer:gmatch("/([^/]*)") do
    if is_index(step) then
      path = ("%s[%d]"):format(path, step + 1)
    else
      path = M.join(path, (step:gsub("~1", "/"):gsub("~0", "~")))
    end
  end
  return path
end

return M
