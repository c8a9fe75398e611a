local json = require "referrals.sandbox.json"

describe("sandbox json", function()
  for _, text in ipairs {
    "0", "-0", "1e2", "12.50", "-1.5E-10", "12345678901234567890", '""', '"\\u00e9\\ud83d\\ude00\\/"', "[]", "{}",
    "null", " [ 1 , {\"a\" : [true,false,null]} ]\r\n\t",
    '{"a":1,"a":2}', '"h\195\169"', '"\240\159\152\128"',
    '"\127"',
  } do
    it("accepts " .. text, function()
      assert.is_true(json.check(text))
    end)
  end

  for text, offset in pairs {
    [""] = 1, ["01"] = 1, ["1."] = 2, ["+1"] = 1, ["nul"] = 1, ["[1,]"] = 4, ['{"a":1,}'] = 8, ["{'a':1}"] = 2,
    ['{"a" 1}'] = 6, ['"a'] = 1, ['"a\nb"'] = 3, ['"\\x"'] = 2, ["[1] 2"] = 5, ["NaN"] = 1, ["[1 2]"] = 4,
    ['"\255"'] = 2, ['"\237\160\128"'] = 2, ['"\192\128"'] = 2, ["\239\187\191{}"] = 1, ['{"a":}'] = 6,
  } do
    it("refuses " .. text:gsub("[^%g ]", "?") .. " at " .. offset, function()
      local ok, why, where = json.check(text)
      assert.is_nil(ok)
      assert.is_string(why)
      assert.equal(offset, where)
    end)
  end

  it("bounds the nesting", function()
    local depth = json.MAX_DEPTH
    assert.is_true(json.check(("["):rep(depth) .. ("]"):rep(depth)))
    assert.is_nil(json.check(("["):rep(depth + 1) .. ("]"):rep(depth + 1)))
    assert.is_nil(json.check(("["):rep(100000)))
  end)

  it("finds members and elements as slices", function()
    local text = '{ "a" : 50000.00 , "b":{"c":[]}}'
    local members = json.members(text)
    assert.equal(2, #members)
    assert.equal('"a"', text:sub(members[1].name_from, members[1].name_to))
    assert.equal("50000.00", text:sub(members[1].from, members[1].to))
    assert.equal('{"c":[]}', text:sub(members[2].from, members[2].to))
    local array = '[1e2, "]" ,[] ]'
    local elements = json.elements(array)
    assert.equal(3, #elements)
    assert.equal('"]"', array:sub(elements[2].from, elements[2].to))
  end)
end)
