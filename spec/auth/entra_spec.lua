local entra = require "referrals.auth.entra"
local service_error = require "referrals.service_error"

-- What an answer of the token endpoint becomes.
local function explained(status, code, number, description)
  local text = number and ("AADSTS%d: %s Correlation ID: c0ffee Timestamp: now"):format(number, description or "Words.")
  local body = ('{"error":"%s","error_description":"%s","error_codes":[%s]}'):format(code, text or "", number or "")
  local fields = service_error.parse(status, nil, body, "POST")
  fields.http_status = status
  entra.explain(fields)
  return fields
end

describe("auth.entra", function()
  it("says what to do about each refusal", function()
    local cases = {
      { 400, "invalid_grant", 700082, "the refresh token has expired" },
      { 400, "invalid_grant", 700084, "single-page application" },
      { 400, "invalid_grant", 70008, "the refresh token has expired" },
      { 400, "invalid_grant", 70000, "not valid any more" },
      { 400, "invalid_grant", 50173, "revoked" },
      { 400, "interaction_required", 50076, "multi-factor authentication" },
      { 400, "invalid_grant", 50079, "multi-factor authentication" },
      { 400, "invalid_grant", 53003, "Conditional Access" },
      { 401, "invalid_client", 7000215, "the secret's value, not its id" },
      { 401, "invalid_client", 7000222, "the client secret has expired" },
      { 401, "invalid_client", 7000216, "give `client_secret`" },
      { 400, "invalid_grant", 65001, "consent is missing" },
      { 400, "invalid_request", 90002, "the tenant was not found" },
      { 400, "unauthorized_client", 700016, "the application was not found in this tenant" },
      { 400, "invalid_resource", 500011, "check `resource`" },
      { 400, "invalid_scope", 70011, "check `scope`" },
      { 400, "invalid_grant", 999999, "the refresh token is not accepted" },
      { 400, "interaction_required", 999999, "sign in and consent again" },
      { 401, "invalid_client", 999999, "the application is not accepted" },
      { 400, "something_new", 999999, "check the tenant, the client and the authority" },
    }
    for _, case in ipairs(cases) do
      local fields = explained(case[1], case[2], case[3])
      assert.equal("auth", fields.kind)
      assert.truthy(fields.message:find(case[4], 1, true), fields.message)
      assert.truthy(fields.message:find(("[AADSTS%d: Words.]"):format(case[3]), 1, true), fields.message)
      assert.equal("AADSTS" .. case[3], fields.inner)
      assert.equal(case[2], fields.code)
    end
  end)

  it("keeps the kind of what says nothing about the request", function()
    assert.equal("throttled", explained(429, "x").kind)
    assert.equal("server", explained(503, "x").kind)
    for _, code in ipairs { "temporarily_unavailable", "server_error" } do
      assert.equal("throttled", explained(429, code).kind)
    end
    assert.equal("rejected", explained(408, "x").kind)
    assert.equal("server", explained(400, "temporarily_unavailable").kind)
    assert.equal("server", explained(400, "invalid_request", 90033).kind)
    assert.equal("throttled", explained(400, "invalid_grant", 50196).kind)
  end)

  it("calls every other refusal auth, whatever its status", function()
    for _, status in ipairs({ 400, 401, 403, 404, 405, 409, 410, 412, 499 }) do
      assert.equal("auth", explained(status, "x").kind)
    end
  end)

  it("keeps Entra's own words short", function()
    local fields = explained(400, "invalid_grant", 700082, ("long "):rep(200))
    assert.is_true(#fields.message < 600)
  end)
end)
