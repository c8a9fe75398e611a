local transition = require("referrals.core").transition

local unpack = table.unpack or unpack

-- The reference's rules, written out: what happens when a referral in the row's state is asked for a status and a
-- substatus. A column is the substatus asked for, "-" is none. "ok": let through; "status", "substatus": what is
-- refused; any other word: let through, and that substatus is set too.
local SUBSTATUSES = { "Pending", "Received", "Accepted", "Won", "Lost", "Declined", "Expired" }
local MOVES = [[
  from    substatus to      Pending    Received   Accepted   Won        Lost       Declined   Expired    -
  New     Pending   New     ok         ok         substatus  substatus  substatus  substatus  substatus  ok
  New     Pending   Active  substatus  substatus  ok         substatus  substatus  substatus  substatus  Accepted
  New     Pending   Closed  substatus  substatus  substatus  ok         ok         ok         ok         substatus
  New     Received  New     ok         ok         substatus  substatus  substatus  substatus  substatus  ok
  New     Received  Active  substatus  substatus  ok         substatus  substatus  substatus  substatus  Accepted
  New     Received  Closed  substatus  substatus  substatus  ok         ok         ok         ok         substatus
  Active  Accepted  New     status     status     status     status     status     status     status     status
  Active  Accepted  Active  substatus  substatus  ok         substatus  substatus  substatus  substatus  ok
  Active  Accepted  Closed  substatus  substatus  substatus  ok         ok         ok         ok         substatus
  Closed  Won       New     status     status     status     status     status     status     status     status
  Closed  Won       Active  status     status     status     status     status     status     status     status
  Closed  Won       Closed  substatus  substatus  substatus  ok         ok         ok         ok         ok
  Closed  Lost      New     status     status     status     status     status     status     status     status
  Closed  Lost      Active  status     status     status     status     status     status     status     status
  Closed  Lost      Closed  substatus  substatus  substatus  ok         ok         ok         ok         ok
  Closed  Declined  New     status     status     status     status     status     status     status     status
  Closed  Declined  Active  status     status     status     status     status     status     status     status
  Closed  Declined  Closed  substatus  substatus  substatus  ok         ok         ok         ok         ok
  Closed  Expired   New     status     status     status     status     status     status     status     status
  Closed  Expired   Active  status     status     status     status     status     status     status     status
  Closed  Expired   Closed  substatus  substatus  substatus  ok         ok         ok         ok         ok
]]
local REACHABLE = { New = { "New", "Active", "Closed" }, Active = { "Active", "Closed" }, Closed = { "Closed" } }
local ALLOWED = {
  New = { "Pending", "Received" },
  Active = { "Accepted" },
  Closed = { "Won", "Lost", "Declined", "Expired" },
}

