--- Wall-clock time of one update, each against the same upstream, which answers at once. In each round everybody has
--- their turn, so that a slow moment of the machine meets all of them.
local common = require "bench.common"
local instructions = require "bench.instructions"
local shell = require "support.shell"

local M = {}

local ROUNDS = 7

local function has(program)
  return select(2, shell.run("command -v " .. program)) == 0
end

local function has_python(module)
  return select(2, shell.run("python3 -c 'import " .. module .. "'")) == 0
end

local function ours(key, label, lua, options)
  return {
    key = "time_" .. key,
    label = "ours: " .. label,
    count = 1000,
    command = instructions.script(lua, "ours.lua", "ENDPOINT TOKEN COUNT warm=100 " .. options),
  }
end

local function by_program(program, path, options, label, count)
  return {
    key = "time_" .. path:match("^%w+_?%w*") .. options:gsub("^client=", "_"),
    label = "by hand: " .. label,
    count = count,
    command = has(program) and ("%s %s/spec/bench/by_hand/%s ENDPOINT TOKEN COUNT warm=%d %s"):format(program,
      common.ROOT, path, count / 10, options),
    why = program .. " is not installed",
    free = program ~= "python3",
  }
end

local function limits(folder)
  local list, limit = {}, common.build_limit()
  local bodies = instructions.bodies(folder, "change=status")
  local patches = instructions.bodies(folder, "method=PATCH change=status")
  for _, entry in ipairs {
    { "limit_put", "C, limit: PUT", bodies, "" },
    { "limit_cold", "C, limit: GET + PUT", bodies, "get" },
    { "limit_patch", "C, limit: PATCH", patches, "method=PATCH" },
    { "bare_put", "C, bare: PUT", bodies, "bare easy" },
    { "bare_cold", "C, bare: GET + PUT", bodies, "bare easy get" },
  } do
    list[#list + 1] = {
      key = "time_" .. entry[1],
      label = entry[2],
      count = 1000,
      command = ("%s ENDPOINT TOKEN %s COUNT warm=100 %s %s"):format(limit, entry[3], common.AGENT, entry[4]),
    }
  end
  return list
end

local function in_lua(list)
  for _, entry in ipairs(instructions.HAND) do
    local lua = instructions.lua_for(entry)
    list[#list + 1] = {
      key = "time_" .. entry.key,
      label = ("by hand: %s%s"):format(entry.label, lua and ", Lua " .. lua or ""),
      count = 1000,
      command = lua and instructions.script(lua, entry.path, "ENDPOINT TOKEN COUNT warm=100"),
      why = "no Lua here has " .. table.concat(entry.needs, ", "),
    }
  end
end

local function everybody(folder)
  local list = limits(folder)
  for _, entry in ipairs {
    ours("cached_minimal", "cached, minimal", "5.4", "returns=minimal"),
    ours("cached_representation", "cached, representation", "5.4", ""),
    ours("cold_minimal", "cold, minimal", "5.4", "cold returns=minimal"),
    ours("cold_representation", "cold, representation", "5.4", "cold"),
    ours("patch_minimal", "PATCH, cached, minimal", "5.4", "method=PATCH returns=minimal"),
    ours("patch_representation", "PATCH, cached, representation", "5.4", "method=PATCH"),
    ours("cached_minimal_jit", "cached, minimal, LuaJIT", "jit", "returns=minimal"),
    ours("cached_representation_jit", "cached, representation, LuaJIT", "jit", ""),
  } do
    list[#list + 1] = entry
  end
  in_lua(list)
  list[#list + 1] = by_program("python3", "python_http.py", "client=http", "Python, http.client", 500)
  list[#list + 1] = by_program("python3", "python_http.py", "client=urllib", "Python, urllib.request", 300)
  list[#list + 1] = by_program("python3", "python_http.py", "client=requests", "Python, requests", 200)
  list[#list].command = has_python("requests") and list[#list].command
  list[#list].why = "the package requests is not installed"
  list[#list + 1] = by_program("node", "node_http.mjs", "client=http", "Node, http with a keep-alive agent", 1000)
  list[#list + 1] = by_program("node", "node_http.mjs", "client=fetch", "Node, fetch", 1000)
  list[#list + 1] = by_program("bash", "curl_jq.sh", "", "the commands curl and jq", 20)
  list[#list].command = has("jq") and has("curl") and list[#list].command
  list[#list].why = "jq or curl is not installed"
  return list
end

-- Ours and the limit must run; of what others offer, what does not is named.
local function time_of(entry, endpoint)
  local values = { ENDPOINT = endpoint, TOKEN = common.TOKEN, COUNT = tostring(entry.count) }
  local command = entry.command:gsub("%u%u%u%u%u+", values)
  command = entry.free and command or common.pinned("first", command)
  local ran, seconds = pcall(common.number, command)
  if ran then
    return seconds / entry.count * 1e6
  end
  assert(entry.label:find("^by hand"), seconds)
  entry.command, entry.why = nil, "it does not run here"
end

function M.run(figures)
  local folder, upstream = shell.folder(), common.upstream()
  local list, times = everybody(folder), {}
  for _ = 1, ROUNDS do
    for place, entry in ipairs(list) do
      local time = entry.command and time_of(entry, upstream.endpoint)
      times[place] = times[place] or {}
      times[place][#times[place] + 1] = time or nil
    end
  end
  for place, entry in ipairs(list) do
    figures:note("times", entry.key, entry.label, times[place][1] and times[place], "us", entry.why)
  end
  upstream:stop()
  shell.remove_folder(folder)
end

return M
