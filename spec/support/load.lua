--- Requests side by side on an application of spec/support/app.lua: each names an id, and must be answered with it.
local socket = require "socket"

local M = {}

--- Keeps `options.at_once` requests under way while `options.during` (called between answers with how many came) gives
--- nothing; then waits for the rest. Gives {answered, broken}: counts. Raises when an answer names another id.
---@param app table
---@param options {at_once: integer, id: (fun(number: integer): string), path: string, ids: integer,
---  during: (fun(answered: integer): any)}
function M.run(app, options)
  local open, started, result = {}, 0, { answered = 0, broken = 0 }
  local function start()
    started = started + 1
    local id = options.id(started % options.ids + 1)
    local connection = app:open(options.path:format(id))
    open[connection.socket] = { connection = connection, id = id }
  end
  for _ = 1, options.at_once do
    start()
  end
  local over = false
  while next(open) do
    local sockets = {}
    for each in pairs(open) do
      sockets[#sockets + 1] = each
    end
    local ready = socket.select(sockets, nil, 20)
    assert(#ready > 0, "no answer for 20 s")
    for _, each in ipairs(ready) do
      local entry = open[each]
      open[each] = nil
      local status, body = entry.connection:read()
      if not status then
        result.broken = result.broken + 1
      else
        assert(status == 200 and body == entry.id, ("asked for %s, got %d: %s"):format(entry.id, status, body))
        result.answered = result.answered + 1
      end
      over = over or options.during(result.answered)
      if not over then
        start()
      end
    end
  end
  return result
end

return M
