local clocks = require "referrals.sandbox.clock"
local documents = require "referrals.sandbox.documents"
local sandbox = require "referrals.sandbox"
local values = require "referrals.sandbox.values"
local wire = require "support.wire"

local NOON = 1541592000 -- 2018-11-07T12:00:00Z

describe("the sandbox's documents", function()
  local store

  before_each(function()
    store = documents.new(clocks.new(function() return NOON end))
  end)

  local function ids()
    local list = {}
    for index, document in ipairs(store.list) do
      list[index] = document.id
    end
    return list
  end

  it("are kept as the text that came, under an id without case", function()
    local text = ' {"id" : "AbC", "n": 1.0e2}\n'
    assert.equal("abc", store:keep(text).id)
    assert.equal(text, store:find("ABC").text)
    assert.is_nil(store:find("ab"))
  end)

  it("carry the tag of their text, else one of their own that no other has", function()
    assert.equal('"mine"', store:keep('{"id":"a","eTag":"\\"mine\\""}').tag)
    local seen = {}
    for _, id in ipairs { "b", "c", "b" } do -- within one second of the clock
      local tag = store:keep('{"id":"' .. id .. '"}').tag
      assert.is_truthy(tag:find('^"[%x-]+"$'))
      assert.is_nil(seen[tag])
      seen[tag] = true
    end
  end)

  it("take one another's place by their id, and remember the version before", function()
    local first, second = '{"id":"a","eTag":"\\"1\\"","n":1}', '{"id":"A","eTag":"\\"2\\"","n":2}'
    store:keep(first)
    store:keep('{"id":"b"}')
    local document = store:keep(second)
    assert.same({ "a", "b" }, ids())
    assert.same({ second, '"2"' }, { document.text, document.tag })
    assert.same({ text = first, tag = '"1"' }, document.previous)
  end)

  it("are stamped by a write, the tag only where they show one", function()
    local document = store:keep('{"id":"a","eTag":"\\"1\\"","updatedDateTime":"before"}')
    store:write(document, '{"id":"a","eTag":"sent","updatedDateTime":"sent","n":2}')
    local known = values.by_name(document.text)
    assert.same({ '"2018-11-07T12:00:00.0000000Z"', "2" }, { known.updatedDateTime, known.n })
    assert.equal(document.tag, values.scalar(known.eTag))
    assert.not_equal('"1"', document.tag)
    assert.equal('"1"', document.previous.tag)
    local bare = store:keep('{"id":"b"}')
    local tag = bare.tag
    store:write(bare, '{"id":"b"}')
    assert.is_nil(values.member(bare.text, "eTag"))
    assert.is_truthy(values.member(bare.text, "updatedDateTime"))
    assert.not_equal(tag, bare.tag)
  end)

  it("are looked up in the version that is there now", function()
    local document = store:keep('{"id":"a","details":{"notes":"old"},"n":5,"none":null}')
    assert.equal('"old"', documents.value(document, "details/notes"))
    assert.is_nil(documents.value(document, "details/more"))
    assert.same({ "old", 5, "", "" }, {
      documents.scalar(document, "details/notes"), documents.scalar(document, "n"),
      documents.scalar(document, "none"), documents.scalar(document, "details/more"),
    })
    store:write(document, '{"id":"a","details":{"notes":"new","more":true}}')
    assert.equal('"new"', documents.value(document, "details/notes"))
    assert.is_true(documents.scalar(document, "details/more"))
    assert.is_nil(documents.value(document, "n"))
  end)

  it("count every change, by which a request is found to have been applied, and nothing else", function()
    local function counted(f, ...)
      local before = store.revision
      f(store, ...)
      return store.revision - before
    end
    assert.equal(1, counted(store.keep, '{"id":"a"}'))
    assert.equal(1, counted(store.write, store:find("a"), '{"id":"a"}'))
    assert.equal(0, counted(store.find, "a"))
    assert.equal(0, counted(store.remove, "b"))
    assert.equal(1, counted(store.remove, "A"))
  end)

  it("are removed without a trace, and the others keep their order", function()
    for _, id in ipairs { "a", "b", "c" } do
      store:keep('{"id":"' .. id .. '"}')
    end
    assert.is_true(store:remove("A"))
    assert.is_false(store:remove("a"))
    assert.same({ "b", "c" }, ids())
    assert.is_nil(store:find("a"))
    assert.is_nil(store:keep('{"id":"a"}').previous)
    assert.same({ "b", "c", "a" }, ids())
  end)

  it("are refused at the line that stores them, where they are no JSON or have no id", function()
    local service = sandbox.new { empty = true }
    for _, case in ipairs {
      { '{"id":"a"', "not JSON" }, { "[]", "a referral needs an id" }, { '{"ID":"a"}', "a referral needs an id" },
      { '{"id":5}', "a referral needs an id" }, { '{"id":""}', "a referral needs an id" },
    } do
      wire.says(wire.raises_here(function()
        service:store(case[1])
      end), case[2])
    end
    assert.same({}, service.documents.list)
  end)
end)
