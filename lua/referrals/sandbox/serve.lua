--- Serves the sandbox in the foreground: lua lua/referrals/sandbox/serve.lua [--port N] [--tls] [--h2] [--folder DIR]
local here = arg and arg[0] and arg[0]:match("^(.*)/referrals/sandbox/serve%.lua$")
if here then
  package.path = here .. "/?.lua;" .. here .. "/?/init.lua;" .. package.path
end
local nginx = require "referrals.sandbox.nginx"

local USAGE = "usage: serve.lua [--port N (0: a free one)] [--tls] [--h2 (with TLS)] [--folder DIR]"

local function fail(message)
  io.stderr:write(message, "\n")
  os.exit(2)
end

local function read_arguments(list)
  local options, index = { port = 0 }, 1
  while list[index] do
    local name = list[index]
    if name == "--tls" or name == "--h2" then
      options[name:sub(3)] = true
    elseif name == "--port" and tonumber(list[index + 1]) then
      index = index + 1
      options.port = tonumber(list[index])
    elseif name == "--folder" and list[index + 1] then
      index = index + 1
      options.folder = nginx.output("mkdir -p " .. nginx.quote(list[index]) .. " && cd " .. nginx.quote(list[index])
        .. " && pwd")
    else
      fail(USAGE)
    end
    index = index + 1
  end
  return options
end

local options = read_arguments(arg)
local why = options.port ~= 0 and nginx.not_free(options.port)
if why then
  fail(("cannot listen at port %d of 127.0.0.1: %s"):format(options.port, why))
end
local own_folder = not options.folder
options.folder = options.folder or nginx.new_folder()
options.port = options.port == 0 and nginx.free_port() or options.port
options.watch = nginx.own_pid()

local site = nginx.prepare(options)
print(site.url)
if site.ca_file then
  print("ca file: " .. site.ca_file)
end
print("log: " .. site.error_log)
io.stdout:flush()
local ok = nginx.run(site.command)
if own_folder then
  nginx.run("rm -rf " .. nginx.quote(options.folder))
end
os.exit(ok and 0 or 1)
