local referrals = require "referrals"
local sandbox = require "referrals.sandbox"
local wire = require "support.wire"

local ID = sandbox.EXAMPLE_ID
local SUBSTATUSES = { "Pending", "Received", "Accepted", "Won", "Lost", "Declined", "Expired" }

-- From, to, and for each of the seven above: may it be? Written out by hand from the reference.
local MOVES = {
  --                      Pending  Received  Accepted  Won    Lost   Declined  Expired
  { "New",    "New",    { true,    true,     false,    false, false, false,    false } },
  { "New",    "Active", { false,   false,    true,     false, false, false,    false } },
  { "New",    "Closed", { false,   false,    false,    true,  true,  true,     true  } },
  { "Active", "New",    { false,   false,    false,    false, false, false,    false } },
  { "Active", "Active", { false,   false,    true,     false, false, false,    false } },
  { "Active", "Closed", { false,   false,    false,    true,  true,  true,     true  } },
  { "Closed", "New",    { false,   false,    false,    false, false, false,    false } },
  { "Closed", "Active", { false,   false,    false,    false, false, false,    false } },
  { "Closed", "Closed", { false,   false,    false,    true,  true,  true,     true  } },
}

local STATES = {
  New = { "Pending", "Received" }, Active = { "Accepted" }, Closed = { "Won", "Lost", "Declined", "Expired" },
}
local REACHABLE = { New = { "New", "Active", "Closed" }, Active = { "Active", "Closed" }, Closed = { "Closed" } }

local function contains(list, item)
  for _, value in ipairs(list) do
    if value == item then
      return true
    end
  end
  return false
end

local function at(status, substatus)
  local service = sandbox.new()
  local text = wire.swap(sandbox.example, '"status": "New"', ('"status": %q'):format(status))
  service:store(wire.swap(text, '"substatus": "Pending"', ('"substatus": %q'):format(substatus)))
  return referrals.new { sandbox = service }, service
end

local function sorted(list)
  local copy = {}
  for index, value in ipairs(list) do
    copy[index] = value
  end
  table.sort(copy)
  return copy
end

local function check_refusal(from, to, substatus)
  local client, service = at(from[1], from[2])
  local value, err, info = client:update(ID, { status = to, substatus = substatus })
  wire.failed("transition", false, value, err)
  assert.is_falsy(info.changed)
  assert.equal("", wire.methods(wire.writes(service.record)))
  local allowed = contains(REACHABLE[from[1]], to) and STATES[to] or REACHABLE[from[1]]
  assert.same(sorted(allowed), sorted(err.allowed))
  for _, name in ipairs(allowed) do
    wire.says(err, name)
  end
  return err
end

local function check_move(from, to, substatus)
  local client, service = at(from[1], from[2])
  local same = from[1] == to and from[2] == substatus
  local referral, err, info = client:update(ID, { status = to, substatus = substatus })
  assert.is_nil(err)
  assert.equal(to, referral.status)
  assert.equal(substatus, referral.substatus)
  assert.equal(not same, info.changed)
  assert.equal(same and "GET" or "GET PUT", wire.methods(service.record))
  wire.says(service:stored(ID), ('"status": %q'):format(to), ('"substatus": %q'):format(substatus))
end

