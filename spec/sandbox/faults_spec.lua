local calls = require "support.sandbox_calls"
local pointer = require "referrals.sandbox.pointer"
local sandbox = require "referrals.sandbox"
local values = require "referrals.sandbox.values"

local ID = sandbox.EXAMPLE_ID
local TAG = '"2500ec5a-0000-0000-0000-5bf4967d0000"'

describe("sandbox faults", function()
  local service, call, body

  before_each(function()
    service = sandbox.new { clock = function() return 1541529642 end }
    call = calls.new(service)
    body = pointer.without(sandbox.example, "links")
  end)

  it("answers a status with Retry-After in either form, for so many requests", function()
    service:fault { kind = "status", status = 503, retry_after = 2, times = 2 }
    service:fault { kind = "status", status = 429, retry_after = 57, retry_after_form = "date" }
    local first = call:get(ID)
    assert.equal(503, first.status)
    assert.equal("2", first.headers["Retry-After"])
    assert.equal("serviceNotAvailable", values.decode(first.body).error.code)
    assert.equal(503, call:get(ID).status)
    local third = call:get(ID)
    assert.equal(429, third.status)
    assert.equal("Tue, 06 Nov 2018 18:41:39 GMT", third.headers["Retry-After"])
    assert.equal('{"statusCode":429,"message":"Rate limit is exceeded. Try again in 57 seconds."}', third.body)
    assert.equal(200, call:get(ID).status)
  end)

  it("loses the answer of a write that was applied, or never applies it", function()
    service:fault { kind = "status", status = 500, applied = true, method = "PUT" }
    assert.equal(200, call:get(ID).status)
    assert.equal(500, call:put(ID, body, TAG).status)
    assert.is_true(service.record[2].applied)
    assert.not_equal(sandbox.example, service:stored(ID))
    service:fault { kind = "html" }
    local response = call:put(ID, body, "*")
    assert.equal(502, response.status)
    assert.truthy(response.body:find("<html>", 1, true))
    assert.is_false(service.record[3].applied)
    assert.equal("html", service.record[3].fault)
  end)

  it("spoils bodies", function()
    service:fault { kind = "garbage" }
    service:fault { kind = "empty" }
    assert.is_nil(require("referrals.sandbox.json").check(call:get(ID).body))
    local response = call:get(ID)
    assert.same({ 200, "" }, { response.status, response.body })
  end)

  it("reads an old version once there is one", function()
    service:fault { kind = "stale", method = "GET", times = 2 }
    assert.equal(sandbox.example, call:get(ID).body)
    service:touch(ID)
    local response = call:get(ID)
    assert.equal(sandbox.example, response.body)
    assert.equal(TAG, response.headers.ETag)
    assert.equal(service:stored(ID), call:get(ID).body)
    assert.not_equal(sandbox.example, service:stored(ID))
  end)

  it("lets another writer in first", function()
    service:fault { kind = "other_writer", method = "PUT" }
    assert.equal(412, call:put(ID, body, TAG).status)
    assert.is_false(service.record[1].applied)
    service:fault { kind = "other_writer", method = "PUT", pointer = "/details/notes", value = '"theirs"' }
    assert.equal(412, call:put(ID, body, TAG).status)
    assert.equal('"theirs"', pointer.find(service:stored(ID), { "details", "notes" }))
  end)

  it("rejects the current tag", function()
    service:fault { kind = "reject_tag", times = 2 }
    assert.equal(412, call:put(ID, body, TAG).status)
    assert.equal(sandbox.example, service:stored(ID))
  end)

  it("leaves to the carrier what only a connection shows", function()
    for _, fault in ipairs {
      { kind = "close_after", mode = "rst" }, { kind = "trickle", interval = 2 }, { kind = "cut", keep = 9 },
      { kind = "wrong_length", extra = 1, hold = true }, { kind = "late", delay = 3 },
    } do
      service:fault(fault)
      local response = call:put(ID, body, "*")
      assert.equal(200, response.status)
      assert.same(fault, response.fault)
    end
    service:fault { kind = "close_before" }
    local revision = service.documents.revision
    local response = call:put(ID, body, "*")
    assert.equal(0, response.status)
    assert.equal("close_before", response.fault.kind)
    assert.equal(revision, service.documents.revision)
  end)

  it("applies late when told to", function()
    service:fault { kind = "late", apply = "after", delay = 1 }
    local response = call:put(ID, body, TAG)
    assert.equal(sandbox.example, service:stored(ID))
    assert.equal(0, service.record[1].status)
    assert.equal(200, response.fault.finish().status)
    assert.not_equal(sandbox.example, service:stored(ID))
    assert.same({ 200, true }, { service.record[1].status, service.record[1].applied })
  end)

  it("chooses by method, path, count and order", function()
    service:fault { kind = "status", method = "PUT" }
    service:fault { kind = "status", path = "no-such" }
    service:fault { kind = "status", path = ID, after = 2 }
    assert.equal(200, call:get(ID).status)
    assert.equal(200, call:get(ID).status)
    assert.equal(503, call:get(ID).status)
    assert.equal(200, call:get(ID).status)
    service:clear_faults()
    assert.equal(200, call:put(ID, body, TAG).status)
  end)

  it("repeats a run of chance from its seed", function()
    local function run(seed)
      local chosen = sandbox.new { seed = seed, faults = { { kind = "status", probability = 0.5 } } }
      local caller, statuses = calls.new(chosen), {}
      for index = 1, 64 do
        statuses[index] = caller:get(ID).status
      end
      return table.concat(statuses)
    end
    assert.equal(run(3), run(3))
    assert.not_equal(run(3), run(4))
    local _, failures = run(3):gsub("503", "")
    assert.is_true(failures > 16 and failures < 48)
  end)

  it("names the kinds it knows", function()
    assert.has_error(function() service:fault { kind = "flood" } end)
  end)

  it("takes no field that it does not know or that holds another type, which would make another fault of it", function()
    for name, fault in pairs({
      stauts = { kind = "status", stauts = 429 },
      times = { kind = "status", times = "2" },
      [1] = { kind = "status", 429 },
    }) do
      local fine, message = pcall(service.fault, service, fault)
      assert.is_false(fine)
      assert.truthy(message:find("fault field '" .. name .. "'", 1, true), message)
    end
    assert.equal(200, call:get(ID).status)
  end)

  it("takes no value that would never do, or would do something else", function()
    for kind, fields in pairs {
      status = {
        method = "put", retry_after_form = "dates", retry_after = -1, times = 0, probability = 2, status = 99,
        delay = 3, pointer = "/status",
      },
      other_writer = { value = "x", pointer = "", status = 412 },
      close_after = { mode = "reset", delay = 1 },
      late = { apply = "later", delay = -1 },
      stale = { method = "PUT" },
      html = { retry_after = math.huge },
      cut = { keep = -1, extra = 5 },
    } do
      for name, value in pairs(fields) do
        local fine, message = pcall(service.fault, service, { kind = kind, [name] = value })
        assert.is_false(fine, name)
        assert.truthy(message:find("fault field '" .. name .. "': expected", 1, true), message)
      end
    end
    assert.is_false((pcall(service.write_as_other, service, ID, "/statusReason", "x")))
    assert.equal(200, call:get(ID).status)
  end)

  it("takes no other writer's place without a value, nor the other way round", function()
    for missing, fault in pairs {
      value = { kind = "other_writer", pointer = "/statusReason" },
      pointer = { kind = "other_writer", value = '"x"' },
    } do
      local fine, message = pcall(service.fault, service, fault)
      assert.is_false(fine)
      assert.truthy(message:find("fault field '" .. missing .. "': expected", 1, true), message)
    end
  end)

  it("rejects no tag of a read, which names none", function()
    service:fault { kind = "reject_tag" }
    assert.equal(200, call:get(ID).status)
    assert.equal(412, call:put(ID, body, TAG).status)
  end)
end)
