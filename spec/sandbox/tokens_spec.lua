local calls = require "support.sandbox_calls"
local query = require "referrals.sandbox.query"
local sandbox = require "referrals.sandbox"
local values = require "referrals.sandbox.values"

local AUDIENCE = "https://api.partner.microsoft.com"
local V1, V2 = "/contoso.example/oauth2/token", "/contoso.example/oauth2/v2.0/token"

describe("sandbox tokens", function()
  local service, now

  local function start(options)
    now = 1546466202
    options.clock = function() return now end
    service = sandbox.new(options)
  end

  local function ask(path, form)
    local parts = {}
    for name, value in pairs(form) do
      parts[#parts + 1] = name .. "=" .. query.encode(value)
    end
    local response = service:handle {
      method = "POST", path = path, body = table.concat(parts, "&"),
      headers = { ["Content-Type"] = "application/x-www-form-urlencoded" },
    }
    return values.decode(response.body), response.status
  end

  local function refresh(token, extra)
    local form = { grant_type = "refresh_token", client_id = "app", client_secret = "s", resource = AUDIENCE,
      refresh_token = token }
    for name, value in pairs(extra or {}) do
      form[name] = value
    end
    return ask(V1, form)
  end

  local function status_with(token)
    return calls.new(service):get(sandbox.EXAMPLE_ID, { authorization = "Bearer " .. token }).status
  end

  it("answers like the first version of the endpoint, numbers as strings", function()
    start {}
    local answer, status = refresh("old")
    assert.equal(200, status)
    assert.equal("Bearer", answer.token_type)
    assert.equal("3600", answer.expires_in)
    assert.equal("1546469802", answer.expires_on)
    assert.not_equal("old", answer.refresh_token)
    assert.equal(200, status_with(answer.access_token))
  end)

  it("answers like the second version", function()
    start {}
    local answer, status = ask(V2, { grant_type = "client_credentials", client_id = "app", client_secret = "s",
      scope = AUDIENCE .. "/.default" })
    assert.equal(200, status)
    assert.equal(3600, answer.expires_in)
    assert.is_nil(answer.refresh_token)
    assert.is_nil(answer.expires_on)
    assert.equal(200, status_with(answer.access_token))
  end)

  it("ends tokens by the service's clock", function()
    start {}
    local token = refresh("old").access_token
    now = now + 3599
    assert.equal(200, status_with(token))
    now = now + 1
    assert.equal(401, status_with(token))
  end)

  it("ends tokens by hand", function()
    start {}
    local token = refresh("old").access_token
    service:expire_tokens()
    assert.equal(401, status_with(token))
    assert.equal(200, status_with("static"))
    service:revoke("static")
    assert.equal(401, status_with("static"))
  end)

  it("refuses a token of another audience and tokens it never issued", function()
    start {}
    assert.equal(401, status_with(refresh("old", { resource = "https://graph.microsoft.com" }).access_token))
    assert.equal(401, status_with("sandbox-access-99-x"))
  end)

  it("accepts only the listed tokens and its own", function()
    start { tokens = { "a", b = true } }
    assert.equal(200, status_with("a"))
    assert.equal(200, status_with("b"))
    assert.equal(401, status_with("c"))
    assert.equal(200, status_with(refresh("old").access_token))
  end)

  it("gives a new refresh token each time; strictly, the old one dies", function()
    start { rotate_strict = true, refresh_tokens = { "first" } }
    local second = refresh("first").refresh_token
    local problem, status = refresh("first")
    assert.equal(400, status)
    assert.equal("invalid_grant", problem.error)
    assert.same({ 70000 }, problem.error_codes)
    assert.truthy(problem.error_description:find("^AADSTS70000: "))
    assert.is_string(problem.correlation_id)
    local third, again = refresh(second)
    assert.equal(200, again)
    assert.not_equal(second, third.refresh_token)
    assert.equal("invalid_grant", refresh("unknown").error)
  end)

  it("refuses like Entra", function()
    start { clients = { app = "s" }, mfa = true }
    assert.equal("unsupported_grant_type", refresh("x", { grant_type = "device" }).error)
    assert.equal("invalid_client", refresh("x", { client_secret = "wrong" }).error)
    assert.equal("unauthorized_client", refresh("x", { client_id = "other" }).error)
    assert.equal("invalid_request", refresh("x", { client_id = "" }).error)
    assert.equal("invalid_request", refresh("").error)
    local problem = ask(V2, { grant_type = "password", client_id = "app", client_secret = "s", username = "u",
      password = "p" })
    assert.equal("interaction_required", problem.error)
    assert.same({ 50076 }, problem.error_codes)
  end)

  it("gives tokens for a password where no second factor is asked", function()
    start {}
    local answer, status = ask(V1, { grant_type = "password", client_id = "app", username = "u", password = "p",
      resource = AUDIENCE })
    assert.equal(200, status)
    assert.is_string(answer.refresh_token)
  end)

  it("answers only POST", function()
    start {}
    assert.equal(405, service:handle { method = "GET", path = V1 }.status)
  end)
end)
