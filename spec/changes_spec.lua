local filled = require "support.filled"
local nginx = require "support.nginx"
local referrals = require "referrals"
local wire = require "support.wire"

local PATH = "/v1.0/engagements/referrals"
local ASCENDING = "$orderby=updatedDateTime%20asc"

local function numbers(iterator)
  local found = {}
  for referral in iterator do
    found[#found + 1] = filled.number(referral.id)
  end
  return found
end

local function sorted(list)
  table.sort(list)
  return list
end

local function upto(count)
  local all = {}
  for number = 1, count do
    all[number] = number
  end
  return all
end

--- The same moment for all.
local function tied()
  return { updated = "2024-01-01T00:00:00.25Z" }
end

describe("changes over HTTP", function()
  local server, client

  setup(function()
    server = nginx.start()
    client = assert(referrals.new { endpoint = server.url, token = "t" })
  end)

  teardown(function()
    server:stop()
  end)

  local function start(count, options, fields_of)
    options = options or {}
    options.empty = true
    server:reset(options)
    filled.fill(server, count, fields_of)
  end

  local function queries()
    local found = {}
    for index, entry in ipairs(server:record { brief = true }) do
      assert.equal("GET", entry.method)
      assert.equal(PATH .. "?", entry.path:sub(1, #PATH + 1))
      found[index] = entry.path:sub(#PATH + 2)
    end
    return found
  end

  local function ge(second)
    return "$filter=updatedDateTime%20ge%202024-01-01T00%3A00%3A0" .. second .. ".5Z"
  end

  it("come oldest first, each page from the moment that was reached", function()
    start(5, { page_size = 3 })
    local walk = client:changes()
    assert.same({}, queries())
    assert.same(upto(5), numbers(walk))
    assert.is_nil(walk())
    assert.equal("2024-01-01T00:00:05.5Z", walk:watermark())
    assert.same({ ASCENDING, ge(3) .. "&" .. ASCENDING }, queries())
  end)

  it("since a moment, with a filter and chosen members", function()
    start(6, {}, function(number)
      return { status = number % 2 == 0 and "Closed" or "New" }
    end)
    local odata = referrals.odata
    local filter = odata.any_of(odata.eq("status", "Closed"), odata.eq("status", "Active"))
    local walk = client:changes("2024-01-01T00:00:03.5Z", { filter = filter, select = { "status" } })
    local found = {}
    for referral in walk do
      found[#found + 1] = referral
    end
    assert.same({
      { id = filled.id(4), status = "Closed", eTag = '"4-0"', updatedDateTime = "2024-01-01T00:00:04.5Z" },
      { id = filled.id(6), status = "Closed", eTag = '"6-0"', updatedDateTime = "2024-01-01T00:00:06.5Z" },
    }, found)
    assert.same({ ge(3) .. "%20and%20%28status%20eq%20%27Closed%27%20or%20status%20eq%20%27Active%27%29&" .. ASCENDING
      .. "&$select=status%2Cid%2CeTag%2CupdatedDateTime" }, queries())
    assert.same({ 1, 3, 5 }, numbers(client:changes(nil, { filter = { status = "New" } })))
    assert.same({ 1, 3, 5 }, numbers(client:changes(nil, { filter = "status eq 'New'" })))
    assert.same(upto(6), numbers(client:changes(nil, { filter = {} })))
  end)

  it("are given out in the form that is asked for", function()
    start(1)
    assert.equal(filled.text(1), client:changes(nil, nil, { returns = "text" })())
    assert.equal(referrals.null, client:changes(nil, nil, { nulls = true })().details.notes)
    assert.is_nil(client:changes(nil, {}, { returns = "minimal" })().details)
  end)

  it("have a watermark after every row, of the service's own text", function()
    start(4, { page_size = 3 })
    local since = "2024-01-01T00:00:02Z"
    local walk = client:changes(since)
    assert.equal(since, walk:watermark())
    for number = 2, 4 do
      assert.equal(filled.id(number), walk().id)
      assert.equal(("2024-01-01T00:00:%02d.5Z"):format(number), walk:watermark())
    end
    assert.is_nil(walk())
    assert.is_nil(client:changes():watermark())
    local none = client:changes("2030-01-01T00:00:00Z")
    assert.is_nil(none())
    assert.equal("2030-01-01T00:00:00Z", none:watermark())
  end)

  it("go on from a watermark: what has changed, and the last row once more", function()
    start(4, { page_size = 2 })
    local walk = client:changes()
    assert.same(upto(4), numbers(walk))
    server:write(filled.id(2), "/name", '"changed"')
    local again = client:changes(walk:watermark())
    assert.same({ 4, 2 }, numbers(again))
    assert.same({ 2 }, numbers(client:changes(again:watermark())))
  end)

  it("miss none when every row changes as soon as it was given out, and come to an end", function()
    for _, fields_of in ipairs { false, tied } do
      start(60, { page_size = 7 }, fields_of or nil)
      local walk, found = client:changes(), {}
      for referral in walk do
        found[#found + 1] = filled.number(referral.id)
        assert(#found <= 60, "some came twice")
        server:write(referral.id, "/name", '"changed"')
      end
      assert.same(upto(60), sorted(found))
      local changed = {}
      for referral in client:changes(walk:watermark()) do
        changed[#changed + 1] = referral.name == "changed" and filled.number(referral.id) or nil
      end
      assert.same(upto(60), sorted(changed), "the next walk has the new versions")
    end
  end)

  it("miss none that change before the walk gets there", function()
    start(30, { page_size = 4 })
    local found = {}
    for referral in client:changes() do
      found[#found + 1] = filled.number(referral.id)
      assert(#found <= 30, "some came twice")
      server:write(filled.id(#found % 5 * 6 + 5)) -- those with the numbers 5, 11, 17, 23 and 29, again and again
    end
    assert.same(upto(30), sorted(found))
  end)

  it("follow next links only where one moment fills whole pages, and read those twice", function()
    start(7, { page_size = 2 }, function(number)
      return number >= 2 and number <= 6 and tied() or nil
    end)
    server:write(filled.id(1)) -- now the newest but one
    server:write(filled.id(7))
    assert.same({ 2, 3, 4, 5, 6, 1, 7 }, numbers(client:changes()))
    local since = "$filter=updatedDateTime%20g%s%202024-01-01T00%3A00%3A00.25Z&"
    local function link(position, query)
      return "$skiptoken=" .. position .. "." .. position .. "." .. query:gsub("[$&=%%]", function(byte)
        return ("%%%02X"):format(byte:byte())
      end)
    end
    local from, after = since:gsub("%%s", "e") .. ASCENDING, since:gsub("%%s", "t") .. ASCENDING
    assert.same({
      ASCENDING, link(2, ASCENDING), link(4, ASCENDING),
      from, link(2, from), link(4, from),
      after,
    }, queries())
  end)

  it("raise a mistake at the line that made it, and a wrong value as an error object", function()
    start(0)
    wire.says(wire.raises_here(function()
      local walk = client:changes(nil, { orderby = "createdDateTime" })
      return walk
    end), "unknown option 'orderby'")
    wire.says(wire.raises_here(function()
      local walk = client:changes(5)
      return walk
    end), "bad argument #1 to 'changes' (string or nil expected, got number)")
    wire.says(wire.raises_here(function()
      local walk = client:changes(nil, "status eq 'New'")
      return walk
    end), "expected a table, got a string")
    wire.says(wire.raises_here(function()
      local walk = client:changes(nil, { filter = { status = {} } })
      return walk
    end), "filter 'status'")
    local err = wire.raises_kind("validation", client.changes, client, "yesterday")
    assert.equal("since", err.member)
    err = wire.raises_kind("validation", client.changes, client, nil, { filter = { status = "a\nb" } })
    assert.equal("status", err.member)
    err = wire.raises_kind("validation", client.changes, client, nil, { select = "a b" })
    assert.equal("select", err.member)
    wire.raises_kind("validation", client.changes, client, nil, nil, { returns = "all" })
    assert.same({}, queries())
  end)
end)
