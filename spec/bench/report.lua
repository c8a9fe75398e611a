--- The table: ratios first, what is wanted beside each, then the figures they come from.
local batch = require "bench.batch"
local common = require "bench.common"
local figures_of = require "bench.figures"

local M = {}

local number = figures_of.number

local Rows = {}
Rows.__index = Rows

local function holds(value, wanted)
  if wanted[1] == "<=" then
    return value <= wanted[2]
  end
  return value >= wanted[2]
end

--- A ratio or a difference: a number, or one for each round. `wanted` is {"<=" or ">=", bound}, or nil.
function Rows:add(label, value, form, wanted)
  local row = { label = label, value = "missing", wanted = "-", verdict = "" }
  if wanted then
    row.wanted = ("%s %s"):format(wanted[1], form:format(number(wanted[2])))
  end
  if value then
    local spread = type(value) == "table" and common.spread(value) or { median = value }
    row.value = form:format(number(spread.median))
    if spread.low then
      row.value = ("%s (%s .. %s)"):format(row.value, number(spread.low), number(spread.high))
    end
    row.verdict = wanted and (holds(spread.median, wanted) and "yes" or "NO") or ""
  end
  self[#self + 1] = row
end

local function over(a, b)
  return a and b and a / b
end

local function minus(a, b)
  return a and b and a - b
end

-- Round by round: what was slow in one was slow for both.
local function over_each(a, b)
  local ratios = {}
  for place = 1, math.min(a and #a or 0, b and #b or 0) do
    ratios[place] = a[place] / b[place]
  end
  return ratios[1] and ratios
end

local MORE, TIMES = "%s instructions more", "%s x"

local function instruction_rows(rows, get, suffix, text)
  local function of(key)
    return get(key .. suffix)
  end
  rows:add("cached, minimal, against the limit's PUT" .. text, minus(of "cached_minimal", of "limit_put"), MORE,
    { "<=", 60000 })
  rows:add("cold, minimal, against the limit's GET + PUT" .. text, minus(of "cold_minimal", of "limit_cold"), MORE,
    { "<=", 90000 })
  rows:add("what representation adds to minimal, in cjson decodes" .. text, over(minus(of "cached_representation",
    of "cached_minimal"), get "cjson_decode"), TIMES, { "<=", 1.3 })
  rows:add("Lua-cURL by hand needs, of cached, minimal" .. text, over(of "lua_curl", of "cached_minimal"), TIMES,
    { ">=", 3.5 })
  rows:add("Lua-cURL by hand needs, of cached, representation" .. text, over(of "lua_curl", of "cached_representation"),
    TIMES, { ">=", 2 })
  rows:add("LuaSocket by hand needs, of cached, minimal" .. text, over(of "lua_socket", of "cached_minimal"), TIMES)
  rows:add("LuaSocket by hand needs, of cached, representation" .. text, over(of "lua_socket",
    of "cached_representation"), TIMES)
end

local SPLICE = { "core", "read + apply" }
local ALONE = { "apply", "apply alone" }

-- How far the cost of a byte strays from that at 10 KB.
local function unevenness(get, job)
  local base, worst = get(("apply_%s_10k_byte"):format(job)), 0
  for _, size in ipairs { "100k", "1m", "8m" } do
    local value = get(("apply_%s_%s_byte"):format(job, size))
    worst = math.max(worst, math.abs(value / base - 1) * 100)
  end
  return worst
end

local function apply_rows(rows, get)
  for _, job in ipairs { SPLICE, ALONE } do
    local key = "apply_" .. job[1]
    rows:add(job[2] .. ", one field of the example", get(key .. "_example"), "%s instructions", { "<=", 30000 })
    rows:add(job[2] .. ", cost of a byte from 10 KB to 8 MB", unevenness(get, job[1]), "%s %% apart", { "<=", 15 })
    for _, size in ipairs { "1k", "example", "10k", "100k", "1m", "8m" } do
      rows:add(("lua-cjson needs, of %s, %s"):format(job[2], size), over(get("apply_cjson_" .. size), get(key .. "_"
        .. size)), TIMES .. " the instructions", { ">=", 8 })
      rows:add(("lua-cjson needs, of %s, %s"):format(job[2], size), over(get("apply_cjson_" .. size .. "_time"), get(key
        .. "_" .. size .. "_time")), TIMES .. " the time", { ">=", 8 })
    end
  end
end

local HAND_TIMES = {
  { "lua_curl", "Lua-cURL" },
  { "lua_socket", "LuaSocket" },
  { "python_http_http", "Python's http.client" },
  { "python_http_urllib", "Python's urllib" },
  { "python_http_requests", "Python's requests" },
  { "node_http_http", "Node's http" },
  { "node_http_fetch", "Node's fetch" },
  { "curl_jq", "curl and jq" },
}

local function time_rows(rows, values)
  local function against(label, ours, theirs)
    rows:add(label, over_each(values("time_" .. ours), values("time_" .. theirs)), TIMES .. " the time")
  end
  against("cached, minimal, against the limit's PUT", "cached_minimal", "limit_put")
  against("cold, minimal, against the limit's GET + PUT", "cold_minimal", "limit_cold")
  against("cached, representation, against the limit's PUT", "cached_representation", "limit_put")
  against("PATCH, cached, minimal, against the limit's PATCH", "patch_minimal", "limit_patch")
  for _, entry in ipairs(HAND_TIMES) do
    against(entry[2] .. " by hand takes, of cached, minimal", entry[1], "cached_minimal")
    against(entry[2] .. " by hand takes, of cold, representation", entry[1], "cold_representation")
  end
end

local RATE_WANTED = { fast = 0.7, slow = 0.9 }

local function batch_rows(rows, values)
  for _, upstream in ipairs(batch.UPSTREAMS) do
    for _, wire in ipairs(batch.WIRES) do
      for _, at_once in ipairs(batch.AT_ONCE) do
        local place = ("_%s_%s_%d"):format(wire.key, upstream.key, at_once)
        for _, returns in ipairs { "minimal", "representation" } do
          local wanted = at_once == 64 and { ">=", RATE_WANTED[upstream.key] } or nil
          local label = "update_many, %s, against C's multi loop: %d at once, %s, answered %s"
          rows:add(label:format(returns, at_once, wire.label, upstream.label), over_each(values("batch_" .. returns .. place),
            values("batch_limit" .. place)), TIMES .. " the rate", wanted)
        end
      end
    end
  end
end

local function memory_rows(rows, get)
  rows:add("growth after the first thousand updates, of one referral", get "growth_1_5.4", "%s KB", { "<=", 1024 })
  rows:add("growth after the first thousand updates, of 5,000 referrals by turns", get "growth_5000_5.4", "%s KB",
    { "<=", 1024 })
  rows:add("growth after the first thousand updates, of one referral, LuaJIT", get "growth_1_jit", "%s KB", { "<=", 1024 })
  rows:add("held by an update that waits, HTTP/1.1", get "waiting_h1", "%s bytes")
  rows:add("held by an update that waits, HTTP/2 and TLS", get "waiting_h2", "%s bytes")
end

--- The rows for what was measured.
---@param figures table
---@return table[]
function M.rows(figures)
  local rows = setmetatable({}, Rows)
  local function get(key)
    return figures:get(key)
  end
  local function values(key)
    return figures:values(key)
  end
  if figures.by_key.limit_put then
    instruction_rows(rows, get, "", "")
    instruction_rows(rows, get, "_deal", ", one number")
    rows:add("PATCH, cached, minimal, against the limit's PATCH", minus(get "PATCH_cached_minimal", get "limit_patch"), MORE)
  end
  if figures.by_key.apply_core_8m then
    apply_rows(rows, get)
  end
  if figures.by_key.time_limit_put then
    time_rows(rows, values)
  end
  if figures.by_key.batch_limit_h1_fast_1 then
    batch_rows(rows, values)
  end
  if figures.by_key["growth_1_5.4"] then
    memory_rows(rows, get)
  end
  return rows
end

-- Text ---------------------------------------------------------------------------------------------------------------

local function width(text)
  return select(2, text:gsub("[^\128-\191]", ""))
end

local function table_text(head, lines)
  local widths = {}
  for _, line in ipairs { head, (table.unpack or unpack)(lines) } do
    for place, cell in ipairs(line) do
      widths[place] = math.max(widths[place] or 3, width(cell))
    end
  end
  local function row(cells)
    local padded = {}
    for place, cell in ipairs(cells) do
      padded[place] = cell .. (" "):rep(widths[place] - width(cell))
    end
    return "| " .. table.concat(padded, " | ") .. " |"
  end
  local rule = {}
  for place, size in ipairs(widths) do
    rule[place] = ("-"):rep(size)
  end
  local out = { row(head), row(rule) }
  for _, line in ipairs(lines) do
    out[#out + 1] = row(line)
  end
  return table.concat(out, "\n")
end

M.table_text = table_text

local function ratios(figures)
  local lines = {}
  for _, row in ipairs(M.rows(figures)) do
    lines[#lines + 1] = { row.label, row.value, row.wanted, row.verdict }
  end
  return table_text({ "ratio", "measured", "wanted", "holds" }, lines)
end

local PARTS = {
  { "instructions", "Instructions of one update", "callgrind, user space, the difference of two run lengths." },
  { "apply", "One field changed in a text", "core.document against lua-cjson, texts of repeated content." },
  { "times", "Time of one update", "Wall clock, an upstream that answers at once; median (lowest .. highest) of the rounds." },
  { "batch", "Updates a second, many at once", "Each a GET and a PUT of another referral; median (lowest .. highest)." },
  { "memory", "Memory", "Resident memory of the process, its garbage collected." },
}

local function part_text(figures, part)
  local lines = {}
  for _, figure in ipairs(figures.order) do
    if figure.part == part then
      lines[#lines + 1] = { figure.label, figures_of.shown(figure) }
    end
  end
  return #lines > 0 and table_text({ "what", "measured" }, lines)
end

--- All of it, as Markdown.
function M.text(figures, about)
  local out = { about, "## Ratios", ratios(figures) }
  for _, part in ipairs(PARTS) do
    local text = part_text(figures, part[1])
    if text then
      out[#out + 1] = "## " .. part[2]
      out[#out + 1] = part[3]
      out[#out + 1] = text
    end
  end
  return table.concat(out, "\n\n") .. "\n"
end

return M
