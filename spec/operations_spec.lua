-- Every operation of the API's reference through its verb, asserted on the record of what was sent; and the requests
-- and answers that the reference prints.
local faulty = require "support.faulty"
local nginx = require "support.nginx"
local referrals = require "referrals"
local sandbox = require "referrals.sandbox"
local wire = require "support.wire"

local ID, EXAMPLE = sandbox.EXAMPLE_ID, sandbox.example
local TAG = '"2500ec5a-0000-0000-0000-5bf4967d0000"'
local ENGAGEMENT = "37ef26aa-1d15-4533-9f93-a69bd33ab1e5"
local COLLECTION = "/v1.0/engagements/referrals"
local ONE = COLLECTION .. "/" .. ID
local GUID = "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$"
local CLOSED = wire.swap(wire.swap(EXAMPLE, '"status": "New"', '"status": "Closed"'), '"Pending"', '"Won"')

local NEW = '{"type":"Independent","customerProfile":{"name":"C"},"consent":{"consentToContact":true},'
  .. '"details":{"dealValue":50000}}'
local SHARED = '{"type":"Shared","customerProfile":{"name":"C"},"consent":{"consentToContact":true},'
  .. '"details":{"dealValue":50000},"target":[{"type":"SolutionProfile","id":"s-1"}]}'
local DEAL = '{"type":"AzureIPCoSell","contract":{"value":50000,"currency":"USD","term":"Perpetual",'
  .. '"startDateTime":"2018-12-01T00:00:00Z","endDateTime":"2019-12-01T00:00:00Z",'
  .. '"signDateTime":"2018-11-20T00:00:00Z"},"solutionDetails":[{"id":"s-1","value":50000,"currency":"USD",'
  .. '"isDeployedOnAzure":true,"primaryDeploymentOn":"Partner","pricingModel":"Other",'
  .. '"marketplaceTransactionDetails":{"isMarketplaceTransacted":false}}]}'

local READ = { "GET", ONE }

local function put(body)
  return { "PUT", ONE, if_match = TAG, body = body }
end

local function patch(body)
  return { "PATCH", ONE, if_match = TAG, prefer = "return=representation", body = body }
end

-- {operation, what the verb sends one by one, the verb}
local OPERATIONS = {
  {
    "GET /referrals: list", { { "GET", COLLECTION .. "?$filter=status%20eq%20%27New%27&$orderby=createdDateTime%20desc"
      .. "&$select=id%2Cstatus%2CeTag%2CupdatedDateTime&$top=10&$skip=0&$count=true" } },
    function(client)
      return client:list {
        filter = { status = "New" }, orderby = "createdDateTime desc", select = { "id", "status" }, top = 10, skip = 0,
        count = true,
      }
    end,
  },
  {
    "GET /referrals: each", { { "GET", COLLECTION .. "?$filter=direction%20eq%20%27Incoming%27" } },
    function(client)
      for _ in client:each { filter = { direction = "Incoming" } } do
        error("there is none")
      end
      return true
    end,
  },
  {
    "GET /referrals: changes", { { "GET" } },
    function(client)
      return client:changes("2018-11-01T00:00:00Z")()
    end,
  },
  {
    "GET /referrals: related",
    { READ, { "GET", COLLECTION .. "?$filter=engagementId%20eq%20%27" .. ENGAGEMENT .. "%27" } },
    function(client)
      return client:related(ID)
    end,
  },
  {
    "GET /referrals/{id}: get", { READ },
    function(client)
      return client:get(ID)
    end,
  },
  {
    "POST /referrals: create", { { "POST", COLLECTION, body = NEW } },
    function(client)
      return client:create(NEW)
    end,
  },
  {
    "POST /referrals, twice: create_shared", { { "POST", COLLECTION, body = SHARED }, { "POST", COLLECTION } },
    function(client)
      return client:create_shared(SHARED)
    end,
  },
  {
    "PUT /referrals/{id}: update", { READ, put(wire.without_links(CLOSED)) },
    function(client)
      return client:update(ID, { status = "Closed", substatus = "Won" })
    end,
  },
  {
    "PUT /referrals/{id}: update_many", { READ, put(wire.without_links(CLOSED)) },
    function(client)
      return client:update_many({ { id = ID, change = { status = "Closed", substatus = "Won" } } })[1].value
    end,
  },
  {
    "PUT /referrals/{id}: replace", { put(wire.without_links(CLOSED)) },
    function(client)
      return client:replace(ID, CLOSED)
    end,
  },
  {
    "PATCH /referrals/{id}: update",
    { READ, patch('[{"op":"replace","path":"/details/notes","value":"called"}]') },
    function(client)
      return client:update(ID, { details = { notes = "called" } }, { method = "PATCH" })
    end,
  },
  {
    "PATCH /referrals/{id}: patch",
    { READ, patch('[{"op":"add","path":"/campaignId","value":"c-1"},{"op":"replace","path":"/team","value":[]}]') },
    function(client)
      return client:patch(ID, {
        { op = "add", path = "/campaignId", value = "c-1" }, { op = "replace", path = "/team", value = {} },
      })
    end,
  },
  {
    "PATCH /referrals/{id} without If-Match: patch",
    { { "PATCH", ONE, prefer = "return=representation", body = '[{"op":"add","path":"/team","value":[]}]' } },
    function(client)
      return client:patch(ID, { { op = "add", path = "/team", value = {} } }, { if_match = false })
    end,
  },
  {
    "PATCH /referrals/{id}, a deal registration: register_deal",
    { READ, patch('[{"op":"add","path":"/registrations/-","value":' .. DEAL .. "}]") },
    function(client)
      return client:register_deal(ID, DEAL)
    end,
  },
  {
    "PATCH /referrals/{id}, a registered deal: update_deal",
    { READ, patch('[{"op":"replace","path":"/registrations/0/contract/value","value":60000}]') },
    function(client, server)
      server:write(ID, "/registrations", "[" .. DEAL .. "]")
      server:store((server:stored(ID):gsub('"eTag": "[^\n]*"', '"eTag": "\\"' .. TAG:sub(2, -2) .. '\\""')))
      return client:update_deal(ID, { contract = { value = 60000 } })
    end,
  },
}

