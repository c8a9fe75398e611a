local cjson = require "cjson"
local odata = require "referrals.odata"

local eq, filter, query = odata.eq, odata.filter, odata.query

local function refused(member, made, err)
  assert.is_nil(made)
  assert.equal("validation", err.kind)
  assert.equal(member, err.member)
  return tostring(err)
end

local function raises(text, ...)
  local ok, message = pcall(...)
  assert.is_false(ok)
  assert.truthy(message:find(text, 1, true), message)
end

describe("odata comparisons", function()
  it("write each operator", function()
    for _, operator in ipairs({ "eq", "ne", "gt", "ge", "lt", "le" }) do
      assert.equal("status " .. operator .. " 'New'", filter(odata[operator]("status", "New")))
    end
  end)

  it("take members with dots or slashes", function()
    assert.equal("customerProfile/address/country eq 'US'", filter(eq("customerProfile.address.country", "US")))
    assert.equal("customerProfile/address/country eq 'US'", filter(eq("customerProfile/address/country", "US")))
  end)

  it("write values in OData's notation", function()
    assert.equal("name eq 'O''Neill'", filter(eq("name", "O'Neill")))
    assert.equal("name eq null", filter(eq("name", cjson.null)))
    assert.equal("updatedDateTime ge 2018-11-06T18:43:38Z", filter(odata.ge("updatedDateTime", "2018-11-06T18:43:38Z")))
    assert.equal("moment lt 2018-11-06T18:43:38Z", filter(odata.lt("moment", odata.datetime("2018-11-06T18:43:38Z"))))
    refused("updatedDateTime", filter(eq("updatedDateTime", "yesterday")))
  end)

  it("refuse control characters, odd names and odd numbers", function()
    assert.equal(
      "validation: name: expected a text without control characters, got 'a\\nb'",
      refused("name", filter(eq("name", "a\nb")))
    )
    refused("a eq 1 or b", filter(eq("a eq 1 or b", 1)))
    refused("a", filter(eq("a", 0 / 0)))
  end)

  it("raise for wrong Lua types where they were written", function()
    raises("eq: expected a member's name, got a number", eq, 5, "x")
    raises("got a nil for 'name'", eq, "name", nil)
    raises("got a table for 'name'", eq, "name", {})
    raises("datetime: expected a string", odata.datetime, 5)
    raises("raw: expected a string", odata.raw, 5)
    local line = debug.getinfo(1, "l").currentline + 2
    raises("odata_spec.lua:" .. line .. ": eq:", function()
      local made = eq("name", print)
      return made
    end)
  end)
end)

describe("odata combinations", function()
  it("join with and, or and the parentheses that they need", function()
    local a, b, c = eq("a", 1), eq("b", 2), eq("c", 3)
    assert.equal("a eq 1 and b eq 2", filter(odata.all_of(a, b)))
    assert.equal("a eq 1 or b eq 2", filter(odata.any_of(a, b)))
    assert.equal("a eq 1 and (b eq 2 or c eq 3)", filter(odata.all_of(a, odata.any_of(b, c))))
    assert.equal("(a eq 1 and b eq 2) or c eq 3", filter(odata.any_of(odata.all_of(a, b), c)))
    assert.equal("a eq 1 and (x eq 1 or y eq 2)", filter(odata.all_of(a, odata.raw("x eq 1 or y eq 2"))))
    assert.equal("a eq 1", filter(odata.all_of(a)))
    assert.equal("a eq 1 and b eq 2", filter(odata.all_of(odata.any_of(a), b)))
  end)

  it("ask about the items of a collection", function()
    assert.equal("team/any(t:t/email eq 'x@y')", filter(odata.any("team", eq("email", "x@y"))))
    assert.equal(
      "status eq 'New' and customerProfile/team/any(t:t/a eq 1 or t/b eq 2)",
      filter(odata.all_of(
        eq("status", "New"),
        odata.any("customerProfile.team", odata.any_of(eq("a", 1), eq("b", 2)))
      ))
    )
    assert.equal("team/any(t:t/tags/any(t1:t1/x eq 1))", filter(odata.any("team", odata.any("tags", eq("x", 1)))))
  end)

  it("carry the first wrong value to the end", function()
    refused("b", filter(odata.all_of(eq("a", 1), odata.any("team", eq("b", "\n")))))
    refused("te am", filter(odata.any("te am", eq("b", 1))))
    refused("filter", filter(odata.all_of()))
    refused("filter", filter(odata.any_of()))
    refused("filter", filter(odata.raw(" ")))
    refused("filter", filter(odata.raw("a\r\nb")))
  end)

  it("raise for what is no condition", function()
    raises("all_of: expected conditions, number 2 is a string", odata.all_of, eq("a", 1), "b")
    raises("any_of: expected conditions, number 1 is a nil", odata.any_of, nil)
    raises("any: expected a collection's name and a condition", odata.any, "team", "x")
    raises("any: expected a collection's name and a condition", odata.any, 5, eq("a", 1))
  end)
end)

