--- What Entra's refusals mean, and what to do about them. Its numbers: "Microsoft Entra authentication and
--- authorization error codes" in its documentation.

local errors = require "referrals.errors"

local M = {}

local DESCRIPTION_LIMIT = 250 -- bytes of Entra's own words, behind ours

local SIGN_IN_AGAIN = "let the user sign in and consent again, and use the refresh token that this gives"
local MFA = "the user must use multi-factor authentication: "
  .. SIGN_IN_AGAIN
  .. "; where a user name and password were used, they no longer suffice"
local CHECK_CLIENT = "check the tenant and the client id"
local CHECK_SECRET = "check the client secret: it is the secret's value, not its id"
local POLICY = "a Conditional Access policy of the tenant forbids it: ask its administrator"
local CONSENT = "consent is missing: the administrator of the tenant must grant the application the permission of the "
  .. "Referrals API"

local ADVICE = {
  AADSTS50034 = "the user is not known in this tenant: " .. CHECK_CLIENT,
  AADSTS50053 = "the user's account is locked",
  AADSTS50055 = "the user's password has expired: " .. SIGN_IN_AGAIN,
  AADSTS50057 = "the user's account is disabled",
  AADSTS50072 = MFA,
  AADSTS50074 = MFA,
  AADSTS50076 = MFA,
  AADSTS50078 = MFA,
  AADSTS50079 = MFA,
  AADSTS50105 = "the user is not assigned to the application: ask the tenant's administrator",
  AADSTS50128 = "the tenant was not found: check the tenant",
  AADSTS50133 = "the session has ended: " .. SIGN_IN_AGAIN,
  AADSTS50158 = MFA,
  AADSTS50173 = "the refresh token was revoked (a changed password does that): " .. SIGN_IN_AGAIN,
  AADSTS53000 = POLICY,
  AADSTS53001 = POLICY,
  AADSTS53002 = POLICY,
  AADSTS53003 = POLICY,
  AADSTS65001 = CONSENT,
  AADSTS65004 = CONSENT,
  AADSTS70000 = "the refresh token is not valid any more (was a newer one lost?): " .. SIGN_IN_AGAIN,
  AADSTS70008 = "the refresh token has expired: " .. SIGN_IN_AGAIN,
  AADSTS70011 = "the scope is not valid: check `scope`",
  AADSTS90002 = "the tenant was not found: check the tenant (and the authority, in a national cloud)",
  AADSTS90019 = "the tenant is missing: check the tenant",
  AADSTS500011 = "the resource is not known in this tenant: check `resource`; the API's application may need consent",
  AADSTS700016 = "the application was not found in this tenant: " .. CHECK_CLIENT,
  AADSTS700082 = "the refresh token has expired (90 days without use): " .. SIGN_IN_AGAIN,
  AADSTS700084 = "the refresh token has expired (it belongs to a single-page application): " .. SIGN_IN_AGAIN,
  AADSTS7000112 = "the application is disabled: ask the tenant's administrator",
  AADSTS7000215 = "the client secret is wrong: " .. CHECK_SECRET,
  AADSTS7000216 = "the client secret is missing: give `client_secret`",
  AADSTS7000218 = "the client secret is missing: give `client_secret`, or allow public client flows",
  AADSTS7000222 = "the client secret has expired: make a new one in the application's registration",
}

-- For numbers that are not in the table.
local ADVICE_BY_CODE = {
  invalid_grant = "the refresh token is not accepted: " .. SIGN_IN_AGAIN,
  interaction_required = "the user must take part: " .. SIGN_IN_AGAIN,
  consent_required = CONSENT,
  invalid_client = "the application is not accepted: " .. CHECK_SECRET,
  unauthorized_client = "the application may not do this: " .. CHECK_CLIENT,
  invalid_scope = "the scope is not valid: check `scope` and `resource`",
}

-- What comes with status 400 and yet says nothing about the request.
local KIND_BY_CODE = { temporarily_unavailable = "server", server_error = "server" }
local KIND_BY_NUMBER = { AADSTS90033 = "server", AADSTS50196 = "throttled" }

local NO_ADVICE = "the token was refused: check the tenant, the client and the authority"

--- Turns a refusal of the token endpoint into an error that says what to do. Its own 429, 408 and 5xx stay what they
--- are.
---@param fields referrals.service_error changed
function M.explain(fields)
  local status = fields.http_status
  if status < 400 or status >= 500 or status == 408 or status == 429 then
    return
  end
  local kind = KIND_BY_CODE[fields.code] or KIND_BY_NUMBER[fields.inner]
  if kind then
    fields.kind = kind
  else
    local advice = ADVICE[fields.inner] or ADVICE_BY_CODE[fields.code] or NO_ADVICE
    fields.kind = "auth"
    local said = fields.message:gsub("%s*Correlation ID:.*$", "")
    fields.message = ("%s [%s]"):format(advice, errors.visible(said, DESCRIPTION_LIMIT))
  end
end

return M
