-- The host's locale is the host's business. What letters and control characters are is not read from it.
local byte_locale = require "support.byte_locale"
local shell = require "support.shell"

describe("in a locale of one byte a letter", function()
  local folder, environment

  setup(function()
    folder = shell.folder()
    environment = byte_locale.make(folder)
  end)
  teardown(function()
    shell.remove_folder(folder)
  end)

  local HEAD = [[
    local referrals = require "referrals"
    assert(os.setlocale("bytes", "ctype") == "bytes")
    assert(("\196\132"):find("%c") or rawget(_G, "jit")) -- LuaJIT has classes of its own
    local NAME = "M\195\188ller \195\132 \226\130\172"
  ]]

  local function prints(expected, script)
    local output, status = shell.run_lua(folder, HEAD .. script, environment)
    assert.equal(0, status, output)
    assert.equal(expected .. "\n", output)
  end

  it("UTF-8 in a query is encoded, and none of it a control character", function()
    prints("?$filter=name%20eq%20%27M%C3%BCller%20%C3%84%20%E2%82%AC%27", [[
      print(assert(referrals.odata.query { filter = { name = NAME } }))
    ]])
    prints("?$filter=name%20eq%20M%C3%BCller%20%C3%84%20%E2%82%AC", [[
      print(assert(referrals.odata.query { filter = "name eq " .. NAME }))
    ]])
    prints("?n=M%C3%BCller%20%C3%84%20%E2%82%AC", [[
      print(assert(require("referrals.link").raw("n=" .. NAME)))
    ]])
    prints("?n=M%C3%BCller%20%C3%84%20%E2%82%AC", [[
      local base = assert(referrals.new { token = "t" }).config.base
      print(assert(require("referrals.link").pin(base, "?n=" .. NAME)))
    ]])
  end)

  it("UTF-8 in a message stays", function()
    prints("M\195\188ller \195\132 \226\130\172", [[
      print(require("referrals.errors").visible(NAME))
    ]])
  end)
end)
