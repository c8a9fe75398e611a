--- The figures of one run, by key, in the order in which they were measured.
local common = require "bench.common"

local M = {}

local Figures = {}
Figures.__index = Figures

function M.new()
  return setmetatable({ by_key = {}, order = {}, quoted = {} }, Figures)
end

--- Notes a figure and tells of it at once.
---@param part string
---@param key string
---@param label string
---@param value number|number[]|nil one figure, or one of each run; nil: what it needs is missing
---@param unit string
---@param why string? why it is missing
function Figures:note(part, key, label, value, unit, why)
  local spread = type(value) == "number" and { median = value, low = value, high = value }
    or value and common.spread(value)
  local figure = { part = part, key = key, label = label, unit = unit, spread = spread, why = why }
  figure.values = type(value) == "table" and value or nil
  self.by_key[key] = figure
  self.order[#self.order + 1] = figure
  io.stderr:write(("  %-62s %s\n"):format(label, M.shown(figure)))
end

--- Keeps a line of a program that makes its own report.
function Figures:quote(part, line)
  self.quoted[part] = self.quoted[part] or {}
  table.insert(self.quoted[part], line)
  io.stderr:write("  " .. line .. "\n")
end

--- The median; nil for what was not measured.
function Figures:get(key)
  local figure = self.by_key[key]
  return figure and figure.spread and figure.spread.median
end

--- One value of each run; nil for what was measured once.
function Figures:values(key)
  local figure = self.by_key[key]
  return figure and figure.values
end

--- A number with three digits that count, thousands set apart.
function M.number(value)
  local size = math.abs(value)
  local text = size >= 100 and ("%.0f"):format(value) or size >= 10 and ("%.1f"):format(value) or ("%.2f"):format(value)
  local whole, rest = text:match("^(-?%d+)(.*)$")
  return whole:reverse():gsub("(%d%d%d)", "%1,"):reverse():gsub("^(-?),", "%1") .. rest
end

--- A figure with its unit, and how far the runs went apart.
function M.shown(figure)
  local spread = figure.spread
  if not spread then
    return "missing" .. (figure.why and ": " .. figure.why or "")
  end
  local text = M.number(spread.median) .. " " .. figure.unit
  if spread.low == spread.high then
    return text
  end
  return ("%s (%s .. %s)"):format(text, M.number(spread.low), M.number(spread.high))
end

return M
