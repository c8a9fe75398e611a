--- The plots of a run: what an update costs in instructions and in time, a document by its size, many updates at once.
local apply = require "bench.apply"
local batch = require "bench.batch"
local figures_of = require "bench.figures"
local svg = require "bench.svg"

local M = {}

local colours = svg.COLOURS

local function colour_of(label)
  return label:find("^C,") and colours.limit or label:find("^ours") and colours.ours or colours.other
end

-- One update ---------------------------------------------------------------------------------------------------------

local COUNTED = {
  "bare_put", "limit_put", "cached_minimal", "cached_representation", "bare_cold", "limit_cold", "cold_minimal",
  "cold_representation", "lua_curl", "lua_socket",
}

local function instructions(figures)
  local rows, most = {}, 0
  for _, key in ipairs(COUNTED) do
    local figure = figures.by_key[key]
    if figure.spread then
      local value = figure.spread.median / 1000
      most = math.max(most, value)
      rows[#rows + 1] = {
        label = figure.label,
        value = value,
        shown = ("%.0f"):format(value),
        colour = colour_of(figure.label),
      }
    end
  end
  local ticks = {}
  for place = 0, 5 do
    local tick = place * math.max(100, math.floor(most / 500 + 0.5) * 100)
    ticks[#ticks + 1] = tick <= most and { tick, ("%d"):format(tick) } or nil
  end
  return svg.bars("Thousand instructions of one update", rows, { most = most, ticks = ticks })
end

local DECADES = { { 10, "10 us" }, { 100, "100 us" }, { 1000, "1 ms" }, { 10000, "10 ms" }, { 100000, "100 ms" } }

local function times(figures)
  local rows = {}
  for _, figure in ipairs(figures.order) do
    if figure.part == "times" and figure.spread then
      rows[#rows + 1] = {
        label = figure.label,
        spread = figure.spread,
        shown = figures_of.number(figure.spread.median) .. " us",
        colour = colour_of(figure.label),
      }
    end
  end
  return svg.dots("Time of one update: median, lowest to highest", rows, { least = 10, most = 100000, ticks = DECADES })
end

-- The document -------------------------------------------------------------------------------------------------------

local BYTES = { { 1e3, "1 KB" }, { 1e4, "10 KB" }, { 1e5, "100 KB" }, { 1e6, "1 MB" }, { 8e6, "8 MB" } }
local APPLIED = {
  { "core", "ours: read + apply", colours.ours },
  { "apply", "ours: apply alone", colours.second },
  { "cjson", "lua-cjson: decode, change, encode", colours.other },
}

local function apply_plot(figures)
  local canvas = svg.canvas(800, 380)
  local lines, legend = {}, {}
  for place, entry in ipairs(APPLIED) do
    local points = {}
    for _, size in ipairs(apply.SIZES) do
      local value = size.bytes and figures:get(("apply_%s_%s_time"):format(entry[1], size.key))
      points[#points + 1] = value and { size.bytes, value } or nil
    end
    lines[place], legend[place] = { colour = entry[3], points = points }, { entry[3], entry[2] }
  end
  svg.lines(canvas, {
    title = "One field changed: time by the size of the text",
    box = { x = 80, y = 60, width = 680, height = 260 },
    x_range = { 1e3, 8e6 },
    y_range = { 0.1, 1e5 },
    y_log = true,
    x_ticks = BYTES,
    y_ticks = { { 0.1, "0.1 us" }, { 1, "1 us" }, { 10, "10 us" }, { 100, "100 us" }, { 1e3, "1 ms" }, { 1e4, "10 ms" },
      { 1e5, "100 ms" } },
    lines = lines,
  })
  svg.legend(canvas, 80, 365, legend)
  return canvas:source()
end

-- Many at once -------------------------------------------------------------------------------------------------------

local RATED = {
  { "limit", "C, multi loop", colours.limit },
  { "minimal", "ours: minimal", colours.ours },
  { "representation", "ours: representation", colours.second },
}

-- Four or five round numbers from 0 up.
local function ticks_up_to(most)
  local step = 10 ^ math.floor(math.log(most, 10))
  step = most / step < 2 and step / 4 or most / step < 5 and step or step * 2
  local ticks = {}
  for tick = 0, most, step do
    ticks[#ticks + 1] = { tick, figures_of.number(tick):gsub("%.0+$", "") }
  end
  return ticks
end

local function panel(figures, canvas, wire, upstream, box)
  local lines, most = {}, 0
  for place, entry in ipairs(RATED) do
    local points = {}
    for _, at_once in ipairs(batch.AT_ONCE) do
      local rate = figures:get(("batch_%s_%s_%s_%d"):format(entry[1], wire.key, upstream.key, at_once))
      points[#points + 1] = { at_once, rate }
      most = math.max(most, rate)
    end
    lines[place] = { colour = entry[3], points = points }
  end
  svg.lines(canvas, {
    title = ("%s, answered %s"):format(wire.label, upstream.label),
    box = box,
    x_range = { 1, 64 },
    y_range = { 0, most * 1.05 },
    x_ticks = { { 1, "1" }, { 4, "4" }, { 16, "16" }, { 64, "64 at once" } },
    y_ticks = ticks_up_to(most),
    lines = lines,
  })
end

local function batch_plot(figures)
  local canvas = svg.canvas(800, 620)
  canvas:text(16, 26, "Updates a second, by how many at once", "start", true)
  for row, upstream in ipairs(batch.UPSTREAMS) do
    for column, wire in ipairs(batch.WIRES) do
      panel(figures, canvas, wire, upstream, { x = 70 + (column - 1) * 390, y = 75 + (row - 1) * 260, width = 290,
        height = 190 })
    end
  end
  local legend = {}
  for place, entry in ipairs(RATED) do
    legend[place] = { entry[3], entry[2] }
  end
  svg.legend(canvas, 70, 605, legend)
  return canvas:source()
end

--- The SVG texts by the names of their files.
function M.all(figures)
  return {
    ["instructions.svg"] = instructions(figures),
    ["times.svg"] = times(figures),
    ["apply.svg"] = apply_plot(figures),
    ["batch.svg"] = batch_plot(figures),
  }
end

return M
