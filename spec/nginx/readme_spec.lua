-- The README's nginx.conf, run as it is printed.
local application = require "support.app"
local nginx = require "support.nginx"
local readme = require "support.readme"
local shell = require "support.shell"

local ID = require("referrals.sandbox").EXAMPLE_ID
local TEXT = shell.read("README.md")

describe("the README's nginx.conf #once", function()
  local server, app

  -- The paths are those of this tree and the port a free one; all else is run as it is printed.
  local function parts()
    local block = readme.in_language(TEXT, "nginx")[1].text
    local main, http, inner = block:match("^(.-)http {\n(.-)  server {\n(.-)  }\n}\n$")
    return main, (http:gsub("\n  lua_package_c?path [^\n]+", "")), (inner:gsub("listen 8080;", ""))
  end

  setup(function()
    server = nginx.start()
    local main, http, inner = parts()
    app = application.start {
      main = main, http = http, server = inner, workers = 2,
      under = ("env REFERRALS_ENDPOINT=%s REFERRALS_TOKEN=example"):format(shell.quote(server.url)),
    }
  end)

  teardown(function()
    app:stop()
    server:stop()
  end)

  it("accepts what is new in a timer, and closes a referral in a location", function()
    application.until_true(function()
      return server:stored(ID):find('"Accepted"', 1, true)
    end, "the timer's work")
    assert.same({ 200, "Closed/Won\n" }, { app:get("/close?id=" .. ID) })
    assert.truthy(server:stored(ID):find('"Won"', 1, true))
    assert.equal(404, (app:get("/close?id=00000000-0000-0000-0000-000000000000")))
    assert.equal("", app:error_log())
  end)

  it("leaves the paths where the Makefile puts things", function()
    local output = shell.must("make -n install LUA=jit")
    local text = readme.in_language(TEXT, "nginx")[1].text
    local seen = 0
    for path in text:gmatch("(/usr/local[%w/.]+)/%?%.") do
      assert.truthy(output:find(path .. "/", 1, true), path)
      seen = seen + 1
    end
    assert.equal(2, seen, "one for Lua's files, one for the core")
  end)
end)
