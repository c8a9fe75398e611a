-- `make demo`: the story on the sandbox, over HTTP. It says what it does, shows what went over the wire, and fails when
-- something is not as it tells.
local nginx = require "spec.support.nginx"
local referrals = require "referrals"
local sandbox = require "referrals.sandbox"

local ID = sandbox.EXAMPLE_ID

local function say(...)
  print("   " .. string.format(...))
end

local step = 0
local function heading(text)
  step = step + 1
  print(("\n%d. %s"):format(step, text))
end

local function expect(truth, what)
  if not truth then
    error("the demo expected " .. what, 0)
  end
end

--- Prints the requests that the service got since the last call; returns how many there were and how many were writes.
local function show_requests(server)
  local total, writes = 0, 0
  for _, entry in ipairs(server:record()) do
    local if_match = entry.headers["if-match"]
    say("wire: %s ...%s -> %d%s", entry.method, entry.path:match("/referrals.*"), entry.status,
      if_match and "   If-Match: " .. if_match or "")
    total = total + 1
    writes = writes + (entry.method ~= "GET" and 1 or 0)
  end
  server:forget()
  if total == 0 then
    say("wire: nothing was sent")
  end
  return total, writes
end

local function read_it(client, server)
  heading("Read the referral")
  local referral = assert(client:get(ID))
  show_requests(server)
  say("%s: %s/%s", referral.customerProfile.name, referral.status, referral.substatus)
  say("eTag: %s", referral.eTag)
  return referral
end

local function try_what_cannot_be(client, server)
  heading('Try a status that does not exist: { status = "Finished" }')
  local ok, err = client:update(ID, { status = "Finished" })
  say("%s", tostring(err))
  expect(not ok and err.kind == "validation", "a validation error")
  expect(show_requests(server) == 0, "no request")

  heading('Try a substatus that does not belong: { status = "Closed", substatus = "Pending" }')
  ok, err = client:update(ID, { status = "Closed", substatus = "Pending" })
  say("%s", tostring(err))
  expect(not ok and err.kind == "transition", "a transition error")
  local _, writes = show_requests(server)
  expect(writes == 0, "no write")
end

local function close_as_won(client, server, before)
  heading('Close it as won: { status = "Closed", substatus = "Won" }')
  local after, err, info = client:update(ID, { status = "Closed", substatus = "Won" })
  expect(after, "the update to succeed, not: " .. tostring(err))
  local total, writes = show_requests(server)
  say("eTag before: %s", before.eTag)
  say("eTag after:  %s", after.eTag)
  for _, change in ipairs(info.members) do
    say("%s: %s -> %s", change.member, tostring(change.from), tostring(change.to))
  end
  expect(after.status == "Closed" and after.substatus == "Won", "the referral to be Closed/Won")
  expect(after.eTag ~= before.eTag, "a new eTag")
  expect(total == 2 and writes == 1, "one GET and one PUT")
end

local function write_the_old_version(client, server, before)
  heading("Write once more, under the version from before")
  local ok, err = client:update(ID, { statusReason = "Too late" }, { if_match = before.eTag })
  say("%s", tostring(err))
  show_requests(server)
  expect(not ok and err.kind == "conflict", "a conflict")
  expect(err.applied == false, "nothing to be written")
  say("the current version is %s/%s, eTag %s", err.current.status, err.current.substatus, err.current.eTag)
  local now = assert(client:get(ID))
  expect(now.eTag == err.current.eTag and now.statusReason == before.statusReason, "the referral as it was left")
end

local function story(server)
  print("The sandbox serves the Referrals API at " .. server.url)
  local client = referrals.new { endpoint = server.url, token = "demo" }
  local before = read_it(client, server)
  try_what_cannot_be(client, server)
  close_as_won(client, server, before)
  write_the_old_version(client, server, before)
end

local server = nginx.start()
local ok, err = pcall(story, server)
server:stop()
if not ok then
  io.stderr:write("\nThe demo failed: ", tostring(err), "\n")
  os.exit(1)
end
print("\nThat is all: every step went as told.")
