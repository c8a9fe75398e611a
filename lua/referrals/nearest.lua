--- Finding what somebody probably meant: the known name nearest to a mistyped one.

local MAX_LENGTH = 64 -- longer names are not typing errors, and the distance costs their product
local MAX_DISTANCE = 3

--- The edit distance of two short strings; swapping two neighbours counts as one edit.
---@param a string
---@param b string
---@return integer
local function distance(a, b)
  local before, previous, current = {}, {}, {}
  for j = 0, #b do
    previous[j] = j
  end
  for i = 1, #a do
    current[0] = i
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      local best = math.min(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + cost)
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        best = math.min(best, before[j - 2] + 1)
      end
      current[j] = best
    end
    before, previous, current = previous, current, before
  end
  return previous[#b]
end

--- The candidate nearest to `name`. One that differs in case only wins; otherwise about one edit in three characters
--- is forgiven, three at most. Of two equally near the first one wins, so give a sorted list for a stable answer.
---@param name any anything but a string has no neighbour
---@param candidates string[]
---@return string|nil best nil when nothing is near enough
---@return integer|nil edits 0 when only the case differs
local function nearest(name, candidates)
  if type(name) ~= "string" or name == "" or #name > MAX_LENGTH then
    return nil
  end
  local lowered = name:lower()
  local allowed = math.min(MAX_DISTANCE, math.floor((#name + 1) / 3))
  local best, best_edits
  for _, candidate in ipairs(candidates) do
    local near_in_length = math.abs(#candidate - #name) <= allowed
    local edits = near_in_length and distance(lowered, candidate:lower()) or allowed + 1
    if edits <= allowed and (not best or edits < best_edits) then
      best, best_edits = candidate, edits
    end
  end
  return best, best_edits
end

return nearest
