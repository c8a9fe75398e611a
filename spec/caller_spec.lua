local caller = require "referrals.caller"
local referrals = require "referrals"
local sandbox = require "referrals.sandbox"
local shell = require "support.shell"
local wire = require "support.wire"

local ID = sandbox.EXAMPLE_ID
local MESSAGE = "bad argument #1 to 'get' (string expected, got number)"

local load_text = loadstring or load -- luacheck: ignore (5.1)

describe("a mistake in the program is blamed on", function()
  local service, client

  before_each(function()
    service = sandbox.new()
    client = assert(referrals.new { sandbox = service })
  end)

  local function wrong()
    client:get(5)
  end

  --- Asserts that a call raised and blamed the first line of f.
  local function blamed(f, ok, message)
    assert.is_false(ok)
    local where = debug.getinfo(f, "S")
    assert.equal(("%s:%d: %s"):format(where.short_src, where.linedefined + 1, MESSAGE), message)
  end

  it("the line that called the module's own verb, which calls a client's, or made a client", function()
    assert.equal(MESSAGE, wire.raises_here(function()
      referrals.get(5)
    end))
    wire.says(wire.raises_here(function()
      referrals.update(ID, {}, { chek = false })
    end), "chek")
    wire.says(wire.raises_here(function()
      referrals.new { tokn = "x" }
    end), "tokn")
  end)

  it("a line within a coroutine", function()
    blamed(wrong, coroutine.resume(coroutine.create(wrong)))
    blamed(wrong, pcall(coroutine.wrap(function()
      wrong()
    end)))
  end)

  it("a line in a function that a C function calls, not on the one that called that", function()
    blamed(wrong, pcall(table.sort, { 2, 1 }, wrong))
    blamed(wrong, pcall(string.gsub, "x", "x", wrong))
  end)

  it("a line in a function that the module calls, not on the one that called the module", function()
    blamed(wrong, pcall(client.update, client, ID, wrong))
  end)

  it("nobody's line where a C function, or nobody, called the verb: there is none", function()
    assert.same({ false, MESSAGE }, { pcall(client.get, client, 5) })
    assert.same({ false, MESSAGE }, { coroutine.resume(coroutine.create(client.get), client, 5) })
    local ok, message = pcall(table.sort, { 2, 1 }, client.get)
    assert.is_false(ok)
    assert.equal("'get' is a client's method: call it with a colon, client:get(...)", message)
  end)

  it("the nearest line that is still known, where the caller left its own by a tail call", function()
    local function tail()
      return client:get(5)
    end
    local function tail_of_tail()
      return tail()
    end
    local function once()
      tail()
    end
    local function twice()
      tail_of_tail()
    end
    blamed(once, pcall(once))
    blamed(twice, pcall(twice))
  end)

  it("code from anywhere but the module's own folder, whatever its name", function()
    local folder = debug.getinfo(caller.level, "S").source:match("^(.*)[/\\]")
    for _, name in ipairs { folder .. "_tool/main.lua", folder .. ".lua", "=stdin", "@main.lua", "a text" } do
      local chunk = assert(load_text("local client = ...\n\nclient:get(5)\n", name))
      local ok, message = pcall(chunk, client)
      assert.is_false(ok)
      assert.equal("3", message:match(":(%d+): bad argument"), name .. ": " .. message)
    end
  end)

  it("nobody's line where the module's own files have no names, as a bundle may leave them", function()
    local path = debug.getinfo(caller.level, "S").source:match("^@(.*)$")
    local nameless = assert(load_text(shell.read(path), "=bundle"))()
    local ok, message = pcall(function() nameless.expect(1, "get", 5, "string") end)
    assert.same({ false, MESSAGE }, { ok, message })
  end)
end)

describe("an argument", function()
  it("may be of any of the types that are named, and of no other", function()
    for _, value in ipairs { {}, "text" } do
      caller.expect(1, "list", value, "table, string or nil")
    end
    caller.expect(1, "list", nil, "table, string or nil")
    for _, value in ipairs { 5, true, print, coroutine.create(function() end) } do
      assert.equal(("bad argument #3 to 'list' (table, string or nil expected, got %s)"):format(type(value)),
        wire.raises_here(function()
          caller.expect(3, "list", value, "table, string or nil")
        end))
    end
  end)
end)
