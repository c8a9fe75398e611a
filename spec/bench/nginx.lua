--- Within nginx: what the programs in the folder nginx say, word for word.
local common = require "bench.common"
local shell = require "support.shell"

local M = {}

local PROGRAMS = { "throughput", "concurrency", "bystander" }

-- Their Lua is nginx's, LuaJIT; some of what they use is asked for from the root.
local COMMAND = "LUA_PATH='%s/lua/?.lua;%s/lua/?/init.lua;%s/spec/?.lua;%s/?.lua;;' LUA_CPATH='%s/5.1/?.so;;' "
  .. "BUILD='%s' luajit spec/bench/nginx/%s.lua"

function M.run(figures)
  local root = common.ROOT
  for _, program in ipairs(PROGRAMS) do
    local output = shell.run(COMMAND:format(root, root, root, root, common.BUILD, common.BUILD, program))
    for line in output:gmatch("[^\n]+") do
      figures:quote("nginx", line)
    end
  end
end

return M
