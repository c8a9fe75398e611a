local core = require "referrals.core"
local calls = require "support.token_calls"
local shell = require "support.shell"

local secret_file = core.secret_file

describe("core.secret_file", function()
  local folder, path

  before_each(function()
    folder = calls.folder()
    path = folder .. "/secret"
  end)

  after_each(function()
    calls.remove(folder)
  end)

  it("reads what was written, byte for byte", function()
    local lock = assert(secret_file.lock(path))
    assert.equal(0, select("#", lock:read()) - 1)
    assert.is_nil(lock:read())
    for _, text in ipairs({ "one", "", "a\0b\n", ("x"):rep(65536) }) do
      assert.is_true(lock:write(text))
      assert.equal(text, lock:read())
      assert.equal(text, calls.read(path))
    end
    lock:release()
  end)

  it("makes files that their owner alone may read, whatever the umask", function()
    local output = calls.run(folder, ([[
      local lock = assert(require("referrals.core").secret_file.lock("%s"))
      assert(lock:write("new"))
    ]]):format(path), {}, "umask 0;")
    assert.equal("", output)
    assert.equal("600", calls.mode(path))
    assert.equal("600", calls.mode(path .. ".lock"))
  end)

  it("leaves nothing but the secret and its lock, and replaces what a crash left behind", function()
    calls.write(path .. ".new", "half", "644")
    local lock = assert(secret_file.lock(path))
    assert.is_true(lock:write("whole"))
    lock:release()
    assert.is_nil(calls.read(path .. ".new"))
    assert.equal("whole", calls.read(path))
    assert.equal("600", calls.mode(path))
  end)

  it("replaces the file instead of writing into it", function()
    calls.write(path, "old")
    local before = assert(io.open(path, "rb"))
    local lock = assert(secret_file.lock(path))
    assert.is_true(lock:write("new"))
    assert.equal("old", before:read("*a"))
    before:close()
    lock:release()
  end)

  it("has one holder at a time, also within a process, until released", function()
    local lock = assert(secret_file.lock(path))
    local second, why = secret_file.lock(path)
    assert.is_nil(second)
    assert.is_nil(why)
    lock:release()
    lock:release()
    second = assert(secret_file.lock(path))
    assert.has_error(function() lock:read() end)
    second:release()
  end)

  it("has one holder over processes, and a killed one holds nothing", function()
    local gate = folder .. "/gate"
    os.execute("mkfifo '" .. gate .. "'")
    local pipe = calls.start(folder, ([[
      local lock = assert(require("referrals.core").secret_file.lock("%s"))
      io.stdout:setvbuf("no")
      print("locked")
      io.open("%s"):read()
      os.execute("kill -9 $PPID")
      print("alive")
    ]]):format(path, gate))
    assert.equal("locked", pipe:read("*l"))
    assert.is_nil(secret_file.lock(path))
    local opened = assert(io.open(gate, "w"))
    opened:write("go\n")
    opened:close()
    assert.equal("", pipe:read("*a"))
    pipe:close()
    local lock = assert(secret_file.lock(path))
    lock:release()
  end)

  it("lets go of a lock that nobody holds any more", function()
    assert(secret_file.lock(path))
    collectgarbage()
    collectgarbage()
    local lock = assert(secret_file.lock(path))
    lock:release()
  end)

  it("does not take a lock whose file was removed", function()
    local lock = assert(secret_file.lock(path))
    assert(os.remove(path .. ".lock"))
    local second = assert(secret_file.lock(path))
    second:release()
    lock:release()
  end)

  it("refuses what others may use", function()
    for _, mode in ipairs({ "640", "604", "620", "602", "610", "601", "644", "660" }) do
      calls.write(path, "secret", mode)
      local lock = assert(secret_file.lock(path))
      local text, why = lock:read()
      assert.is_nil(text, mode)
      assert.equal("others than its owner may use it: chmod 600", why)
      lock:release()
    end
  end)

  it("refuses what is no plain file, and does not wait for a FIFO", function()
    local no_file = "it is not a plain file (symbolic links are not followed)"
    calls.write(folder .. "/other", "secret")
    for _, make in ipairs({ "ln -s other", "mkfifo -m 600", "mkdir -m 700" }) do
      os.execute(("cd '%s' && %s secret"):format(folder, make))
      local lock = assert(secret_file.lock(path))
      local text, why = lock:read()
      assert.is_nil(text, make)
      assert.equal(no_file, why, make)
      lock:release()
      os.execute("rm -rf '" .. path .. "'")
    end
    os.execute(("rm -f '%s.lock'; ln -s other '%s.lock'"):format(path, path))
    assert.equal(no_file, select(2, secret_file.lock(path)))
  end)

  it("refuses what is too large, to read and to write", function()
    local lock = assert(secret_file.lock(path))
    assert.equal("it is larger than 64 KiB", select(2, lock:write(("x"):rep(65537))))
    calls.write(path, ("x"):rep(65537))
    assert.equal("it is larger than 64 KiB", select(2, lock:read()))
    lock:release()
  end)

  it("says what the system says", function()
    assert.equal("No such file or directory", select(2, secret_file.lock(folder .. "/none/secret")))
    local lock = assert(secret_file.lock(path))
    calls.remove(folder)
    assert.equal("No such file or directory", select(2, lock:write("new")))
    lock:release()
  end)

  it("tells beforehand whether it could be written, and leaves nothing of that", function()
    calls.write(path, "old")
    local lock = assert(secret_file.lock(path))
    assert.is_true(lock:try())
    assert.is_nil(calls.read(path .. ".new"))
    assert.equal("old", calls.read(path))
    os.execute(("mkdir '%s.new'"):format(path))
    assert.equal("Is a directory", select(2, lock:try()))
    calls.remove(folder)
    assert.equal("No such file or directory", select(2, lock:try()))
    lock:release()
    assert.is_false((pcall(lock.try, lock)))
  end)

  it("has its lock given back by the process that took it, whatever it forked meanwhile #once", function()
    local sources = "spec/support/secret_file_driver.c csrc/secret_file.c"
    shell.must("gcc -std=gnu11 -Wall -Wextra -Werror -Icsrc " .. sources .. " -o " .. shell.quote(folder .. "/driver"))
    assert.equal("", (shell.must(shell.quote(folder .. "/driver") .. " " .. shell.quote(path))))
  end)

  it("is written in a folder that may not be read", function()
    local core_file
    for pattern in package.cpath:gmatch("[^;]+") do
      local name = pattern:gsub("%?", "referrals/core")
      core_file = core_file or calls.read(name) and name
    end
    local script = [[
      local lock = assert(package.loadlib("%s/core.so", "luaopen_referrals_core")().secret_file.lock("%s"))
      print(assert(lock:write("new")), assert(lock:read()))
    ]]
    local inner = folder .. "/inner"
    calls.write(folder .. "/script.lua", script:format(folder, inner .. "/secret"), "644")
    -- root may read any folder, so it is somebody else then
    local command = ([[
      cp '%s' '%s/core.so' && chmod 755 '%s' && mkdir '%s' && chmod 300 '%s'
      if [ "$(id -u)" = 0 ]; then
        chown 65534:65534 '%s'
        as="setpriv --reuid 65534 --regid 65534 --clear-groups"
      fi
      $as %s '%s/script.lua' 2>&1
    ]]):format(core_file, folder, folder, inner, inner, inner, shell.lua, folder)
    local pipe = assert(io.popen(command))
    local output = pipe:read("*a")
    pipe:close()
    assert.equal("true\tnew\n", output)
  end)

  it("raises for what is no path", function()
    for _, value in ipairs({ "", "a\0b", 5, {} }) do
      assert.is_false((pcall(secret_file.lock, value)))
    end
    assert.is_false((pcall(secret_file.lock)))
  end)

  it("keeps the owner of a file that root replaces", function()
    calls.write(path, "old")
    os.execute(("chown 65534:65534 '%s' 2>/dev/null"):format(path))
    local function owner(of)
      local pipe = assert(io.popen("stat -c %u '" .. of .. "'"))
      local text = pipe:read("*l")
      pipe:close()
      return text
    end
    local before = owner(path)
    local lock = assert(secret_file.lock(path))
    assert.equal("old", lock:read())
    assert.is_true(lock:write("new"))
    lock:release()
    assert.equal(before, owner(path))
    assert.equal(before, owner(path .. ".lock"))
  end)
end)
