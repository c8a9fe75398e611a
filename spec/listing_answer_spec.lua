local faulty = require "spec.support.faulty"
local filled = require "support.filled"
local referrals = require "referrals"
local wire = require "support.wire"

local function row(number)
  return ('{"id":"%s","eTag":"\\"%d\\""}'):format(filled.id(number), number)
end

local function page_text(rows, link)
  local text = '{"value":[' .. table.concat(rows, ",") .. "]"
  return text .. (link and ',"@odata.nextLink":"' .. link .. '"' or "") .. "}"
end

local function numbers(iterator)
  local found = {}
  for referral in iterator do
    found[#found + 1] = filled.number(referral.id)
  end
  return found
end

describe("a list that the service gets wrong", function()
  after_each(function()
    faulty.stop_all()
  end)

  --- A client of a server that answers the first request with the first text and so on.
  local function serve(texts, step)
    local steps = {}
    for index, text in ipairs(texts) do
      steps[index] = faulty.answer({ body = text }, step)
    end
    local server = faulty.start { requests = steps }
    return assert(referrals.new { endpoint = server.url .. "/v1", token = "t" }), server
  end

  for name, case in pairs {
    ["no JSON"] = { '{"value":[}', "no valid JSON at line 1, column 11" },
    ["nothing"] = { "", "no valid JSON" },
    ["an array"] = { "[]", "a JSON object" },
    ["no rows"] = { "{}", "no array 'value'", "value" },
    ["a null for rows"] = { '{"value":null}', "no array 'value'", "value" },
    ["an object for rows"] = { '{"value":{}}', "no array 'value'", "value" },
    ["a row that is no object"] = { '{"value":[' .. row(1) .. ",null]}", "row 2 of the list" },
    ["a row without an id"] = { '{"value":[{"eTag":"\\"a\\""}]}', "row 1 of the list", "id" },
    ["a row with a number for an id"] = { '{"value":[{"id":5}]}', "row 1 of the list", "id" },
    ["a row with a broken tag"] = { '{"value":[{"id":"a","eTag":"a\\"b"}]}', "row 1 of the list", "eTag" },
    ["a link that is no text"] = { '{"value":[],"@odata.nextLink":5}', "is no text", "@odata.nextLink" },
    ["an empty link"] = { '{"value":[],"@odata.nextLink":""}', "start all over", "@odata.nextLink" },
  } do
    it("with " .. name .. " is a protocol error", function()
      local client = serve { case[1] }
      local page, err, info = client:list()
      wire.failed("protocol", nil, page, err)
      wire.says(err, case[2])
      assert.equal(case[3], err.member)
      assert.same({ 200, "GET", 1, 1 }, { err.http_status, err.method, err.attempts, info.round_trips })
      assert.equal(info.client_request_id, err.client_request_id)
      wire.raises_kind("protocol", client:each())
    end)
  end

  it("is taken as it is meant where that is plain", function()
    local client = serve { "\239\187\191" .. '{"@odata.count":"7", "value" : [ ' .. row(1)
      .. ' ],"@odata.nextLink":null,"@odata.context":"x"}' }
    local page = assert(client:list())
    assert.same({ 7, nil, filled.id(1) }, { page.count, page.next, page[1].id })
  end)

  it("follows empty pages that have a next one", function()
    local client, server = serve {
      page_text({}, "referrals?p=1"), page_text({}, "referrals?p=2"), page_text({ row(1) }, "referrals?p=3"),
      page_text({}, "referrals?p=4"), page_text { row(2) },
    }
    assert.same({ 1, 2 }, numbers(client:each()))
    local asked = {}
    for index, request in ipairs(server:requests()) do
      asked[index] = request.path
    end
    assert.same({ "/v1/referrals", "/v1/referrals?p=1", "/v1/referrals?p=2", "/v1/referrals?p=3",
      "/v1/referrals?p=4" }, asked)
  end)

  it("drops nothing and repeats nothing of `related` when rows move between its pages", function()
    local client = serve {
      ('{"id":"%s","engagementId":"e"}'):format(filled.id(1)), page_text({ row(1), row(2) }, "?p=1"),
      page_text({ row(2), row(3) }, "?p=2"), page_text { row(1) },
    }
    assert.same({ filled.id(2), filled.id(3) }, (function()
      local ids = {}
      for index, other in ipairs(assert(client:related(filled.id(1)))) do
        ids[index] = other.id
      end
      return ids
    end)())
  end)

  it("has a timeout for each page of `each`, and one for all of `related`", function()
    local texts = { ('{"id":"%s","engagementId":"e"}'):format(filled.id(9)) }
    for number = 1, 4 do
      texts[number + 1] = page_text({ row(number) }, number < 4 and "?p=" .. number or nil)
    end
    local client = serve(texts, { delay = 0.2 })
    local others, err = client:related(filled.id(9), { timeout = 0.7 })
    wire.failed("timeout", nil, others, err)
    faulty.stop_all()
    table.remove(texts, 1)
    client = serve(texts, { delay = 0.2 })
    assert.same({ 1, 2, 3, 4 }, numbers(client:each(nil, { timeout = 0.7 })))
  end)
end)

describe("links that lead in a circle", function()
  --- Page `number` links to the next one, and page `last` back to page `first`; rows are numbered by the requests.
  local function circle(first, last)
    local service = { asked = 0 }
    function service:handle(request)
      local number = tonumber(request.path:match("p=(%d+)") or 0)
      self.asked = self.asked + 1
      local target = number == last and first or number + 1
      return { status = 200, headers = {}, body = page_text({ row(self.asked) }, "referrals?p=" .. target) }
    end
    return service
  end

  for _, case in ipairs { { 1, 1 }, { 1, 2 }, { 1, 7 }, { 5, 5 }, { 5, 6 }, { 20, 49 }, { 1, 300 } } do
    local first, last = case[1], case[2]
    it(("from page %d back to %d are noticed"):format(last, first), function()
      local service = circle(first, last)
      local client = assert(referrals.new { sandbox = service, endpoint = "http://127.0.0.1/v1" })
      local count = 0
      local ok, err = pcall(function()
        for _ in client:each() do
          count = count + 1
          assert(count < 5 * last + 10, "never noticed")
        end
      end)
      assert.is_false(ok)
      assert.equal("protocol", err.kind, tostring(err))
      assert.is_true(service.asked <= 1 + 3 * last, service.asked .. " pages were asked for")
    end)
  end

  it("at once are noticed by `list`", function()
    local client = assert(referrals.new { sandbox = circle(1, 1), endpoint = "http://127.0.0.1/v1" })
    local page, err = client:list("p=1")
    wire.failed("protocol", nil, page, err)
    wire.says(err, "leads back to the same page")
  end)

  it("and lists without end are bounded", function()
    local service = circle(1, math.huge)
    function service:handle()
      self.asked = self.asked + 1
      return { status = 200, headers = {}, body = page_text({}, "referrals?p=" .. self.asked) }
    end
    local client = assert(referrals.new { sandbox = service, endpoint = "http://127.0.0.1/v1" })
    local ok, err = pcall(client:each())
    assert.is_false(ok)
    assert.equal("protocol", err.kind)
    wire.says(err, "more than 20000 pages")
    assert.equal(20000, service.asked)
  end)
end)
