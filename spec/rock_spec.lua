-- The rock as a user gets it: installed by LuaRocks, used from that tree alone.
local ROCKSPEC = "rockspec/referrals-scm-1.rockspec"
local VERSION = _VERSION:match("%d%.%d")
local INTERPRETER = rawget(_G, "jit") and "luajit" or "lua" .. VERSION

local SCRIPT = [[
local referrals = require "referrals"
local sandbox = require "referrals.sandbox"

local client = referrals.new { sandbox = sandbox.new() }
local referral = assert(client:update(sandbox.EXAMPLE_ID, { status = "Closed", substatus = "Won" }))
print(referral.status .. "/" .. referral.substatus)
print((debug.getinfo(referrals.new, "S").source))
]]

--- What a command prints on both its outputs, and whether it succeeded.
local function run(command)
  local pipe = assert(io.popen("{ " .. command .. "\n} 2>&1 </dev/null; echo \"status $?\""))
  local text, status = pipe:read("*a"):match("^(.*)status (%d+)\n$")
  pipe:close()
  return text, status == "0"
end

local function must(command)
  local text, ok = run(command)
  assert(ok, command .. "\n" .. text)
  return text
end

local function lines(text)
  local list = {}
  for line in text:gmatch("[^\n]+") do
    list[#list + 1] = line
  end
  return list
end

local function write_file(path, text)
  local file = assert(io.open(path, "w"))
  assert(file:write(text))
  assert(file:close())
end

local function read_rockspec()
  local spec = {}
  if setfenv then
    setfenv(assert(loadfile(ROCKSPEC)), spec)()
  else
    assert(loadfile(ROCKSPEC, "t", spec))()
  end
  return spec
end

describe("the rock #rock", function()
  local folder, tree, installed

  -- Builds from a copy, since LuaRocks leaves its object files beside the sources. Nothing is fetched: there is no
  -- server, and Debian's lua-cjson, which LuaRocks does not see, is declared as provided.
  setup(function()
    folder = must("mktemp -d"):gsub("\n", "")
    tree = folder .. "/tree"
    write_file(folder .. "/config.lua", 'rocks_servers = {}\nrocks_provided = { ["lua-cjson"] = "2.1.0-1" }\n')
    must(("mkdir '%s/source' '%s/elsewhere' && cp -r csrc lua rockspec '%s/source/'"):format(folder, folder, folder))
    installed = must(([[
      cd '%s/source'
      unset LUA_PATH LUA_CPATH $(env | grep -o '^CURL_[A-Z]*')
      LUAROCKS_CONFIG='%s/config.lua' luarocks --lua-version=%s --tree='%s' make %s]]):format(
      folder, folder, VERSION, tree, ROCKSPEC))
  end)

  teardown(function()
    if folder then
      must("rm -rf '" .. folder .. "'")
    end
  end)

  it("installs without a warning of the compiler or of LuaRocks", function()
    assert.is_nil(installed:lower():match("[^\n]*warning[^\n]*"))
  end)

  it("runs from its tree, in another folder", function()
    local share, lib = tree .. "/share/lua/" .. VERSION, tree .. "/lib/lua/" .. VERSION
    write_file(folder .. "/elsewhere/script.lua", SCRIPT)
    local printed = lines(must(([[
      cd '%s/elsewhere'
      LUA_PATH='%s/?.lua;%s/?/init.lua;;' LUA_CPATH='%s/?.so;;' %s script.lua]]):format(
      folder, share, share, lib, INTERPRETER)))
    assert.equal("Closed/Won", printed[1])
    assert.equal("@" .. share, printed[2]:sub(1, #share + 1))
  end)

  it("shows one symbol", function()
    local path = ("%s/lib/lua/%s/referrals/core.so"):format(tree, VERSION)
    local symbols = lines(must("nm -D --defined-only --format=posix '" .. path .. "'"))
    assert.equal(1, #symbols, table.concat(symbols, "\n"))
    assert.equal("luaopen_referrals_core", symbols[1]:match("^%S+"))
  end)

  it("lists every source file and no other", function()
    local missing, gone = {}, {}
    for _, path in ipairs(lines(must("find csrc lua -name '*.c' -o -name '*.lua'"))) do
      missing[path] = true
    end
    local function listed(path)
      gone[path] = not missing[path] or nil
      missing[path] = nil
    end
    for name, what in pairs(read_rockspec().build.modules) do
      if type(what) == "string" then
        listed(what)
        assert.equal(name, (what:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", ".")))
      else
        for _, source in ipairs(what.sources) do
          listed(source)
        end
      end
    end
    assert.same({}, missing, "not in the rockspec")
    assert.same({}, gone, "only in the rockspec")
  end)

  it("holds every file below lua/", function()
    -- What LuaRocks does not install as a module would be missing after an installation.
    assert.equal("", must("find lua -type f ! -name '*.lua'"))
  end)
end)
