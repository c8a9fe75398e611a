local same = require "referrals.same"

describe("same", function()
  it("compares tables member by member, at any depth", function()
    assert.is_true(same({ a = { 1, { b = "x" } } }, { a = { 1, { b = "x" } } }))
    assert.is_true(same({}, {}))
    assert.is_true(same(5, 5.0))
    assert.is_false(same({ a = 1 }, { a = 1, b = false }))
    assert.is_false(same({ a = 1, b = 2 }, { a = 1 }))
    assert.is_false(same({ a = { 1, 2 } }, { a = { 1, 3 } }))
    assert.is_false(same({}, "table"))
    assert.is_false(same("1", 1))
  end)
end)