local function assert_sent(expected, entry)
  assert.equal(expected[1], entry.method)
  if expected[2] then
    assert.equal(expected[2], entry.path)
  end
  local headers = entry.headers
  assert.equal("Bearer a-token", headers.authorization)
  assert.equal("application/json", headers.accept)
  assert.is_truthy(headers["client-request-id"]:find(GUID))
  assert.equal(expected.if_match, headers["if-match"])
  assert.equal(expected.prefer, headers.prefer)
  if entry.method == "GET" then
    assert.equal("", entry.body)
    assert.is_nil(headers["content-type"])
  else
    assert.equal("application/json", headers["content-type"])
    assert.equal(tostring(#entry.body), headers["content-length"])
  end
  if expected.body then
    wire.same_text(expected.body, entry.body)
  end
end

describe("the API's operations over HTTP", function()
  local server, client

  setup(function()
    server = nginx.start()
  end)

  teardown(function()
    server:stop()
    faulty.stop_all()
  end)

  before_each(function()
    server:reset()
    client = referrals.new { endpoint = server.url, token = "a-token" }
  end)

  for _, operation in ipairs(OPERATIONS) do
    local name, expected, run = operation[1], operation[2], operation[3]

    it(name, function()
      local value, err = run(client, server)
      assert.is_nil(err)
      assert.is_truthy(value)
      local record = server:record()
      assert.equal(#expected, #record, wire.methods(record))
      local ids = {}
      for index, entry in ipairs(record) do
        assert_sent(expected[index], entry)
        local id = entry.headers["client-request-id"]
        assert.is_nil(ids[id], "a client-request-id is new for every request")
        ids[id] = true
      end
    end)
  end

  describe("the request that the documentation prints", function()
    local printed

    setup(function()
      local file = assert(io.open("spec/sandbox/put_request.txt", "rb"))
      printed = file:read("*a")
      file:close()
    end)

    it("is no JSON where its trailing comma is, and nothing is sent", function()
      local value, err = client:replace(ID, printed)
      wire.failed("validation", false, value, err)
      local _, lines = printed:gsub("\n", "\n")
      wire.says(err, ("line %d, column 1"):format(printed:find("\n$") and lines or lines + 1))
      assert.equal("", wire.methods(server:record()))
    end)

    it("is accepted without it, byte for byte, under the eTag it carries", function()
      local document = printed:gsub(",%s*}%s*$", "\n}")
      local result, err = client:replace(ID, document)
      assert.is_nil(err)
      assert.equal("Won", result.substatus)
      local record = server:record()
      assert.equal("PUT", wire.methods(record))
      assert.equal(TAG, record[1].headers["if-match"])
      wire.same_text(document, record[1].body)
    end)
  end)

  describe("the answer that the documentation prints", function()
    local OTHER_ID = "4111fffc-f9ee-4d53-bba6-569135228642"
    local answer = CLOSED:gsub(ID:gsub("%-", "%%-"), OTHER_ID)

    local function scripted(...)
      local double = faulty.start { requests = { ... } }
      finally(function() double:stop() end)
      return referrals.new { endpoint = double.url, token = "a-token" }, double
    end

    it("is read as it is printed", function()
      local told = scripted(faulty.answer { body = answer, headers = { "ETag: W/\"other\"" } })
      local result, err = told:get(OTHER_ID)
      assert.is_nil(err)
      assert.equal(OTHER_ID, result.id)
      assert.equal("2018-11-06T18:40:42.6178337Z", result.createdDateTime)
      assert.equal("Contoso Company", result.organizationName)
      assert.equal("joe.hansen@contoso.com", result.customerProfile.team[2].email)
      assert.is_false(result.customerProfile.team[2].contactPreference.disableNotifications)
      assert.same({}, result.customerProfile.ids)
      assert.is_true(result.consent.consentToToShareInfoWithOthers)
      assert.equal(50000, result.details.dealValue)
      assert.equal("Dynamics365forFieldService", result.details.requirements.solutions[1].id)
      assert.equal("msft", result.inviteContext.invitedBy.organizationId)
      assert.equal(TAG, result.eTag)
      assert.equal("GET", result.links.self.method)
    end)

    it("is no answer to a write of another referral: what became of it is read", function()
      local told, double = scripted(faulty.answer { body = EXAMPLE }, faulty.answer { body = answer },
        faulty.answer { body = (wire.swap(CLOSED, "2500ec5a", "2500ec5b")) })
      local result, err, info = told:update(ID, { status = "Closed", substatus = "Won" })
      assert.is_nil(err)
      assert.equal(ID, result.id)
      assert.equal("verified", info.resolved)
      assert.equal("GET PUT GET", wire.methods(double:requests()))
    end)

    it("to a refused version names the tag and the innermost code", function()
      server:write(ID)
      local value, err = client:replace(ID, CLOSED)
      wire.failed("conflict", false, value, err)
      assert.equal(412, err.http_status)
      assert.equal("preconditionFailed", err.code)
      assert.equal("99918", err.inner)
      assert.equal("ETag", err.target)
    end)
  end)
end)
