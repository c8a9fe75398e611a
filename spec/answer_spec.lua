local answer = require "referrals.runtime.answer"

local HEADERS = "HTTP/1.1 200\r\nrequest-id: r-1\r\nETag: \"h\"\r\n\r\n"

describe("an answer that did not come by the core's HTTP", function()
  it("has the head of any answer", function()
    local made = answer.new { outcome = "ok", sent = true, status = 200, headers = HEADERS, text = "{}" }
    assert.same({ "ok", true, 200, "r-1" }, { made:head() })
    assert.equal('"h"', made:header("etag"))
    assert.equal("{}", made:body())
    made:close()
  end)

  it("may be none", function()
    local none = answer.new { outcome = "network", sent = false, message = "refused" }
    local outcome, sent, status, request_id, message = none:head()
    assert.same({ "network", false, "refused" }, { outcome, sent, message })
    assert.is_nil(status)
    assert.is_nil(request_id)
    assert.is_nil(none:body())
  end)

  it("reads as a referral, whose own entity tag wins over the header's", function()
    local function referral(text)
      return answer.new({ outcome = "ok", sent = true, status = 200, headers = HEADERS, text = text }):referral()
    end
    local document, id, etag, header, tag = referral '{"id":"1","eTag":"\\"b\\""}'
    assert.same({ "1", '"b"' }, { id, etag })
    assert.is_nil(header)
    assert.equal('"b"', tag)
    assert.equal("1", document:string("id"))
    document, id, etag, header, tag = referral '{"id":"1"}'
    assert.same({ "1", '"h"', '"h"' }, { id, etag, header })
    assert.is_nil(tag)
    assert.is_truthy(document)
    local none, expected, offset = referral "[]"
    assert.is_nil(none)
    assert.same({ "a JSON object", 1 }, { expected, offset })
  end)
end)
