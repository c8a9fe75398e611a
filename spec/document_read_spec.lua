-- What repeats a known document is taken over without a second judgement: the outcome must be as without it.
local core = require "referrals.core"
local sandbox = require "referrals.sandbox"

local read = core.document.read

local function outcome(document, expected, offset)
  return { document and document:text() or nil, expected, offset, document and document:written() or nil }
end

local function same_as_without(text, known)
  local with, alone = { read(text, assert(read(known))) }, { read(text) }
  assert.same(outcome(alone[1], alone[2], alone[3]), outcome(with[1], with[2], with[3]))
  for name in pairs { a = 1, b = 1, ab = 1, c = 1, id = 1, eTag = 1 } do
    assert.equal(alone[1] and alone[1]:get("/" .. name), with[1] and with[1]:get("/" .. name), name)
  end
  return with[1]
end

describe("document.read with a known document", function()
  it("reads the same as without one", function()
    local known = '{"a":1,"b":"x","c":{"d":[1,2]}}'
    for _, text in ipairs {
      known,
      '{"a":1,"b":"y","c":{"d":[1,2]}}',
      '{"a":12,"b":"x","c":{"d":[1,2]}}', -- a number that goes on
      '{"a":1 ,"b":"x","c":{"d":[1,2]}}',
      '{"a":1,"b":"x","c":{"d":[1,2]},"ab":true}',
      '{"b":"x","c":{"d":[1,2]}}',
      '{"c":{"d":[1,2]},"b":"x","a":1}',
      '{"a":1,"a":2,"b":"x"}',
      '{"a":1,"b":"x","c":{"d":[1,2]}',
      '{"a":1,"b":"x","c":{"d":[1,2]}}x',
      '{"a":1,"b":"x" "c":1}',
      '{"a":1,"b":"x",}',
      '{"a":1e,"b":"x"}',
      '\n{ "a":1, "b":"x", "c":{"d":[1,2]} }\n',
      '\239\187\191{"a":1,"b":"x","c":{"d":[1,2]}}',
      "[1]",
      "",
      "{}",
    } do
      same_as_without(text, known)
    end
  end)

  it("takes no member for another that begins like it", function()
    assert.equal('"xy"', same_as_without('{"ab":"x","a":"xy"}', '{"a":"x","ab":"x"}'):get("/a"))
    assert.equal("truer", read('{"a":"truer"}', assert(read('{"a":true}'))):string("a"))
    local _, expected = read('{"a":truer}', assert(read('{"a":true}')))
    assert.truthy(expected)
    assert.is_nil((read('{"a":1.}', assert(read('{"a":1}')))))
  end)

  it("remembers what is true of the known members only", function()
    local known = '{"a":{"b@odata.type":"x","c":1},"id":"1"}'
    local annotated = same_as_without('{"a":{"b@odata.type":"x","c":1},"id":"2"}', known)
    assert.equal('{"a":{"c":1},"id":"2"}', annotated:written())
    known = '{"a":"\\ud800","id":"1"}'
    assert.equal("\239\191\189", (read('{"a":"\\ud800","id":"2"}', assert(read(known))):decode()).a)
    local escaped = same_as_without('{"\\u0061":1,"id":"2"}', '{"\\u0061":1,"id":"1"}')
    assert.equal("1", escaped:get("/a"))
    assert.equal("9", same_as_without('{"a":1,"\\u0061":9}', '{"a":1,"id":"1"}'):get("/a"))
  end)

  it("does so for every member of the example, changed or taken out", function()
    local example = sandbox.example
    for name, value in example:gmatch('\n  "([^"]+)": ("[^"]*")') do
      local from, to = example:find('"' .. name .. '": ' .. value, 1, true)
      same_as_without(example:sub(1, from - 1) .. ('"%s": "other"'):format(name) .. example:sub(to + 1), example)
      same_as_without(example:sub(1, from - 1) .. '"x": 1' .. example:sub(to + 1), example)
      same_as_without(example:sub(1, from - 1) .. example:sub(to + 1), example)
    end
  end)
end)
