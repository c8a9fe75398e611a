local sandbox = require "referrals.sandbox"
local values = require "referrals.sandbox.values"
local writes = require "referrals.sandbox.writes"

describe("what the sandbox's writes share:", function()
  local service

  before_each(function()
    service = sandbox.new()
  end)

  local function request(body, media_type)
    return { body = body, headers = { ["content-type"] = media_type } }
  end

  describe("a body", function()
    local function refusal(...)
      local body, response = writes.body(...)
      assert.is_nil(body)
      return response.status, values.decode(response.body).error.message
    end

    it("is taken in any spelling of its media type, with parameters or without", function()
      for _, media_type in ipairs {
        "application/json", "Application/JSON", "  application/json;charset=utf-8", "application/json ; a=b",
      } do
        assert.equal("{}", (writes.body(request("{}", media_type), "object", "application/json")))
      end
    end)

    it("is refused in another, but for the second one that is allowed", function()
      for _, media_type in ipairs { "application/jsonp", "text/json", "application/json-patch+json", "" } do
        assert.equal(415, (refusal(request("{}", media_type), "object", "application/json")))
      end
      assert.equal(415, (refusal({ body = "{}", headers = {} }, "object", "application/json")))
      local patch = request("[]", "application/json-patch+json")
      assert.equal("[]", (writes.body(patch, "array", "application/json", "application/json-patch+json")))
    end)

    it("is JSON of the kind that is wanted; what is not is told by its place", function()
      local status, message = refusal(request('{"a":}', "application/json"), "object", "application/json")
      assert.equal(400, status)
      assert.is_truthy(message:find("at byte 6.", 1, true), message)
      for kind, other in pairs { object = "[]", array = "{}" } do
        status, message = refusal(request(other, "application/json"), kind, "application/json")
        assert.same({ 400, "The request body must be an " .. kind .. "." }, { status, message })
      end
    end)
  end)

  describe("what is never sent", function()
    it("is an annotation at any depth, also of a name that is written with escapes", function()
      for text, name in pairs {
        ['{"@odata.context":1}'] = "@odata.context",
        ['{"a":[{"b":{"team@odata.count":1}}]}'] = "team@odata.count",
        ['{"a":{"\\u0040odata.type":1}}'] = "@odata.type",
        ['[[],{"@odata.id":null}]'] = "@odata.id",
      } do
        assert.equal(name, writes.annotation(text).target)
      end
      assert.is_nil(writes.annotation('{"a":"@odata.context","odata.x":[1,{"@odata":null}]}'))
    end)

    it("is links at the root, and no member of that name elsewhere", function()
      assert.equal("links", writes.never_sent('{"links":null}').target)
      assert.is_nil(writes.never_sent('{"details":{"links":{}}}'))
      assert.equal("@odata.etag", writes.never_sent('{"details":{"@odata.etag":1}}').target)
    end)
  end)

  it("a version is refused by another tag, and by none where none is named", function()
    local document = { tag = '"1"' }
    assert.is_nil(writes.precondition(document, '"1"'))
    assert.is_nil(writes.precondition(document, nil))
    assert.equal(412, writes.precondition(document, '"2"').status)
  end)

  it("the status table is in force until it is switched off", function()
    local new, won = { status = '"New"', substatus = '"Pending"' }, { status = '"Closed"', substatus = '"Won"' }
    local odd = { status = '"New"', substatus = '"Won"' }
    assert.is_nil(writes.transition(service, new, won))
    assert.equal("status", writes.transition(service, won, new).target)
    assert.is_nil(writes.transition(service, odd, odd)) -- not judged: it stays
    assert.equal("substatus", writes.initial_state(service, odd).target)
    assert.equal("status", writes.initial_state(service, {}).target)
    service.switches.transitions = false
    assert.is_nil(writes.transition(service, won, new))
    assert.is_nil(writes.initial_state(service, odd))
  end)

  it("a member that is passed over keeps what it had, and is not there where it was not", function()
    service.switches.ignore = { "a", "b" }
    assert.equal('{"c":3,"a":1.0}', writes.pass_over(service, '{"b":2,"c":3}', '{"a": 1.0}'))
    assert.equal('{"c":3}', writes.pass_over(service, '{"a":9,"b":2,"c":3}', nil))
    service.switches.ignore = {}
    assert.equal('{"a":9}', writes.pass_over(service, '{"a":9}', '{"a":1}'))
  end)
end)
