local json = require "referrals.sandbox.json"
local responses = require "referrals.sandbox.responses"
local service_error = require "referrals.service_error"
local values = require "referrals.sandbox.values"

local JSON_TYPE = "application/json; charset=utf-8"

describe("the sandbox's responses", function()
  --- What the client, which shares no code with the sandbox, reads in an error.
  local function read_by_client(response)
    return service_error.parse(response.status, function(name)
      for header, value in pairs(response.headers) do
        if header:lower() == name then
          return value
        end
      end
    end, response.body, "PUT")
  end

  it("are JSON, beside whatever headers they have", function()
    local response = responses.json(201, '{"id":"a"}', { Location = "there" })
    assert.same({ status = 201, body = '{"id":"a"}', headers = { Location = "there", ["Content-Type"] = JSON_TYPE } },
      response)
    assert.same({ status = 204, body = "", headers = {} }, responses.empty(204))
    responses.json(200, "{}").headers.ETag = "its own"
    assert.same({ ["Content-Type"] = JSON_TYPE }, responses.json(200, "{}").headers)
  end)

  it("say in the reference's envelope what is wrong, and where that is known", function()
    local response = responses.invalid { message = 'No "x" \\ here\n.', target = "details/notes" }
    assert.equal('{"error":{"code":"invalidRequest","message":"No \\"x\\" \\\\ here\\n.","target":"details/notes"}}',
      response.body)
    assert.same({ 400, JSON_TYPE }, { response.status, response.headers["Content-Type"] })
    assert.equal('{"error":{"code":"generalException","message":"m"}}',
      responses.error(500, "generalException", "m").body)
    local fields = read_by_client(response)
    assert.same({ "rejected", "invalidRequest", "details/notes" }, { fields.kind, fields.code, fields.target })
  end)

  it("name an unknown id as it came, whatever is in it", function()
    local response = responses.not_found('a"b')
    assert.is_true(json.check(response.body))
    assert.same({ code = "itemNotFound", message = 'The referral a"b was not found.', target = "id" },
      values.decode(response.body).error)
    assert.equal("not_found", read_by_client(response).kind)
  end)

  it("ask for a bearer token", function()
    local response = responses.unauthenticated("No.")
    assert.same({ 401, "Bearer" }, { response.status, response.headers["WWW-Authenticate"] })
    local fields = read_by_client(response)
    assert.same({ "auth", "unauthenticated" }, { fields.kind, fields.code })
  end)

  it("refuse a version with the inner code that the reference prints", function()
    local response = responses.precondition_failed()
    assert.equal(412, response.status)
    local fields = read_by_client(response)
    assert.same({ "preconditionFailed", "99918", "ETag" }, { fields.code, fields.inner, fields.target })
    assert.is_truthy(response.body:find('"details":null', 1, true))
  end)

  it("throttle in the gateway's own form, by whole seconds that are never too few", function()
    for seconds, said in pairs { [57] = "57", [0.2] = "1", [1.5] = "2" } do
      local response = responses.throttled(seconds)
      assert.equal(('{"statusCode":429,"message":"Rate limit is exceeded. Try again in %s seconds."}'):format(said),
        response.body)
      assert.equal("throttled", read_by_client(response).kind)
    end
  end)

  it("are a proxy's page, which is no JSON, under the status that it names", function()
    local response = responses.html(503)
    assert.same({ 503, "text/html" }, { response.status, response.headers["Content-Type"] })
    assert.is_truthy(response.body:find("<title>503</title>", 1, true))
    assert.is_falsy(json.check(response.body))
    assert.equal("server", read_by_client(response).kind)
  end)
end)