describe("odata.filter", function()
  it("takes a table of equalities, in the order of their names", function()
    assert.equal(
      "customerProfile/address/country eq 'US' and status eq 'New'",
      filter({ status = "New", ["customerProfile.address.country"] = "US" })
    )
    assert.equal("", filter({}))
  end)

  it("takes raw text", function()
    assert.equal("status eq 'New'", filter("status eq 'New'"))
    refused("filter", filter(""))
    refused("filter", filter("a\tb"))
  end)

  it("raises for other types, at the level asked for", function()
    raises("filter: expected a table, a condition or a string, got a number", filter, 5)
    raises("filter '1': expected members' names as keys", filter, { "status" })
    raises("filter 'status': expected a string, number", filter, { status = {} })
    local line = debug.getinfo(1, "l").currentline + 2
    raises("odata_spec.lua:" .. line .. ":", function()
      local made = filter(5)
      return made
    end)
  end)
end)

describe("odata.query", function()
  it("is percent-encoded, in a fixed order", function()
    assert.equal(
      "?$filter=status%20eq%20%27New%27&$orderby=createdDateTime%20desc"
        .. "&$select=id%2Cstatus%2CeTag%2CupdatedDateTime&$top=10&$skip=20&$count=true",
      query({
        filter = { status = "New" },
        orderby = "createdDateTime desc",
        select = "id,status",
        top = 10,
        skip = 20,
        count = true,
      })
    )
    assert.equal(
      "?$filter=team%2Fany%28t%3At%2Femail%20eq%20%27%C3%A4%2B%26%23%25%3D%3F~x%40y%27%29",
      query({ filter = odata.any("team", eq("email", "\195\164+&#%=?~x@y")) })
    )
  end)

  it("is empty when nothing is asked", function()
    assert.equal("", query())
    assert.equal("", query({}))
    assert.equal("", query({ filter = {}, orderby = {}, count = false }))
  end)

  it("takes orderby in three forms", function()
    local expected = "?$orderby=createdDateTime%20desc%2CupdatedDateTime%20asc"
    assert.equal(expected, query({ orderby = "createdDateTime desc, updatedDateTime" }))
    assert.equal(expected, query({ orderby = { "createdDateTime desc", "updatedDateTime asc" } }))
    assert.equal(expected, query({ orderby = { updatedDateTime = "asc", createdDateTime = "desc" } }))
    for _, bad in ipairs({
      "", "a,", "a down", "a desc x", "a DESC", { "a'b" }, { a = "up" }, { a = true }, { 5 }, { {} }, "a\ndesc,b\0",
      { true }, { [true] = "asc" }, { "a", nil, "b" }, { [2] = "a" }, { "a", b = 5 },
    }) do
      refused("orderby", query({ orderby = bad }))
    end
  end)

  it("always selects what an update of a row needs", function()
    assert.equal("?$select=id%2CeTag%2CupdatedDateTime", query({ select = {} }))
    local named = { "eTag", "details.notes" }
    assert.equal("?$select=eTag%2Cdetails%2Fnotes%2Cid%2CupdatedDateTime", query({ select = named }))
    for _, bad in ipairs({ "", "a,,b", "a b", { 5 }, { "a&b" }, { "a", nil, "b" }, { name = true }, { name = "x" } }) do
      refused("select", query({ select = bad }))
    end
  end)

  it("wants whole numbers", function()
    assert.equal("?$top=0&$skip=0", query({ top = 0, skip = 0 }))
    for _, bad in ipairs({ -1, 0.5, 0 / 0, math.huge }) do
      refused("top", query({ top = bad }))
      refused("skip", query({ skip = bad }))
    end
  end)

  it("hands on a filter's wrong value and refuses what is too long", function()
    refused("status", query({ filter = { status = "a\0" } }))
    refused("filter", query({ filter = ("x"):rep(8193) }))
    assert.equal(8192, #query({ filter = ("x"):rep(8192 - #"?$filter=") }))
  end)

  it("raises for unknown names and wrong types, at the level asked for", function()
    raises("unknown option 'filtre' (did you mean 'filter'?)", query, { filtre = {} })
    raises("unknown option '$top'", query, { ["$top"] = 1 })
    raises("option 'top': expected a number, got a string", query, { top = "5" })
    raises("options: expected a table, got a string", query, "status eq 'New'")
    local function list(asked)
      local made, err = query(asked, 2)
      return made, err
    end
    local line = debug.getinfo(1, "l").currentline + 2
    raises("odata_spec.lua:" .. line .. ": unknown option 'x'", function()
      local made = list({ x = 1 })
      return made
    end)
    line = debug.getinfo(1, "l").currentline + 2
    raises("odata_spec.lua:" .. line .. ": filter '1'", function()
      local made = list({ filter = { "x" } })
      return made
    end)
  end)
end)
