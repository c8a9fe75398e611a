local change = require "referrals.change"
local changing = require "support.changing"
local cjson = require "cjson"
local errors = require "referrals.errors"
local report = require "referrals.report"

local BEFORE = '"status":"New","details":{"notes":"old","dealValue":1.50},"team":[]'
local ASKED = '{"status":"Closed","details":{"currency":"USD","dealValue":2,"notes":null},"team":[{"email":"a@b.c"}]}'

local function differences_of(members, text)
  return (assert(changing.current(members).document:apply(text, change.PROTOTYPE)))
end

local function call()
  return { info = { attempts = 3, request_id = "of the last read", client_request_id = "of the last read" } }
end

describe("what an update tells of its members", function()
  it("is the way to each, what was there and what was asked for", function()
    assert.same({
      { member = "details.currency", from = nil, to = "USD" },
      { member = "details.dealValue", from = 1.5, to = 2 },
      { member = "details.notes", from = "old", to = cjson.null },
      { member = "status", from = "New", to = "Closed" },
      { member = "team", from = {}, to = { { email = "a@b.c" } } },
    }, report.members(differences_of(BEFORE, ASKED)))
  end)

  it("names those that the answer does not show as asked, and no others", function()
    local differences = differences_of(BEFORE, ASKED)
    local function ignored(members)
      return report.ignored(differences, changing.current(members))
    end
    local shown = '"details":{"currency":"USD","dealValue":2.00,"notes":null},"team":[{"email":"a@b.c"}]'
    assert.same({}, ignored('"status":"Closed",' .. shown))
    assert.same({ "status" }, ignored('"status":"New",' .. shown))
    assert.same({ "details.currency", "details.dealValue", "team" },
      ignored('"status":"Closed","details":{"dealValue":3},"team":[{"email":"a@b.c"},{}]'))
  end)

  it("takes a member that the answer is without for null", function()
    local differences = differences_of(BEFORE, '{"status":"Closed","details":{"notes":null}}')
    assert.same({ "status" }, report.ignored(differences, changing.current('"status":"New","details":{}')))
    assert.same({ "details.notes" },
      report.ignored(differences, changing.current('"status":"Closed","details":{"notes":""}')))
  end)
end)

describe("the error of a write that could not be told", function()
  local cause

  before_each(function()
    cause = errors.new("server", {
      message = "down", http_status = 503, retry_after = 7, method = "PUT", url = "https://api.example/referrals/r",
      request_id = "of the write", client_request_id = "of the write", code = "serviceNotAvailable",
    })
  end)

  it("leads to the write itself and not to the reads that came after it", function()
    local pending = { cause = cause, step = { differences = differences_of(BEFORE, '{"status":"Closed"}') } }
    local err = report.unsettled(pending, call(), changing.current('"status":"Active"'))
    assert.same({ "unsettled", "unknown", false }, { err.kind, err.applied, err.retryable })
    assert.equal(cause, err.cause)
    assert.same({ "PUT", cause.url, 503, 7 }, { err.method, err.url, err.http_status, err.retry_after })
    assert.same({ "of the write", "of the write" }, { err.request_id, err.client_request_id })
    assert.equal(3, err.attempts) -- of the whole call
    assert.same({ { member = "status", from = "New", to = "Closed" } }, err.intended)
    assert.same({ changing.ID, "Active" }, { err.current.id, err.current.status })
  end)

  it("has no current referral where none was read since", function()
    local pending = { cause = cause, step = { differences = {} } }
    assert.is_nil(report.unsettled(pending, call(), nil).current)
  end)

  it("says its own where the verb knows more", function()
    assert.equal("half of it", report.open(cause, call(), { message = "half of it" }).message)
    assert.equal("the write may have been applied, and it could not be told", report.open(cause, call(), {}).message)
  end)

  it("is open, too, where there was no memory to judge the answer", function()
    local err = report.unjudged(call())
    assert.same({ "unsettled", "unknown", 3 }, { err.kind, err.applied, err.attempts })
    assert.equal("network", err.cause.kind)
    assert.is_truthy(err.cause.message:find("memory", 1, true))
  end)
end)

describe("the error of a current tag that the service refuses", function()
  local refusal = errors.new("conflict", {
    http_status = 412, code = "preconditionFailed", inner = "99918", request_id = "r", client_request_id = "c",
  })

  it("is no conflict: it says that nobody else wrote, and what the service said", function()
    local err = report.nobody_wrote(refusal, '"1"', call())
    assert.same({ "rejected", 412, "preconditionFailed", "99918" },
      { err.kind, err.http_status, err.code, err.inner })
    assert.same({ "r", "c", 3 }, { err.request_id, err.client_request_id, err.attempts })
    assert.is_truthy(tostring(err):find("nobody else wrote", 1, true))
    assert.is_nil(tostring(err):find("weak", 1, true))
  end)

  it("names a weak tag as the reason", function()
    local message = report.nobody_wrote(refusal, 'W/"1"', call()).message
    assert.is_truthy(message:find('a weak one (W/"1"), which If-Match never matches', 1, true), message)
    assert.is_nil(report.nobody_wrote(refusal, '"W/"', call()).message:find("weak", 1, true))
  end)
end)
