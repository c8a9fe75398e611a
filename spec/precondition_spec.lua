-- A service whose entity tags are weak ones, as a proxy that compresses makes them: it never takes one for a write.
local referrals = require "referrals"
local wire = require "support.wire"

local TEXT = '{"id":"r1","eTag":%q,"status":"New","campaignId":"c","details":{"notes":"n"},"team":[]}'
local WEAK = 'W/"1"'

describe("a version that a weak entity tag names", function()
  local client, record

  before_each(function()
    record = {}
    client = assert(referrals.new { token = "t", sandbox = { handle = function(_, request)
      record[#record + 1] = request
      if request.method == "GET" then
        return { status = 200, headers = {}, body = (TEXT:format(WEAK)) }
      end
      return { status = 412, headers = {}, body = '{"error":{"code":"preconditionFailed"}}' }
    end } })
  end)

  local function refused(value, err)
    wire.failed("rejected", false, value, err)
    wire.says(err, "although nobody else wrote", "it is a weak one")
    for _, request in ipairs(record) do
      assert.equal(request.method ~= "GET" and WEAK or nil, request.headers["If-Match"] or request.headers["if-match"])
    end
  end

  it("is no conflict that nobody made, but refused by the service", function()
    refused(client:update("r1", { campaignId = "x" }, { if_match = WEAK }))
    local referral = assert(client:get "r1")
    referral.campaignId = "x"
    refused(client:update("r1", referral))
    local notes = { { op = "replace", path = "/details/notes", value = "x" } }
    refused(client:patch("r1", notes, { if_match = WEAK }))
  end)

  it("is a conflict when it is another one", function()
    local value, err = client:update("r1", { campaignId = "x" }, { if_match = 'W/"2"' })
    wire.failed("conflict", false, value, err)
  end)
end)
