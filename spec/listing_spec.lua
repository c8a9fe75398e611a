local filled = require "support.filled"
local nginx = require "support.nginx"
local referrals = require "referrals"
local wire = require "support.wire"

local PATH = "/v1.0/engagements/referrals"

local function numbers(iterator)
  local found = {}
  for referral in iterator do
    found[#found + 1] = filled.number(referral.id)
  end
  return found
end

describe("a list over HTTP", function()
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

  local function paths()
    local found = {}
    for index, entry in ipairs(server:record { brief = true }) do
      assert.equal("GET", entry.method)
      assert.equal(PATH, entry.path:sub(1, #PATH))
      found[index] = entry.path:sub(#PATH + 1)
    end
    return found
  end

  describe("page", function()
    it("is an array of referrals, with what comes next", function()
      start(5, { page_size = 2 })
      local page, err, info = client:list { count = true, orderby = "updatedDateTime desc" }
      assert.is_nil(err)
      assert.equal(2, #page)
      assert.equal(5, page.count)
      assert.equal(filled.id(5), page[1].id)
      assert.same({ 1, 1 }, { info.attempts, info.round_trips })
      assert.is_string(info.request_id)
      local second = client:list(page.next)
      assert.equal(filled.id(3), second[1].id)
      local last = client:list(second.next)
      assert.equal(1, #last)
      assert.is_nil(last.next)
      local query = "%24orderby%3DupdatedDateTime%2520desc%26%24count%3Dtrue"
      assert.same({
        "?$orderby=updatedDateTime%20desc&$count=true",
        "?$skiptoken=2.2." .. query,
        "?$skiptoken=4.4." .. query,
      }, paths())
    end)

    it("gives each referral as `get` does", function()
      start(1)
      local page = assert(client:list())
      assert.same(assert(client:get(filled.id(1))), page[1])
      assert.equal('"1-0"', page[1].eTag)
      assert.equal(1, page[1].details.dealValue)
      assert.is_nil(page[1].details.notes)
      assert.equal(referrals.null, client:list(nil, { nulls = true })[1].details.notes)
      local minimal = client:list({}, { returns = "minimal" })[1]
      assert.same({ id = filled.id(1), eTag = '"1-0"', status = "New", substatus = "Pending",
        updatedDateTime = "2024-01-01T00:00:01.5Z" }, minimal)
      assert.same({ filled.text(1) }, client:list(nil, { returns = "text" }))
    end)

    it("may be empty", function()
      start(0)
      assert.same({}, client:list())
      assert.same({ count = 0 }, client:list { count = true })
      assert.same({}, numbers(client:each()))
    end)

    it("is asked for in the words of OData, percent-encoded", function()
      start(4, {}, function(number)
        return { status = number % 2 == 0 and "Closed" or "New" }
      end)
      local odata = referrals.odata
      assert.equal(2, #client:list { filter = { status = "New", qualification = referrals.null } })
      assert.equal(2, #client:list { filter = odata.any_of(odata.eq("status", "New"), odata.eq("status", "O'Neill")) })
      assert.equal(1, #client:list { filter = "status eq 'New'", top = 1, select = { "name" } })
      assert.equal(2, #client:list "$filter=status eq 'New'")
      assert.equal(1, #client:list "?$filter=status%20eq%20%27New%27&$skip=1")
      assert.same({
        "?$filter=qualification%20eq%20null%20and%20status%20eq%20%27New%27",
        "?$filter=status%20eq%20%27New%27%20or%20status%20eq%20%27O%27%27Neill%27",
        "?$filter=status%20eq%20%27New%27&$select=name%2Cid%2CeTag%2CupdatedDateTime&$top=1",
        "?$filter=status%20eq%20%27New%27",
        "?$filter=status%20eq%20%27New%27&$skip=1",
      }, paths())
    end)

    it("hands on what the service refuses", function()
      start(0)
      local page, err, info = client:list { filter = { name = "x" } }
      wire.failed("rejected", nil, page, err)
      assert.same({ 400, "$filter" }, { err.http_status, err.target })
      assert.equal(1, info.attempts)
      assert.is_nil(err.url:find("filter", 1, true), "a query may hold people's addresses")
    end)
  end)

  it("raises a mistake at the line that made it, and sends nothing", function()
    start(0)
    for _, verb in ipairs { "list", "each" } do
      wire.says(wire.raises_here(function()
        local made = client[verb](client, { filtre = {} })
        return made
      end), "did you mean 'filter'?")
      wire.says(wire.raises_here(function()
        local made = client[verb](client, 5)
        return made
      end), "bad argument #1 to '" .. verb .. "' (table, string or nil expected, got number)")
      wire.says(wire.raises_here(function()
        local made = client[verb](client, nil, { return_ = 1 })
        return made
      end), "did you mean 'returns'?")
    end
    wire.says(wire.raises_here(function()
      local made = client:list { filter = { status = {} } }
      return made
    end), "filter 'status'")
    wire.says(wire.raises_here(function()
      local made = client:related(5)
      return made
    end), "bad argument #1 to 'related'")
    assert.same({}, paths())
  end)

  it("refuses a wrong value, and sends nothing", function()
    start(0)
    local page, err, info = client:list { filter = { status = "a\nb" } }
    wire.failed("validation", false, page, err)
    assert.equal("status", err.member)
    assert.equal(0, info.attempts)
    page, err = client:list(nil, { returns = "everything" })
    wire.failed("validation", false, page, err)
    page, err = client:list "a\r\nb"
    wire.failed("validation", false, page, err)
    local ok
    ok, err = pcall(client.each, client, { top = -1 })
    assert.same({ false, "validation", "top" }, { ok, err.kind, err.member })
    local others
    others, err = client:related "../x"
    wire.failed("validation", false, others, err)
    assert.same({}, paths())
  end)

  describe("each", function()
    it("reads a page when it is needed, and not before", function()
      start(5, { page_size = 2 })
      local each = client:each()
      assert.same({}, paths())
      assert.equal(1, filled.number(each().id))
      assert.equal(2, filled.number(each().id))
      assert.same({ "" }, paths())
      assert.equal(3, filled.number(each().id))
      assert.same({ "", "?$skiptoken=2.2." }, paths())
      assert.same({ 4, 5 }, numbers(each))
      assert.is_nil(each())
      assert.equal(3, #paths())
    end)

    it("takes a page's `next`, and the forms of `list`", function()
      start(5, { page_size = 2 })
      local page = client:list()
      assert.same({ 3, 4, 5 }, numbers(client:each(page.next)))
      for text in client:each({ orderby = "updatedDateTime desc", top = 1 }, { returns = "text" }) do
        assert.equal(filled.text(5), text)
      end
    end)

    it("keeps to the options that it was called with", function()
      start(6, { page_size = 2 })
      local options = { returns = "minimal" }
      local rows = client:each(nil, options)
      assert.is_nil(rows().details)
      options.returns, options.timeout = "text", -1
      for referral in rows do
        assert.is_nil(referral.details)
      end
    end)

    it("raises the error object, and goes on from the same page when called again", function()
      start(4, { page_size = 2 })
      local each = client:each()
      assert.same({ 1, 2 }, { filled.number(each().id), filled.number(each().id) })
      server:fault { kind = "status", status = 403 }
      wire.raises_kind("forbidden", each)
      server:clear_faults()
      assert.same({ 3, 4 }, numbers(each))
    end)

    it("walks 10,000 referrals in flat memory, each once", function()
      local COUNT = 10000
      start(COUNT, { record = false })
      local seen, total, live, peak = {}, 0, {}, 0
      for referral in client:each { orderby = "createdDateTime asc" } do
        local number = filled.number(referral.id)
        assert(not seen[number], "twice")
        seen[number], total = true, total + 1
        peak = math.max(peak, collectgarbage("count"))
        if total % 2000 == 0 then
          collectgarbage()
          collectgarbage()
          live[#live + 1] = collectgarbage("count")
          peak = total == 2000 and 0 or peak
        end
      end
      assert.equal(COUNT, total)
      -- What is alive is the page in hand and this spec's own table, for which 4 slots of 32 bytes each are allowed.
      local growth = live[#live] - live[1]
      assert.is_true(growth < COUNT * 4 * 32 / 1024, growth .. " KiB more after 10,000 than after 2,000")
      assert.is_true(peak < live[1] + 16 * 1024, peak .. " KiB at the peak")
    end)
  end)

  describe("related", function()
    local function engagements(number)
      return { engagement = number % 3 == 1 and "an O'Neill" or "another" }
    end

    it("is the engagement's other referrals, over all pages", function()
      start(14, { page_size = 2 }, engagements)
      local others, err, info = client:related(filled.id(4))
      assert.is_nil(err)
      local found = {}
      for index, other in ipairs(others) do
        found[index] = filled.number(other.id)
        assert.equal("an O'Neill", other.engagementId)
      end
      assert.same({ 1, 7, 10, 13 }, found)
      assert.equal(4, info.attempts)
      local record = paths()
      assert.equal("/" .. filled.id(4), record[1])
      assert.equal("?$filter=engagementId%20eq%20%27an%20O%27%27Neill%27", record[2])
      assert.equal("?$skiptoken=2.2.%24filter%3DengagementId%2520eq%2520%2527an%2520O%2527%2527Neill%2527", record[3])
    end)

    it("takes the options of a read", function()
      start(4, {}, engagements)
      assert.same({ filled.text(4, engagements(4)) }, client:related(filled.id(1), { returns = "text" }))
      assert.same({ "eTag", "id", "status", "substatus", "updatedDateTime" }, (function()
        local names = {}
        for name in pairs(client:related(filled.id(1), { returns = "minimal" })[1]) do
          names[#names + 1] = name
        end
        table.sort(names)
        return names
      end)())
    end)

    it("is empty without others or without an engagement", function()
      start(2, {}, engagements)
      assert.same({}, client:related(filled.id(1)))
      server:store('{"id":"no-engagement","engagementId":null}')
      server:forget()
      assert.same({}, client:related("no-engagement"))
      assert.same({ "/no-engagement" }, paths())
    end)

    it("is refused where the service does not filter: others would be taken for the engagement's", function()
      local texts = { filled.text(1, { engagement = "e1" }), filled.text(2, { engagement = "E1" }),
        filled.text(3, { engagement = "e2" }) }
      local emulated = assert(referrals.new { sandbox = { handle = function(_, request)
        local list = '{"value":[' .. table.concat(texts, ",") .. "]}"
        return { status = 200, headers = {}, body = request.path:find("filter", 1, true) and list or texts[1] }
      end } })
      local others, err = emulated:related(filled.id(1))
      wire.failed("protocol", nil, others, err)
      wire.says(err, filled.id(3) .. " is of another engagement")
      table.remove(texts)
      assert.equal(1, #assert(emulated:related(filled.id(1))))
    end)

    it("fails with what failed", function()
      start(0)
      local others, err = client:related(filled.id(1))
      wire.failed("not_found", nil, others, err)
    end)
  end)

  describe("row given to an update", function()
    local function status_of(number)
      return server:stored(filled.id(number)):match('"status":"(%a+)"')
    end

    it("is never what is written: the referral itself is read first", function()
      start(1)
      local first = client:list({ select = "status" })[1]
      assert.is_nil(first.name)
      server:forget()
      local changed, err = client:update(first, { status = "Active" })
      assert.is_nil(err)
      assert.equal("Accepted", changed.substatus)
      local record = server:record()
      assert.equal("GET PUT", wire.methods(record))
      assert.equal(PATH .. "/" .. filled.id(1), record[1].path)
      assert.equal('"1-0"', record[2].headers["if-match"])
      wire.says(record[2].body, '"name":"referral 1"', '"dealValue":1.00', '"status":"Active"')
    end)

    it("conflicts when what it showed is outdated, and nothing is written", function()
      for _, query in ipairs { {}, { select = "status,substatus" } } do
        for _, returns in ipairs { "representation", "minimal" } do
          start(1)
          local first = client:list(query, { returns = returns })[1]
          server:write(filled.id(1), "/status", '"Closed"')
          server:forget()
          local changed, err = client:update(first, { status = "Active" })
          wire.failed("conflict", false, changed, err)
          assert.equal("Closed", err.members[1].theirs)
          assert.equal("GET", wire.methods(server:record()))
        end
      end
    end)

    it("does not mind what else has changed", function()
      start(1)
      local first = client:list()[1]
      server:write(filled.id(1), "/name", '"another writer\'s"')
      assert(client:update(first, { status = "Active" }))
      assert.equal("Active", status_of(1))
      wire.says(server:stored(filled.id(1)), "another writer's")
    end)

    it("is pinned to its eTag when it was edited", function()
      start(1)
      local first = client:list()[1]
      first.status, first.substatus = "Active", "Accepted"
      server:write(filled.id(1), "/name", '"another writer\'s"')
      local changed, err = client:update(first.id, first)
      wire.failed("conflict", false, changed, err)
      assert.equal("New", status_of(1))
      first = client:list()[1]
      first.status, first.substatus = "Active", "Accepted"
      assert(client:update(first.id, first))
      assert.equal("Active", status_of(1))
    end)

    it("may lack an eTag", function()
      start(1, { switches = { rows_without_etag = true } })
      local first = client:list()[1]
      assert.is_nil(first.eTag)
      assert(client:update(first, { status = "Active" }))
      server:write(filled.id(1), "/status", '"Closed"')
      local changed, err = client:update(first, { status = "Active" })
      wire.failed("conflict", false, changed, err)
    end)

    it("is refused as a whole referral", function()
      start(1)
      local first = client:list({ select = "status" })[1]
      server:forget()
      local replaced, err = client:replace(first.id, first)
      wire.failed("validation", false, replaced, err)
      wire.says(err, "read by its id")
      assert.same({}, server:record())
    end)
  end)
end)

describe("the module's own listing verbs", function()
  it("are those of a client, and fail as they do", function()
    assert.is_function(referrals.changes)
    assert.is_function(referrals.odata.eq)
    if os.getenv("REFERRALS_TOKEN") == nil then
      local page, err = referrals.list()
      wire.failed("auth", false, page, err)
      local others
      others, err = referrals.related(filled.id(1))
      wire.failed("auth", false, others, err)
      wire.raises_kind("auth", referrals.each())
      wire.raises_kind("auth", referrals.changes())
    end
  end)
end)
