--- A decimal number that is written as text. Plain Lua's own reading of one depends on the host's locale.

local MAX_DIGITS = 15

---@param text any
---@return number|nil number nil when it is none: digits, and perhaps a point and more digits
return function(text)
  local whole, fraction = tostring(text):match("^(%d+)%.?(%d*)$")
  if type(text) ~= "string" or not whole then
    return nil
  end
  fraction = fraction:sub(1, MAX_DIGITS)
  return tonumber(whole) + (fraction ~= "" and tonumber(fraction) / 10 ^ #fraction or 0)
end
