local nginx = require "support.nginx"
local referral = require "support.referral"
local referrals = require "referrals"
local wire = require "support.wire"

local id = referral.id

describe("update_many", function()
  local server, client

  setup(function()
    server = nginx.start()
  end)

  teardown(function()
    server:stop()
  end)

  local function begin(options, count)
    server:reset(options)
    referral.store(server, count or 30)
    client = referrals.new { endpoint = server.url, token = "a-token" }
  end

  before_each(function()
    begin()
  end)

  --- Items that set campaignId to "c1", "c2", ...
  local function items(count, first)
    local list = {}
    for number = first or 1, count do
      list[#list + 1] = { id = id(number), change = { campaignId = "c" .. number } }
    end
    return list
  end

  local function iterate(list, pulled)
    local index = 0
    return function()
      index = index + 1
      if pulled then
        pulled(index)
      end
      return list[index]
    end
  end

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

  describe("results", function()
    it("stand in the items' order, with the totals, however the answers come", function()
      begin { delay = 0.03 }
      local list = items(20)
      list[7] = { id = id(999), change = { campaignId = "c" } }
      list[11] = { id = id(11), change = { team = {} } }
      local results = client:update_many(list, { concurrency = 8 })
      assert.equal(20, #results)
      for index, result in ipairs(results) do
        assert.equal(index, result.index)
        assert.equal(index ~= 7, result.ok)
        assert.equal(index == 7 and id(999) or id(index), result.id)
        if index == 7 then
          wire.failed("not_found", false, result.value, result.err)
        else
          assert.is_nil(result.err)
          assert.equal(index ~= 11 and "c" .. index or nil, result.value.campaignId)
          assert.equal(index ~= 11, result.info.changed)
        end
      end
      assert.same({ 20, 19, 1, 0, 18 },
        { results.total, results.succeeded, results.failed, results.skipped, results.changed })
      assert.is_nil(results.stopped)
    end)

    it("go to a callback, and then only the totals are given", function()
      local seen = {}
      local totals = client:update_many(items(20), {
        on_result = function(result) seen[result.index] = result.value.campaignId end,
      })
      assert.equal(20, #seen)
      assert.equal("c20", seen[20])
      assert.equal(20, totals.succeeded)
      assert.equal(0, #totals)
    end)

    it("are not kept when they go to a callback", function()
      local alive = setmetatable({}, { __mode = "v" })
      local most = 0
      client:update_many(items(30), {
        concurrency = 3,
        on_result = function(result)
          alive[#alive + 1] = result.value
          collectgarbage()
          local count = 0
          for _ in pairs(alive) do
            count = count + 1
          end
          most = math.max(most, count)
        end,
      })
      assert.is_true(most <= 2 * 3, most .. " results at once")
    end)

    it("of an empty list are none", function()
      local results = client:update_many {}
      assert.same({ 0, 0, 0 }, { #results, results.total, results.succeeded })
    end)
  end)

  describe("options", function()
    it("are for every item without its own", function()
      local list = items(2)
      list[2].opts = { returns = "text" }
      local results = client:update_many(list, { returns = "minimal" })
      assert.is_nil(results[1].value.campaignId)
      assert.is_string(results[2].value)
    end)

    it("that are false are not lost on the way", function()
      client = referrals.new { endpoint = server.url, token = "a-token", dry_run = true }
      local results = client:update_many(items(1), { dry_run = false })
      assert.is_true(results[1].info.changed)
      assert.equal("GET PUT", wire.methods(server:record()))
    end)

    it("that are unknown raise at the caller's line", function()
      local message = wire.raises_here(function()
        client:update_many({}, { concurency = 4 })
      end)
      wire.says(message, "concurency", "did you mean 'concurrency'")
    end)
  end)

  describe("an iterator", function()
    it("is read as places get free", function()
      local pulled, done, most = 0, 0, 0
      client:update_many(iterate(items(30), function(index)
        pulled = index
        most = math.max(most, pulled - done)
      end), { concurrency = 4, on_result = function() done = done + 1 end })
      assert.equal(30, done)
      assert.is_true(most <= 5, most .. " items ahead")
    end)

    it("is read ahead only so far while a referral's own items wait for each other", function()
      local list = {}
      for index = 1, 60 do
        list[index] = { id = id(1), change = { campaignId = "c" .. index } }
      end
      local done, most = 0, 0
      local totals = client:update_many(iterate(list, function(index)
        most = math.max(most, index - done)
      end), { concurrency = 2, on_result = function() done = done + 1 end })
      assert.equal(60, totals.succeeded)
      assert.is_true(most <= 2 + 4 * 2 + 1, most .. " items ahead")
    end)

    it("that raises ends the batch, and what was under way comes to its end", function()
      local why = { "the file is broken" }
      local list, index = items(5), 0
      local ok, raised = pcall(client.update_many, client, function()
        index = index + 1
        return list[index] or error(why)
      end, { concurrency = 16 })
      assert.is_false(ok)
      assert.equal(why, raised)
      assert.equal(5, #wire.writes(server:record()))
    end)

    it("may call verbs of the same client", function()
      local number = 0
      local results = client:update_many(function()
        number = number + 1
        return number <= 10 and { id = assert(client:get(id(number))), change = { campaignId = "c" } } or nil
      end, { concurrency = 4 })
      assert.equal(10, results.succeeded)
    end)
  end)

  describe("updates of one referral", function()
    it("keep their order and never run together, in whatever case its id is written", function()
      begin({ delay = 0.02 }, 3)
      local low, high = "abcdefab-0000-4000-8000-000000000004", "ABCDEFAB-0000-4000-8000-000000000004"
      server:store(wire.swap(referral.text(4), id(4), low))
      local list = {}
      for index = 1, 12 do
        list[#list + 1] = { id = index % 2 == 0 and low or high, change = { campaignId = "c" .. index } }
        list[#list + 1] = { id = id(index % 3 + 1), change = { externalReferenceId = "x" .. index } }
      end
      local results = client:update_many(list, { concurrency = 6 })
      assert.equal(24, results.succeeded)
      local record, own, written = server:record(), {}, {}
      for _, entry in ipairs(record) do
        if entry.path:lower():find(low, 1, true) then
          own[#own + 1] = entry
          written[#written + 1] = entry.method == "PUT" and entry.body:match('"campaignId":"(%w+)"') or nil
        end
      end
      assert.equal("GET " .. ("PUT "):rep(12), wire.methods(own) .. " ")
      assert.equal("c1 c2 c3 c4 c5 c6 c7 c8 c9 c10 c11 c12", table.concat(written, " "))
      assert.not_equal(#own, #record)
    end)
  end)

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

  describe("a change function", function()
    it("may call verbs, also where a coroutine cannot be left", function()
      local list = {}
      for number = 1, 20 do
        list[number] = {
          id = id(number),
          change = function(current)
            local other = assert(client:get(id(number + 1)))
            local ok, text = pcall(function()
              return (("x"):gsub("x", function() return client:get(id(30), { returns = "text" }) end))
            end)
            assert(ok, text)
            table.sort({ 2, 1 }, function(a, b)
              assert(client:get(id(29)))
              return a < b
            end)
            current.campaignId = other.id .. text:match('"id":"([^"]*)"')
          end,
        }
      end
      local results = client:update_many(list, { concurrency = 8 })
      assert.equal(20, results.succeeded, tostring(results[1].err))
      assert.equal(id(8) .. id(30), results[7].value.campaignId)
    end)

    it("may run a batch of its own", function()
      local list = {}
      for number = 1, 6 do
        list[number] = {
          id = id(number),
          change = function()
            local inner = client:update_many({
              { id = id(number + 10), change = { campaignId = "inner" } },
              { id = id(number + 20), change = function()
                return { campaignId = assert(client:get(id(number + 10))).id }
              end },
            }, { concurrency = 2 })
            return { campaignId = "outer" .. inner.succeeded }
          end,
        }
      end
      local results = client:update_many(list, { concurrency = 3 })
      assert.equal(6, results.succeeded, tostring(results[1].err))
      assert.equal("outer2", results[6].value.campaignId)
      assert.equal(id(16), assert(client:get(id(26))).campaignId)
    end)

    it("may call verbs in more coroutines at once than C's stack has levels", function()
      begin({ delay = 0.002 }, 300)
      local list = {}
      for number = 1, 300 do
        list[number] = {
          id = id(number),
          change = function()
            local found = ("x"):gsub("x", function() return assert(client:get(id(301 - number))).id end)
            return { campaignId = found }
          end,
        }
      end
      local results = client:update_many(list, { concurrency = 300 })
      assert.equal(300, results.succeeded, tostring(results[300].err))
      assert.equal(id(1), results[300].value.campaignId)
    end)
  end)

  describe("in a coroutine of the caller's", function()
    it("runs to its end without leaving it", function()
      local thread = coroutine.create(function()
        local results = client:update_many(items(10), { concurrency = 4 })
        return results.succeeded, assert(client:get(id(10))).campaignId
      end)
      local ok, succeeded, campaign = coroutine.resume(thread)
      assert.same({ true, 10, "c10", "dead" }, { ok, succeeded, campaign, coroutine.status(thread) })
    end)

    it("leaves the caller's own coroutines inside a function alone", function()
      local results = client:update_many({ { id = id(1), change = function()
        local steps = coroutine.wrap(function()
          coroutine.yield(assert(client:get(id(2))).id)
          coroutine.yield(assert(client:get(id(3))).id)
        end)
        return { campaignId = steps() .. steps() }
      end } })
      assert.is_true(results[1].ok, tostring(results[1].err))
      assert.equal(id(2) .. id(3), results[1].value.campaignId)
    end)
  end)
end)
