-- Sources, clients and processes for the specs of tokens, and what a sandbox was asked for.
local core = require "referrals.core"
local query = require "referrals.sandbox.query"
local referrals = require "referrals"

local M = {}

local auth = referrals.auth

M.TENANT = "tenant.example"
M.FIRST = "first-refresh-token"

local function with(options, more)
  for name, value in pairs(more or {}) do
    options[name] = value
  end
  return options
end

function M.refresh(server, more)
  return assert(auth.refresh_token(with({
    tenant = M.TENANT, client_id = "client", client_secret = "s&cret/=", refresh_token = M.FIRST,
    authority = server.origin,
  }, more)))
end

function M.credentials(server, more)
  return assert(auth.client_credentials(with({
    tenant = M.TENANT, client_id = "client", client_secret = "s&cret/=", authority = server.origin,
  }, more)))
end

function M.client(server, source, more)
  return assert(referrals.new(with({ endpoint = server.url, token = source, timeout = 20, cache = 0 }, more)))
end

-- Moves the clock of a client.
function M.pass(client, seconds)
  local runtime = client.exchange.runtime
  runtime.offset = (runtime.offset or 0) + seconds
  function runtime:now()
    return core.http.now() + self.offset
  end
end

-- The token requests of a server's record: {path, form, status, headers}; and how many others there were.
function M.asked(server)
  local asked, others = {}, 0
  for _, entry in ipairs(server:record()) do
    if entry.path:find("/oauth2/", 1, true) then
      asked[#asked + 1] = {
        path = entry.path, form = query.parse(entry.body), body = entry.body, status = entry.status,
        headers = entry.headers, method = entry.method,
      }
    else
      others = others + 1
    end
  end
  return asked, others
end

local function command_output(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

function M.folder()
  return (command_output("mktemp -d"):match("%S+"))
end

function M.remove(folder)
  os.execute("rm -rf '" .. folder .. "'")
end

function M.write(path, text, mode)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  os.execute(("chmod %s '%s'"):format(mode or "600", path))
end

function M.read(path)
  local file = io.open(path, "rb")
  local text = file and file:read("*a")
  if file then
    file:close()
  end
  return text
end

M.mode = function(path)
  return (command_output("stat -c %a '" .. path .. "'"):match("%d+"))
end

local function interpreter()
  local name = rawget(_G, "jit") and "luajit" or "lua" .. _VERSION:match("%d%.%d")
  return os.getenv("LUA_PROGRAM") or name
end

-- Starts a child that runs this Lua text, with `variables` in its environment; read the handle to its end.
function M.start(folder, text, variables, before)
  M.scripts = (M.scripts or 0) + 1
  local path = ("%s/script-%d.lua"):format(folder, M.scripts)
  M.write(path, text)
  local command = { before }
  for name, value in pairs(variables or {}) do
    command[#command + 1] = ("%s='%s'"):format(name, value)
  end
  command[#command + 1] = ("exec %s '%s' 2>&1"):format(interpreter(), path)
  return assert(io.popen(table.concat(command, " ")))
end

function M.run(folder, text, variables, before)
  local pipe = M.start(folder, text, variables, before)
  local output = pipe:read("*a")
  pipe:close()
  return output
end

return M
