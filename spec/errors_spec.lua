local errors = require "referrals.errors"

describe("errors.new", function()
  it("keeps the kind and the fields, in a table of its own", function()
    local fields = { message = "no", member = "status", http_status = 400 }
    local err = errors.new("validation", fields)
    assert.equal("validation", err.kind)
    assert.equal("no", err.message)
    assert.equal("status", err.member)
    assert.equal(400, err.http_status)
    assert.is_nil(fields.kind)
    assert.is_true(errors.is(err))
  end)

  it("knows the fourteen kinds and refuses another one where it was called", function()
    local count = 0
    for kind in pairs(errors.kinds) do
      count = count + 1
      assert.equal(kind, errors.new(kind).kind)
      assert.is_string(errors.new(kind).message)
    end
    assert.equal(14, count)
    local ok, message = pcall(errors.new, "conflct", {})
    assert.is_false(ok)
    assert.truthy(message:find("unknown error kind 'conflct'", 1, true))
  end)

  it("says by kind whether repeating may help, unless told otherwise", function()
    local expected = {
      throttled = true, server = true, network = true, timeout = true, busy = true,
      validation = false, transition = false, conflict = false, not_found = false, forbidden = false,
      auth = false, rejected = false, protocol = false, unsettled = false,
    }
    for kind, retryable in pairs(expected) do
      assert.equal(retryable, errors.new(kind).retryable)
    end
    assert.is_false(errors.new("server", { retryable = false }).retryable)
    assert.is_true(errors.new("rejected", { retryable = true }).retryable)
  end)

  it("writes a message from the fields when none is given", function()
    assert.equal(
      "details.dealValue: expected a number",
      errors.new("validation", { member = "details.dealValue", expected = "a number" }).message
    )
    assert.equal(
      "status cannot go from Active to New (allowed: Active, Closed)",
      errors.new("transition", { from = "Active", to = "New", allowed = { "Active", "Closed" } }).message
    )
    assert.equal("there is no such referral", errors.new("not_found").message)
  end)
end)

describe("errors.is", function()
  it("is false for everything else", function()
    for _, value in ipairs({ "conflict", 12, {}, { kind = "conflict" }, setmetatable({}, {}), print, true }) do
      assert.is_false(errors.is(value))
    end
    assert.is_false(errors.is(nil))
  end)
end)

