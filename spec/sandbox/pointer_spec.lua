local pointer = require "referrals.sandbox.pointer"

local function add(text, path, value)
  return pointer.add(text, pointer.tokens(path), value)
end

local function replace(text, path, value)
  return pointer.replace(text, pointer.tokens(path), value)
end

describe("sandbox pointer", function()
  it("reads reference tokens", function()
    assert.same({}, pointer.tokens(""))
    assert.same({ "a/b", "~", "" }, pointer.tokens("/a~1b/~0/"))
    assert.is_nil(pointer.tokens("a"))
    assert.is_nil(pointer.tokens("/~2"))
  end)

  it("changes one slice and leaves every other byte", function()
    local text = '{ "n":1e2 ,\n "o": {"x": [ 1.00, {} ]}, "z":[]\t}\n'
    assert.equal('{ "n":1e2 ,\n "o": {"x": [ 7, {} ]}, "z":[]\t}\n', replace(text, "/o/x/0", "7"))
    assert.equal('{ "n":1e2 ,\n "o": {"x": [ 1.00, {}, 7 ]}, "z":[]\t}\n', add(text, "/o/x/-", "7"))
    assert.equal('{ "n":1e2 ,\n "o": {"x": [ 7, 1.00, {} ]}, "z":[]\t}\n', add(text, "/o/x/0", "7"))
    assert.equal('{ "n":1e2 ,\n "o": {"x": [ 1.00, {} ]}, "z":[7]\t}\n', add(text, "/z/-", "7"))
    assert.equal('{ "n":1e2 ,\n "o": {"x": [ 1.00, {} ]}, "z":[], "y": 7\t}\n', add(text, "/y", "7"))
    assert.equal('{ "n":7 ,\n "o": {"x": [ 1.00, {} ]}, "z":[]\t}\n', add(text, "/n", "7"))
  end)

  it("adds to empty containers", function()
    assert.equal('{"a":1}', add("{}", "/a", "1"))
    assert.equal('{"a": 1}\n', add("{ }\n", "/a", "1"))
    assert.equal("[1]", add("[ ]", "/0", "1"))
  end)

  it("lays out what it adds like its neighbours", function()
    assert.equal('{\n  "a": 1,\n  "b": 2\n}', add('{\n  "a": 1\n}', "/b", "2"))
  end)

  it("refuses what is not there", function()
    assert.is_nil(replace('{"a":1}', "/b", "2"))
    assert.is_nil(replace('{"a":[1]}', "/a/1", "2"))
    assert.is_nil(replace('{"a":[1]}', "/a/-", "2"))
    assert.is_nil(add('{"a":[1]}', "/a/2", "2"))
    assert.is_nil(add('{"a":[1]}', "/a/00", "2"))
    assert.is_nil(add('{"a":1}', "/a/b", "2"))
    assert.is_nil(add('{"a":1}', "/b/c", "2"))
  end)

  it("removes members with their comma, the doubled ones too", function()
    assert.equal('{ "b":2, "c":3 }', pointer.without('{ "a":1, "b":2, "c":3 }', "a"))
    assert.equal('{ "a":1, "c":3 }', pointer.without('{ "a":1, "b":2, "c":3 }', "b"))
    assert.equal('{ "a":1, "b":2 }', pointer.without('{ "a":1, "b":2, "c":3 }', "c"))
    assert.equal('{"b":2}', pointer.without('{"a":1,"b":2,"a":3}', "a"))
    assert.equal("{}", pointer.without('{"a":1}', "a"))
  end)

  it("finds values", function()
    assert.equal("[ ]", pointer.find('{"a":[{"b":[ ]}]}', { "a", "0", "b" }))
    assert.is_nil(pointer.find('{"a":1}', { "a", "b" }))
  end)
end)
