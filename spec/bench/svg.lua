--- A few charts as SVG: bars, dots with their spread, lines.
local M = {}

local INK, FAINT = "#24292f", "#d0d7de"
local COLOURS = { ours = "#0969da", second = "#54aeff", limit = "#57606a", other = "#bf8700" }

M.COLOURS = COLOURS

local Canvas = {}
Canvas.__index = Canvas

local function escape(text)
  return (text:gsub("[&<>]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" }))
end

function M.canvas(width, height)
  local canvas = setmetatable({ width = width, height = height, parts = {} }, Canvas)
  canvas:add('<rect width="%d" height="%d" fill="#ffffff"/>', width, height)
  return canvas
end

function Canvas:add(form, ...)
  self.parts[#self.parts + 1] = form:format(...)
end

--- `anchor` is "start", "middle" or "end".
function Canvas:text(x, y, text, anchor, bold)
  self:add('<text x="%.1f" y="%.1f" text-anchor="%s" fill="%s"%s>%s</text>', x, y, anchor or "start", INK,
    bold and ' font-weight="bold"' or "", escape(text))
end

function Canvas:line(x1, y1, x2, y2, colour, width)
  self:add('<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="%g"/>', x1, y1, x2, y2, colour,
    width or 1)
end

function Canvas:bar(x, y, width, height, colour)
  self:add('<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>', x, y, width, height, colour)
end

function Canvas:dot(x, y, colour)
  self:add('<circle cx="%.1f" cy="%.1f" r="4" fill="%s"/>', x, y, colour)
end

function Canvas:path(points, colour)
  local list = {}
  for place, point in ipairs(points) do
    list[place] = ("%.1f,%.1f"):format(point[1], point[2])
  end
  self:add('<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>', table.concat(list, " "), colour)
end

function Canvas:source()
  local width, height = self.width, self.height
  return ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" '
    .. 'font-family="sans-serif" font-size="12">\n%s\n</svg>\n'):format(width, height, width, height,
    table.concat(self.parts, "\n"))
end

-- Charts of rows -----------------------------------------------------------------------------------------------------

local ROW, TOP, LABELS, WIDTH, RIGHT = 24, 64, 290, 800, 90

local function row_canvas(title, rows, axis)
  local canvas = M.canvas(WIDTH, TOP + #rows * ROW + 20)
  canvas:text(16, 26, title, "start", true)
  for _, tick in ipairs(axis.ticks) do
    local x = axis.x(tick[1])
    canvas:line(x, TOP - 8, x, TOP + #rows * ROW, FAINT)
    canvas:text(x, TOP - 14, tick[2], "middle")
  end
  for place, row in ipairs(rows) do
    canvas:text(LABELS - 10, TOP + place * ROW - 8, row.label, "end")
  end
  return canvas
end

--- Bars from 0.
---@param rows {label: string, value: number, shown: string, colour: string}[]
---@param axis {most: number, ticks: {[1]: number, [2]: string}[]}
function M.bars(title, rows, axis)
  function axis.x(value)
    return LABELS + value / axis.most * (WIDTH - LABELS - RIGHT)
  end
  local canvas = row_canvas(title, rows, axis)
  for place, row in ipairs(rows) do
    local y = TOP + (place - 1) * ROW
    canvas:bar(LABELS, y + 3, axis.x(row.value) - LABELS, ROW - 6, row.colour)
    canvas:text(axis.x(row.value) + 6, y + 16, row.shown)
  end
  return canvas:source()
end

--- A dot for each median and a line from the lowest to the highest, on a logarithmic axis.
---@param rows {label: string, spread: table, shown: string, colour: string}[]
---@param axis {least: number, most: number, ticks: {[1]: number, [2]: string}[]}
function M.dots(title, rows, axis)
  local decades = math.log(axis.most / axis.least)
  function axis.x(value)
    return LABELS + math.log(value / axis.least) / decades * (WIDTH - LABELS - RIGHT)
  end
  local canvas = row_canvas(title, rows, axis)
  for place, row in ipairs(rows) do
    local y = TOP + (place - 0.5) * ROW
    canvas:line(axis.x(row.spread.low), y, axis.x(row.spread.high), y, row.colour, 2)
    canvas:dot(axis.x(row.spread.median), y, row.colour)
    canvas:text(axis.x(row.spread.high) + 8, y + 4, row.shown)
  end
  return canvas:source()
end

-- Lines --------------------------------------------------------------------------------------------------------------

local function scale(list, from, to, logarithmic)
  local low, high = list[1], list[2]
  if logarithmic then
    return function(value)
      return from + math.log(value / low) / math.log(high / low) * (to - from)
    end
  end
  return function(value)
    return from + (value - low) / (high - low) * (to - from)
  end
end

local function draw_axes(canvas, chart, x, y)
  local box = chart.box
  canvas:text(box.x, box.y - 12, chart.title, "start", true)
  for _, tick in ipairs(chart.y_ticks) do
    canvas:line(box.x, y(tick[1]), box.x + box.width, y(tick[1]), FAINT)
    canvas:text(box.x - 6, y(tick[1]) + 4, tick[2], "end")
  end
  for _, tick in ipairs(chart.x_ticks) do
    canvas:text(x(tick[1]), box.y + box.height + 18, tick[2], "middle")
  end
end

--- Draws lines into a box of a canvas.
---@param chart {title: string, box: table, x_range: number[], y_range: number[], x_ticks: table, y_ticks: table,
---  y_log: boolean?, lines: {colour: string, points: number[][]}[]}
function M.lines(canvas, chart)
  local box = chart.box
  local x = scale(chart.x_range, box.x, box.x + box.width, true)
  local y = scale(chart.y_range, box.y + box.height, box.y, chart.y_log)
  draw_axes(canvas, chart, x, y)
  for _, line in ipairs(chart.lines) do
    local points = {}
    for place, point in ipairs(line.points) do
      points[place] = { x(point[1]), y(point[2]) }
      canvas:dot(points[place][1], points[place][2], line.colour)
    end
    canvas:path(points, line.colour)
  end
end

--- What the colours mean, in one row.
function M.legend(canvas, x, y, entries)
  for _, entry in ipairs(entries) do
    canvas:bar(x, y - 10, 12, 12, entry[1])
    canvas:text(x + 18, y, entry[2])
    x = x + 40 + 7 * #entry[2]
  end
end

return M
