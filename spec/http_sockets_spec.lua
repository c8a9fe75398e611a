-- The sockets of many exchanges: libcurl goes by their numbers, which may mean something else than a moment ago.
local shell = require "support.shell"

describe("the sockets of many exchanges #once", function()
  local folder, driver

  setup(function()
    folder = shell.folder()
    driver = folder .. "/driver"
    local sources = "spec/support/sockets_driver.c csrc/buffer.c csrc/process.c csrc/http*.c"
    shell.must(("gcc -std=gnu11 -g -Icsrc -o %s %s $(curl-config --libs) -ldl -pthread"):format(driver, sources))
  end)

  teardown(function()
    shell.remove_folder(folder)
  end)

  local function seen(what)
    local output, status = shell.run("timeout 60 " .. driver .. " " .. what)
    assert.equal(0, status, output)
    return output
  end

  it("are waited for where the caller's descriptor was before, and the next of its number is heard", function()
    assert.equal("where the caller's was: done\nthe caller's next: heard\n", seen "watch")
  end)

  it("are not waited for once libcurl closed them, though a child keeps them open", function()
    local output = seen "child"
    assert.truthy(output:find("^without an answer: "), output)
    assert.is_nil(output:find("^without an answer: done"), output)
    assert.truthy(output:find("\nwith a child: waits\n", 1, true), output)
  end)

  it("are heard of when libcurl opens the next address under the number of the one before", function()
    assert.equal(("the second address: connected to\n"):rep(4), seen "reopened")
  end)
end)
