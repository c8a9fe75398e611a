local nginx = require "support.nginx"
local referral = require "support.referral"
local shell = require "support.shell"

-- Updates through one update_many in a process of its own, so that its memory is its own; prints what it saw.
local SCRIPT = [[
local referral = require "support.referral"
local referrals = require "referrals"
local url, ca_file, updates, count, warm = arg[1], arg[2] ~= "" and arg[2] or nil, tonumber(arg[3]), tonumber(arg[4]),
  tonumber(arg[5])
local broken = 0
local client = assert(referrals.new {
  endpoint = url, ca_file = ca_file, token = "a-token", concurrency = 64,
  on_event = function(event) broken = broken + (event.outcome ~= "ok" and 1 or 0) end,
})

local function memory()
  collectgarbage()
  collectgarbage()
  local file = assert(io.open("/proc/self/status"))
  local resident = tonumber(file:read("*a"):match("VmRSS:%s*(%d+)"))
  file:close()
  return collectgarbage("count"), resident
end

local pulled, finished, told = 0, 0, {}
local lua_before, resident_before, lua_after, resident_after
local totals = client:update_many(function()
  pulled = pulled + 1
  return pulled <= updates and {
    id = referral.id(pulled % count + 1), change = { externalReferenceId = "u" .. pulled },
  } or nil
end, {
  concurrency = 64,
  on_result = function(result)
    finished = finished + 1
    if finished == warm then
      lua_before, resident_before = memory()
    elseif finished == updates then
      lua_after, resident_after = memory()
    end
    local outcome = result.ok and "ok" or ("%s %s"):format(result.err.kind, tostring(result.err.applied))
    told[outcome] = (told[outcome] or 0) + 1
    if not result.ok and result.err.applied == false then
      print("refused u" .. result.index)
    end
  end,
})
print(("total %d succeeded %d changed %d"):format(totals.total, totals.succeeded, totals.changed))
print(("lua %.0f resident %d"):format(lua_after - lua_before, resident_after - resident_before))
print(("%d attempts broken"):format(broken))
for outcome, times in pairs(told) do
  print(("told %d %s"):format(times, outcome))
end
]]

-- For an interpreter built with ASan, which else keeps freed memory for a while.
local FREED_AT_ONCE = "ASAN_OPTIONS=$ASAN_OPTIONS:quarantine_size_mb=0:thread_local_quarantine_size_kb=0"

local function load(server, updates, count, brief)
  referral.store(server, count)
  local folder = shell.folder()
  finally(function()
    shell.remove_folder(folder)
    server:stop()
  end)
  local arguments = ("arg = {%q, %q, %d, %d, %d}\n"):format(server.url, server.ca_file or "", updates, count,
    math.floor(updates / 4))
  local output, status = shell.run_lua(folder, arguments .. SCRIPT, FREED_AT_ONCE)
  assert.equal(0, status, output)
  return output, server:record { brief = brief }
end

local function connections(record)
  local seen, count = {}, 0
  for _, entry in ipairs(record) do
    count = count + (seen[entry.connection] and 0 or 1)
    seen[entry.connection] = true
  end
  return count
end

local function assert_flat(output)
  local lua_growth, resident_growth = output:match("lua (%-?%d+) resident (%-?%d+)")
  assert.is_true(tonumber(lua_growth) < 100, lua_growth .. " KiB more in Lua")
  assert.is_true(tonumber(resident_growth) < 4000, resident_growth .. " KiB more in the process")
end

-- In full on one Lua: what is measured is the same on all.
local UPDATES = _VERSION == "Lua 5.4" and 5000 or 1000