describe("tostring of an error", function()
  it("is the kind, the message and what helps to find the request", function()
    local err = errors.new("conflict", {
      message = "details.notes was changed by another writer",
      http_status = 412,
      code = "preconditionFailed",
      inner = "99918",
      request_id = "5f1c",
      client_request_id = "unused",
      attempts = 6,
      applied = false,
    })
    assert.equal(
      "conflict: details.notes was changed by another writer "
        .. "(412 preconditionFailed/99918, 6 attempts, request 5f1c); nothing was written",
      tostring(err)
    )
  end)

  it("says what became of a write", function()
    local function said(applied)
      return tostring(errors.new("timeout", { message = "late", applied = applied }))
    end
    assert.equal("timeout: late; nothing was written", said(false))
    assert.equal("timeout: late; it may have been written", said("unknown"))
    assert.equal("timeout: late; it was written", said(true))
    assert.equal("timeout: late", said(nil))
  end)

  it("names the stage, the wait and the cause", function()
    local cause = errors.new("network", { message = "connection reset" })
    assert.equal(
      "unsettled: could not be told (cause: network: connection reset); it may have been written",
      tostring(errors.new("unsettled", { message = "could not be told", cause = cause, applied = "unknown" }))
    )
    assert.equal(
      "throttled: slow down (at the token request, 429, retry after 57 s, client request c1)",
      tostring(errors.new("throttled", {
        message = "slow down",
        stage = "token",
        http_status = 429,
        retry_after = 57,
        client_request_id = "c1",
        attempts = 1,
      }))
    )
  end)

  it("is one line whatever was in the fields", function()
    local err = errors.new("rejected", {
      message = "a\r\nb\0c\27[31m\127\194\155x\226\128\168y",
      code = "one\ntwo",
      request_id = "r\nq",
      cause = "c\nd",
    })
    assert.equal(
      "rejected: a\\r\\nb\\x00c\\x1b[31m\\x7f\\xc2\\x9bx\\xe2\\x80\\xa8y (one\\ntwo, request r\\nq, cause: c\\nd)",
      tostring(err)
    )
  end)

  it("shows at most 500 bytes of the message and no half character", function()
    assert.equal("server: " .. ("x"):rep(500) .. "...", tostring(errors.new("server", { message = ("x"):rep(501) })))
    assert.equal("server: " .. ("x"):rep(500), tostring(errors.new("server", { message = ("x"):rep(500) })))
    local umlauts = "x" .. ("\195\164"):rep(400)
    assert.equal("server: x" .. ("\195\164"):rep(249) .. "...", tostring(errors.new("server", { message = umlauts })))
    assert.is_true(#tostring(errors.new("server", { message = ("\n"):rep(9000), code = ("c"):rep(9000) })) < 700)
  end)

  it("survives fields of any type", function()
    local odd = { message = false, code = {}, inner = 5, http_status = "x", attempts = "y", cause = 1 }
    local err = errors.new("server", odd)
    assert.truthy(tostring(err):find("^server: false %(x table: [^\n]*/5%)$"))
  end)

  it("joins with strings", function()
    local err = errors.new("busy", { message = "full" })
    assert.equal("got busy: full", "got " .. err)
    assert.equal("busy: full!", err .. "!")
    assert.equal("busy: fullbusy: full", err .. err)
  end)
end)

describe("errors.visible", function()
  it("bounds the escaped text too", function()
    assert.equal("\\n\\n...", errors.visible("\n\n\n\n", 4))
    assert.equal("abc", errors.visible("abc"))
    assert.equal("a\\x9b\195\188\\xff\\xc3", errors.visible("a\155\195\188\255\195"), "no UTF-8 drives no terminal")
    assert.equal("12", errors.visible(12))
    assert.equal("table", errors.visible(setmetatable({}, { __tostring = function() error "not now" end })))
    assert.equal("table", errors.visible(setmetatable({}, { __tostring = function() return {} end })))
  end)
end)

describe("errors.redact", function()
  it("leaves the words alone that a short token is a part of", function()
    assert.equal("the connection timed out after 5 s", errors.redact("the connection timed out after 5 s", { "t" }))
    assert.equal("[redacted], demonstrably", errors.redact("demo, demonstrably", { "demo" }))
    assert.equal("x[redacted]y", errors.redact("x12345678y", { "12345678" }))
  end)

  it("replaces every given secret, the longest first", function()
    assert.equal(
      "id=[redacted] secret=[redacted] again [redacted]",
      errors.redact("id=abc secret=abc-%d+def again abc", { "abc", "abc-%d+def" })
    )
  end)

  it("replaces bearer tokens that nobody listed", function()
    assert.equal("Authorization: Bearer [redacted]", errors.redact("Authorization: Bearer eyJ0.eX-_~+/A=="))
    assert.equal("authorization: bearer  [redacted], x", errors.redact("authorization: bearer  xxx, x", {}))
    assert.equal("the bearer token is missing", errors.redact("the bearer token is missing"))
  end)

  it("skips empty and odd secrets and returns one value", function()
    assert.equal(1, select("#", errors.redact("plain", { "", false, 7 })))
    assert.equal("plain 7", errors.redact("plain 7", { "", false, 7 }))
  end)
end)

describe("errors.safe_url", function()
  it("keeps of a query only that there was one", function()
    assert.equal("https://h/v1.0/referrals?...", errors.safe_url("https://h/v1.0/referrals?$filter=x eq 'y'&b=c?d"))
    assert.equal("https://h/v1.0/referrals/1", errors.safe_url("https://h/v1.0/referrals/1"))
  end)

  it("cuts out user info and fragment, and hides control characters", function()
    assert.equal("https://host/p", errors.safe_url("https://me:secret@host/p#at"))
    assert.equal("http://h/a@b", errors.safe_url("http://h/a@b"))
    assert.equal("http://h/\\n", errors.safe_url("http://h/\n"))
    assert.is_nil(errors.safe_url(nil))
  end)
end)
