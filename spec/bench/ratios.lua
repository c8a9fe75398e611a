--- What the figures of a run say of each other: ratios and differences, with what is wanted of them.
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
  local row = { label = label, value = "missing", holds = wanted and "missing" }
  row.wanted = wanted and ("%s %s"):format(wanted[1], form:format(number(wanted[2])))
  if value then
    local spread = type(value) == "table" and common.spread(value) or { median = value }
    row.value = form:format(number(spread.median))
    if spread.low then
      row.value = ("%s (%s .. %s)"):format(row.value, number(spread.low), number(spread.high))
    end
    row.holds = wanted and (holds(spread.median, wanted) and "yes" or "NO")
  end
  self[#self + 1] = row
end

local function over(a, b)
  return a and b and a / b
end

local function minus(a, b)
  return a and b and a - b
end

--- Round by round: what was slow in one was slow for both.
function M.over_each(a, b)
  local ratios = {}
  for place = 1, math.min(a and #a or 0, b and #b or 0) do
    ratios[place] = a[place] / b[place]
  end
  return ratios[1] and ratios
end

-- Instructions -------------------------------------------------------------------------------------------------------

local MORE, TIMES = "%s instructions more", "%s x"

local function instruction_rows(rows, get, suffix, text)
  local function of(key)
    return get(key .. suffix)
  end
  rows:add("cached, minimal, against the limit's PUT" .. text, minus(of "cached_minimal", of "limit_put"), MORE,
    { "<=", 60000 })
  rows:add("cold, minimal, against the limit's GET + PUT" .. text, minus(of "cold_minimal", of "limit_cold"), MORE,
    { "<=", 90000 })
  rows:add("cached, representation adds to minimal, in cjson decodes" .. text, over(minus(of "cached_representation",
    of "cached_minimal"), get "cjson_decode"), TIMES, { "<=", 1.3 })
  rows:add("Lua-cURL by hand needs, of cached, minimal" .. text, over(of "lua_curl", of "cached_minimal"), TIMES,
    { ">=", 3.5 })
  rows:add("Lua-cURL by hand needs, of cached, representation" .. text, over(of "lua_curl", of "cached_representation"),
    TIMES, { ">=", 2 })
  rows:add("LuaSocket by hand needs, of cached, minimal" .. text, over(of "lua_socket", of "cached_minimal"), TIMES)
  rows:add("LuaSocket by hand needs, of cached, representation" .. text, over(of "lua_socket",
    of "cached_representation"), TIMES)
end

local function all_instruction_rows(rows, get)
  instruction_rows(rows, get, "", "")
  instruction_rows(rows, get, "_deal", ", one number")
  rows:add("PATCH, cached, minimal, against the limit's PATCH", minus(get "PATCH_cached_minimal", get "limit_patch"),
    MORE)
end

-- The document -------------------------------------------------------------------------------------------------------

local LARGE = { "10k", "100k", "1m", "8m" }

local function of_sizes(get, form)
  local values = {}
  for place, size in ipairs(LARGE) do
    values[place] = get(form:format(size))
  end
  return common.spread(values)
end

--- Between the size whose bytes cost most and the one whose bytes cost least.
local function unevenness(get, job)
  local spread = of_sizes(get, "apply_" .. job .. "_%s_byte")
  return (spread.high / spread.low - 1) * 100
end

local function least_advantage(get, job, kind)
  local ratios = {}
  for place, size in ipairs(LARGE) do
    ratios[place] = get("apply_cjson_" .. size .. kind) / get(("apply_%s_%s%s"):format(job, size, kind))
  end
  return common.spread(ratios).low
end

local JOBS = { { "core", "document.read and apply" }, { "apply", "document.apply alone" } }

-- Applied alone, a text costs next to nothing beyond a fixed sum, whatever its size.
local function apply_rows(rows, get)
  for _, entry in ipairs { { "c", "in C" }, { "core", "through Lua" } } do
    rows:add(("document.read and apply, %s, a byte's cost, 10 KB to 8 MB, highest against lowest"):format(entry[2]),
      unevenness(get, entry[1]), "%s %% more", { "<=", 15 })
  end
  for _, entry in ipairs(JOBS) do
    local job, label = entry[1], entry[2]
    rows:add(label .. ", one field of the example", get(("apply_%s_example"):format(job)), "%s instructions",
      { "<=", 30000 })
    for _, kind in ipairs { { "", TIMES .. " the instructions" }, { "_time", TIMES .. " the time" } } do
      rows:add(("lua-cjson needs, of %s, the example"):format(label), over(get("apply_cjson_example" .. kind[1]),
        get(("apply_%s_example%s"):format(job, kind[1]))), kind[2], { ">=", 8 })
      rows:add(("lua-cjson needs, of %s, the least from 10 KB to 8 MB"):format(label),
        least_advantage(get, job, kind[1]), kind[2], { ">=", 8 })
    end
  end
end

-- Time ---------------------------------------------------------------------------------------------------------------

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
    rows:add(label, M.over_each(values("time_" .. ours), values("time_" .. theirs)), TIMES .. " the time")
  end
  against("cached, minimal, against the limit's PUT", "cached_minimal", "limit_put")
  against("cold, minimal, against the limit's GET + PUT", "cold_minimal", "limit_cold")
  against("cached, representation, against the limit's PUT", "cached_representation", "limit_put")
  against("cold, representation, against the limit's GET + PUT", "cold_representation", "limit_cold")
  against("PATCH, cached, minimal, against the limit's PATCH", "patch_minimal", "limit_patch")
  for _, entry in ipairs(HAND_TIMES) do
    against(entry[2] .. " by hand takes, of cached, minimal", entry[1], "cached_minimal")
    against(entry[2] .. " by hand takes, of cached, representation", entry[1], "cached_representation")
    against(entry[2] .. " by hand takes, of cold, representation", entry[1], "cold_representation")
  end
end

-- Many at once -------------------------------------------------------------------------------------------------------

local RATE_WANTED = { fast = 0.7, slow = 0.9 }
local MOST = batch.AT_ONCE[#batch.AT_ONCE]

local function batch_rows(rows, values)
  for _, upstream in ipairs(batch.UPSTREAMS) do
    for _, wire in ipairs(batch.WIRES) do
      for _, returns in ipairs { "minimal", "representation" } do
        local place = ("_%s_%s_%d"):format(wire.key, upstream.key, MOST)
        local label = ("update_many, %s, %d at once, %s, answered %s"):format(returns, MOST, wire.label, upstream.label)
        rows:add(label, M.over_each(values("batch_" .. returns .. place), values("batch_limit" .. place)),
          "%s x the multi loop's rate", { ">=", RATE_WANTED[upstream.key] })
      end
    end
  end
end

-- Memory -------------------------------------------------------------------------------------------------------------

local function memory_rows(rows, get)
  local wanted = { "<=", 1023 }
  rows:add("growth after the first thousand updates, one referral", get "growth_1_5.4", "%s KB", wanted)
  rows:add("growth after the first thousand updates, one referral, LuaJIT", get "growth_1_jit", "%s KB", wanted)
  rows:add("growth after the first 20,000 updates, one referral, LuaJIT", get "settled_1_jit", "%s KB", wanted)
  rows:add("growth after the first thousand updates, 5,000 referrals by turns", get "growth_5000_5.4", "%s KB", wanted)
  rows:add("growth after the first 3,000 updates, 5,000 referrals by turns", get "later_5000_5.4", "%s KB", wanted)
  rows:add("held by an update that waits, HTTP/1.1", get "waiting_h1", "%s bytes")
  rows:add("held by an update that waits, HTTP/2 and TLS", get "waiting_h2", "%s bytes")
end

local PARTS = {
  { "limit_put", all_instruction_rows },
  { "apply_core_8m", apply_rows },
  { "batch_limit_h1_fast_1", batch_rows, each = true },
  { "growth_1_5.4", memory_rows },
  { "time_limit_put", time_rows, each = true },
}

--- The rows for what was measured.
---@param figures table
---@return {label: string, value: string, wanted: string?, holds: string?}[]
function M.rows(figures)
  local rows = setmetatable({}, Rows)
  local function get(key)
    return figures:get(key)
  end
  local function values(key)
    return figures:values(key)
  end
  for _, part in ipairs(PARTS) do
    if figures.by_key[part[1]] then
      part[2](rows, part.each and values or get)
    end
  end
  return rows
end

return M
