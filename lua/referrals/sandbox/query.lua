--- Query strings and forms: percent-encoding both ways.
local M = {}

local function decode(text)
  return (text:gsub("+", " "):gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

---@param text string
---@return string
function M.encode(text)
  return (text:gsub("[^%w%-%._~]", function(char) return string.format("%%%02X", char:byte()) end))
end

--- A path segment as it was meant; in a path "+" is itself.
---@param text string
---@return string
function M.decode_segment(text)
  return decode((text:gsub("+", "%%2B")))
end

--- The parameters by name; of a name that comes twice the last counts.
---@param text string
---@return table<string, string>
function M.parse(text)
  local parameters = {}
  for pair in text:gmatch("[^&]+") do
    local name, value = pair:match("^([^=]*)=?(.*)$")
    parameters[decode(name)] = decode(value)
  end
  return parameters
end

return M
