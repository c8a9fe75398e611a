-- `make demo`: the story on the sandbox, over HTTP. It says what it does, shows what went over the wire, and fails when
-- something is not as it tells.
local nginx = require "support.nginx"
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

--- Prints the requests that the service got since the last call; returns their methods in a row.
local function show_requests(server)
  local methods = {}
  for index, entry in ipairs(server:record()) do
    local if_match = entry.headers["if-match"]
    say("wire: %s ...%s -> %d%s", entry.method, entry.path:match("/referrals.*"), entry.status,
      if_match and "   If-Match: " .. if_match or "")
    methods[index] = entry.method
  end
  server:forget()
  return table.concat(methods, " ")
end

local function read_it(client, server)
  heading("Read the referral")
  local referral = assert(client:get(ID))
  show_requests(server)
  say("%s: %s/%s", referral.customerProfile.name, referral.status, referral.substatus)
  say("eTag: %s", referral.eTag)
  return referral
end

local function try_what_cannot_be(client, server, referral)
  heading('Try what cannot be: { status = "Closed", substatus = "Pending" }')
  local move = { status = "Closed", substatus = "Pending" }
  local fine, refusal = referrals.validate(move, { current = referral })
  say("%s", tostring(refusal))
  expect(not fine and refusal.kind == "transition", "a transition error")
  expect(show_requests(server) == "", "no request at all")
  say("validate refused it before any request")
  local ok, err = client:update(ID, move)
  expect(not ok and err.kind == "transition" and err.applied == false, "the update to be refused too")
  expect(show_requests(server) == "GET", "only a read: the refusal comes before any request to write")
  say("update, which judges by what is there now, refused it before any write")
end

local function close_as_won(client, server, before)
  heading('Close it as won: { status = "Closed", substatus = "Won" }')
  local after, err, info = client:update(ID, { status = "Closed", substatus = "Won" })
  expect(after, "the update to succeed, not: " .. tostring(err))
  expect(show_requests(server) == "PUT", "one PUT, made from what was read before")
  say("eTag before: %s", before.eTag)
  say("eTag after:  %s", after.eTag)
  for _, change in ipairs(info.members) do
    say("%s: %s -> %s", change.member, tostring(change.from), tostring(change.to))
  end
  expect(after.status == "Closed" and after.substatus == "Won", "the referral to be Closed/Won")
  expect(after.eTag ~= before.eTag, "a new eTag")
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
  try_what_cannot_be(client, server, before)
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
