-- What a change does to arrays: replaced as a whole, emptied, added to, removed from.
local applying = require "support.applying"
local referrals = require "referrals"

local apply, becomes, stays, refuses = applying.apply, applying.becomes, applying.stays, applying.refuses
local null = referrals.null

describe("arrays", function()
  it("are replaced as a whole", function()
    becomes('{"l":["a","b"]}', { l = { "c" } }, '{"l":["c"]}')
    becomes('{"t":[{"s":"a","n":1}]}', { t = { { s = "b" } } }, '{"t":[{"s":"b"}]}')
  end)

  it("keep the bytes of equal elements wherever they move", function()
    local a, b, c = '{ "s":"a", "n":1.00 }', '{"n":2e0,"x":[ ]}', "[1.0 ]"
    local text = ('{"t":[%s,%s,%s]}'):format(a, b, c)
    local A, B, C = { s = "a", n = 1 }, { n = 2, x = {} }, { 1 }
    stays(text, { t = { A, B, C } })
    becomes(text, { t = { C, A, B } }, ('{"t":[%s,%s,%s]}'):format(c, a, b))
    becomes(text, { t = { B } }, ('{"t":[%s]}'):format(b))
    becomes(text, { t = { B, B, "new", A } }, ('{"t":[%s,%s,"new",%s]}'):format(b, b, a))
  end)

  it("keep the bytes of moved elements with nulls and annotations that Lua does not show", function()
    becomes('{"t":[{"n":1.00,"s":null}]}', { t = { "new", { n = 1 } } }, '{"t":["new",{"n":1.00,"s":null}]}')
    becomes('{"t":[{"n":1.00}]}', '{"t":["new",{"@odata.type":"x","n":1}]}', '{"t":["new",{"n":1.00}]}')
  end)

  it("keep equal members of an object at the same index, and its nulls", function()
    becomes('{"t":[{"n":1.00,"s":"a","x":null,"l":[ ]},{"n":2.00}]}', { t = { { s = "b", l = {}, n = 1 }, { n = 2 } } },
      '{"t":[{"n":1.00,"s":"b","x":null,"l":[ ]},{"n":2.00}]}')
    becomes('{"t":[{"o":{"a":1.0,"b":2.0},"z":1}]}', { t = { { o = { a = 1, b = 3 }, z = 1 } } },
      '{"t":[{"o":{"a":1.0,"b":3},"z":1}]}')
  end)

  it("are made of the elements that a mark names, whatever stands at their place", function()
    local text = '{"t":[{"n":1.00,"x":null},{"n":2.00,"y":null}]}'
    becomes(text, '{"t":[\0051{"n":2,"s":"b"},\005{"n":1}]}', '{"t":[{"n":2.00,"y":null,"s":"b"},{"n":1.00,"x":null}]}')
    becomes(text, '{"t":[\005{"n":3},\0057{"n":1,"s":"b"}]}', '{"t":[{"n":3},{"n":1,"s":"b"}]}')
    becomes(text, '{"new":[\0050{"n":1}]}', '{"t":[{"n":1.00,"x":null},{"n":2.00,"y":null}],"new":[{"n":1}]}')
    stays(text, '{"t":[\0050{"n":1},\0051{"n":2}]}')
  end)

  it("find moved elements behind hundreds of copies of others", function()
    local texts, values = {}, { "new" }
    for i = 1, 500 do
      texts[i] = "7.0"
      values[i + 1] = 7
    end
    for i = 1, 500 do
      texts[500 + i] = ("%d.0"):format(i)
      values[501 + i] = i
    end
    local moved = '{"x":["new",' .. table.concat(texts, ",") .. "]}"
    becomes('{"x":[' .. table.concat(texts, ",") .. "]}", { x = values }, moved)
  end)

  it("find moved elements among hundreds, many of them alike", function()
    local texts, values = {}, {}
    for i = 1, 300 do
      texts[i] = ('{"n":%d.0}'):format(i % 7)
      values[i] = { n = i % 7 }
    end
    table.insert(values, 1, "first")
    becomes('{"t":[' .. table.concat(texts, ",") .. "]}", { t = values },
      '{"t":["first",' .. table.concat(texts, ",") .. "]}")
  end)

  it("say that a whole array goes, also when it is emptied, nulled or new", function()
    local function whole(text, change)
      return apply(text, change)[1].whole_array or false
    end
    assert.is_true(whole('{"l":["a"]}', { l = { "b" } }))
    assert.is_true(whole('{"l":["a"]}', { l = {} }))
    assert.is_true(whole('{"l":["a"]}', { l = null }))
    assert.is_true(whole('{"l":null}', { l = { "a" } }))
    assert.is_false(whole('{"l":["a"]}', { l = referrals.add "b" }))
    assert.is_false(whole('{"l":["a"]}', '{"l":\4[0]}'))
    assert.is_false(whole('{"n":1}', { n = 2 }))
  end)
end)