describe("referrals.update of status and substatus", function()
  for _, move in ipairs(MOVES) do
    local from, to, may = move[1], move[2], move[3]
    for index, substatus in ipairs(SUBSTATUSES) do
      it(("%s %s -> %s/%s"):format(may[index] and "writes" or "refuses", from, to, substatus), function()
        for _, before in ipairs(STATES[from]) do
          (may[index] and check_move or check_refusal)({ from, before }, to, substatus)
        end
      end)
    end
  end

  it("knows every one of the 3 x 3 x 7 moves", function()
    local count, allowed = 0, 0
    for _, move in ipairs(MOVES) do
      for index = 1, #SUBSTATUSES do
        count = count + 1
        allowed = allowed + (move[3][index] and 1 or 0)
      end
    end
    assert.equal(63, count)
    assert.equal(16, allowed)
  end)

  it("says from where to where, and which member", function()
    local err = check_refusal({ "Closed", "Won" }, "Active", "Accepted")
    assert.equal("Closed", err.from)
    assert.equal("Active", err.to)
    wire.says(err, "status", "Closed", "Active")
    err = check_refusal({ "New", "Pending" }, "Closed", "Pending")
    wire.says(err, "substatus", "Pending", "Closed")
  end)

  describe("with one of the two alone", function()
    it("sets the only substatus there is", function()
      for _, before in ipairs(STATES.New) do
        local client, service = at("New", before)
        local referral, err, info = client:update(ID, { status = "Active" })
        assert.is_nil(err)
        assert.equal("Accepted", referral.substatus)
        assert.same({
          { member = "status", from = "New", to = "Active" },
          { member = "substatus", from = before, to = "Accepted" },
        }, info.members)
        wire.says(service.record[2].body, '"substatus": "Accepted"')
      end
    end)

    it("refuses a status with several, and names them", function()
      local client, service = at("Active", "Accepted")
      local value, err = client:update(ID, { status = "Closed" })
      wire.failed("transition", false, value, err)
      assert.same(sorted(STATES.Closed), sorted(err.allowed))
      assert.equal("GET", wire.methods(service.record))
    end)

    it("keeps the substatus when the status is the same", function()
      local client, service = at("Closed", "Lost")
      local referral, err, info = client:update(ID, { status = "Closed" })
      assert.is_nil(err)
      assert.equal("Lost", referral.substatus)
      assert.is_false(info.changed)
      assert.equal("GET", wire.methods(service.record))
    end)

    it("judges a substatus under the status that stands", function()
      local client, service = at("New", "Pending")
      assert(client:update(ID, { substatus = "Received" }))
      local value, err = client:update(ID, { substatus = "Won" })
      wire.failed("transition", false, value, err)
      assert.same({ "Pending", "Received" }, sorted(err.allowed))
      assert.equal(1, #wire.writes(service.record))
    end)
  end)

  describe("with values that the table does not know", function()
    local function at_paused()
      local service = sandbox.new { switches = { transitions = false } }
      local text = wire.swap(sandbox.example, '"status": "New"', '"status": "Paused"')
      service:store(wire.swap(text, '"Pending"', '"OnHold"'))
      return referrals.new { sandbox = service }, service
    end

    it("keeps them through another change", function()
      local client, service = at_paused()
      local referral, err = client:update(ID, { statusReason = "other" })
      assert.is_nil(err)
      assert.equal("Paused", referral.status)
      wire.says(service.record[2].body, '"status": "Paused"', '"substatus": "OnHold"')
    end)

    it("does not judge the move away from them", function()
      local client = at_paused()
      local referral, err = client:update(ID, { status = "Closed", substatus = "Won" })
      assert.is_nil(err)
      assert.equal("Won", referral.substatus)
    end)

    it("still judges the substatus under a status it knows", function()
      local client, service = at_paused()
      local value, err = client:update(ID, { status = "Closed", substatus = "Pending" })
      wire.failed("transition", false, value, err)
      assert.equal("GET", wire.methods(service.record))
    end)

    it("sets the only substatus also on the way from them", function()
      local client = at_paused()
      local referral, err = client:update(ID, { status = "Active" })
      assert.is_nil(err)
      assert.equal("Accepted", referral.substatus)
    end)
  end)

  describe("with check = false", function()
    it("leaves the judgement to the service, which may allow it", function()
      local service = sandbox.new { switches = { transitions = false } }
      local client = referrals.new { sandbox = service }
      local change = { status = "Closed", substatus = "Pending" }
      wire.failed("transition", false, client:update(ID, change))
      local referral, err = client:update(ID, change, { check = false })
      assert.is_nil(err)
      assert.equal("Closed", referral.status)
      assert.equal("Pending", referral.substatus)
      referral = assert(client:update(ID, { status = "Paused", substatus = "OnHold" }, { check = false }))
      assert.equal("Paused", referral.status)
    end)

    it("tells the service's refusal", function()
      local client, service = at("Closed", "Won")
      local value, err = client:update(ID, { status = "New", substatus = "Pending" }, { check = false })
      wire.failed("rejected", false, value, err)
      assert.equal(400, err.http_status)
      assert.equal("invalidRequest", err.code)
      assert.equal("GET PUT", wire.methods(service.record))
    end)

    it("adds no substatus of its own", function()
      local service = sandbox.new { switches = { transitions = false } }
      local client = referrals.new { sandbox = service, check = false }
      assert(client:update(ID, { status = "Active" }))
      wire.says(service.record[2].body, '"status": "Active"', '"substatus": "Pending"')
    end)
  end)

  it("refuses a status that no referral has before it asks where it may go", function()
    local client, service = at("New", "Pending")
    local value, err = client:update(ID, { status = "closed", substatus = "Won" })
    wire.failed("validation", false, value, err)
    assert.equal("status", err.member)
    wire.says(err, "Closed")
    assert.equal("", wire.methods(wire.writes(service.record)))
  end)
end)
