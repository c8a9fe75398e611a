-- The reactor without Lua and nginx, under ThreadSanitizer, and under ASan and UBSan.
local shell = require "spec.support.shell"

local SOURCES = "spec/support/reactor_driver.c spec/support/responder.c csrc/reactor*.c csrc/door.c csrc/buffer.c "
  .. "csrc/client_pause.c csrc/process.c csrc/header_lines.c csrc/http*.c"

local TESTS = {
  "many", "bell", "followed", "not followed", "recalled", "recalled at any time", "pulse", "naps", "left at the bell",
  "never knocked", "gone before sending", "gone after sending", "gone after the answer",
  "closed under way", "closed while it reads", "strangers", "forked",
  "no descriptors", "without /proc", "without TMPDIR", "signals",
}

for name, flags in pairs { ThreadSanitizer = "thread", ["ASan and UBSan"] = "address,undefined" } do
  describe("the reactor under " .. name .. " #once", function()
    local folder

    setup(function()
      folder = shell.folder()
      local command = "gcc -std=gnu11 -g -O1 -fno-sanitize-recover=all -fsanitize=%s -Icsrc -o %s/driver %s %s"
      shell.must(command:format(flags, folder, SOURCES, "$(curl-config --libs)"))
    end)
    teardown(function() shell.remove_folder(folder) end)

    for _, test in ipairs(TESTS) do
      it("holds: " .. test, function()
        local output, status = shell.run(
          ("TSAN_OPTIONS='die_after_fork=0 halt_on_error=1' timeout 60 %s/driver '%s'"):format(folder, test))
        assert.equal(test .. "\n", output)
        assert.equal(0, status)
      end)
    end
  end)
end
