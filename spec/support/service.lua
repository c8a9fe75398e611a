--- A sandbox with many referrals, and what an application in nginx needs to be its client.
local nginx = require "support.nginx"
local sandbox = require "referrals.sandbox"

local M = {}

M.EXAMPLE_ID = sandbox.EXAMPLE_ID

local PATTERN = sandbox.EXAMPLE_ID:gsub("%-", "%%-")

--- The nth referral's id.
function M.id(number)
  return ("00000000-0000-4000-8000-%012d"):format(number)
end

--- Starts a sandbox that holds `count` referrals besides the example.
---@param count integer?
function M.start(count, options)
  local server = nginx.start(options)
  M.fill(server, count or 0)
  return server
end

function M.fill(server, count)
  for number = 1, count do
    server:store((sandbox.example:gsub(PATTERN, M.id(number))))
  end
end

--- For the http block: makes the global `client` before the workers are forked.
---@param server table
---@param more string? further options, as Lua
function M.client(server, more)
  return ([[
    init_by_lua_block {
      client = assert(require("referrals").new { endpoint = "%s", token = "token"%s })
    }
  ]]):format(server.url, more and ", " .. more or "")
end

return M
