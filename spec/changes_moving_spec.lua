-- The promises of a walk over a list that moves, tried with chance on services in this process; and what becomes of
-- them with services that order or filter in other ways.
local filled = require "support.filled"
local referrals = require "referrals"
local sandbox = require "referrals.sandbox"
local wire = require "support.wire"

local MOMENTS = { -- in their order; some are the same one in other digits
  "2024-01-01T00:00:00Z", "2024-01-01T00:00:00.000Z", "2024-01-01T00:00:00.0000001Z", "2024-01-01T00:00:00.12Z",
  "2024-01-01T00:00:00.123Z", "2024-01-01T00:00:00.5Z", "2024-01-01T00:00:00.50Z", "2024-01-01T00:00:00.6178337Z",
  "2024-01-01T00:00:01Z", "2024-01-01T00:00:01.0000000Z", "2024-01-01T00:00:09.9999999Z", "2024-01-01T00:00:10Z",
}

--- A row of chance that is the same on every Lua.
local function chance(seed)
  local state = seed
  return function(most)
    state = (state * 16807) % 2147483647
    return math.floor(state / 16) % most + 1
  end
end


describe("a walk over changes", function()
  local random, service, client, count

  --- A service with as many referrals as chance wants, of few moments; its clock stands still.
  local function start(seed, wrap)
    random = chance(seed)
    service = sandbox.new {
      empty = true, page_size = random(8), clock = function() return 1800000000 end,
      switches = { rows_without_etag = seed % 5 == 0 },
    }
    count = random(40)
    local few = random(#MOMENTS)
    for number = 1, count do
      service:store(filled.text(number, { updated = MOMENTS[random(few)] }))
    end
    local guarded = {}
    function guarded.handle(_, request)
      assert(#service.record < 5000, "seed " .. seed .. ": requests without end")
      return service:handle(request)
    end
    client = assert(referrals.new { sandbox = wrap and wrap(guarded) or guarded, retries = 0 })
  end

  local function touch(number)
    service:touch(filled.id(number))
  end

  it("gives each referral once, whatever changes when it was given out", function()
    for seed = 1, 40 do
      start(seed)
      local seen, total = {}, 0
      for referral in client:changes() do
        local number = filled.number(referral.id)
        assert.is_nil(seen[number], "seed " .. seed .. ": twice")
        seen[number], total = true, total + 1
        if seed % 3 == 0 then
          touch(number)
        elseif seed % 3 == 1 then
          touch(random(count))
        end
      end
      assert.equal(count, total, "seed " .. seed)
      assert.is_true(#service.record < 40 * (count + 2), "seed " .. seed .. ": requests without end")
    end
  end)

  it("broken off anywhere and gone on with from its watermark ends with every last version", function()
    for seed = 1, 40 do
      start(seed)
      local mirror, mark = {}, nil
      for round = 1, 12 do
        local walk = client:changes(mark)
        local stop = round == 12 and math.huge or random(count + 5)
        local given = 0
        for referral in walk do
          given = given + 1
          mirror[filled.number(referral.id)] = referral.updatedDateTime
          mark = walk:watermark()
          if given >= stop then
            break
          elseif round < 12 and random(3) == 1 then
            touch(random(count))
          end
        end
      end
      for number = 1, count do
        local stored = service:stored(filled.id(number)):match('"updatedDateTime":"(.-)"')
        assert.equal(stored, mirror[number], "seed " .. seed .. ", number " .. number)
      end
    end
  end)

  it("goes on after errors where it was", function()
    for seed = 1, 40 do
      local requests = 0
      start(seed, function(inner)
        local failing = {}
        function failing.handle(_, request)
          requests = requests + 1
          if requests % 3 == 0 then
            return { status = 403, headers = {}, body = "" }
          end
          return inner:handle(request)
        end
        return failing
      end)
      local walk, seen, total, tries = client:changes(), {}, 0, 0
      repeat
        tries = tries + 1
        local ok, referral = pcall(walk)
        if not ok then
          assert.equal("forbidden", referral.kind)
        elseif referral then
          assert.is_nil(seen[referral.id], "seed " .. seed .. ": twice")
          seen[referral.id], total = true, total + 1
        end
      until ok and not referral or tries > 2000
      assert.equal(count, total, "seed " .. seed)
      assert.is_true(tries <= 2000)
    end
  end)

  it("compares moments whatever the number of their digits", function()
    service = sandbox.new { empty = true, page_size = 4 }
    client = assert(referrals.new { sandbox = service })
    for number, moment in ipairs(MOMENTS) do
      service:store(filled.text(number, { updated = moment }))
    end
    local walk = client:changes()
    for number in ipairs(MOMENTS) do
      assert.equal(filled.id(number), walk().id)
      local mark = walk:watermark()
      assert.is_true(mark == MOMENTS[number] or mark == MOMENTS[number - 1], mark)
    end
    assert.equal(MOMENTS[#MOMENTS], walk:watermark())
    walk = client:changes("2024-01-01T00:00:00.5000Z")
    assert.equal(filled.id(6), walk().id)
    assert.equal("2024-01-01T00:00:00.5000Z", walk:watermark(), "the same moment is no newer one")
  end)
end)

describe("a service that lists changes in its own way", function()
  local function text_of(row)
    return ('{"id":"%s","eTag":"%s"%s}'):format(row.id, row.tag or "t",
      row.updated and ',"updatedDateTime":"' .. row.updated .. '"' or "")
  end

  --- A service whose rows are chosen and ordered by a function: rows(since, operator) -> list of {id, updated}.
  local function serve(rows_of, page_size)
    local service = { asked = 0 }
    function service:handle(request)
      self.asked = self.asked + 1
      assert(self.asked < 3000, "requests without end")
      local query = request.path:gsub("%%(%x%x)", function(hex)
        return string.char(tonumber(hex, 16))
      end)
      local from = tonumber(query:match("p=(%d+)") or 0)
      local operator, since = query:match("updatedDateTime (g[et]) (%S-Z)")
      self.operator, self.since = operator or (from > 0 and self.operator), since or (from > 0 and self.since)
      local rows, texts = rows_of(self.since or nil, self.operator or nil), {}
      local count = rows.count or #rows
      for index = from + 1, math.min(from + page_size, count) do
        texts[#texts + 1] = text_of(rows[index])
      end
      local more = from + page_size < count and (',"@odata.nextLink":"?p=%d"'):format(from + page_size) or ""
      local body = '{"value":[' .. table.concat(texts, ",") .. "]" .. more .. "}"
      return { status = 200, headers = { Date = self.date }, body = body }
    end
    return assert(referrals.new { sandbox = service, retries = 0 }), service
  end

  local function rows_with(moments)
    local rows = {}
    for number, moment in ipairs(moments) do
      rows[number] = { id = filled.id(number), updated = moment or nil }
    end
    return rows
  end

  it("as text, where .12Z is after .123Z, is walked without a miss", function()
    local rows = rows_with {}
    for number = 1, 60 do
      local fraction = tostring(number % 13)
      rows[number] = { id = filled.id(number), updated = ("2024-01-01T00:00:0%d.%sZ"):format(number % 3, fraction) }
    end
    table.sort(rows, function(a, b)
      return a.updated .. a.id < b.updated .. b.id
    end)
    local function by_text(since, operator)
      local found = {}
      for _, row in ipairs(rows) do
        if not since or row.updated > since or operator == "ge" and row.updated == since then
          found[#found + 1] = row
        end
      end
      return found
    end
    for page_size = 1, 9 do
      local client, service = serve(by_text, page_size)
      local seen, total, mark = {}, 0, nil
      repeat -- broken off after every ninth row
        local walk, given, last = client:changes(mark), 0, nil
        for referral in walk do
          given, last = given + 1, referral
          total = total + (seen[referral.id] and 0 or 1)
          seen[referral.id] = true
          if given == 9 then
            break
          end
        end
        mark = walk:watermark()
      until not last or given < 9
      assert.equal(60, total, "page size " .. page_size)
      assert.is_true(service.asked < 2000)
    end
  end)

  local LATE_FIRST = { "2024-01-01T00:00:09Z", "2024-01-01T00:00:01Z", "2024-01-01T00:00:05Z" }

  it("without the order is refused: rows would be missed in silence", function()
    local client = serve(function()
      return rows_with(LATE_FIRST)
    end, 10)
    local err = wire.raises_kind("protocol", client:changes())
    wire.says(err, filled.id(2) .. " is not in its place")
  end)

  it("to the second only is refused where rows would be missed in silence", function()
    local rows = rows_with { "2024-01-01T00:00:00.1Z", "2024-01-01T00:00:00.9Z", "2024-01-01T00:00:00.5Z",
      "2024-01-01T00:00:01Z" }
    local client = serve(function(since)
      local found = {}
      for _, row in ipairs(rows) do
        found[#found + 1] = (not since or row.updated >= since) and row or nil
      end
      return found
    end, 3)
    local walk = client:changes()
    wire.says(wire.raises_kind("protocol", walk), filled.id(3) .. " is not in its place")
    assert.is_nil(walk:watermark())
    client = serve(function()
      return rows_with { "2024-01-01T00:00:00.5Z", "2024-01-01T00:00:01Z" }
    end, 3)
    wire.says(wire.raises_kind("protocol", client:changes("2024-01-01T00:00:00.9Z")), filled.id(1) .. " is not in")
  end)

  it("without the filter is refused", function()
    local client = serve(function()
      return rows_with { "2024-01-01T00:00:01Z", "2024-01-01T00:00:05Z", "2024-01-01T00:00:09Z" }
    end, 2)
    local walk = client:changes()
    assert.same({ filled.id(1), filled.id(2) }, { walk().id, walk().id })
    wire.says(wire.raises_kind("protocol", walk), "not filtered")
    assert.equal("2024-01-01T00:00:05Z", walk:watermark())
  end)

  it("with rows of no moment, or of one that is no date-time, is refused", function()
    for _, moment in ipairs { false, "yesterday", "2024-01-01T00:00:00", "2024-02-30T00:00:00Z" } do
      local client = serve(function()
        return rows_with { "2024-01-01T00:00:01Z", moment }
      end, 10)
      local err = wire.raises_kind("protocol", client:changes())
      assert.same({ "updatedDateTime", "GET" }, { err.member, err.method })
      wire.says(err, filled.id(2) .. " has no usable updatedDateTime")
    end
  end)

  it("that never goes on is noticed", function()
    for _, moments in ipairs {
      { "2024-01-01T00:00:01Z", "2024-01-01T00:00:01Z", "2024-01-01T00:00:01Z" }, -- gt as ge
      { "2024-01-01T00:00:01.1Z", "2024-01-01T00:00:01.2Z", "2024-01-01T00:00:01.3Z" }, -- no fractions in a filter
    } do
      local client, service = serve(function()
        return rows_with(moments)
      end, 2)
      local ok, err = pcall(function()
        for _ in client:changes() do
          assert(service.asked < 20, "never noticed")
        end
      end)
      assert.is_true(ok or err.kind == "protocol", tostring(err))
      assert.is_true(service.asked < 20)
    end
  end)

  it("in another order each time that the pages of one moment are read is an error, and not read for ever", function()
    local asked = 0
    local client, service = serve(function()
      asked = asked + 1
      local rows = {}
      for number = 1, 25 do
        rows[number] = { id = filled.id((number * 7 + asked * 3) % 25 + 1), updated = "2024-01-01T00:00:00Z" }
      end
      return rows
    end, 10)
    local walk, seen, total = client:changes(), {}, 0
    local err = wire.raises_kind("protocol", function()
      for referral in walk do
        total = total + (seen[referral.id] and 0 or 1)
        seen[referral.id] = true
      end
    end)
    wire.says(err, "other referrals each time")
    assert.equal(25, total)
    assert.is_true(service.asked < 200)
  end)

  it("with another entity tag at each answer is an error, and not read for ever", function()
    local client, service
    client, service = serve(function()
      local rows = {}
      for number = 1, 25 do
        rows[number] = { id = filled.id(number), updated = "2024-01-01T00:00:00Z", tag = "t" .. service.asked }
      end
      return rows
    end, 10)
    local total, walk = 0, client:changes()
    local err = wire.raises_kind("protocol", function()
      for _ in walk do
        total = total + 1
      end
    end)
    wire.says(err, "other referrals each time")
    assert.equal(25, total)
    assert.is_true(service.asked < 200)
  end)

  it("wrongly once, in the middle of a moment, is read again from the beginning of that moment", function()
    local client, service
    client, service = serve(function(_, operator)
      local rows = {}
      for number = service.asked < 5 and 1 or 2, operator == "gt" and 0 or 6 do -- the first one leaves during the walk
        local wrong = service.asked == 2 and number == 3
        rows[#rows + 1] = { id = filled.id(number), updated = not wrong and MOMENTS[1] or nil }
      end
      return rows
    end, 2)
    local walk, found = client:changes(), {}
    assert.same({ filled.id(1), filled.id(2) }, { walk().id, walk().id })
    wire.raises_kind("protocol", walk)
    for referral in walk do
      found[#found + 1] = filled.number(referral.id)
    end
    table.sort(found)
    assert.same({ 3, 4, 5, 6 }, found)
  end)

  it("with many thousands of changes is walked in bounded memory", function()
    local COUNT, PAGE = 20000, 500
    local function moment_of(number)
      return ("2024-01-01T%02d:%02d:%02dZ"):format(math.floor(number / 3600), math.floor(number / 60) % 60, number % 60)
    end
    local client = serve(function(since)
      local hours, minutes, seconds = (since or "T00:00:01"):match("T(%d+):(%d+):(%d+)")
      local first = hours * 3600 + minutes * 60 + seconds
      return setmetatable({ count = COUNT - first + 1 }, {
        __index = function(_, index)
          return { id = filled.id(first + index - 1), updated = moment_of(first + index - 1) }
        end,
      })
    end, PAGE)
    collectgarbage()
    local before, total = collectgarbage("count"), 0
    for _ in client:changes() do
      total = total + 1
    end
    collectgarbage()
    collectgarbage() -- on 5.1 what has a finaliser goes with the second one
    assert.equal(COUNT, total)
    assert.is_true(collectgarbage("count") - before < 4096)
  end)

  it("comes to an end although it is written what was given out longer ago than a walk remembers #once", function()
    local COUNT, PAGE = 101000, 500
    local last, latest, at = COUNT, {}, {} -- who was last changed at each second, and when each one was
    for number = 1, COUNT do
      latest[number], at[number] = number, number
    end
    local function moment_of(seconds)
      return os.date("!%Y-%m-%dT%H:%M:%SZ", 1700000000 + seconds)
    end
    local seconds_of = {}
    for seconds = 1, 2 * COUNT + PAGE do
      seconds_of[moment_of(seconds)] = seconds
    end
    local client, service = serve(function(since)
      local first, found = since and seconds_of[since] or 1, {}
      while #found <= PAGE and first <= last do
        local number = latest[first]
        found[#found + 1] = number and { id = filled.id(number), updated = moment_of(first), tag = "t" .. first } or nil
        first = first + 1
      end
      return found
    end, PAGE)
    service.date = os.date("!%a, %d %b %Y %H:%M:%S GMT", 1700000000 + COUNT)
    service.asked = -1000000
    local walk, given = client:changes(nil, nil, { returns = "minimal" }), 0
    for referral in walk do
      given = given + 1
      assert.is_true(given <= COUNT, "given out again and again")
      local number = filled.number(referral.id)
      latest[at[number]], last = nil, last + 1
      latest[last], at[number] = number, last
    end
    assert.equal(COUNT, given)
    assert.equal(moment_of(COUNT), walk:watermark())
    assert.is_nil(walk())
  end)
end)
