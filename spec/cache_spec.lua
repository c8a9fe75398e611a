local cache = require "referrals.cache"
local core = require "referrals.core"
local referrals = require "referrals"
local sandbox = require "referrals.sandbox"
local wire = require "support.wire"

local ID = sandbox.EXAMPLE_ID
local unpack = table.unpack or unpack

describe("the cache", function()
  local service, client

  local function begin(options, sandbox_options)
    service = sandbox.new(sandbox_options)
    options = options or {}
    options.sandbox = service
    client = assert(referrals.new(options))
  end

  local function methods()
    local said = wire.methods(service.record)
    service:forget()
    return said
  end

  before_each(function()
    begin()
  end)

  it("makes an update after a get one round trip", function()
    assert(client:get(ID))
    methods()
    local value, _, info = client:update(ID, { status = "Closed", substatus = "Won" })
    assert.equal("Closed", value.status)
    assert.equal(1, info.round_trips)
    local entry = service.record[1]
    assert.equal("PUT", methods())
    assert.equal('"2500ec5a-0000-0000-0000-5bf4967d0000"', entry.headers["if-match"])
    local text = sandbox.example:gsub('"New"', '"Closed"'):gsub('"Pending"', '"Won"')
    assert.equal((text:gsub(',%s*"links": %b{}', ""):gsub("%s+$", "")), entry.body)
  end)

  it("makes an update after an update one round trip, arrays that grew and shrank included", function()
    assert(client:update(ID, { statusReason = "one" }))
    assert.equal("GET PUT", methods())
    assert(client:update(ID, { statusReason = "two" }))
    assert(client:update(ID, { team = referrals.add { firstName = "A", email = "a@example.com" } }))
    assert(client:update(ID, { team = referrals.remove "a@example.com" }))
    assert(client:update(ID:upper(), function(r)
      r.details.dealValue = r.details.dealValue + 1
    end))
    assert.equal("PUT PUT PUT PUT", methods())
    assert.truthy(service:stored(ID):find('"dealValue": 50001,', 1, true))
  end)

  it("is filled by a get but never answers one", function()
    assert(client:get(ID))
    service:write_as_other(ID, "/statusReason", '"theirs"')
    assert.equal("theirs", client:get(ID).statusReason)
  end)

  describe("never decides alone:", function()
    before_each(function()
      assert(client:get(ID))
      methods()
    end)

    it("a change that is so already is read first", function()
      local _, _, info = client:update(ID, { status = "New" })
      assert.is_false(info.changed)
      assert.equal("GET", methods())
    end)

    it("a change that was made meanwhile is no-op only by what is read", function()
      service:write_as_other(ID, "/statusReason", '"other"')
      local value, _, info = client:update(ID, { statusReason = "The engagement went well" })
      assert.is_true(info.changed)
      assert.equal("The engagement went well", value.statusReason)
      assert.equal("GET PUT", methods())
    end)

    it("a move that cannot be is refused only by what is read", function()
      service:write_as_other(ID, "/substatus", '"Received"')
      local _, err = client:update(ID, { status = "Closed" })
      assert.equal("transition", err.kind)
      assert.equal("GET", methods())
    end)

    it("a move that became possible meanwhile is made", function()
      begin()
      assert(client:update(ID, { status = "Closed", substatus = "Lost" }))
      service:store((sandbox.example:gsub("2500ec5a", "2500ec77")))
      methods()
      local value = client:update(ID, { status = "Active" })
      assert.equal("Accepted", value.substatus)
      assert.equal("GET PUT", methods())
    end)

    it("only_if is refused only by what is read", function()
      service:write_as_other(ID, "/statusReason", '"ready"')
      assert(client:update(ID, { campaignId = "c" }, { only_if = { statusReason = "ready" } }))
      assert.equal("GET PUT", methods())
    end)

    it("a dry run reads", function()
      service:write_as_other(ID, "/campaignId", '"theirs"')
      local value = client:update(ID, { statusReason = "x" }, { dry_run = true })
      assert.equal("theirs", value.campaignId)
      assert.equal("GET", methods())
    end)

    it("a function that wants nothing, or raises, is asked again about what is read", function()
      service:write_as_other(ID, "/campaignId", '"ready"')
      local seen = {}
      local value = client:update(ID, function(r)
        seen[#seen + 1] = r.campaignId or "none"
        if r.campaignId ~= "ready" then
          error "not ready"
        end
        r.statusReason = "done"
      end)
      assert.equal("done", value.statusReason)
      assert.same({ "none", "ready" }, seen)
      assert.equal("GET PUT", methods())
    end)

    it("a row given in the id's place is held against what is read", function()
      assert(client:update({ id = ID, status = "New" }, { statusReason = "x" }))
      assert.equal("GET PUT", methods())
    end)
  end)

  describe("that is out of date", function()
    before_each(function()
      assert(client:get(ID))
      methods()
    end)

    it("costs a refused write, and loses nothing", function()
      service:write_as_other(ID, "/campaignId", '"theirs"')
      local value, _, info = client:update(ID, { statusReason = "mine" })
      assert.equal("theirs", value.campaignId)
      assert.equal("mine", value.statusReason)
      assert.equal(3, info.round_trips)
      assert.equal("PUT GET PUT", methods())
    end)

    it("is no conflict for who wants no retries", function()
      service:write_as_other(ID, "/campaignId", '"theirs"')
      assert(client:update(ID, { statusReason = "mine" }, { conflict_retries = 0 }))
    end)

    it("lets a table overwrite a status that was changed before this call", function()
      service:write_as_other(ID, "/substatus", '"Received"')
      assert(client:update(ID, { status = "Active" }))
      assert.equal("PUT GET PUT", methods())
    end)

    it("is a conflict for a pinned version", function()
      service:write_as_other(ID, "/campaignId", '"theirs"')
      local options = { if_match = '"2500ec5a-0000-0000-0000-5bf4967d0000"' }
      local _, err = client:update(ID, { statusReason = "mine" }, options)
      assert.equal("conflict", err.kind)
      assert.is_false(err.applied)
      assert.equal("PUT GET", methods())
      assert.falsy(service:stored(ID):find("mine", 1, true))
    end)

    it("is told from a service that refuses the current tag, which gets two attempts", function()
      service:fault { kind = "reject_tag", method = "PUT", times = 5 }
      local _, err = client:update(ID, { statusReason = "mine" })
      assert.equal("rejected", err.kind)
      assert.equal("PUT GET PUT GET", methods())
    end)

    it("settles a lost answer by what is read", function()
      service:fault { kind = "close_after", method = "PUT", times = 1 }
      local value, _, info = client:update(ID, { statusReason = "mine" })
      assert.equal("mine", value.statusReason)
      assert.equal("verified", info.resolved)
      assert.equal("PUT GET", methods())
    end)
  end)

  describe("holds no unsound base:", function()
    it("an answer that misses a member of what was sent, at any depth", function()
      local function covers(answer, sent)
        return core.document.read(answer):covers(core.document.read(sent))
      end
      assert.is_true(covers('{"b":2,"a":{"x":1,"y":[{"z":1}]},"more":1}', '{"a":{"y":[{"z":2}]},"b":"2"}'))
      assert.is_true(covers('{"a":1}', '{"a":2,"links":{},"@odata.context":1}'))
      assert.is_true(covers('{"a":{}}', '{"a":{"t@odata.type":1}}'))
      assert.is_false(covers('{"a":1}', '{"a":1,"b":null}'))
      assert.is_false(covers('{"a":{"x":1}}', '{"a":{"x":1,"y":2}}'))
      assert.is_false(covers('{"a":[{"x":1},{"x":1}]}', '{"a":[{"x":1},{"y":1}]}'))
      assert.is_false(covers('{"a":[1]}', '{"a":[1,2]}'))
      assert.is_false(covers('{"a":[1,2]}', '{"a":[1]}'))
      assert.is_false(covers('{"a":"{}"}', '{"a":{}}'))
      assert.is_false(covers('{"a":{"x":1},"a":{}}', '{"a":{"x":1}}'))
      assert.is_true(covers('{"a":{},"a":{"x":1}}', '{"a":{"x":1}}'))
    end)

    it("an answer that misses one of a great many members, which come in another order", function()
      local names = {}
      for number = 1, 100000 do
        names[number] = ('"n%d":%d'):format(number, number)
      end
      local sent = core.document.read("{" .. table.concat(names, ",") .. "}")
      table.sort(names, function(a, b)
        return a > b
      end)
      assert.is_true(core.document.read("{" .. table.concat(names, ",") .. "}"):covers(sent))
      table.remove(names)
      assert.is_false(core.document.read("{" .. table.concat(names, ",") .. "}"):covers(sent))
    end)

    it("an answer to a PUT without a member that was sent", function()
      service.switches.ignore = { "campaignId" }
      assert(client:update(ID, { campaignId = "ignored" }))
      methods()
      assert(client:update(ID, { statusReason = "x" }))
      assert.equal("GET PUT", methods())
    end)

    it("but an answer to a PUT that set an object or an array to null", function()
      for _, name in ipairs { "inviteContext", "target" } do
        local value = assert(client:update(ID, { [name] = referrals.null }))
        service:write_as_other(ID, "/campaignId", '"theirs"')
        wire.failed("conflict", false, client:update(value, { campaignId = "mine" }))
        assert(client:replace(ID, assert(client:update(ID, { campaignId = referrals.null }))))
      end
    end)

    it("an answer to a PUT without a null that was sent for the first time", function()
      local handle = service.handle
      service.handle = function(self, request)
        local response = handle(self, request)
        if request.method == "PUT" then
          response.body = response.body:gsub('"firstName":null,', ""):gsub(',"firstName":null', "")
        end
        return response
      end
      service:store((service:stored(ID):gsub('"team": %b[],', "")))
      assert(client:update(ID, { team = { { email = "a@x.com", firstName = referrals.null } } }))
      assert(client:update(ID, { statusReason = "x" }))
      assert.equal("GET PUT GET PUT", methods())
    end)

    it("what was deleted", function()
      assert(client:get(ID))
      service:remove(ID)
      local _, err = client:update(ID, { statusReason = "x" })
      assert.equal("not_found", err.kind)
      service:store(sandbox.example)
      methods()
      assert(client:update(ID, { statusReason = "x" }))
      assert.equal("GET PUT", methods())
    end)

    it("a row of a listing", function()
      local page = assert(client:list {})
      methods()
      assert(client:update(page[1].id, { statusReason = "x" }))
      assert.equal("GET PUT", methods())
    end)

    it("the answer to a patch, for a PUT", function()
      assert(client:update(ID, { statusReason = "x" }, { method = "PATCH" }))
      assert(client:update(ID, { statusReason = "y" }, { method = "PATCH" }))
      assert.equal("GET PATCH PATCH", methods())
      assert(client:update(ID, { statusReason = "z" }))
      assert.equal("GET PUT", methods())
    end)

    it("what a replace or a patch of operations left behind", function()
      local text = client:get(ID, { returns = "text" })
      assert(client:replace(ID, text))
      methods()
      assert(client:update(ID, { statusReason = "x" }))
      assert(client:patch(ID, { { op = "replace", path = "/statusReason", value = "y" } }))
      methods()
      assert(client:update(ID, { statusReason = "z" }))
      assert.equal("GET PUT", methods())
    end)
  end)

  it("is off with 0 entries", function()
    begin { cache = 0 }
    assert(client:get(ID))
    assert(client:update(ID, { statusReason = "x" }))
    assert.equal("GET GET PUT", methods())
  end)

  describe("is bounded:", function()
    local function entry(bytes)
      return { document = {
        length = function()
          return bytes
        end,
      } }
    end

    it("in entries, the one used longest ago goes", function()
      local held = cache.new(2, 1e9)
      local a, b, c = entry(1), entry(1), entry(1)
      held:put("/A", a)
      held:put("/b", b)
      assert.equal(a, held:get("/a"))
      held:put("/c", c)
      assert.is_nil(held:get("/b"))
      assert.equal(a, held:get("/a"))
      assert.equal(c, held:get("/c"))
    end)

    it("however many come and go in whatever order: those used last are there, and no others", function()
      local MOST = 7
      local held, used = cache.new(MOST, 1e9), {} -- what is to be there, the latest used first
      local seed = 1
      local function random(most)
        seed = (seed * 16807) % 2147483647
        return seed % most + 1
      end
      local function take_out(key)
        for place, one in ipairs(used) do
          if one.key == key then
            return table.remove(used, place)
          end
        end
      end
      for step = 1, 3000 do
        local key = "/" .. random(step % 500 < 250 and 10 or 40)
        local known, value = take_out(key), entry(1)
        if random(2) == 1 then
          held:put(key, value)
          table.insert(used, 1, { key = key, value = value })
          used[MOST + 1] = nil
        else
          assert.equal(known and known.value, held:get(key), "step " .. step)
          used = known and { known, unpack(used) } or used
        end
        assert.equal(#used, held.count)
      end
      for place = #used, 1, -1 do
        assert.equal(used[place].value, held:get(used[place].key))
      end
    end)

    it("what is set aside comes back where nobody else put or forgot anything meanwhile", function()
      local held = cache.new(2, 1e9)
      local a, b = entry(1), entry(2)
      assert.is_nil(held:set_aside("/a"))
      held:put("/a", a)
      local aside = held:set_aside("/A")
      assert.is_nil(held:get("/a"))
      assert.equal(0, held.count)
      held:put_back(aside)
      assert.equal(a, held:get("/a"))
      aside = held:set_aside("/a")
      held:put("/a", b)
      held:put_back(aside)
      assert.equal(b, held:get("/a"))
      aside = held:set_aside("/a")
      held:drop("/a") -- somebody else wrote
      held:put_back(aside)
      assert.is_nil(held:get("/a"))
      held:put("/a", a)
      aside = held:set_aside("/a")
      assert.is_nil(held:set_aside("/a")) -- somebody else may
      held:put_back(aside)
      assert.is_nil(held:get("/a"))
      held:put("/a", a)
      aside = held:set_aside("/a")
      held:put("/b", b)
      held:put("/c", b)
      held:put_back(aside)
      assert.is_nil(held:get("/a"))
      assert.equal(2, held.count)
    end)

    it("in bytes, and what is too large for it is not kept", function()
      local held = cache.new(100, 10000)
      for index = 1, 50 do
        held:put("/" .. index, entry(2000))
      end
      assert.is_true(held.held <= 10000 and held.count == 3)
      held:put("/large", entry(20000))
      assert.is_nil(held:get("/large"))
      assert.truthy(held:get("/50"))
      held:drop("/50")
      held:drop("/50")
      assert.is_nil(held:get("/50"))
      assert.equal(2, held.count)
    end)
  end)
end)
