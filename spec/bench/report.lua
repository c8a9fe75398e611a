--- The tables as Markdown: ratios first, what is wanted beside each, then the figures they come from.
local apply = require "bench.apply"
local batch = require "bench.batch"
local common = require "bench.common"
local figures_of = require "bench.figures"
local profile = require "bench.profile"
local ratios = require "bench.ratios"

local M = {}

local number = figures_of.number

local function width(text)
  return select(2, text:gsub("[^\128-\191]", ""))
end

local function widths_of(lines)
  local widths = {}
  for _, line in ipairs(lines) do
    for place, cell in ipairs(line) do
      widths[place] = math.max(widths[place] or 3, width(cell))
    end
  end
  return widths
end

--- Lines of cells, the first of which is the head.
local function table_text(lines)
  local widths, out, rule = widths_of(lines), {}, {}
  for _, line in ipairs(lines) do
    local padded = {}
    for place, cell in ipairs(line) do
      padded[place] = cell .. (" "):rep(widths[place] - width(cell))
    end
    out[#out + 1] = "| " .. table.concat(padded, " | ") .. " |"
  end
  for place, size in ipairs(widths) do
    rule[place] = ("-"):rep(size)
  end
  table.insert(out, 2, "| " .. table.concat(rule, " | ") .. " |")
  return table.concat(out, "\n")
end

-- Ratios -------------------------------------------------------------------------------------------------------------

--- Those with a target and those without.
local function ratio_tables(figures)
  local judged, others = { { "ratio", "measured", "wanted", "holds" } }, { { "ratio", "measured" } }
  for _, row in ipairs(ratios.rows(figures)) do
    if row.wanted then
      judged[#judged + 1] = { row.label, row.value, row.wanted, row.holds }
    else
      others[#others + 1] = { row.label, row.value }
    end
  end
  return judged, others
end

-- Figures ------------------------------------------------------------------------------------------------------------

local function plain_table(part)
  return function(figures)
    local lines = { { "what", "measured" } }
    for _, figure in ipairs(figures.order) do
      if figure.part == part then
        lines[#lines + 1] = { figure.label, figures_of.shown(figure) }
      end
    end
    return lines
  end
end

local APPLY_HEAD = {
  "text", "in C", "a byte", "read + apply", "a byte", "apply alone", "lua-cjson", "a byte", "lua-cjson needs", "in C",
  "read + apply", "apply alone", "lua-cjson", "lua-cjson takes",
}

local function apply_table(figures)
  local lines = { APPLY_HEAD }
  for _, size in ipairs(apply.SIZES) do
    local function of(job, kind)
      return figures:get(("apply_%s_%s%s"):format(job, size.key, kind or ""))
    end
    lines[#lines + 1] = {
      size.label,
      number(of "c"),
      number(of("c", "_byte")),
      number(of "core"),
      number(of("core", "_byte")),
      number(of "apply"),
      number(of "cjson"),
      number(of("cjson", "_byte")),
      number(of "cjson" / of "core") .. " x",
      number(of("c", "_time")) .. " us",
      number(of("core", "_time")) .. " us",
      number(of("apply", "_time")) .. " us",
      number(of("cjson", "_time")) .. " us",
      number(of("cjson", "_time") / of("core", "_time")) .. " x",
    }
  end
  return lines
end

local function rate_cell(figures, key)
  local spread = figures.by_key[key].spread
  return ("%s (%s .. %s)"):format(number(spread.median), number(spread.low), number(spread.high))
end

local BATCH_HEAD = {
  "wire", "answered", "at once", "C, multi loop", "ours, minimal", "of C's", "ours, representation", "of C's",
}

local function batch_line(figures, wire, upstream, at_once)
  local place = ("_%s_%s_%d"):format(wire.key, upstream.key, at_once)
  local line = { wire.label, upstream.label, tostring(at_once), rate_cell(figures, "batch_limit" .. place) }
  for _, returns in ipairs { "minimal", "representation" } do
    local key = "batch_" .. returns .. place
    local each = ratios.over_each(figures:values(key), figures:values("batch_limit" .. place))
    line[#line + 1] = rate_cell(figures, key)
    line[#line + 1] = number(common.spread(each).median) .. " x"
  end
  return line
end

local function batch_table(figures)
  local lines = { BATCH_HEAD }
  for _, upstream in ipairs(batch.UPSTREAMS) do
    for _, wire in ipairs(batch.WIRES) do
      for _, at_once in ipairs(batch.AT_ONCE) do
        lines[#lines + 1] = batch_line(figures, wire, upstream, at_once)
      end
    end
  end
  return lines
end

local function profile_table(figures)
  local lines = { { "where" } }
  for _, owner in ipairs(profile.ORDER) do
    lines[#lines + 1] = { owner }
  end
  for column, form in ipairs(profile.FORMS) do
    lines[1][column + 1] = form.label
    for place, owner in ipairs(profile.ORDER) do
      local value = figures:get(form.key .. owner)
      lines[place + 1][column + 1] = value and number(value) or "-"
    end
  end
  return lines
end

local PARTS = {
  {
    "instructions",
    "Instructions of one update",
    "In user space, by callgrind; the difference of two run lengths. Two members that go together change "
      .. "(`Closed`, `Won` and `Lost` by turns), or one number does.",
    plain_table "instructions",
  },
  {
    "profile",
    "Where they go",
    "The same instructions by the library that they stand in.",
    profile_table,
  },
  {
    "times",
    "Time of one update",
    "Wall clock, against an upstream that answers at once; the median (lowest .. highest) of alternating runs.",
    plain_table "times",
  },
  {
    "apply",
    "One field changed in a text",
    "The core's document against lua-cjson's decode, change and encode: instructions, then time (the median). "
      .. "In C: the same by the core's own functions, without Lua and the texts and tables that it makes.",
    apply_table,
  },
  {
    "batch",
    "Many updates at once",
    "Updates a second, each a GET and a PUT of another referral; the median (lowest .. highest) of alternating runs.",
    batch_table,
  },
  { "memory", "Memory", "Resident memory of the process, after its garbage was collected.", plain_table "memory" },
}

local function has_part(figures, part)
  for _, figure in ipairs(figures.order) do
    if figure.part == part then
      return true
    end
  end
end

--- What is wanted and what was measured, for the README.
function M.judged(figures)
  return table_text((ratio_tables(figures)))
end

--- All of it.
---@param figures table
---@param about string how it was made
function M.text(figures, about)
  local judged, others = ratio_tables(figures)
  local out = { "# Benchmarks", about }
  if #judged > 1 then
    out[#out + 1] = "## What is wanted\n\n" .. table_text(judged)
  end
  if #others > 1 then
    out[#out + 1] = "## Other ratios\n\n" .. table_text(others)
  end
  for _, part in ipairs(PARTS) do
    if has_part(figures, part[1]) then
      out[#out + 1] = ("## %s\n\n%s\n\n%s"):format(part[2], part[3], table_text(part[4](figures)))
    end
  end
  if figures.quoted.nginx then
    out[#out + 1] = "## Within nginx\n\n```\n" .. table.concat(figures.quoted.nginx, "\n") .. "\n```"
  end
  return table.concat(out, "\n\n") .. "\n"
end

return M
