local shell = require("spec.support.shell")

describe("process", function()
  local folder

  setup(function() folder = shell.folder() end)

  teardown(function() shell.remove_folder(folder) end)

  local function drive(manner, flags)
    local driver = folder .. "/driver-" .. manner
    local command = "gcc -std=gnu11 -Wall -Wextra -Werror %s -Icsrc spec/support/process_driver.c csrc/process.c -o %s"
    shell.must(command:format(flags or "", driver))
    return shell.must(driver .. " " .. manner)
  end

  local MARKS = "ours not ours not ours\n"

  it("is told from its parent by a page that the kernel empties in a child", function()
    assert.equal("not\npage " .. MARKS .. "none " .. MARKS, drive("real"))
  end)

  it("is told from its parent where the kernel refuses that", function()
    assert.equal("not\nnone " .. MARKS .. "none " .. MARKS, drive("refuses"))
  end)

  it("is told from its parent where an emulator only says that it empties the page", function()
    assert.equal("not\nnone " .. MARKS .. "none " .. MARKS, drive("deaf"))
  end)

  it("is told from its parent when built where no such page is known", function()
    assert.equal("not\nnone " .. MARKS .. "none " .. MARKS, drive("real", "-DREFERRALS_WITHOUT_WIPEONFORK"))
  end)
end)
