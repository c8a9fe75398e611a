--- update_many against libcurl's multi handle in C: as many at once, over HTTP/1.1 and over HTTP/2 and TLS, against an
--- upstream that answers at once and one that takes 10 ms. Each update is a GET and a PUT of another referral.
local common = require "bench.common"
local instructions = require "bench.instructions"
local shell = require "support.shell"

local M = {}

local ROUNDS = 5

M.AT_ONCE = { 1, 4, 16, 64 }
M.UPSTREAMS = { { key = "fast", label = "at once" }, { key = "slow", label = "after 10 ms", delay = 10 } }
M.WIRES = { { key = "h1", label = "HTTP/1.1" }, { key = "h2", label = "HTTP/2 and TLS" } }

-- About a quarter of a second for each run.
local function count_for(upstream, at_once)
  return upstream.delay and (at_once > 4 and 24 or 12) * at_once or 2000
end

-- Each finds something to change in what the one before it left.
local function contenders(bodies, rest)
  local limit = ("%s ENDPOINT TOKEN %s COUNT get %s "):format(common.build_limit(), bodies, common.AGENT)
  local ours = instructions.script("5.4", "ours_many.lua", "ENDPOINT TOKEN COUNT ")
  return {
    { "limit", "C, multi loop", limit .. rest },
    { "minimal", "ours: update_many, minimal", ours .. "substatus=Declined returns=minimal " .. rest },
    { "representation", "ours: update_many, representation", ours .. "substatus=Expired " .. rest },
  }
end

local function measure(figures, context, at_once)
  local count = count_for(context.upstream, at_once)
  local rates = {}
  local rest = ("at-once=%d warm=%d %s"):format(at_once, at_once, context.rest)
  local list = contenders(context.bodies, rest)
  for _ = 1, ROUNDS do
    for place, entry in ipairs(list) do
      local values = { ENDPOINT = context.endpoint, TOKEN = common.TOKEN, COUNT = tostring(count) }
      local command = common.pinned("first", (entry[3]:gsub("%u%u%u%u%u+", values)))
      rates[place] = rates[place] or {}
      table.insert(rates[place], count / common.number(command))
    end
  end
  for place, entry in ipairs(list) do
    local key = ("batch_%s_%s_%s_%d"):format(entry[1], context.wire.key, context.upstream.key, at_once)
    local label = ("%s, answered %s, %d at once: %s"):format(context.wire.label, context.upstream.label, at_once,
      entry[2])
    figures:note("batch", key, label, rates[place], "a second")
  end
end

function M.run(figures)
  local folder = shell.folder()
  local bodies = instructions.bodies(folder, "change=status")
  for _, kind in ipairs(M.UPSTREAMS) do
    for _, wire in ipairs(M.WIRES) do
      local upstream = common.upstream { delay = kind.delay }
      local context = { upstream = kind, wire = wire, bodies = bodies, endpoint = upstream.endpoint, rest = "" }
      if wire.key == "h2" then
        upstream:secure()
        context.endpoint, context.rest = upstream.secure_endpoint, "http2 ca=" .. upstream.ca_file
      end
      for _, at_once in ipairs(M.AT_ONCE) do
        measure(figures, context, at_once)
      end
      upstream:stop()
    end
  end
  shell.remove_folder(folder)
end

return M
