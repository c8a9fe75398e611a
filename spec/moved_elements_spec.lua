-- An element of a remembered table's array that was moved and edited is still made of what it was read from: it took
-- the nulls of whatever stood at its new place, and lost its own, and the digits that a Lua number has no room for.
local change = require "referrals.change"
local referrals = require "referrals"
local representation = require "referrals.representation"
local sandbox = require "referrals.sandbox"

local ID = sandbox.EXAMPLE_ID
local LONG = "12345678901234567890.10"

local A = '{"name":"a","phone":null,"deal":1.00}'
local B = '{"name":"b","deal":' .. LONG .. ',"note":null}'
local C = '{ "name":"c" }'

local function text_of(list)
  return ('{"id":"%s","eTag":"\\"1\\"","list":%s}'):format(ID, list)
end

-- What the array is written as once `edit` was made in the table that was read.
local function becomes(list, expected, edit)
  local given = assert(representation.read(text_of(list))):table()
  edit(given.list)
  assert.equal(text_of(expected), assert(change.encode(given)))
end

describe("an element that was moved and edited keeps its own digits and nulls", function()
  local EDITED_B = B:gsub('"b"', '"x"')

  it("where one before it was taken out", function()
    becomes(("[%s,%s,%s]"):format(A, B, C), ("[%s,%s]"):format(EDITED_B, C), function(list)
      table.remove(list, 1)
      list[1].name = "x"
    end)
  end)

  it("where one was put before it, which takes nothing of what stood there", function()
    becomes(("[%s,%s]"):format(A, B), ('[{"name":"new"},%s,%s]'):format(A, EDITED_B), function(list)
      table.insert(list, 1, { name = "new" })
      list[3].name = "x"
    end)
  end)

  it("and a copy in its place those of what it replaces", function()
    becomes(("[%s,%s]"):format(A, B), ("[%s,%s]"):format(A, EDITED_B), function(list)
      for index, element in ipairs(list) do
        list[index] = {}
        for name, value in pairs(element) do
          list[index][name] = value
        end
      end
      list[2].name = "x"
    end)
  end)

  it("beside empty ones that move too", function()
    becomes(("[%s,{},%s]"):format(A, B), ("[{},%s]"):format(EDITED_B), function(list)
      table.remove(list, 1)
      list[2].name = "x"
    end)
  end)

  it("where two changed places", function()
    becomes(("[%s,%s]"):format(A, B), ("[%s,%s]"):format(EDITED_B, (A:gsub('"a"', '"y"'))), function(list)
      list[1], list[2] = list[2], list[1]
      list[1].name, list[2].name = "x", "y"
    end)
  end)

  it("where it stands there twice", function()
    becomes(("[%s,%s]"):format(A, B), ("[%s,%s]"):format(EDITED_B, EDITED_B), function(list)
      list[1] = list[2]
      list[2].name = "x"
    end)
  end)

  it("where the list is another table", function()
    local given = assert(representation.read(text_of(("[%s,%s]"):format(A, B)))):table()
    given.list[2].name = "x"
    given.list = { given.list[2] }
    assert.equal(text_of(("[%s]"):format(EDITED_B)), assert(change.encode(given)))
  end)

  it("where it holds an array of its own", function()
    local inner = '{"n":%s,"inner":[%s,%s]}'
    local expected = ('[{"n":%s,"inner":[%s]}]'):format(LONG, EDITED_B)
    becomes(("[%s,%s]"):format(C, inner:format(LONG, A, B)), expected, function(list)
      table.remove(list, 1)
      table.remove(list[1].inner, 1)
      list[1].inner[1].name = "x"
    end)
  end)

  it("but nothing of its own place where it came from another array", function()
    local text = text_of(("[%s]"):format(A)):gsub("}$", ',"other":[%%s]}'):format(B)
    local given = assert(representation.read(text)):table()
    given.list[1] = given.other[1]
    given.list[1].name = "x"
    text = assert(change.encode(given))
    assert.truthy(text:find('"list":%[{"deal":1%.2345678901234567e%+19,"name":"x"}%]'), text)
  end)

  it("where thousands were", function()
    local read, written = {}, {}
    for i = 1, 5000 do
      read[i] = ('{"n":%d%s,"z":null,"s":"a"}'):format(i, LONG)
      written[i] = read[i]:gsub('"a"', '"b"')
    end
    table.remove(written, 1)
    becomes("[" .. table.concat(read, ",") .. "]", "[" .. table.concat(written, ",") .. "]", function(list)
      table.remove(list, 1)
      for _, element in ipairs(list) do
        element.s = "b"
      end
    end)
  end)

  it("a text of digits among them, beside the number that it writes", function()
    becomes('[7,"7"]', '["new",7,"7"]', function(list) table.insert(list, 1, "new") end)
    becomes('[7,"7"]', '["7"]', function(list) table.remove(list, 1) end)
    local objects = '[{"code":7},{"code":"7"}]'
    becomes(objects, '[{"code":"new"},{"code":7},{"code":"7"}]', function(list)
      list[1], list[2], list[3] = { code = "new" }, { code = 7 }, { code = "7" }
    end)
    becomes('[7.00,"8"]', "[7.00,9]", function(list) list[1], list[2] = "7.0", 9 end)
  end)

  it("in an update and in what a function returns", function()
    local service = sandbox.new { empty = true }
    local team = ("[%s,%s]"):format(A, B)
    service:store((sandbox.example:gsub('"team": %b[]', '"team": ' .. team, 1)))
    local client = assert(referrals.new { sandbox = service, token = "t", allow_unknown = true })
    local function edit(referral)
      local list = referral.customerProfile.team
      table.remove(list, 1)
      list[1].name = list[1].name .. "x"
    end
    local given = assert(client:get(ID))
    edit(given)
    assert(client:update(ID, given))
    local body = service.record[#service.record].body
    assert.truthy(body:find(B:gsub('"b"', '"bx"'), 1, true), body)
    assert.is_nil(body:find("\5", 1, true))
    assert(client:update(ID, { customerProfile = { team = referrals.add { name = "first" } } }))
    assert(client:update(ID, function(referral)
      table.insert(referral.customerProfile.team, 1, { name = "new" })
      referral.customerProfile.team[2].name = "y"
    end))
    body = service.record[#service.record].body
    assert.truthy(body:find('[{"name":"new"},' .. B:gsub('"b"', '"y"'), 1, true), body)
  end)
end)
