-- What an element of a remembered table's array keeps is what it was read with: an array within an array had nothing to
-- keep its bytes from; an element that had become like another one took that one's bytes; half a surrogate pair, which
-- Lua has as U+FFFD, was written as that; an empty element that moved took the kind of what stood there.
local change = require "referrals.change"
local referrals = require "referrals"
local representation = require "referrals.representation"
local sandbox = require "referrals.sandbox"

local ID = sandbox.EXAMPLE_ID
local LONG = "12345678901234567890.10"

local function text_of(list)
  return ('{"id":"%s","eTag":"\\"1\\"","list":%s}'):format(ID, list)
end

-- What the array is written as once `edit` was made in the table that was read; an array's place there may be an
-- empty table's, so it is edited by way of what it stands in.
local function becomes(list, expected, edit)
  local given = assert(representation.read(text_of(list))):table()
  edit(given.list)
  local text, err = change.encode(given)
  assert.equal(text_of(expected), text, tostring(err))
end

-- The same by a change that names the array.
local function changes(list, expected, make)
  local read = assert(representation.read(text_of(list)))
  local wanted = assert(change.new { list = make(read:table().list) })
  local _, text = read.document:apply(assert(wanted:text_for(read)), change.PROTOTYPE)
  assert.equal(text_of(expected), text)
end

describe("an array within an array", function()
  it("keeps the digits of what was not edited in it", function()
    becomes(("[[1.00,%s],[2]]"):format(LONG), ("[[3,%s],[2]]"):format(LONG), function(list)
      list[1][1] = 3
    end)
    changes(("[[1.00,%s],[2]]"):format(LONG), ("[[3,%s],[2]]"):format(LONG), function(list)
      return { { 3, list[1][2] }, { 2 } }
    end)
  end)

  it("keeps those of an object in it that was edited", function()
    becomes(('[[{"d":%s,"x":null,"z":1}]]'):format(LONG), ('[[{"d":%s,"x":null,"z":2}]]'):format(LONG), function(list)
      list[1][1].z = 2
    end)
  end)

  it("is told from the one at its new place", function()
    becomes(('[[{"n":1.00}],[{"n":2,"d":%s}]]'):format(LONG), ('[[{"n":5,"d":%s}]]'):format(LONG), function(list)
      table.remove(list, 1)
      list[1][1].n = 5
    end)
    becomes(("[[1.00],[2,%s,[3.0]],7]"):format(LONG), ("[7,[2,[3.0]],[1.00]]"), function(list)
      list[1], list[3] = list[3], list[1]
      table.remove(list[2], 2)
    end)
  end)

  it("stays one when it is empty, or becomes so", function()
    becomes('[["x"],2]', "[[],2]", function(list)
      table.remove(list[1], 1)
    end)
    becomes("[[[],1]]", "[[[],2]]", function(list)
      list[1][2] = 2
    end)
  end)
end)

describe("an element that was edited into the likeness of another one", function()
  it("keeps its own digits", function()
    local first, second = '{"v":%s,"primary":%s}', '{"v":12345678901234567890.20,"primary":true}'
    becomes(("[%s,%s]"):format(first:format(LONG, "false"), second),
      ("[%s,%s]"):format(first:format(LONG, "true"), second), function(list)
        list[1].primary = true
      end)
  end)

  it("keeps its own nulls, and the null that was set", function()
    becomes('[{"email":"a"},{"email":"a","firstName":"x"}]', '[{"email":"a"},{"email":"a","firstName":null}]',
      function(list)
        list[2].firstName = referrals.null
      end)
    becomes('[{"email":"a","phone":null},{"email":"a","lastName":null,"firstName":"x"}]',
      '[{"email":"a","phone":null},{"email":"a","lastName":null,"firstName":null}]', function(list)
        list[2].firstName = referrals.null
      end)
  end)

  it("takes the bytes of an equal one where it is a new table", function()
    becomes(('[{"v":1.00},{"v":%s}]'):format(LONG), ('[{"v":%s},{"v":1.00}]'):format(LONG), function(list)
      list[1], list[2] = { v = list[2].v }, { v = list[1].v }
    end)
  end)
end)

describe("half a surrogate pair in an element", function()
  it("that was not edited is written as it was read", function()
    becomes('[{"name":"Sue \\ud83d"},{"name":"b"}]', '[{"name":"Sue \\ud83d"},{"name":"c"}]', function(list)
      list[2].name = "c"
    end)
    becomes('["\\ud83d",1,"\\udc00 \\ud83d\\ude00"]', '["\\ud83d",2,"\\udc00 \\ud83d\\ude00"]', function(list)
      list[2] = 2
    end)
  end)

  it("that moved, or of which something else was edited, too", function()
    becomes('[1,{"name":"\\ud83d","deal":1.00,"note":null}]', '[{"name":"\\ud83d","deal":2,"note":null}]',
      function(list)
        table.remove(list, 1)
        list[1].deal = 2
      end)
    changes('[{"name":"\\ud83d"},{"name":"b"}]', '[{"name":"b"},{"name":"\\ud83d"}]', function(list)
      return { list[2], list[1] }
    end)
  end)

  it("is another text than a whole character", function()
    becomes('["\\ud83d",1]', '["\240\159\152\128",1]', function(list)
      list[1] = "\240\159\152\128"
    end)
  end)
end)

describe("an empty element", function()
  it("that moves among others of either kind stays what it was", function()
    becomes('["x",{},[]]', "[{},[]]", function(list)
      table.remove(list, 1)
    end)
    becomes("[[],1,{}]", "[[],{}]", function(list)
      table.remove(list, 2)
    end)
  end)

  it("keeps its nulls from a new one before it", function()
    becomes('[{"a":null},2]', '[{"b":1},{"a":null},2]', function(list)
      table.insert(list, 1, { b = 1 })
    end)
  end)
end)
