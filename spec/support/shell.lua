-- Other programs, temporary folders and free ports, for specs.
local socket = require("socket")

local shell = {}

-- The interpreter that runs this spec; its runner may have a special one.
shell.lua = os.getenv("LUA_PROGRAM") or rawget(_G, "jit") and "luajit" or "lua" .. _VERSION:match("%d%.%d")

function shell.quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

-- What the command printed (errors too) and its exit status.
function shell.run(command)
  local pipe = assert(io.popen("{ " .. command .. "\n} 2>&1; echo \"status $?\"", "r"))
  local output = pipe:read("*a")
  pipe:close()
  local text, status = output:match("^(.*)status (%d+)\n$")
  return text, tonumber(status)
end

function shell.must(command)
  local output, status = shell.run(command)
  assert(status == 0, command .. "\n" .. output)
  return output
end

local LONGEST = 240 -- seconds: a script that hangs is a failure, and not the end of the whole run

-- A Lua script in a process of its own, with this one's paths. `environment` is put before the command.
function shell.run_lua(folder, script, environment)
  local path = folder .. "/script.lua"
  shell.write(path, script)
  return shell.run(table.concat({
    "timeout -k 5 " .. LONGEST .. " env",
    "LUA_PATH=" .. shell.quote(package.path),
    "LUA_CPATH=" .. shell.quote(package.cpath),
    environment or "",
    shell.lua,
    shell.quote(path),
  }, " "))
end

function shell.write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

function shell.read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

function shell.folder()
  return (shell.must("mktemp -d"):gsub("%s+$", ""))
end

function shell.remove_folder(folder)
  shell.must("rm -rf " .. shell.quote(folder))
end

function shell.free_port()
  local listener = assert(socket.bind("127.0.0.1", 0))
  local _, port = listener:getsockname()
  listener:close()
  return tonumber(port)
end

return shell
