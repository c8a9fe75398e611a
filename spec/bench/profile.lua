--- Where the instructions of an update go: those of each library, the difference of two run lengths. The kernel's are
--- not among them: those of user space are all that callgrind sees.
local common = require "bench.common"
local instructions = require "bench.instructions"
local shell = require "support.shell"

local M = {}

local SHORT, LONG = 50, 250

local OWNERS = {
  { "referrals/core", "ours, in C" },
  { "libcurl", "libcurl" },
  { "cjson", "lua-cjson" },
  { "liblua", "Lua" },
  { "/lua5.4", "Lua" },
  { "libc.so", "libc: copying, memory, system calls" },
  { "libc%-", "libc: copying, memory, system calls" },
}

local function owner_of(object)
  for _, entry in ipairs(OWNERS) do
    if object:find(entry[1]) then
      return entry[2]
    end
  end
  return "others"
end

-- Callgrind's file: "ob=" names the object that the costs below it belong to; the line after "calls=" is of the callee.
local function add_up(path, costs, sign)
  local owner, is_call = "others", false
  for line in io.lines(path) do
    local object = line:match("^ob=(.*)")
    if object then
      owner = owner_of(object)
    elseif line:find("^calls=") then
      is_call = true
    else
      local cost = line:match("^[%d+*-]%S* (%d+)$")
      if cost and not is_call then
        costs[owner] = (costs[owner] or 0) + sign * tonumber(cost)
      end
      is_call = is_call and not cost
    end
  end
end

local FORM = "valgrind --tool=callgrind --compress-strings=no --compress-pos=no --callgrind-out-file=%s %s"

local function costs_of(folder, command, endpoint)
  local costs = {}
  for place, count in ipairs { SHORT, LONG } do
    local path = ("%s/costs%d"):format(folder, count)
    local filled = command:gsub("%u%u%u%u%u+", { COUNT = tostring(count), ENDPOINT = endpoint })
    local settings, rest = filled:match("^(LUA_PATH='[^']*' LUA_CPATH='[^']*' )(.*)$")
    shell.must(instructions.TUNED .. (settings or "") .. FORM:format(path, rest or filled))
    add_up(path, costs, place == 1 and -1 or 1)
  end
  for owner, cost in pairs(costs) do
    costs[owner] = cost / (LONG - SHORT)
  end
  return costs
end

M.ORDER = {
  "libcurl", "ours, in C", "Lua", "lua-cjson", "libc: copying, memory, system calls", "the limit itself", "others",
}

M.FORMS = {
  { key = "profile_limit_put_", label = "C, limit: PUT", limit = "" },
  { key = "profile_cached_minimal_", label = "ours: cached, minimal", ours = "returns=minimal" },
  { key = "profile_cached_representation_", label = "ours: cached, representation", ours = "" },
  { key = "profile_limit_cold_", label = "C, limit: GET + PUT", limit = "get" },
  { key = "profile_cold_minimal_", label = "ours: cold, minimal", ours = "cold returns=minimal" },
}

local function note(figures, label, key, costs)
  for _, owner in ipairs(M.ORDER) do
    if costs[owner] then
      figures:note("profile", key .. owner, ("%s: %s"):format(label, owner), costs[owner], "")
    end
  end
end

function M.run(figures)
  local folder, upstream = shell.folder(), common.upstream()
  local where = "ENDPOINT " .. common.TOKEN
  OWNERS[#OWNERS + 1] = { "/bench/limit", "the limit itself" }
  local limit = ("%s %s %s COUNT %s "):format(common.build_limit(), where, instructions.bodies(folder, ""),
    common.AGENT)
  for _, form in ipairs(M.FORMS) do
    local command = form.limit and limit .. form.limit
      or instructions.script("5.4", "ours.lua", ("%s COUNT %s"):format(where, form.ours))
    note(figures, form.label, form.key, costs_of(folder, command, upstream.endpoint))
  end
  upstream:stop()
  shell.remove_folder(folder)
end

return M
