local change = require "referrals.change"
local core = require "referrals.core"
local plain = require "referrals.plain"
local referrals = require "referrals"
local sandbox = require "referrals.sandbox"

local EXAMPLE = sandbox.example
local read = core.document.read

local function plan(given, text)
  local document = assert(read(text or EXAMPLE))
  return core.document.plan(document, given, plain.rules), document
end

describe("a plan", function()
  it("makes the bytes that apply makes", function()
    for _, given in ipairs {
      { status = "Closed", substatus = "Won" },
      { details = { dealValue = 50001 } },
      { details = { notes = "a \"note\" \u{e9}\n" }, statusReason = "x" },
      { statusReason = "new", details = { dealValue = 1.5 } },
    } do
      local made, document = plan(given)
      assert.is_truthy(made)
      local _, body = document:apply(core.json.write(given), change.PROTOTYPE)
      assert.equal(body, made:body(document))
      assert.equal((core.json.write(given)), made:text())
    end
  end)

  it("goes by rules: what a value begins with, or which it is", function()
    local listed = { ['"x"'] = true, ['"yy"'] = true }
    local rules = core.document.rules('{"a":"","b":"","c":0}', { ["/a"] = '"', ["/b"] = listed })
    local document = assert(read '{"a":"1","b":"2","c":3}')
    for _, given in ipairs { { a = "x" }, { b = "x" }, { b = "yy" }, { a = "x", b = "x" } } do
      assert.is_truthy(core.document.plan(document, given, rules))
    end
    for _, given in ipairs { { a = 1 }, { b = "y" }, { b = "xx" }, { c = 4 }, { a = "x", c = 4 } } do
      assert.is_nil(core.document.plan(document, given, rules))
    end
    for _, wrong in ipairs { {}, "rules", document } do
      assert.has_error(function()
        core.document.plan(document, { a = "x" }, wrong)
      end)
    end
    assert.has_error(function()
      core.document.rules("{", {})
    end)
    assert.has_error(function()
      core.document.rules("{}", { ["/a"] = true })
    end)
  end)

  it("says which members it sets, as Lua has the values", function()
    local made = plan { status = "Closed", substatus = "Won" }
    assert.same({
      { member = "status", from = "New", to = "Closed" },
      { member = "substatus", from = "Pending", to = "Won" },
    }, made:members(plain.paths))
    made = plan { details = { dealValue = 50001 } }
    assert.same({ { member = "details.dealValue", from = 50000, to = 50001 } }, made:members(plain.paths))
  end)

  it("is made of nothing that wants a word, a closer look or somebody's say", function()
    for name, given in pairs {
      ["an id"] = { id = sandbox.EXAMPLE_ID, statusReason = "x" },
      ["an entity tag"] = { eTag = '"1"', statusReason = "x" },
      ["links"] = { links = {}, statusReason = "x" },
      ["an annotation"] = { ["@odata.type"] = "x", statusReason = "x" },
      ["an annotation inside"] = { details = { ["a@odata.type"] = "x" } },
      ["an unknown member"] = { nobody = "x" },
      ["what the service sets"] = { organizationName = "x" },
      ["an array"] = { team = {} },
      ["items to add"] = { team = referrals.add { email = "a@example.com" } },
      ["elements to take out"] = { team = referrals.remove "a@example.com" },
      ["null where there has to be a value"] = { status = referrals.null },
      ["a member that is not there"] = { campaignId = { x = 1 } },
      ["a status that is none"] = { status = "Clsoed" },
      ["a move that cannot be"] = { status = "Active", substatus = "Won" },
      ["a status whose substatus goes with it"] = { status = "Active" },
      ["a function inside"] = { statusReason = print },
      ["a list"] = { "x" },
      ["nothing"] = {},
      ["what is so already"] = { status = "New" },
      ["a table that may mean more"] = setmetatable({ statusReason = "x" }, {}),
    } do
      assert.is_nil(plan(given), name)
    end
  end)

  it("is made of null, where a member may be null", function()
    local made, document = plan { statusReason = referrals.null, qualification = referrals.null }
    assert.truthy(made:body(document):find('"statusReason": null', 1, true))
    assert.equal(referrals.null, made:members(plain.paths)[1].to)
  end)

  it("is made on what has annotations in its root, which are not written, and on none that has deeper ones", function()
    local annotated = EXAMPLE:gsub("^{", '{"@odata.context": "x",', 1)
    local made, document = plan({ statusReason = "x" }, annotated)
    assert.is_nil(made:body(document):find("@odata", 1, true))
    assert.is_true(made:confirm(read((EXAMPLE:gsub('"statusReason": "[^"]*"', '"statusReason": "x"'))), document))
    assert.is_nil(plan({ statusReason = "x" }, (EXAMPLE:gsub('"details": {', '%0"x@odata.type": "y",', 1))))
  end)

  it("is confirmed by an answer that shows it all, and misses nothing", function()
    local made, document = plan { status = "Closed", substatus = "Won" }
    local body = made:body(document)
    assert.is_true(made:confirm(read(body), document))
    assert.is_true(made:confirm(read((body:gsub("%s", ""))), document)) -- other white space
    assert.is_true(made:confirm(read((body:gsub('"Won"', '"W\\u006fn"'))), document))
    assert.is_false(made:confirm(read((body:gsub('"Won"', '"Lost"'))), document))
    assert.is_false(made:confirm(read((body:gsub('"dealValue": 50000,', ""))), document)) -- a member is missing
    assert.is_false(made:confirm(document, document))
  end)

  it("is for its document and no other", function()
    local made = plan { statusReason = "x" }
    assert.has_error(function() made:body(read(EXAMPLE)) end, "a plan is for the document that it was made of")
  end)
end)
