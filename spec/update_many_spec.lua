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

  local function begin(options, count)
    server:reset(options)
    referral.store(server, count or 30)
    client = referrals.new { endpoint = server.url, token = "a-token" }
  end

  before_each(function()
    begin()
  end)

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

  it("goes on with others while one reads what its function raised on a copy of", function()
    begin { delay = 0.05 }
    local list = {}
    for number = 1, 2 do
      assert(client:get(id(number)))
      local asked = 0
      list[number] = { id = id(number), change = function()
        asked = asked + 1
        return asked == 1 and error "not on a copy" or { campaignId = "c" }
      end }
    end
    server:forget()
    assert.equal(2, client:update_many(list, { concurrency = 2 }).succeeded)
    assert.equal("GET GET PUT PUT", wire.methods(server:record()))
  end)

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

  describe("what is no list", function()
    it("is refused rather than done in part", function()
      local hole = items(3)
      hole[2] = nil
      local named = items(2)
      named.concurrency = 4
      local item = items(1)[1]
      for _, list in ipairs { hole, named, { [item.id] = {} }, { [0] = item }, { [1.5] = item } } do
        local results, err = client:update_many(list)
        wire.failed("validation", false, results, err)
        assert.equal("items", err.member)
      end
      assert.same({}, server:record())
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

    it("of an item that are none make its result an error object, and nothing is sent for it", function()
      local list = items(4)
      list[1].opts, list[2].opts, list[3].opts = { retrys = 1 }, { dry_run = "yes" }, { returns = "xml" }
      local results = client:update_many(list)
      for index, expected in ipairs { "unknown option 'retrys'", "option 'dry_run'", "returns" } do
        wire.failed("validation", false, results[index].value, results[index].err)
        wire.says(results[index].err, expected)
      end
      assert.is_true(results[4].ok)
      assert.equal("GET PUT", wire.methods(server:record()))
    end)

    it("give no time at all with a deadline of 0 or less, and NaN is none", function()
      for _, deadline in ipairs { 0, -1 } do
        local results = client:update_many(items(2), { deadline = deadline })
        assert.same({ 2, "deadline" }, { results.skipped, results.stopped })
      end
      wire.failed("validation", false, client:update_many(items(2), { deadline = 0 / 0 }))
      assert.same({}, server:record())
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

    it("that raises has all told that came to its end, and begins nothing that it held back", function()
      for _, same in ipairs { false, true } do
        begin({ delay = 0.02 }, 30)
        local number, told, skipped = 0, 0, 0
        local ok = pcall(client.update_many, client, function()
          number = number + 1
          if number == 20 then
            error "row 20 is broken"
          end
          return { id = id(same and 1 or number), change = { campaignId = "c" .. number } }
        end, { concurrency = 8, on_result = function(result)
          told, skipped = told + 1, skipped + (result.skipped and 1 or 0)
        end })
        assert.is_false(ok)
        assert.equal(19, told)
        assert.equal(19 - skipped, #wire.writes(server:record()))
        assert.equal(same and 18 or 0, skipped)
      end
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

  it("refuses an option of an item that stands beside its opts, and writes nothing of it", function()
    for name, value in pairs { if_match = '"old"', dry_run = true, options = { dry_run = true }, only_if = {} } do
      local item = { id = id(1), change = { campaignId = "c" }, [name] = value }
      local results = client:update_many { item, { id = id(2), change = { campaignId = "c" }, row = 2 } }
      assert.equal("validation", results[1].err.kind)
      assert.equal(name, results[1].err.member)
      assert.is_false(results[1].err.applied)
      assert.is_true(results[2].ok)
    end
    for _, write in ipairs(wire.writes(server:record())) do
      assert.truthy(write.path:find(id(2), 1, true))
    end
  end)

  it("minds the options that a table inherits, the batch's and an item's", function()
    local inherited = setmetatable({}, { __index = { dry_run = true } })
    local item = { id = id(1), change = { campaignId = "c" } }
    assert.truthy(client:update_many({ item }, inherited)[1].info.request)
    item.opts = inherited
    assert.truthy(client:update_many({ item })[1].info.request)
    assert.same({}, wire.writes(server:record()))
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
