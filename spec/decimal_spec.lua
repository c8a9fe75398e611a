local comma_locale = require "support.comma_locale"
local decimal = require "referrals.decimal"
local shell = require "support.shell"

describe("a decimal number as text", function()
  it("is digits, and perhaps a point and more of them", function()
    for text, number in pairs {
      ["0"] = 0, ["3599"] = 3599, ["5."] = 5, ["5.5"] = 5.5, ["0.25"] = 0.25, ["007"] = 7,
      ["1.00000000000000000000000000000000001"] = 1,
    } do
      assert.equal(number, decimal(text))
    end
    for _, text in ipairs { "", ".", ".5", "-1", "+1", "1e3", "0x10", " 1", "1 ", "1,5", "nan", "1.5.5" } do
      assert.is_nil(decimal(text))
    end
    for _, value in ipairs { 5, true, {} } do
      assert.is_nil(decimal(value))
    end
    assert.is_nil(decimal())
  end)

  it("is that in every locale", function()
    local folder = shell.folder()
    finally(function()
      shell.remove_folder(folder)
    end)
    local output, status = shell.run_lua(folder, [[
      local decimal = require "referrals.decimal"
      assert(os.setlocale("comma", "numeric") == "comma")
      print(decimal "5.5" == 11 / 2, decimal "5,5")
      local config = require("referrals.config").from_environment(function(name)
        return name == "REFERRALS_TIMEOUT" and "2.5" or nil
      end)
      print(config.timeout == 5 / 2)
    ]], comma_locale.make(folder))
    assert.equal(0, status, output)
    assert.equal("true\tnil\ntrue\n", output)
  end)
end)