local function words(line)
  local list = {}
  for word in line:gmatch("%S+") do
    list[#list + 1] = word
  end
  return list
end

local function check_cell(from, substatus, to, asked, expected)
  local ok, second, details = transition.check(from, substatus, to, asked)
  if expected == "status" or expected == "substatus" then
    assert.is_nil(ok)
    assert.equal("string", type(second))
    assert.equal(expected, details.member)
    local is_status = expected == "status"
    assert.equal(is_status and from or substatus, details.from)
    assert.equal(is_status and to or asked or substatus, details.to)
    assert.same(is_status and REACHABLE[from] or ALLOWED[to or from], details.allowed)
    for _, value in ipairs(details.allowed) do
      assert.truthy(second:match(": .*" .. value), second)
    end
  else
    assert.is_true(ok)
    assert.equal(expected ~= "ok" and expected or nil, second)
    assert.is_nil(details)
  end
end

describe("transition", function()
  local lines = {}
  for line in MOVES:gmatch("[^\n]+") do
    lines[#lines + 1] = words(line)
  end
  local head = table.remove(lines, 1)

  it("is tried with every move and every substatus", function()
    local seen = {}
    for _, cells in ipairs(lines) do
      assert.equal(#head, #cells)
      seen[cells[1] .. cells[3]] = true
    end
    for _, from in ipairs({ "New", "Active", "Closed" }) do
      for _, to in ipairs({ "New", "Active", "Closed" }) do
        assert.is_true(seen[from .. to])
      end
    end
    assert.same(SUBSTATUSES, { unpack(head, 4, 10) })
  end)

  for _, cells in ipairs(lines) do
    local from, substatus, to = cells[1], cells[2], cells[3]
    it(("judges %s/%s to %s"):format(from, substatus, to), function()
      for column = 4, #head do
        local asked = head[column] ~= "-" and head[column] or nil
        check_cell(from, substatus, to, asked, cells[column])
        -- Not mentioning the status is the same as asking for the one it has.
        if from == to then
          check_cell(from, substatus, nil, asked, cells[column])
        end
      end
    end)
  end

  local function refused(expected, ...)
    local ok, message, details = transition.check(...)
    assert.is_nil(ok)
    assert.equal(expected, message)
    return details
  end

  it("says in one line what is allowed", function()
    refused("status cannot go from Closed to New: from Closed only Closed is allowed", "Closed", "Won", "New")
    refused("status cannot go from Active to New: from Active allowed are Active, Closed", "Active", "Accepted", "New")
    refused(
      "substatus Pending does not belong to status Closed: allowed are Won, Lost, Declined, Expired",
      "New", "Pending", "Closed"
    )
    refused(
      "substatus Won does not belong to status Active: only Accepted is allowed",
      "New", "Pending", "Active", "Won"
    )
  end)

  it("refuses None and what is in no enumeration", function()
    for _, value in ipairs({ "None", "Error", "closed", "Closed ", "", "Closed\0" }) do
      local details = refused(
        "status cannot go from New to " .. value .. ": from New allowed are New, Active, Closed",
        "New", "Pending", value
      )
      assert.same({ member = "status", from = "New", to = value, allowed = { "New", "Active", "Closed" } }, details)
    end
    for _, value in ipairs({ "None", "won", "Won\0", "" }) do
      assert.equal("substatus", refused(
        "substatus " .. value .. " does not belong to status Closed: allowed are Won, Lost, Declined, Expired",
        "Active", "Accepted", "Closed", value
      ).member)
    end
  end)

  it("does not judge what does not change", function()
    assert.is_true(transition.check("New", "Pending"))
    assert.is_true(transition.check("New", "Pending", "New", "Pending"))
    assert.is_true(transition.check("Closed", "Pending"))
    assert.is_true(transition.check("Closed", "Pending", "Closed"))
    assert.is_true(transition.check("Closed", "Pending", "Closed", "Pending"))
    assert.is_true(transition.check("Paused", "Waiting", "Paused", "Waiting"))
    assert.is_true(transition.check("None", "None", "None", "None"))
    assert.is_true(transition.check(nil, nil))
  end)

  it("sets the substatus only where exactly one is allowed and it is not there yet", function()
    local function set(...)
      return (select(2, transition.check(...)))
    end
    assert.equal("Accepted", set("New", "Pending", "Active"))
    assert.equal("Accepted", set("New", "Soon", "Active"))
    assert.equal("Accepted", set("New", nil, "Active"))
    assert.is_nil(set("New", "Accepted", "Active"))
    assert.is_nil(set("New", "Pending", "Active", "Accepted"))
    assert.is_nil(set("Active", "Odd", "Active"))
  end)

  it("keeps a substatus that belongs to the new status already", function()
    assert.same({ true }, { transition.check("Active", "Won", "Closed") })
  end)

  describe("with a current value that the table does not know", function()
    it("lets the status go to any that it knows", function()
      for _, from in ipairs({ "Paused", "None" }) do
        assert.is_true(transition.check(from, "Waiting", "New"))
        assert.is_true(transition.check(from, "Waiting", "Active"))
        assert.is_true(transition.check(from, "Waiting", "Closed", "Won"))
      end
      assert.is_true(transition.check(nil, nil, "Closed", "Won"))
    end)

    it("still wants a target that it knows", function()
      local details = refused(
        "status cannot go from Paused to Stopped: allowed are New, Active, Closed",
        "Paused", "Waiting", "Stopped"
      )
      assert.same({ "New", "Active", "Closed" }, details.allowed)
      assert.equal("status", details.member)
      refused("status cannot go from nothing to None: allowed are New, Active, Closed", nil, nil, "None")
    end)

    it("still wants a substatus that belongs to the target", function()
      refused(
        "substatus Pending does not belong to status Closed: allowed are Won, Lost, Declined, Expired",
        "Paused", "Waiting", "Closed", "Pending"
      )
      refused(
        "substatus Pending does not belong to status Closed: allowed are Won, Lost, Declined, Expired",
        "Paused", "Pending", "Closed"
      )
    end)

    it("lets an unknown or absent substatus stay", function()
      assert.same({ true }, { transition.check("New", "Soon", "Closed") })
      assert.same({ true }, { transition.check("New", "Soon", "Closed", "Soon") })
      assert.same({ true }, { transition.check("New", "None", "Closed") })
      assert.same({ true }, { transition.check("New", nil, "Closed") })
    end)

    it("lets the substatus under an unknown status become any that it knows", function()
      assert.is_true(transition.check("Paused", "Waiting", nil, "Won"))
      assert.is_true(transition.check("Paused", "Waiting", "Paused", "Pending"))
      local details = refused(
        "substatus None is not known: allowed are Pending, Received, Accepted, Won, Lost, Declined, Expired",
        "Paused", "Waiting", nil, "None"
      )
      assert.same({ member = "substatus", from = "Waiting", to = "None", allowed = SUBSTATUSES }, details)
    end)
  end)

  it("shows its table", function()
    assert.same({ "New", "Active", "Closed" }, transition.statuses())
    for status, allowed in pairs(ALLOWED) do
      assert.same(allowed, transition.substatuses(status))
      assert.same(REACHABLE[status], transition.reachable(status))
    end
    assert.is_nil(transition.substatuses("None"))
    assert.is_nil(transition.reachable("Paused"))
  end)

  it("raises on anything but strings and nil", function()
    for _, value in ipairs({ 1, true, {}, print }) do
      assert.has_error(function() transition.check(value, "Pending") end)
      assert.has_error(function() transition.check("New", value) end)
      assert.has_error(function() transition.check("New", "Pending", value) end)
      assert.has_error(function() transition.check("New", "Pending", nil, value) end)
      assert.has_error(function() transition.substatuses(value) end)
      assert.has_error(function() transition.reachable(value) end)
    end
    assert.has_error(function() transition.reachable(nil) end)
  end)
end)
