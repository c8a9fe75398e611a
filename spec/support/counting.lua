--- Many writers, faults of every kind, and the server's record as the judge: each call adds 1 to the deal value of a
--- referral and leaves its own mark there, so the writes that were applied tell which call they belong to.
---
---   counting.run { server = nginx.start(), processes = 8, calls = 10000 }   -- counts, and what is wrong with them
local cjson = require "cjson"
local referral = require "support.referral"
local shell = require "spec.support.shell"

local M = {}

M.REFERRALS = 20
M.COROUTINES = 4 -- of each process

--- What the service meets, by chance.
local FAULTS = {
  { kind = "close_after", mode = "fin", probability = 0.025 },
  { kind = "close_after", mode = "rst", probability = 0.025 },
  { kind = "close_before", mode = "fin", probability = 0.025 },
  { kind = "close_before", mode = "rst", probability = 0.025 },
  { kind = "status", status = 429, retry_after = 0, probability = 0.025 },
  { kind = "status", status = 503, probability = 0.0125 },
  { kind = "status", status = 503, applied = true, probability = 0.0125 },
  { kind = "cut", probability = 0.02 },
  { kind = "stale", method = "GET", probability = 0.01 },
}

-- A process of its own: its calls, four at a time, and then a line for each: mark, kind of error or "ok", applied.
local WORKER = [[
local referral = require "support.referral"
local referrals = require "referrals"
local url, process, calls, coroutines, count = arg[1], tonumber(arg[2]), tonumber(arg[3]), tonumber(arg[4]), arg[5]
local client = assert(referrals.new { endpoint = url, token = "a-token", concurrency = coroutines })
local made, lines = 0, {}
local function next_item()
  made = made + 1
  if made > calls then
    return nil
  end
  local mark = ("p%d-%d"):format(process, made)
  return {
    id = referral.id((process * 7 + made * 3) % count + 1),
    change = function(current)
      current.details.dealValue = current.details.dealValue + 1
      current.externalReferenceId = mark
    end,
  }
end
local totals = client:update_many(next_item, {
  on_result = function(result)
    local outcome = result.ok and "ok true" or "raised nothing"
    if result.err and result.err.kind then
      outcome = ("%s %s"):format(result.err.kind, tostring(result.err.applied))
    end
    lines[#lines + 1] = ("p%d-%d %s"):format(process, result.index, outcome)
  end,
})
assert(totals.total == calls and #lines == calls, "not every call has a result")
print(table.concat(lines, "\n"))
]]

local function start_workers(folder, options)
  shell.write(folder .. "/worker.lua", WORKER)
  local pipes = {}
  for process = 1, options.processes do
    local share = math.floor(options.calls * process / options.processes)
      - math.floor(options.calls * (process - 1) / options.processes)
    pipes[process] = assert(io.popen(table.concat({
      "LUA_PATH=" .. shell.quote(package.path), "LUA_CPATH=" .. shell.quote(package.cpath), shell.lua,
      shell.quote(folder .. "/worker.lua"), shell.quote(options.server.url), process, share, M.COROUTINES, M.REFERRALS,
      "2>&1",
    }, " ")))
  end
  return pipes
end

--- By mark: {kind, applied as the caller was told}. What is no such line is a worker's last word.
local function read_outcomes(pipes)
  local outcomes, count = {}, 0
  for _, pipe in ipairs(pipes) do
    for line in pipe:lines() do
      local mark, kind, applied = line:match("^(p%d+%-%d+) (%a+_?%a*) (%a+)$")
      assert(mark and not outcomes[mark], line)
      outcomes[mark], count = { kind = kind, applied = applied }, count + 1
    end
    pipe:close()
  end
  return outcomes, count
end

--- By mark how often it was applied; all of them; and whether each added 1 to what stood there before it.
local function read_record(server)
  local applied, values = {}, {}
  local counts, broken = { requests = 0, applied = 0, refused = 0 }, nil
  for _, entry in ipairs(cjson.decode(server:control("GET", "record?from=1"))) do
    counts.requests = counts.requests + 1
    counts.refused = counts.refused + (entry.status == 412 and 1 or 0)
    if entry.applied then
      local mark = entry.body:match('"externalReferenceId":"(p%d+%-%d+)"')
      local value = tonumber(entry.body:match('"dealValue":(%d+)'))
      local before = values[entry.path] or 0
      if value ~= before + 1 then
        broken = ("%s wrote %d over %d"):format(mark, value, before)
      end
      values[entry.path] = value
      applied[mark], counts.applied = (applied[mark] or 0) + 1, counts.applied + 1
    end
  end
  return applied, counts, broken
end

local function stored_sum(server)
  local sum = 0
  for number = 1, M.REFERRALS do
    sum = sum + tonumber(server:stored(referral.id(number)):match('"dealValue":(%d+)'))
  end
  return sum
end

--- Is this how often the write was applied possible after what the caller was told?
local function is_wrong(outcome, times)
  if outcome.kind == "ok" then
    return times ~= 1
  elseif outcome.applied == "false" then
    return times ~= 0
  end
  return outcome.kind ~= "unsettled" or times > 1
end

---@param options {server: table, processes: integer, calls: integer, seed: integer?, delay: number?}
---@return table figures {calls, requests, refused (412), ok, unsettled, failed = {kind -> count}, applied,
---  unsettled_applied, sum, doubles, lost, wrong = list of texts}
function M.run(options)
  local server = options.server
  server:reset { seed = options.seed or 1, empty = true, faults = FAULTS, delay = options.delay }
  referral.store(server, M.REFERRALS)
  local folder = shell.folder()
  local outcomes, count = read_outcomes(start_workers(folder, options))
  shell.remove_folder(folder)
  local applied, counts, broken = read_record(server)
  local figures = {
    calls = count, requests = counts.requests, refused = counts.refused, applied = counts.applied,
    ok = 0, unsettled = 0, unsettled_applied = 0, failed = {}, doubles = 0, lost = 0,
    sum = stored_sum(server), wrong = { broken },
  }
  for mark, times in pairs(applied) do
    figures.doubles = figures.doubles + (times > 1 and 1 or 0)
    if not outcomes[mark] then
      table.insert(figures.wrong, mark .. " is nobody's")
    end
  end
  for mark, outcome in pairs(outcomes) do
    local times = applied[mark] or 0
    if is_wrong(outcome, times) then
      table.insert(figures.wrong, ("%s was told %s, applied %s; it was applied %d times"):format(mark, outcome.kind,
        outcome.applied, times))
    end
    if outcome.kind == "ok" then
      figures.ok = figures.ok + 1
      figures.lost = figures.lost + (times == 0 and 1 or 0)
    elseif outcome.kind == "unsettled" then
      figures.unsettled = figures.unsettled + 1
      figures.unsettled_applied = figures.unsettled_applied + times
    else
      figures.failed[outcome.kind] = (figures.failed[outcome.kind] or 0) + 1
    end
  end
  return figures
end

return M
