local calls = require "support.sandbox_calls"
local sandbox = require "referrals.sandbox"
local values = require "referrals.sandbox.values"

local ROW = '{"id":"00000000-0000-4000-8000-%012d","status":"%s","createdDateTime":"2024-01-%02dT00:00:00Z",'
  .. '"updatedDateTime":"2024-02-01T00:00:%02d.5Z","eTag":"\\"%d\\"","n":%d.00,"ids":[]}'

local function numbers(response)
  local found = {}
  for _, row in ipairs(values.items(values.member(response.body, "value"))) do
    found[#found + 1] = (values.member(row, "n"))
  end
  return table.concat(found, " ")
end

describe("sandbox list", function()
  local service, call

  local function fill(count)
    for index = 1, count do
      service:store(ROW:format(index, index % 2 == 0 and "New" or "Closed", index % 28 + 1, index % 3, index, index))
    end
  end

  local function start(options)
    options.empty = true
    service = sandbox.new(options)
    call = calls.new(service)
  end

  local function next_of(response)
    local link = values.member(response.body, "@odata.nextLink")
    return link and values.unquote(link)
  end

  local function walk(response)
    local pages = { numbers(response) }
    local link = next_of(response)
    while link do
      response = call:send("GET", link:match("^https?://[^/]+(/.*)$"))
      assert.equal(200, response.status)
      pages[#pages + 1] = numbers(response)
      link = next_of(response)
    end
    return table.concat(pages, " | ")
  end

  it("answers rows as they are stored", function()
    start {}
    fill(2)
    local response = call:list()
    assert.equal(200, response.status)
    assert.equal('{"@odata.context":"https://api.partner.microsoft.com/v1.0/engagements/$metadata#referrals","value":['
      .. ROW:format(1, "Closed", 2, 1, 1, 1) .. "," .. ROW:format(2, "New", 3, 2, 2, 2) .. "]}", response.body)
  end)

  it("answers nothing as an empty array", function()
    start {}
    assert.truthy(call:list().body:find('"value":[]}', 1, true))
  end)

  it("cuts pages of 100", function()
    start {}
    fill(250)
    local response = call:list { count = "true" }
    assert.equal("250", values.member(response.body, "@odata.count"))
    local all = walk(response)
    local _, pages = all:gsub("|", "|")
    local _, rows = all:gsub("%d+%.00", "")
    assert.same({ 2, 250 }, { pages, rows })
  end)

  it("filters, orders and walks on with the same question", function()
    start { page_size = 2 }
    fill(7)
    local response = call:list { filter = "status eq 'Closed'", orderby = "updatedDateTime desc, createdDateTime asc" }
    assert.equal("5.00 1.00 | 7.00 3.00", walk(response))
  end)

  it("breaks ties by id", function()
    start {}
    fill(6)
    assert.equal("3.00 6.00 1.00 4.00 2.00 5.00", walk(call:list { orderby = "updatedDateTime" }))
    assert.equal("2.00 5.00 1.00 4.00 3.00 6.00", walk(call:list { orderby = "updatedDateTime desc" }))
  end)

  it("takes $top for the whole answer, or for a page when told to", function()
    start { page_size = 2 }
    fill(7)
    assert.equal("2.00 3.00 | 4.00", walk(call:list { top = 3, skip = 1 }))
    assert.equal("1.00", walk(call:list { top = 1 }))
    service.switches.top_is_page = true
    assert.equal("1.00 | 2.00 | 3.00 | 4.00 | 5.00 | 6.00 | 7.00", walk(call:list { top = 1 }))
  end)

  it("selects members, and can leave the tag out of rows", function()
    start {}
    fill(1)
    assert.truthy(call:list { select = "n,eTag, absent" }.body:find('"value":[{"n":1.00,"eTag":"\\"1\\""}]', 1, true))
    service.switches.rows_without_etag = true
    assert.is_nil(call:list().body:find("eTag", 1, true))
    assert.truthy(service:stored("00000000-0000-4000-8000-000000000001"):find("eTag", 1, true))
  end)

  it("moves rows under a walk when they change", function()
    start { page_size = 2 }
    fill(4)
    local first = call:list { orderby = "updatedDateTime" }
    assert.equal("3.00 1.00", numbers(first))
    service:touch("00000000-0000-4000-8000-000000000003")
    local second = call:send("GET", next_of(first):match("^https?://[^/]+(/.*)$"))
    assert.equal("2.00 3.00", numbers(second))
  end)

  for form, pattern in pairs {
    same = "^https://api%.partner%.microsoft%.com/v1%.0/engagements/referrals%?%$skiptoken=",
    http = "^http://api%.partner%.microsoft%.com/v1%.0/engagements/referrals%?",
    prefix = "^https://api%.partner%.microsoft%.com/v1%.0/referrals%?",
    documented = "^http://api%.partner%.microsoft%.com/v1%.0/referrals%?",
    foreign = "^https://referrals%.example/v1%.0/engagements/referrals%?",
    loop = "^https://api%.partner%.microsoft%.com/v1%.0/engagements/referrals%?",
  } do
    it("links to the next page in the form " .. form, function()
      start { page_size = 1, switches = { next_link = form } }
      fill(3)
      local link = next_of(call:list())
      assert.truthy(link:find(pattern))
      local second = call:send("GET", "/v1.0/engagements/referrals" .. link:match("%?.*"))
      assert.equal(form == "loop" and "1.00" or "2.00", numbers(second))
    end)
  end

  it("links to the host that was asked", function()
    start { page_size = 1 }
    fill(2)
    local response = call:send("GET", calls.COLLECTION, nil, { Host = "127.0.0.1:8080" })
    assert.equal("https://127.0.0.1:8080/v1.0/engagements/referrals?", next_of(response):match("^.-%?"))
  end)

  for name, query in pairs {
    ["$filter"] = { filter = "status" }, ["$orderby"] = { orderby = "name" }, ["$top"] = { top = "-1" },
    ["$skip"] = { skip = "x" }, ["$select"] = { select = "a/b" }, ["$search"] = { search = "x" },
    ["$skiptoken"] = { skiptoken = "x" },
  } do
    it("refuses a bad " .. name, function()
      start {}
      local response = call:list(query)
      assert.equal(400, response.status)
      assert.equal(name, values.decode(response.body).error.target)
    end)
  end
end)
