-- An iterator that several read at once.
local application = require "support.app"
local referrals = require "referrals"
local sandbox = require "referrals.sandbox"
local service = require "support.service"

local MESSAGE = "being read already"
local ITERATORS = { "each", "changes" }

describe("an iterator", function()
  local server

  setup(function() server = service.start(12) end)
  teardown(function() server:stop() end)
  before_each(function()
    server:reset()
    service.fill(server, 12)
  end)

  local function iterator_of(client, name)
    return name == "each" and client:each { top = 4 } or client:changes()
  end

  for _, name in ipairs(ITERATORS) do
    it("raises where another coroutine draws from it while it waits for its page: " .. name, function()
      local emulated, rows, ok, raised = sandbox.new(), nil, nil, nil
      local meanwhile = coroutine.wrap(function()
        ok, raised = pcall(function() return (rows()) end)
      end)
      local client = assert(referrals.new { sandbox = {
        handle = function(_, request)
          if ok == nil then
            meanwhile()
          end
          return emulated:handle(request)
        end,
      } })
      rows = iterator_of(client, name)
      assert.equal(sandbox.EXAMPLE_ID, rows().id)
      assert.is_false(ok)
      assert.truthy(raised:find("^%S*reader_spec.lua:%d+: this iterator is " .. MESSAGE), raised)
      assert.is_nil(rows())
    end)

    it("raises where a callback draws from it while it waits for its page: " .. name, function()
      local rows, inner
      local client = assert(referrals.new {
        endpoint = server.url, token = "token",
        on_event = function()
          inner = inner or { pcall(function() return (rows()) end) }
        end,
      })
      rows = iterator_of(client, name)
      local given = {}
      for referral in rows do
        assert.is_nil(given[referral.id])
        given[referral.id] = true
      end
      assert.is_false(inner[1])
      assert.truthy(inner[2]:find("^%S*reader_spec.lua:%d+: this iterator is " .. MESSAGE), inner[2])
    end)

    it("may be read beside another one in its callback: " .. name, function()
      local other
      local client = assert(referrals.new {
        endpoint = server.url, token = "token",
        on_event = function()
          if other then
            local rows = other
            other = nil
            assert.is_table(rows())
          end
        end,
      })
      other = iterator_of(client, name)
      assert.is_table(iterator_of(client, name)())
      assert.is_nil(other)
    end)

    it("is not read any more by a coroutine that is dead: " .. name, function()
      local boom = true
      local client = assert(referrals.new {
        endpoint = server.url, token = "token",
        on_event = function()
          if boom then
            error("boom", 0)
          end
        end,
      })
      local rows = iterator_of(client, name)
      assert.same({ false, "boom" }, { coroutine.resume(coroutine.create(function() return rows() end)) })
      boom = false
      assert.is_table(rows())
    end)

    it("is not taken for one that is being read when its page failed, or a listener raised: " .. name, function()
      local boom
      local client = assert(referrals.new {
        endpoint = server.url, token = "token", retries = 0,
        on_event = function()
          if boom then
            error("boom", 0)
          end
        end,
      })
      local rows = iterator_of(client, name)
      server:fault { kind = "status", status = 400 }
      local ok, err = pcall(rows)
      assert.same({ false, "rejected" }, { ok, err.kind })
      boom = true
      assert.same({ false, "boom" }, { pcall(rows) })
      boom = false
      assert.is_table(rows())
    end)
  end
end)

describe("an iterator that several light threads draw from #once", function()
  it("raises in those that come while one waits for its page, and gives each row once", function()
    local server = service.start(12, { options = { page_size = 4 } })
    local app = application.start {
      http = service.client(server),
      server = [[
        location /nowhere {
          content_by_lua_block {
            local rows = ngx.var.arg_of == "each" and client:each() or client:changes()
            local ok, count = nil, 0
            string.gsub("x", "x", function() ok = pcall(rows) end) -- where nobody can wait, so nobody reads
            assert(ngx.thread.wait(ngx.thread.spawn(function()
              for _ in rows do
                count = count + 1
              end
            end)))
            ngx.print(tostring(ok), " ", count)
          }
        }
        location /drawn {
          content_by_lua_block {
            local rows = ngx.var.arg_of == "each" and client:each() or client:changes()
            local given, raised, threads = 0, 0, {}
            for number = 1, 3 do
              threads[number] = ngx.thread.spawn(function()
                while true do
                  local ok, row = pcall(rows)
                  if not ok and row:find("being read already", 1, true) then
                    raised = raised + 1
                    ngx.sleep(0.01)
                  elseif not (ok and row) then
                    return row and error(row)
                  else
                    given = given + 1
                  end
                end
              end)
            end
            for number = 1, 3 do
              assert(ngx.thread.wait(threads[number]))
            end
            ngx.print(given, " ", tostring(raised > 0))
          }
        }
      ]],
    }
    finally(function()
      app:stop()
      server:stop()
    end)
    for _, name in ipairs(ITERATORS) do
      assert.same({ 200, "false 13" }, { app:get("/nowhere?of=" .. name) })
    end
    server:fault { kind = "late", method = "GET", delay = 0.03, probability = 1 }
    for _, name in ipairs(ITERATORS) do
      assert.same({ 200, "13 true" }, { app:get("/drawn?of=" .. name) })
    end
    assert.equal("", app:error_log())
  end)
end)
