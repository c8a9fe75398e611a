--- Instructions in user space of one update, by callgrind: the difference of two run lengths, so that starting and
--- ending do not count. They hardly differ from run to run, whatever else the machine does.
local common = require "bench.common"
local shell = require "support.shell"

local M = {}

local SHORT, LONG = 50, 1050

-- Callgrind counts an instruction that copies a long text once for each byte of it; glibc is told not to use that one.
local TUNED = "GLIBC_TUNABLES=glibc.cpu.x86_rep_movsb_threshold=1000000000 "
M.TUNED = TUNED

local COUNTED = TUNED .. "%svalgrind --tool=callgrind --callgrind-out-file=/dev/null %s 2>&1; echo status $?"

-- The settings go before valgrind.
local function start(command, count, endpoint)
  local filled = command:gsub("%u%u%u%u%u+", { COUNT = tostring(count), ENDPOINT = endpoint })
  local settings, rest = filled:match("^(LUA_PATH='[^']*' LUA_CPATH='[^']*' )(.*)$")
  return assert(io.popen(COUNTED:format(settings or "", rest or filled)))
end

local function finish(pipe)
  local output = pipe:read("*a")
  pipe:close()
  local count = output:match("Collected : (%d+)")
  assert(count and output:find("status 0\n", 1, true), output)
  return tonumber(count)
end

-- Both lengths at once, each against an upstream of its own: instructions do not mind who else is busy.
local function per_update(command, endpoints, short, long)
  short, long = short or SHORT, long or LONG
  local first, second = start(command, short, endpoints[1]), start(command, long, endpoints[2])
  return (finish(second) - finish(first)) / (long - short)
end

M.per_update = per_update

local RUNS = 3

--- The middle of some runs: how Lua's tables fall, and with them what they cost, is another matter each time.
local function median_per_update(command, endpoints)
  local runs = {}
  for run = 1, RUNS do
    runs[run] = per_update(command, endpoints)
  end
  table.sort(runs)
  return runs[(RUNS + 1) / 2]
end

local function script(lua, path, rest)
  local environment, interpreter = common.lua(lua)
  return ("%s%s %s/spec/bench/%s %s"):format(environment, interpreter, common.ROOT, path, rest)
end

M.script = script

--- Can one of the Luas load these?
function M.has(lua, modules)
  local environment, interpreter = common.lua(lua)
  for _, name in ipairs(modules) do
    local _, status = shell.run(('%s%s -e \'require "%s"\''):format(environment, interpreter, name))
    if status ~= 0 then
      return false
    end
  end
  return true
end

