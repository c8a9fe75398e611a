local odata = require "referrals.sandbox.odata"

local MEMBERS = {
  status = '"New"', substatus = '"Pending"', type = "null", updatedDateTime = '"2018-11-06T18:43:38.9948636Z"',
  ["customerProfile/address/country"] = '"US"', engagementId = '"37EF26AA-1d15-4533-9f93-a69bd33ab1e5"',
  qualification = '" it\'s"', dealValue = "50",
}
local TEAM = { { email = '"a@b.example"', firstName = '"A"' }, { email = '"c@d.example"', firstName = '"C"' } }

local function scopes_of(team)
  local elements = {}
  for index, member in ipairs(team) do
    elements[index] = function(path) return member[path] end
  end
  return {
    root = function(path) return MEMBERS[path] end,
    team = function() return elements end,
  }
end

describe("sandbox odata", function()
  for filter, expected in pairs {
    ["status eq 'New'"] = true,
    ["status eq 'new'"] = false,
    ["'New' eq status"] = true,
    ["status ne 'New'"] = false,
    ["status eq 'Closed' or status eq 'New' and substatus eq 'Received'"] = false,
    ["status eq 'New' or status eq 'Closed' and substatus eq 'Received'"] = true,
    ["(status eq 'New' or status eq 'Closed') and substatus eq 'Received'"] = false,
    ["not (status eq 'New')"] = false,
    ["not(status eq 'Closed') and not status eq 'Active'"] = true,
    ["customerProfile/address/country eq 'US'"] = true,
    ["qualification eq ' it''s'"] = true,
    ["type eq null"] = true,
    ["direction eq null"] = true,
    ["status ne null"] = true,
    ["updatedDateTime ge 2018-11-06T18:43:38.9948636Z"] = true,
    ["updatedDateTime gt 2018-11-06T18:43:38.9948636Z"] = false,
    ["updatedDateTime gt '2018-11-06T18:43:38.99Z'"] = true,
    ["updatedDateTime lt 2018-11-06T18:43:39Z"] = true,
    ["updatedDateTime le 2018-11-06"] = false,
    ["engagementId eq '37ef26aa-1d15-4533-9f93-a69bd33ab1e5'"] = true,
    ["engagementId eq 37ef26aa-1d15-4533-9f93-a69bd33ab1e5"] = true,
    ["team/any(t:t/email eq 'a@b.example')"] = true,
    ["team/any(x: x/email eq 'a@b.example' and x/firstName eq 'C')"] = false,
    ["team/any()"] = true,
    ["type gt 'A'"] = false,
    ["  status   eq 'New'  "] = true,
  } do
    it("answers " .. filter, function()
      local predicate = assert(odata.compile(filter))
      assert.equal(expected, predicate(scopes_of(TEAM)))
    end)
  end

  for _, filter in ipairs {
    "", "status", "status eq", "status is 'New'", "status eq 'New", "status eq 'New' status", "status eq New'",
    "(status eq 'New'", "name eq 'x'", "contains(status,'x')", "team/any(t:status eq 'New')", "status eq 'a' and",
    "team/any(t:t/email eq 'x'", "status eq #", ("("):rep(60) .. "status eq 'New'" .. (")"):rep(60),
  } do
    it("refuses " .. filter:sub(1, 60), function()
      local predicate, why = odata.compile(filter)
      assert.is_nil(predicate)
      assert.truthy(why:find("position %d+"))
    end)
  end

  it("filters by any member when told to", function()
    assert.is_true(odata.compile("dealValue gt 49.5 and dealValue lt 51", true)(scopes_of(TEAM)))
  end)

  it("finds nobody in an empty team", function()
    assert.is_false(odata.compile("team/any(t:t/email eq 'a@b.example')")(scopes_of {}))
    assert.is_false(odata.compile("team/any()")(scopes_of {}))
  end)
end)
