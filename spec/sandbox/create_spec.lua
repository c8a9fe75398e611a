local calls = require "support.sandbox_calls"
local sandbox = require "referrals.sandbox"
local values = require "referrals.sandbox.values"

local POSTED = '{"type":"Independent","name":"N","customerProfile":{"ids":[]},"consent":{},'
  .. '"details":{"dealValue":50000.00},'
  .. '"status":"New","substatus":"Received","odd":12345678901234567890}'

describe("sandbox POST", function()
  local service, call

  before_each(function()
    service = sandbox.new()
    call = calls.new(service)
  end)

  it("creates a referral of the bytes posted", function()
    local response = call:post(POSTED)
    assert.equal(201, response.status)
    assert.equal(POSTED:sub(1, -2), response.body:sub(1, #POSTED - 1))
    local known = values.by_name(response.body)
    local id = values.unquote(known.id)
    assert.equal(response.body, service:stored(id))
    assert.equal(known.createdDateTime, known.updatedDateTime)
    assert.equal(values.unquote(known.eTag), response.headers.ETag)
    assert.truthy(response.headers.Location:find(id, 1, true))
    assert.truthy(known.links:find(id, 1, true))
    assert.equal(36, #values.unquote(known.engagementId))
    assert.equal(200, call:get(id).status)
  end)

  it("makes another of the same post", function()
    local first, second = call:post(POSTED), call:post(POSTED)
    assert.not_equal(values.member(first.body, "id"), values.member(second.body, "id"))
  end)

  it("keeps an engagement and sets what only the service sets", function()
    local posted = POSTED:gsub("^{", '{"engagementId":"e","id":"mine","quality":"Good","eTag":"\\"x\\"",')
    local known = values.by_name(call:post(posted).body)
    assert.equal('"e"', known.engagementId)
    assert.not_equal('"mine"', known.id)
    assert.not_equal('"\\"x\\""', known.eTag)
    assert.is_nil(known.quality)
  end)

  it("names the member that is missing", function()
    local response = call:post((POSTED:gsub('"consent":{}', '"consent":null')))
    assert.equal(400, response.status)
    assert.equal("consent", values.decode(response.body).error.target)
    assert.equal(400, call:post("[]").status)
    assert.equal(400, call:post((POSTED:gsub("Received", "Won"))).status)
    assert.equal(1, #service.documents.list)
  end)

  it("refuses a shared one without a target, a wrong kind and an annotation", function()
    for _, wrong in ipairs {
      { '"type":"Independent"', '"type":"Shared"', "target" },
      { '"type":"Independent"', '"type":"Shared","target":[]', "target" },
      { '{"ids":%[%]}', '{"ids":{}}', "customerProfile/ids" },
      { '"type":"Independent"', '"type":5', "type" }, { '"consent":{}', '"consent":[]', "consent" },
      { '"odd":', '"@odata.context":"x","odd":', "@odata.context" },
    } do
      local response = call:post((POSTED:gsub(wrong[1], wrong[2])))
      assert.equal(400, response.status)
      assert.equal(wrong[3], values.decode(response.body).error.target)
    end
    assert.equal(201, call:post((POSTED:gsub('"type":"Independent"', '"type":"Shared","target":[{"id":"s"}]'))).status)
  end)

  it("starts as New/Pending, or as Active/Accepted when told to", function()
    local plain = POSTED:gsub('"status":"New","substatus":"Received",', "")
    local known = values.by_name(call:post(plain).body)
    assert.same({ '"New"', '"Pending"' }, { known.status, known.substatus })
    service.switches.created = "accepted"
    known = values.by_name(call:post(POSTED).body)
    assert.same({ '"Active"', '"Accepted"' }, { known.status, known.substatus })
  end)
end)
