--- Who called the module: a wrong Lua type is a mistake in the caller's program and is blamed on the caller's line,
--- however many functions of ours stand between.

local M = {}

local function folder(source)
  return source:match("^(@.*[/\\])[^/\\]*$")
end

local OURS = folder(debug.getinfo(1, "S").source) -- nil where the files' names were stripped, or bundled away

--- The level that makes `error(message, level)` name the first line outside of this module.
--- Right for an `error` that stands in the function that calls this one.
---@return integer level 0, no position, when there is no such line, or no telling it
function M.level()
  if not OURS then
    return 0
  end
  local level = 2
  while true do
    local info = debug.getinfo(level, "S")
    if not info then
      return 0
    end
    local inside = info.what == "tail" or info.source:sub(1, #OURS) == OURS
    if not inside then
      return level - 1
    end
    level = level + 1
  end
end

--- Raises unless a verb was called on a client: with a colon, which makes the client its first argument.
---@param client any
---@param verb string
function M.expect_client(client, verb)
  if type(client) ~= "table" or not client.exchange then
    error(("'%s' is a client's method: call it with a colon, client:%s(...)"):format(verb, verb), M.level())
  end
end

--- Raises unless a value has one of the Lua types.
---@param position integer the argument's number
---@param verb string
---@param value any
---@param expected string "string", "table or string" ...
function M.expect(position, verb, value, expected)
  local actual = type(value)
  if expected == actual or expected:find(actual, 1, true) then
    return
  end
  local message = ("bad argument #%d to '%s' (%s expected, got %s)"):format(position, verb, expected, actual)
  error(message, M.level())
end

return M
