-- One request at a time through core.http, its result as a table.
local asking = {}

function asking.result(exchange)
  local outcome, sent, status, headers, body, message = exchange:result()
  return {
    outcome = outcome, sent = sent, status = status, headers = headers, body = body, message = message,
    transfer = exchange:transfer(),
  }
end

-- Pumps until the exchange is done.
function asking.wait(session, exchange)
  while not exchange:done() do
    session:pump(5)
  end
  return asking.result(exchange)
end

-- `request` as for session:start(), with `method` (GET) and `url`.
function asking.ask(session, request)
  local exchange = session:start(request)
  local result = asking.wait(session, exchange)
  exchange:close()
  return result
end

return asking
