--- Are two decoded values the same, tables member by member?
---@param a any
---@param b any
---@return boolean
local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then
    return a == b
  end
  for key, value in pairs(a) do
    local other = b[key]
    if value ~= other and (type(value) ~= "table" or not same(value, other)) then
      return false
    end
  end
  for key in pairs(b) do
    if a[key] == nil then
      return false
    end
  end
  return true
end

return same
