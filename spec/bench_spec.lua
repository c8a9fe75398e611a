-- The benchmarks compare like with like: the limit sends the bytes that ours sends, and the upstream answers as the
-- service would.
local common = require "bench.common"
local instructions = require "bench.instructions"
local shell = require "spec.support.shell"

-- What differs from request to request, as long as what stood there.
local function without_values(request)
  return (request:gsub("(Host: )[^\r]*", "%1")
    :gsub("(client%-request%-id: )[^\r]*", function(name) return name .. ("x"):rep(36) end)
    :gsub('(If%-Match: ")([^"]*)', function(name, tag) return name .. ("x"):rep(#tag) end))
end

local function values_removed(requests)
  local list = {}
  for place, request in ipairs(requests) do
    list[place] = without_values(request)
  end
  return list
end

describe("benchmarks #once", function()
  local folder, upstream

  before_each(function()
    folder = shell.folder()
    upstream = common.upstream { record = true }
  end)
  after_each(function()
    upstream:stop()
    shell.remove_folder(folder)
  end)

  local function run_ours(rest)
    local where = upstream.endpoint .. " " .. common.TOKEN
    shell.must(instructions.script("5.4", "ours.lua", where .. " 2 " .. rest))
    return upstream:requests()
  end

  local function run_limit(bodies, rest)
    local before = #upstream:requests()
    shell.must(("%s %s %s %s 2 %s %s"):format(common.build_limit(), upstream.endpoint, common.TOKEN, bodies,
      common.AGENT, rest))
    local requests = upstream:requests()
    return { (table.unpack or unpack)(requests, before + 1) }
  end

  it("the limit sends the bytes of a read and a PUT", function()
    local ours = run_ours("cold")
    local limit = run_limit(instructions.bodies(folder, ""), "get")
    assert.equal(4, #ours)
    table.remove(limit, 1) -- for an entity tag to begin with
    assert.same(values_removed(ours), values_removed(limit))
  end)

  it("the limit sends the bytes of a PATCH", function()
    local ours = run_ours("method=PATCH")
    local limit = run_limit(instructions.bodies(folder, "method=PATCH"), "method=PATCH")
    assert.same(values_removed(ours), values_removed(limit))
  end)

  it("the limit's other forms reach the upstream", function()
    run_ours("")
    local bodies = instructions.bodies(folder, "")
    for _, form in ipairs { "easy get", "bare easy get", "at-once=2 get warm=2" } do
      assert.is_true(#run_limit(bodies, form) >= 4, form)
    end
  end)

  it("the upstream's answer to a PUT is the base of the next one", function()
    local requests = run_ours("returns=minimal")
    assert.equal(3, #requests)
    assert.match("^GET ", requests[1])
    assert.match("^PUT ", requests[2])
    assert.match("^PUT ", requests[3])
  end)
end)
