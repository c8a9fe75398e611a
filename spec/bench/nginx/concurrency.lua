--- 64 updates at once against a service that answers after 100 ms, over HTTP/1.1 and HTTP/2: how near to the ideal
--- rate, and by how many connections.
local jobs = require "bench.nginx.job"
local shell = require "spec.support.shell"

local AT_ONCE, DELAY, COUNT = 64, 0.1, 64 * 20
local IDEAL = AT_ONCE / (2 * DELAY)

for _, version in ipairs { "HTTP/1.1", "HTTP/2" } do
  local secure = version == "HTTP/2"
  local job = jobs.start { delay = DELAY, h2 = secure }
  local rate = job:rate(COUNT, AT_ONCE, "ours")
  local url = ("%s://127.0.0.1:%d/connections"):format(secure and "https" or "http", job.upstream.port)
  local connections = tonumber(shell.must("curl -sk " .. url))
  job:stop()
  print(("concurrency: %s %.0f updates/s, %.1f %% of the ideal (wanted: 90), %d connections%s"):format(version, rate,
    100 * rate / IDEAL, connections, secure and " (wanted: at most 2)" or ""))
end
