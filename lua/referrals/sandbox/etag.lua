--- If-Match against the current entity tag, by strong comparison (RFC 9110, 8.8.3).
local M = {}

--- Does the header name this tag? Anything that is not a list of well-formed tags matches nothing.
---@param header string
---@param tag string  with its quotes
---@return boolean
function M.matches(header, tag)
  local rest = header:match("^%s*(.-)%s*$")
  if rest == "*" then
    return true
  end
  local matched = false
  repeat
    local weak, named, after = rest:match('^(W?/?)("[^"%c ]*")%s*(.*)$')
    if not named or weak ~= "" and weak ~= "W/" then
      return false
    end
    matched = matched or weak == "" and named == tag
    local comma
    comma, rest = after:match("^(,?)%s*(.*)$")
    if comma == "" and rest ~= "" then
      return false
    end
  until rest == ""
  return matched
end

return M