describe(UPDATES .. " updates, 64 at once,", function()
  local REFERRALS = 100

  it("run in flat memory over HTTP/1.1", function()
    local output, record = load(nginx.start(), UPDATES, REFERRALS, true)
    assert.truthy(output:find(("total %d succeeded %d changed %d"):format(UPDATES, UPDATES, UPDATES), 1, true), output)
    assert.equal(UPDATES + REFERRALS, #record) -- each referral is read once
    assert.is_true(connections(record) <= 64, connections(record) .. " connections")
    assert_flat(output)
  end)

  it("run in flat memory over one or two connections of HTTP/2", function()
    local output, record = load(nginx.start { h2 = true }, UPDATES, REFERRALS, true)
    assert.truthy(output:find(("total %d succeeded %d changed %d"):format(UPDATES, UPDATES, UPDATES), 1, true), output)
    assert.equal(UPDATES + REFERRALS, #record) -- each referral is read once
    assert.is_true(connections(record) <= 2, connections(record) .. " connections")
    assert_flat(output)
  end)
end)

describe("a storm of GOAWAYs", function()
  local COUNT, REFERRALS, EACH = 600, 200, 50 -- one of them after so many requests

  it("ends with every update settled, and none is applied twice", function()
    local output, record = load(nginx.start { h2 = true, keepalive_requests = EACH }, COUNT, REFERRALS)
    assert.truthy(output:find("total " .. COUNT, 1, true), output)
    assert.is_nil(output:find("unsettled", 1, true), output)
    assert.is_true(tonumber(output:match("(%d+) attempts broken")) > 20, output)
    assert.is_true(connections(record) >= #record / EACH)
    local applied, count = {}, 0
    for _, entry in ipairs(record) do
      if entry.applied then
        local mark = entry.body:match('"externalReferenceId":"(u%d+)"')
        assert.is_nil(applied[mark], mark .. " was applied twice")
        applied[mark], count = true, count + 1
      end
    end
    for mark in output:gmatch("refused (u%d+)") do
      assert.is_nil(applied[mark], mark .. " was applied, and it was said not to be")
    end
    assert.equal(count, tonumber(output:match("succeeded (%d+)")))
    assert.is_true(count > COUNT * 0.9, count .. " updates came through")
  end)
end)

-- Updates of large referrals, first one at a time and then all at once; prints by how much the process grew.
local LARGE = [[
local referral = require "support.referral"
local referrals = require "referrals"
local client = assert(referrals.new { endpoint = arg[1], token = "a-token", cache = 0 })

local function resident()
  collectgarbage()
  collectgarbage()
  local file = assert(io.open("/proc/self/status"))
  local text = file:read("*a")
  file:close()
  return tonumber(text:match("VmRSS:%s*(%d+)"))
end

local function update(count, concurrency, mark)
  local items = {}
  for number = 1, count do
    items[number] = { id = referral.id(number), change = { externalReferenceId = mark } }
  end
  local options = { concurrency = concurrency, returns = "minimal", on_result = function() end }
  local totals = client:update_many(items, options)
  assert(totals.changed == count, totals.changed .. " changed")
end

local count = tonumber(arg[2])
update(count, 1, "one at a time")
local before = resident()
update(count, count, "all at once")
print(resident() - before)
]]

describe("large referrals updated all at once", function()
  local COUNT, BYTES = 16, 3 * 1024 * 1024
  local AT_ONCE = "MALLOC_MMAP_THRESHOLD_=65536 MALLOC_TRIM_THRESHOLD_=65536 " .. FREED_AT_ONCE

  it("are not held on to afterwards", function()
    local server = nginx.start()
    local folder = shell.folder()
    finally(function()
      shell.remove_folder(folder)
      server:stop()
    end)
    for number = 1, COUNT do
      server:store((referral.text(number):gsub('"team"', ('"notes":"%s","team"'):format(("n"):rep(BYTES)))))
    end
    local arguments = ("arg = {%q, %d}\n"):format(server.url, COUNT)
    local output, status = shell.run_lua(folder, arguments .. LARGE, AT_ONCE)
    assert.equal(0, status, output)
    local growth = tonumber(output:match("%-?%d+"))
    assert.is_true(growth < COUNT * BYTES / 1024 / 2, growth .. " KiB more in the process")
  end)
end)
