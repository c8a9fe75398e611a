local calls = require "support.sandbox_calls"
local pointer = require "referrals.sandbox.pointer"
local sandbox = require "referrals.sandbox"
local values = require "referrals.sandbox.values"

local ID = sandbox.EXAMPLE_ID
local TAG = '"2500ec5a-0000-0000-0000-5bf4967d0000"'
local TAG_SHAPE = '^"%x%x%x%x%x%x%x%x%-0000%-0000%-0000%-%x%x%x%x%x%x%x%x0000"$'

local function with(text, member, value)
  return pointer.add(text, { member }, value)
end

describe("sandbox PUT", function()
  local service, call, body

  before_each(function()
    service = sandbox.new { clock = function() return 1541600000 end }
    call = calls.new(service)
    body = pointer.without(sandbox.example, "links")
  end)

  local function refused(status, code, target, response)
    assert.equal(status, response.status)
    local problem = values.decode(response.body).error
    assert.equal(code, problem.code)
    assert.equal(target, problem.target)
    assert.equal(sandbox.example, service:stored(ID))
    assert.is_false(service.record[#service.record].applied)
  end

  it("stores the body byte for byte but for its stamps", function()
    local sent = body:gsub('"New"', '"Closed"'):gsub('"Pending"', '"Won"'):gsub("50000", "50000.00")
    sent = with(sent, "odd", '[ 12345678901234567890, -0, 1e2, {}, [ ], null, "\\u00e9\\/" ]')
    sent = with(sent, "salesStage", "null")
    local response = call:put(ID:upper(), sent, TAG)
    assert.equal(200, response.status)
    local tag = values.scalar(values.member(response.body, "eTag"))
    assert.truthy(tag:find(TAG_SHAPE))
    assert.not_equal(TAG, tag)
    assert.equal(tag, response.headers.ETag)
    local expected = with(sent, "links", values.member(sandbox.example, "links"))
    expected = with(expected, "updatedDateTime", '"2018-11-07T14:13:20.0000000Z"')
    assert.equal(with(expected, "eTag", values.quote(tag)), response.body)
    assert.equal(response.body, service:stored(ID))
    assert.is_true(service.record[1].applied)
  end)

  it("loses what the body leaves out, except what only the service sets", function()
    local response = call:put(ID, '{"status":"New","substatus":"Pending"}', TAG)
    assert.equal(200, response.status)
    local known = values.by_name(response.body)
    assert.equal('"Contoso Company"', known.organizationName)
    assert.equal('"' .. ID .. '"', known.id)
    assert.truthy(known.links)
    for _, name in ipairs { "details", "team", "name", "engagementId", "customerProfile" } do
      assert.is_nil(known[name])
    end
  end)

  it("accepts the documentation's own request without its trailing comma", function()
    local file = assert(io.open("spec/sandbox/put_request.txt"))
    local request = file:read("*a")
    file:close()
    refused(400, "invalidRequest", nil, call:put(ID, request, TAG))
    local response = call:put(ID, (request:gsub(",%s*}%s*$", "}")), TAG)
    assert.equal(200, response.status)
    assert.equal('"Closed"', values.member(response.body, "status"))
    assert.equal('"Contoso Company"', values.member(response.body, "organizationName"))
  end)

  it("needs If-Match", function()
    refused(428, "invalidRequest", "If-Match", call:put(ID, body, nil))
  end)

  for name, if_match in pairs {
    doubled = '"' .. TAG .. '"', stripped = TAG:sub(2, -2), weak = "W/" .. TAG, other = '"x"',
  } do
    it("refuses a " .. name .. " tag", function()
      local response = call:put(ID, body, if_match)
      refused(412, "preconditionFailed", "ETag", response)
      assert.truthy(response.body:find('"innerError":{"code":"99918","message":"One of the specified pre-condition is '
        .. 'not met. Etag value did not Match","details":null}', 1, true))
    end)
  end

  it("takes * for any version", function()
    assert.equal(200, call:put(ID, body, "*").status)
  end)

  it("refuses the version it has just replaced", function()
    assert.equal(200, call:put(ID, body, TAG).status)
    assert.equal(412, call:put(ID, body, TAG).status)
  end)

  it("refuses what a client must not send", function()
    refused(400, "invalidRequest", "links", call:put(ID, sandbox.example, TAG))
    refused(400, "invalidRequest", "@odata.context", call:put(ID, with(body, "@odata.context", '"x"'), TAG))
    refused(400, "invalidRequest", "organizationName", call:put(ID, with(body, "organizationName", '"x"'), TAG))
    refused(400, "invalidRequest", "id", call:put(ID, with(body, "id", '"x"'), TAG))
    refused(400, "invalidRequest", "substatus", call:put(ID, with(body, "status", '"Closed"'), TAG))
    refused(400, "invalidRequest", "status", call:put(ID, with(body, "status", '"Gone"'), TAG))
    refused(400, "invalidRequest", nil, call:put(ID, body .. "x", TAG))
    refused(400, "invalidRequest", nil, call:put(ID, "[]", TAG))
    refused(415, "invalidRequest", "Content-Type", call:put(ID, body, TAG, { ["content-type"] = false }))
    for _, media_type in ipairs { "text/plain", "application/json-patch+json" } do
      refused(415, "invalidRequest", "Content-Type", call:put(ID, body, TAG, { ["content-type"] = media_type }))
    end
  end)

  it("refuses another kind of value, which a client makes of [] or of a number", function()
    for _, wrong in ipairs {
      { { "customerProfile", "ids" }, "{}", "customerProfile/ids" }, { { "team" }, "{}", "team" },
      { { "details", "dealValue" }, '"abc"', "details/dealValue" }, { { "qualification" }, "5", "qualification" },
      { { "consent", "consentToContact" }, '"yes"', "consent/consentToContact" },
    } do
      refused(400, "invalidRequest", wrong[3], call:put(ID, pointer.add(body, wrong[1], wrong[2]), TAG))
    end
  end)

  it("refuses annotations wherever they stand", function()
    for _, place in ipairs {
      { "team@odata.count" }, { "details", "@odata.type" }, { "team", "0", "email@odata.type" },
    } do
      refused(400, "invalidRequest", place[#place], call:put(ID, pointer.add(body, place, '"x"'), TAG))
    end
  end)

  it("keeps when it was created, whatever it is sent", function()
    local response = call:put(ID, with(body, "createdDateTime", '"1999"'), TAG)
    assert.equal(200, response.status)
    assert.equal(values.member(sandbox.example, "createdDateTime"), values.member(response.body, "createdDateTime"))
  end)

  it("replaces the eTag and updatedDateTime it is sent", function()
    local sent = with(with(body, "eTag", '"\\"mine\\""'), "updatedDateTime", '"1999"')
    local response = call:put(ID, sent, TAG)
    assert.equal(200, response.status)
    assert.is_nil(response.body:find("mine", 1, true))
    assert.is_nil(response.body:find("1999", 1, true))
  end)

  it("passes over the members it is told to ignore", function()
    service.switches.ignore = { "salesStage", "statusReason" }
    local response = call:put(ID, with(with(body, "salesStage", '"50"'), "statusReason", '"x"'), TAG)
    assert.equal(200, response.status)
    assert.is_nil(values.member(response.body, "salesStage"))
    assert.equal('"The engagement went well"', values.member(response.body, "statusReason"))
  end)

  it("leaves the status table alone when told to", function()
    service.switches.transitions = false
    assert.equal(200, call:put(ID, with(body, "status", '"Gone"'), TAG).status)
  end)
end)
