local core = require "referrals.core"
local moment = require "referrals.moment"

local function rows(moments)
  local made = {}
  for index, text in ipairs(moments) do
    local document = assert(core.document.read(('{"id":"r%d","updatedDateTime":"%s"}'):format(index, text)))
    made[index] = { id = "r" .. index, document = document }
  end
  return made
end

local function at(fraction)
  return ("2024-01-01T00:00:00%sZ"):format(fraction)
end

describe("a moment", function()
  it("compares as text, however many digits it was written with", function()
    assert.equal(moment.of(at ".5"), moment.of(at ".500"))
    assert.equal(moment.of(at ""), moment.of(at ".000"))
    assert.is_true(moment.of(at ".12") < moment.of(at ".123"))
    assert.equal(moment.of "2024-01-01T00:00:00Z", moment.of_seconds(1704067200))
    for _, none in ipairs { "", "2024-01-01", "2024-13-01T00:00:00Z" } do
      assert.is_nil(moment.of(none))
    end
    assert.is_nil(moment.of(nil))
  end)

  it("of each row is noted, in the order of the moments or of their texts", function()
    for _, good in ipairs {
      { at "", at ".1", at ".12", at ".123" }, { at ".123", at ".12", at ".1", at "" },
      { at ".5", at ".5", at ".50" }, {},
    } do
      local read = rows(good)
      assert.is_nil(moment.judge(read))
      for index, row in ipairs(read) do
        assert.same({ good[index], moment.of(good[index]) }, { row.updated, row.moment })
      end
    end
  end)

  it("out of its place is told, also where the list is to begin", function()
    for _, bad in ipairs {
      { nil, at ".1", at ".9", at ".5" }, { at ".5", at ".4", at ".6", at ".5" },
      { nil, "2024-01-01T00:00:02Z", "2024-01-01T00:00:01Z" }, { "2024-01-01T00:00:02Z", "2024-01-01T00:00:01Z" },
      { at ".12", at ".119" },
    } do
      local list = {}
      for index = 2, 4 do
        list[#list + 1] = bad[index]
      end
      assert.truthy(moment.judge(rows(list), bad[1]):find("is not in its place", 1, true))
    end
    assert.truthy(moment.judge(rows { "soon" }):find("no usable updatedDateTime", 1, true))
  end)
end)
