local nginx = require "support.nginx"
local referral = require "support.referral"
local referrals = require "referrals"
local snapshot = require "referrals.snapshot"

local id = referral.id

describe("a snapshot", function()
  it("has copies of all tables, with the marks that the module gave them", function()
    local add = referrals.add({ name = "new" })
    local given = { details = { dealValue = 1 }, team = add, solutions = referrals.array {}, n = referrals.null }
    local copy, copies = snapshot.of(given)
    assert.same(given, copy)
    assert.are_not.equal(given.details, copy.details)
    assert.equal(copies[given.details], copy.details)
    assert.equal(getmetatable(add), getmetatable(copy.team))
    assert.are_not.equal(add[1], copy.team[1])
    assert.equal(getmetatable(given.solutions), getmetatable(copy.solutions))
    assert.equal(referrals.null, copy.n)
  end)

  it("keeps what an instance of the caller's inherits, and neither its finaliser nor a lock", function()
    local class = { __index = { eTag = "inherited" }, __gc = function() end, __mode = "v" }
    local locked = setmetatable({}, { __metatable = 5 })
    local copy = snapshot.of { own = setmetatable({ notes = "x" }, class), locked = locked }
    assert.same({ "x", "inherited" }, { copy.own.notes, copy.own.eTag })
    assert.same({ __index = class.__index }, getmetatable(copy.own))
    assert.is_nil(getmetatable(copy.locked))
  end)

  it("holds what goes in circles, and leaves what is too deep", function()
    local circle = {}
    circle.again = circle
    local copy = snapshot.of(circle)
    assert.are_not.equal(circle, copy)
    assert.equal(copy, copy.again)
    local deep = {}
    for _ = 1, 100000 do
      deep = { deep }
    end
    assert.equal("table", type(snapshot.of(deep)))
  end)
end)

describe("a change in a table that is filled anew while the update waits", function()
  local server

  setup(function() server = nginx.start() end)
  teardown(function() server:stop() end)

  local COUNT = 6
  local STORED = [[{"id":"%s","eTag":"\"t\"","status":"Active","substatus":"Accepted",]]
    .. [["details":{"dealValue":0,"currency":"USD"},"team":[{"email":"a1@x"},{"email":"a2@x"},{"email":"a3@x"}],]]
    .. [["links":{}}]]

  local function begin()
    server:reset()
    for number = 1, COUNT do
      server:store(STORED:format(id(number)))
    end
  end

  --- What stands at a pattern in each referral after as many updates by one table.
  local function written(options, pattern, fill, warm)
    begin()
    local client = assert(referrals.new(options))
    for number = 1, warm or 0 do
      assert(client:get(id(number)))
    end
    local change, number = {}, 0
    local results = client:update_many(function()
      number = number + 1
      fill(change, number)
      return number <= COUNT and { id = id(number), change = change } or nil
    end)
    assert.equal(COUNT, results.changed)
    local found = {}
    for place = 1, COUNT do
      found[place] = server:stored(id(place)):match(pattern)
    end
    return table.concat(found, " ")
  end

  local function fill_details(change, number) change.details = { dealValue = number } end

  it("is what it was when the update began, whatever way that goes", function()
    for told, options in pairs {
      plain = {}, ["with a listener"] = { on_event = function() end }, ["by PATCH"] = { method = "PATCH" },
    } do
      options.endpoint, options.token = server.url, "a-token"
      assert.equal("1 2 3 4 5 6", written(options, '"dealValue":%s*(%d+)', fill_details), told)
      assert.equal("1 2 3 4 5 6", written(options, '"dealValue":%s*(%d+)', fill_details, 3), told .. ", some copies")
    end
  end)

  it("is so too where it is not plain", function()
    for _, options in ipairs { {}, { on_event = function() end } } do
      options.endpoint, options.token = server.url, "a-token"
      assert.equal("c1 c2 c3 c4 c5 c6", written(options, '"campaignId":"([^"]*)"', function(change, number)
        change.campaignId = "c" .. number -- which the referral does not have
      end))
      assert.equal("b1 b2 b3 b4 b5 b6", written(options, '"email":"(b%d)"', function(change, number)
        change.team = referrals.add { email = "b" .. number }
      end))
    end
  end)

  it("is so too where the table, or one in it, is an instance of the caller's", function()
    local class = { __index = { save = function() end }, __mode = "v" }
    for told, make in pairs {
      change = function(change) setmetatable(change, class) end,
      details = function(change) setmetatable(change.details, class) end,
    } do
      local options = { endpoint = server.url, token = "a-token" }
      local function fill(change, number)
        change.details = change.details or {}
        change.details.dealValue = number
        make(change)
      end
      assert.equal("1 2 3 4 5 6", written(options, '"dealValue":%s*(%d+)', fill), told)
      assert.equal("1 2 3 4 5 6", written(options, '"dealValue":%s*(%d+)', fill, 3), told .. ", some copies")
    end
  end)

  it("is so too where something is to be removed that only the referral tells", function()
    local options = { endpoint = server.url, token = "a-token" }
    assert.equal("a2 a1 a1 a2 a1 a1", written(options, '"email":"(a%d)@x"', function(change, number)
      change.team = referrals.remove(("a%d@x"):format((number - 1) % 3 + 1))
    end))
  end)

  --- Updates of referral 1, all but the first held back until the one before is over; what was written by each.
  local function held_back(item_of)
    begin()
    local client = assert(referrals.new { endpoint = server.url, token = "a-token" })
    local number = 0
    local results = client:update_many(function()
      number = number + 1
      return number <= COUNT and item_of(number) or nil
    end)
    assert.equal(COUNT, results.changed)
    local seen = {}
    for _, entry in ipairs(server:record()) do
      seen[#seen + 1] = entry.method == "PUT" and entry.path:sub(-1) .. entry.body:match('"dealValue":(%d)') or nil
    end
    return table.concat(seen, " ")
  end

  it("is read as it always is where an item inherits it", function()
    assert.equal("11 12 13 14 15 16", held_back(function(number)
      return setmetatable({ id = id(1) }, { __index = { change = { details = { dealValue = number } } } })
    end))
  end)

  it("is for the referral that its item named then", function()
    begin()
    local client = assert(referrals.new { endpoint = server.url, token = "a-token" })
    local row, item, numbers, place = {}, {}, { 1, 1, 1, 2, 3, 4 }, 0
    local results = client:update_many(function()
      place = place + 1
      row.id = numbers[place] and id(numbers[place])
      item.id, item.change = row, { details = { dealValue = place } }
      return row.id and item or nil
    end)
    for index, number in ipairs(numbers) do
      assert.equal(id(number), results[index].value.id)
      assert.equal(index, results[index].value.details.dealValue)
    end
  end)

  it("is so too for what is held back until another update of the referral is over", function()
    begin()
    local client = assert(referrals.new { endpoint = server.url, token = "a-token" })
    local item, number = {}, 0
    local results = client:update_many(function()
      number = number + 1
      item.id, item.change = id(1), { details = { dealValue = number } }
      return number <= COUNT and item or nil
    end)
    assert.equal(COUNT, results.changed)
    local seen = {}
    for _, entry in ipairs(server:record()) do
      seen[#seen + 1] = entry.method == "PUT" and entry.body:match('"dealValue":(%d)') or nil
    end
    assert.equal("1 2 3 4 5 6", table.concat(seen, " "))
  end)
end)
