local nginx = require "support.nginx"
local referral = require "support.referral"
local referrals = require "referrals"
local wire = require "support.wire"

local id, items = referral.id, referral.items

describe("update_many", function()
  local server, client

  setup(function()
    server = nginx.start()
  end)

  teardown(function()
    server:stop()
  end)

  local function begin(options)
    server:reset(options)
    referral.store(server, 30)
    client = referrals.new { endpoint = server.url, token = "a-token" }
  end

  before_each(function()
    begin()
  end)

  --- The methods of one referral's requests, in the order in which they came.
  local function methods_of(record, number)
    local own = {}
    for _, entry in ipairs(record) do
      if entry.path:lower():find(id(number), 1, true) then
        own[#own + 1] = entry
      end
    end
    return wire.methods(own)
  end

  describe("one failure", function()
    it("of any kind does not stop the rest", function()
      local raised = { "raised" }
      local list = items(10)
      list[2].change = function() error(raised) end
      list[3].change = { status = "Nonsense" }
      list[4].change = function() coroutine.yield() end
      list[5].id = "no/id"
      list[6] = 5
      list[7] = { id = id(7) }
      list[8] = { change = { campaignId = "c8" } }
      list[9].opts = "fast"
      local results = client:update_many(list)
      assert.same({ 10, 2, 8, 0 }, { results.total, results.succeeded, results.failed, results.skipped })
      assert.equal(raised, results[2].err)
      wire.failed("validation", false, results[3].value, results[3].err)
      wire.says(results[4].err, "yielded")
      for index, member in pairs { [5] = "id", [6] = "items", [7] = "change", [8] = "id", [9] = "opts" } do
        wire.failed("validation", false, results[index].value, results[index].err)
        assert.equal(member, results[index].err.member)
      end
      assert.equal("c10", results[10].value.campaignId)
    end)

    it("of the token stops it, and the rest is skipped", function()
      begin { tokens = { "a-token" } }
      local results = client:update_many(items(30), {
        concurrency = 2,
        on_progress = function(done)
          if done == 5 then
            server:revoke("a-token")
          end
        end,
      })
      assert.equal(30, #results)
      assert.equal("auth", results.stopped.kind)
      assert.is_true(results.succeeded >= 5 and results.succeeded <= 7)
      assert.is_true(results.failed >= 1 and results.failed <= 2)
      assert.equal(30, results.succeeded + results.failed + results.skipped)
      assert.is_true(results[30].skipped)
      assert.is_false(results[30].ok)
      assert.equal("auth", results[30].err.kind)
      assert.equal(id(30), results[30].id)
      assert.equal("", methods_of(server:record(), 30))
    end)

    it("that is every item's, forbidden, stops it", function()
      server:fault { kind = "status", status = 403, times = 1000 }
      local results = client:update_many(items(30), { concurrency = 2 })
      assert.equal("forbidden", results.stopped.kind)
      assert.is_true(results.failed >= 10 and results.failed <= 11)
      assert.equal(30 - results.failed, results.skipped)
      assert.equal(results.failed, #server:record())
    end)

    it("that is every answer's, forbidden, stops it whatever mistakes stand between", function()
      server:fault { kind = "status", status = 403, times = 1000 }
      local list = items(40)
      list[3].id, list[5].change = "a/b", 5
      local results = client:update_many(list, { concurrency = 2 })
      assert.equal("forbidden", results.stopped.kind)
      assert.is_true(#server:record() <= 11)
    end)

    it("that is one item's, forbidden, does not", function()
      server:fault { kind = "status", status = 403, path = id(3), times = 1000 }
      local results = client:update_many(items(30), { concurrency = 2 })
      assert.same({ 29, 1, 0 }, { results.succeeded, results.failed, results.skipped })
      wire.failed("forbidden", false, results[3].value, results[3].err)
    end)
  end)

  describe("on_progress", function()
    it("is told how far it is", function()
      local told = {}
      local list = items(5)
      list[2] = { id = id(999), change = { campaignId = "c" } }
      client:update_many(list, {
        concurrency = 1,
        on_progress = function(done, total, failed) told[#told + 1] = ("%d/%d %d"):format(done, total, failed) end,
      })
      assert.same({ "1/5 0", "2/5 1", "3/5 1", "4/5 1", "5/5 1" }, told)
    end)

    it("stops it by returning false, and what was not tried is told as skipped", function()
      local skipped = {}
      local totals = client:update_many(items(30), {
        concurrency = 2,
        on_progress = function(done) return done < 4 end,
        on_result = function(result) skipped[#skipped + 1] = result.skipped and result.index or nil end,
      })
      assert.equal("on_progress", totals.stopped)
      assert.is_true(totals.succeeded >= 4 and totals.succeeded <= 5)
      assert.equal(30 - totals.succeeded, totals.skipped)
      assert.equal(totals.skipped, #skipped)
      assert.equal(totals.succeeded, #wire.writes(server:record()))
    end)
  end)

  describe("a callback that raises", function()
    local why = { "no more" }

    it("does not keep the other one from being told", function()
      begin { delay = 0.02 }
      local told = 0
      pcall(client.update_many, client, items(30), {
        concurrency = 4,
        on_progress = function() error(why) end,
        on_result = function(result) told = told + (result.skipped and 0 or 1) end,
      })
      assert.equal(#wire.writes(server:record()), told)
    end)

    it("is called for no item twice, and what is under way comes to its end", function()
      for _, name in ipairs { "on_result", "on_progress" } do
        begin { delay = 0.02 }
        local calls = 0
        local ok, raised = pcall(client.update_many, client, items(30), {
          concurrency = 4,
          [name] = function()
            calls = calls + 1
            if calls == 3 then
              error(why)
            end
          end,
        })
        assert.is_false(ok)
        assert.equal(why, raised)
        assert.equal(3, calls)
        local before = #server:record()
        assert(client:get(id(1)))
        assert.equal(before + 1, #server:record(), "the batch went on behind a later verb")
        local record = server:record()
        for number = 1, 30 do
          local methods = methods_of(record, number):gsub("GET PUT", ""):gsub("^ ?GET$", "")
          assert.equal("", methods)
        end
      end
    end)
  end)

  it("with a callback that yields ends and raises, and tells no item twice", function()
    local told, twice = {}, nil
    local ok, raised = pcall(client.update_many, client, items(10), {
      concurrency = 2,
      on_result = function(result)
        twice = twice or told[result.index]
        told[result.index] = true
        coroutine.yield()
      end,
    })
    assert.is_false(ok)
    wire.says(raised, "yield")
    assert.is_nil(twice)
    assert.is_true(#told <= 2, #told .. " items")
    assert(client:get(id(1)))
  end)

  describe("a batch's deadline", function()
    it("bounds it, and what was not tried is skipped", function()
      begin { delay = 0.2 }
      local results = client:update_many(items(30), { concurrency = 2, deadline = 0.7 })
      assert.equal("deadline", results.stopped)
      assert.is_true(results.skipped > 0)
      assert.equal(30, results.succeeded + results.failed + results.skipped)
      assert.is_true(results[30].skipped)
    end)

    it("that passes during the last item is this item's error and stops nothing", function()
      server:fault { kind = "late", delay = 1, method = "GET" }
      local results = client:update_many(items(1), { deadline = 0.2 })
      wire.failed("timeout", false, results[1].value, results[1].err)
      assert.is_nil(results.stopped)
      assert.equal(0, results.skipped)
    end)
  end)
end)