--- The bodies of two updates of ours, as files, for the limit.
function M.bodies(folder, rest)
  local upstream = common.upstream { record = true }
  shell.must(script("5.4", "ours.lua", ("%s %s 2 %s"):format(upstream.endpoint, common.TOKEN, rest)))
  local requests = upstream:requests()
  upstream:stop()
  local paths = {}
  for place = 1, 2 do
    paths[place] = ("%s/body%d%s"):format(folder, place, rest:gsub("%W", "_"))
    shell.write(paths[place], requests[#requests - 2 + place]:match("\r\n\r\n(.*)$"))
  end
  return paths[1] .. " " .. paths[2], requests
end

local OURS = {
  { "cached", "minimal", "returns=minimal" },
  { "cached", "representation", "" },
  { "cold", "minimal", "cold returns=minimal" },
  { "cold", "representation", "cold" },
  { "PATCH cached", "minimal", "method=PATCH returns=minimal" },
}

local LIMITS = {
  { "limit_put", "C, limit: PUT", "" },
  { "limit_cold", "C, limit: GET + PUT", "get" },
  { "limit_put_easy", "C, limit, easy handle: PUT", "easy" },
  { "limit_cold_easy", "C, limit, easy handle: GET + PUT", "get easy" },
  { "bare_put", "C, bare: PUT", "bare easy" },
  { "bare_cold", "C, bare: GET + PUT", "bare easy get" },
}

--- By hand, with the Luas that may have what it needs.
M.HAND = {
  {
    key = "lua_curl",
    label = "Lua-cURL + lua-cjson",
    path = "by_hand/lua_curl.lua",
    luas = { "5.4", "5.3", "5.1" },
    needs = { "curl", "cjson", "socket" },
  },
  {
    key = "lua_socket",
    label = "LuaSocket + lua-cjson",
    path = "by_hand/lua_socket.lua",
    luas = { "5.4" },
    needs = { "socket.http", "cjson" },
  },
}

--- The first of its Luas that has all of it.
function M.lua_for(entry)
  for _, lua in ipairs(entry.luas) do
    if M.has(lua, entry.needs) then
      return lua
    end
  end
end

local function in_lua(lua)
  return lua and (lua == "jit" and ", LuaJIT" or ", Lua " .. lua) or ""
end

local WHERE = "ENDPOINT " .. common.TOKEN

local Measuring = {}
Measuring.__index = Measuring

function Measuring:count(key, label, command, why)
  self.figures:note("instructions", key, label, command and median_per_update(command, self.endpoints), "", why)
end

function Measuring:limits(change, suffix, text)
  local bodies = M.bodies(self.folder, "change=" .. change)
  for place, entry in ipairs(LIMITS) do
    if change == "status" or place <= 2 then
      self:count(entry[1] .. suffix, entry[2] .. text, ("%s %s %s COUNT %s %s"):format(self.limit, WHERE, bodies,
        common.AGENT, entry[3]))
    end
  end
end

function Measuring:limit_patch()
  local patches = M.bodies(self.folder, "method=PATCH change=status")
  self:count("limit_patch", "C, limit: PATCH", ("%s %s %s COUNT %s method=PATCH"):format(self.limit, WHERE, patches,
    common.AGENT))
end

function Measuring:ours(change, suffix, text)
  for _, entry in ipairs(OURS) do
    local key = (entry[1] .. "_" .. entry[2]):gsub("%W", "_")
    self:count(key .. suffix, ("ours: %s, %s%s"):format(entry[1], entry[2], text), script("5.4", "ours.lua",
      ("%s COUNT change=%s %s"):format(WHERE, change, entry[3])))
  end
end

function Measuring:ours_elsewhere()
  for _, lua in ipairs { "5.1", "jit" } do
    self:count("cached_minimal_" .. lua, "ours: cached, minimal" .. in_lua(lua), script(lua, "ours.lua", WHERE
      .. " COUNT returns=minimal"))
  end
end

function Measuring:by_hand(change, suffix, text)
  for _, entry in ipairs(M.HAND) do
    local lua = M.lua_for(entry)
    self:count(entry.key .. suffix, "by hand: " .. entry.label .. in_lua(lua) .. text, lua and script(lua, entry.path,
      ("%s COUNT change=%s"):format(WHERE, change)), "no Lua here has " .. table.concat(entry.needs, ", "))
  end
end

function Measuring:cjson(example)
  for _, job in ipairs { "decode", "all" } do
    local label = job == "all" and "decode, change, encode" or job
    self:count("cjson_" .. job, "lua-cjson alone: " .. label, script("5.4", "by_hand/cjson_only.lua",
      example .. " COUNT " .. job))
  end
end

--- Measures all of them.
function M.run(figures)
  local upstreams = { common.upstream(), common.upstream() }
  local measuring = setmetatable({
    figures = figures,
    folder = shell.folder(),
    limit = common.build_limit(),
    endpoints = { upstreams[1].endpoint, upstreams[2].endpoint },
  }, Measuring)
  for place, change in ipairs { "status", "deal" } do
    local suffix = place == 1 and "" or "_deal"
    local text = place == 1 and "" or ", one number"
    measuring:limits(change, suffix, text)
    measuring:ours(change, suffix, text)
    measuring:by_hand(change, suffix, text)
  end
  measuring:limit_patch()
  measuring:ours_elsewhere()
  measuring:cjson(upstreams[1].folder .. "/example")
  upstreams[1]:stop()
  upstreams[2]:stop()
  shell.remove_folder(measuring.folder)
end

return M
