-- Every kind of value: it keeps its bytes while others change, and is no difference when it is set to what it is.
local applying = require "support.applying"
local core = require "referrals.core"
local referrals = require "referrals"
local representation = require "referrals.representation"

local read = core.document.read
local apply, becomes, stays = applying.apply, applying.becomes, applying.stays
local null = referrals.null

describe("every kind of value", function()
  local values = {
    "null", "[]", "[ ]", "{}", "{ }", "true", "false", "0", "-0", "1e2", "1E+2", "50000.00", "123456789012345.67",
    "12345678901234567890", "-0.10", "0.1000000000000000055511151231257827", '"\\u00e9\\ud83d\\ude00"', '"a\\/b"',
    '"\195\169"', '""', '"\\u0000"', '[1.0, 2.00 ,[ ]]', '{"x": {"y" :[1e1]}}', "[null]", '{"z":null}', '"50000.00"',
    '[{"a":1,"b":null},{}]', '"\\ud800"',
  }
  local members = {}
  for i, value in ipairs(values) do
    members[i] = (' "v%d" : %s '):format(i, value)
  end
  local text = '{"s":"before",' .. table.concat(members, ",") .. "}"

  it("stays byte for byte when another member changes", function()
    becomes(text, { s = "after" }, (text:gsub("before", "after")))
    becomes(text, { added = true }, (text:gsub("}$", ""):gsub(" $", "")) .. ',"added":true }')
  end)

  for i, value in ipairs(values) do
    it("is no difference when set to itself: " .. value, function()
      stays(text, ('{"v%d":%s}'):format(i, value))
    end)

    it("is no difference when set to what Lua reads: " .. value, function()
      local decoded = representation.decode(value)
      if value == '"\\ud800"' then
        assert.equal("\239\191\189", decoded) -- no Lua string says half a surrogate pair
      else
        stays(text, { ["v" .. i] = decoded == nil and null or decoded })
      end
    end)

    it("can become any other: " .. value, function()
      for j, other in ipairs(values) do
        local before, change = ('{"v":%s}'):format(value), ('{"v":%s}'):format(other)
        local differences, next_text = apply(before, change)
        if value:find("^{") and other:find("^{") then
          local merged = i ~= j and other:find("[%d]") -- the only member that is no null
          assert.equal(merged and 1 or 0, #differences, other)
        elseif core.json.equal(value, other) then
          assert.same({}, differences)
        else
          becomes(before, change, next_text)
          assert.is_true(core.json.equal(assert(read(next_text)):get "/v", other))
        end
      end
    end)
  end
end)

describe("numbers", function()
  it("written as text go into number members digit for digit", function()
    becomes('{"x":1}', { x = "50000.10" }, '{"x":50000.10}')
    becomes('{"n":null}', { n = "12345678901234567890.123" }, '{"n":12345678901234567890.123}')
    becomes("{}", { n = "0.10" }, '{"n":0.10}')
    becomes("{}", { o = { n = "7.00" } }, '{"o":{"n":7.00}}')
    becomes('{"t":[]}', { t = { { n = "1.50" }, { n = "2.50" } } }, '{"t":[{"n":1.50},{"n":2.50}]}')
    stays('{"n":50000.00}', { n = "50000" })
  end)

  it("stay text where text belongs", function()
    becomes("{}", { s = "12" }, '{"s":"12"}')
    becomes('{"s":"98052"}', { s = "98053" }, '{"s":"98053"}')
    becomes('{"l":["1"]}', { l = { "2" } }, '{"l":["2"]}')
    becomes("{}", { unknown = "12" }, '{"unknown":"12"}')
    becomes('{"n":1}', { n = "01" }, '{"n":"01"}')
    becomes('{"n":1}', { n = "1,5" }, '{"n":"1,5"}')
    becomes('{"n":1}', { n = " 1" }, '{"n":" 1"}')
  end)

  it("are told apart beyond what a double holds", function()
    becomes('{"n":12345678901234567890}', { n = "12345678901234567891" }, '{"n":12345678901234567891}')
    becomes('{"n":12345678901234567890}', '{"n":12345678901234567891}', '{"n":12345678901234567891}')
    becomes('{"n":0.1}', '{"n":0.10000000000000000001}', '{"n":0.10000000000000000001}')
  end)
end)