describe("empty tables", function()
  it("become what the document has", function()
    becomes('{"x":["a"]}', { x = {} }, '{"x":[]}')
    stays('{"x":{"a":1}}', { x = {} })
    stays('{"x":[ ]}', { x = {} })
    stays('{"x":{ }}', { x = {} })
    becomes('{"t":[{"x":{"a":1},"s":"p"}]}', { t = { { x = {}, s = "q" } } }, '{"t":[{"x":{},"s":"q"}]}')
  end)

  it("else what the prototype has", function()
    becomes("{}", { l = {} }, '{"l":[]}')
    becomes('{"l":null}', { l = {} }, '{"l":[]}')
    becomes("{}", { o = {} }, '{"o":{}}')
    becomes("{}", { o = { l = {} } }, '{"o":{"l":[]}}')
    becomes('{"t":[]}', { t = { { s = "x", l = {} } } }, '{"t":[{"l":[],"s":"x"}]}')
  end)

  it("are refused where neither knows", function()
    refuses("{}", { x = {} }, "an empty table says neither", "/x")
    refuses('{"x":null}', { x = {} }, "an empty table says neither", "/x")
    refuses('{"x":"text"}', { x = {} }, "an empty table says neither", "/x")
    refuses('{"o":{}}', { o = { x = { {} } } }, "an empty table says neither", "/o/x/0")
    refuses("{}", { ["a/b~c"] = {} }, "an empty table says neither", "/a~1b~0c")
    becomes("{}", { x = referrals.array {} }, '{"x":[]}')
  end)
end)

describe("add", function()
  it("appends what is not there yet", function()
    becomes('{"l":[ "a" , "b" ]}', { l = referrals.add("b", "c") }, '{"l":[ "a" , "b","c" ]}')
    becomes('{"l":[ ]}', { l = referrals.add "a" }, '{"l":["a" ]}')
    becomes('{"t":[{"n":1.00}]}', { t = referrals.add({ n = 1 }, { n = 2 }) }, '{"t":[{"n":1.00},{"n":2}]}')
    stays('{"l":["a"]}', { l = referrals.add "a" })
  end)

  it("appends an item once that is named twice", function()
    becomes('{"l":["a"]}', { l = referrals.add("b", "a", "b") }, '{"l":["a","b"]}')
    becomes('{"t":[]}', { t = referrals.add({ n = 1, s = "x" }, { s = "x", n = 1 }) }, '{"t":[{"n":1,"s":"x"}]}')
  end)

  it("makes the array where there is none", function()
    becomes("{}", { l = referrals.add "a" }, '{"l":["a"]}')
    becomes('{"l":null}', { l = referrals.add "a" }, '{"l":["a"]}')
    becomes("{}", { o = { l = referrals.add "a" } }, '{"o":{"l":["a"]}}')
  end)

  it("is refused on what is no array, and in another array's elements", function()
    refuses('{"s":"x"}', { s = referrals.add "a" }, "an array to add to", "/s")
    refuses('{"t":[{"l":["a"]}]}', { t = { { l = referrals.add "b" } } }, "do not reach into", "/t/0/l")
    refuses('{"t":[]}', { t = referrals.add { l = referrals.add "b" } }, "do not reach into", "/t/0/l")
  end)
end)

describe("remove", function()
  it("takes positions out and leaves the others' bytes", function()
    local text = '{"l":[ 1.0 , {"a" : 1},"x", [ ] ]}'
    local _, first = apply(text, '{"l":\4[0]}')
    assert.equal('{"l":[{"a" : 1},"x",[ ]]}', first)
    local _, several = apply(text, '{"l":\4[1,3]}')
    assert.equal('{"l":[1.0,"x"]}', several)
    local _, all = apply(text, '{"l":\4[0,1,2,3]}')
    assert.equal('{"l":[]}', all)
  end)

  it("is nothing to do where nothing is", function()
    stays('{"l":["a"]}', '{"l":\4[]}')
    stays('{"l":["a"]}', '{"l":\4[5]}')
    stays('{"l":null}', '{"l":\4[0]}')
    stays("{}", '{"l":\4[0]}')
  end)

  it("is refused on what is no array, and in another array's elements", function()
    refuses('{"s":"x"}', '{"s":\4[0]}', "an array to remove from", "/s")
    refuses('{"t":[{"l":["a"]}]}', '{"t":[{"l":\4[0]}]}', "do not reach into", "/t/0/l")
  end)
end)
