local counting = require "support.counting"
local http = require("referrals.core").http
local nginx = require "support.nginx"
local referral = require "support.referral"
local referrals = require "referrals"
local shell = require "support.shell"
local wire = require "support.wire"

local id = referral.id

-- The whole suite so: make jitter.
describe("with every answer delayed at random", function()
  local server, client

  setup(function()
    server = nginx.start()
  end)

  teardown(function()
    server:stop()
  end)

  before_each(function()
    server:reset { delay = 0.05 }
    referral.store(server, 20)
    client = referrals.new { endpoint = server.url, token = "a-token" }
  end)

  --- Runs the same update of many referrals at once; gives the results.
  local function all(change, options)
    local list = {}
    for number = 1, 20 do
      list[number] = { id = id(number), change = change }
    end
    return client:update_many(list, options or { concurrency = 20 })
  end

  local function assert_all(results, member, value)
    assert.equal(20, results.succeeded, tostring(results[1].err))
    for number = 1, 20 do
      wire.says(server:stored(id(number)), ('"%s":"%s"'):format(member, value))
    end
  end

  it("each update reads and writes once", function()
    assert_all(all { campaignId = "mine" }, "campaignId", "mine")
    assert.equal(40, #server:record())
  end)

  it("a writer in between is met and kept", function()
    local other = referrals.new { endpoint = server.url, token = "another" }
    local met = {}
    local results = all(function(current)
      if not met[current.id] then
        met[current.id] = true
        assert(other:update(current.id, { statusReason = "theirs" }))
      end
      current.campaignId = "mine"
    end)
    assert_all(results, "campaignId", "mine")
    assert_all(results, "statusReason", "theirs")
  end)

  it("of writers to one referral none overwrites the other", function()
    local other = referrals.new { endpoint = server.url, token = "another" }
    local reads = 0
    local value, err = client:update(id(1), function(current)
      reads = reads + 1
      if reads <= 3 then
        assert(other:update(id(1), function(theirs)
          table.insert(theirs.team, { firstName = "Other" .. reads })
        end))
      end
      table.insert(current.team, { firstName = "Mine" })
    end)
    assert.is_nil(err)
    assert.equal(4, reads)
    local names = {}
    for index, member in ipairs(value.team) do
      names[index] = member.firstName
    end
    assert.equal("Other1 Other2 Other3 Mine", table.concat(names, " "))
  end)

  it("a lost answer is settled", function()
    for _, fault in ipairs {
      { kind = "close_after", mode = "fin" }, { kind = "close_after", mode = "rst" }, { kind = "cut" },
      { kind = "close_before" }, { kind = "html", applied = true }, { kind = "status", status = 503 },
      { kind = "status", status = 503, applied = true }, { kind = "garbage" },
    } do
      server:clear_faults()
      fault.method, fault.times = "PUT", 20
      server:fault(fault)
      local mark = fault.kind .. (fault.mode or fault.status or "")
      assert_all(all { campaignId = mark }, "campaignId", mark)
    end
  end)

  it("a stale read after a lost answer leads to no second write", function()
    assert_all(all { campaignId = "before" }, "campaignId", "before")
    for number = 1, 20 do
      server:fault { kind = "close_after", method = "PUT", path = id(number) }
      server:fault { kind = "stale", method = "GET", path = id(number), after = 1 }
    end
    local results = all(function(current)
      current.details.dealValue = current.details.dealValue + 1
    end)
    assert.equal(20, results.failed)
    for number, result in ipairs(results) do
      wire.failed("unsettled", "unknown", result.value, result.err)
      wire.says(server:stored(id(number)), '"dealValue":1,')
    end
  end)

  it("many writers under faults are told the truth", function()
    local figures = counting.run { server = server, processes = 2, calls = 100, seed = 3, delay = 0.03 }
    assert.same({}, figures.wrong)
    assert.equal(figures.applied, figures.ok + figures.unsettled_applied)
    assert.equal(figures.applied, figures.sum)
  end)
end)

describe("with a wall clock that is set a month forward and back all the time", function()
  local SCRIPT = [[
    local referrals = require "referrals"
    local http = require("referrals.core").http
    local first = os.time()
    assert(math.abs(os.time() - first) > 86400, "the clock is not set")
    local client = referrals.new { endpoint = arg[1], token = "a-token" }
    local function took(f)
      local began = http.now()
      local value, err, info = f()
      return http.now() - began, value, err, info
    end
    local function at_about(seconds, measured)
      assert(measured >= seconds - 0.01 and measured < seconds + 3, measured)
    end
    -- the sandbox answers 503, 503 with a date, 429, and then a PUT's 503; each asks for a second
    local seconds, value, err, info = took(function() return client:get(arg[2]) end)
    assert(value, tostring(err))
    assert(info.attempts == 4, info.attempts)
    at_about(3, seconds)
    seconds, value, err = took(function() return client:update(arg[2], { campaignId = "mine" }, { timeout = 20 }) end)
    assert(value, tostring(err))
    at_about(1, seconds)
    -- an answer that does not come
    seconds, value, err = took(function() return client:get(arg[3], { timeout = 0.5 }) end)
    assert(not value and err.kind == "timeout", tostring(err))
    at_about(0.5, seconds)
    -- a batch's deadline
    seconds, value = took(function()
      return client:update_many({ { id = arg[3], change = { campaignId = "x" } } }, { deadline = 0.5 })
    end)
    assert(value.failed == 1 and value[1].err.kind == "timeout", tostring(value[1].err))
    at_about(0.5, seconds)
    print("done")
  ]]

  it("waits and deadlines stay what they were", function()
    local server, folder = nginx.start(), shell.folder()
    finally(function()
      server:stop()
      shell.remove_folder(folder)
    end)
    referral.store(server, 2)
    for _, fault in ipairs {
      { status = 503, method = "GET" }, { status = 503, retry_after_form = "date", method = "GET" },
      { status = 429, method = "GET" }, { status = 503, method = "PUT" },
    } do
      fault.kind, fault.retry_after = "status", 1
      server:fault(fault)
    end
    server:fault { kind = "late", delay = 120, path = id(2), times = 2 }
    shell.must("cc -std=gnu11 -shared -fPIC -o " .. folder .. "/clock.so spec/support/stepping_clock.c")
    -- The second is for an interpreter built with ASan, which wants to be the first library otherwise.
    local environment = "LD_PRELOAD=" .. folder .. "/clock.so ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0"
    local arguments = ("arg = {%q, %q, %q}\n"):format(server.url, id(1), id(2))
    local began = http.now()
    local output, status = shell.run_lua(folder, arguments .. SCRIPT, environment)
    assert.equal("done\n", output)
    assert.equal(0, status)
    assert.is_true(http.now() - began < 20)
  end)
end)
