--- The core's document against lua-cjson: one field changed in texts of 1 KB to 8 MB, the example among them.
local common = require "bench.common"
local example = require "referrals.sandbox.example"
local instructions = require "bench.instructions"
local schema = require "referrals.schema"
local shell = require "support.shell"

local M = {}

local RUNS = 5

-- The same content over and over: what differs from size to size is only how much of it there is.
M.SIZES = {
  { key = "1k", label = "1 KB", bytes = 1000, short = 50, long = 250, timed = 20000 },
  { key = "example", label = "the example, 3.7 KB", short = 50, long = 250, timed = 10000 },
  { key = "4k", label = "4 KB", bytes = 4000, short = 50, long = 250, timed = 10000 },
  { key = "10k", label = "10 KB", bytes = 10000, short = 20, long = 100, timed = 4000 },
  { key = "100k", label = "100 KB", bytes = 100000, short = 5, long = 25, timed = 400 },
  { key = "1m", label = "1 MB", bytes = 1000000, short = 2, long = 6, timed = 40 },
  { key = "8m", label = "8 MB", bytes = 8000000, short = 1, long = 3, timed = 20 },
}

-- What Lua makes of it costs a fixed sum for each text, in C there is next to none: both are told.
local JOBS = {
  { "c", "read + apply, in C" },
  { "core", "read + apply" },
  { "apply", "apply alone" },
  { "read", "read alone" },
  { "cjson", "lua-cjson: decode, change, encode" },
}

local HEAD = [[
{
    "id": "49d90c72-3326-4f61-aacc-2cb57970448c",
    "eTag": "\"2500ec5a-0000-0000-0000-5bf4967d0000\"",
    "status": "New",
    "substatus": "Pending",
    "details": {
        "notes": "Wants to run the supply chain on Dynamics 365.",
        "dealValue": 50000,
        "currency": "USD"
    },
    "team": [
]]

local ITEM = [[
        {
            "contactPreference": {
                "locale": "en-us",
                "disableNotifications": false
            },
            "firstName": "John",
            "lastName": "Doe",
            "phoneNumber": "1231231234",
            "email": "john.doe@microsoft.com"
        }]]

local TAIL = "\n    ]\n}\n"

local function text_of(size)
  if not size.bytes then
    return example.TEXT
  end
  local count = math.max(1, math.floor((size.bytes - #HEAD - #TAIL) / (#ITEM + 2) + 0.5))
  return HEAD .. (ITEM .. ",\n"):rep(count - 1) .. ITEM .. TAIL
end

local function command(path, job)
  if job == "c" then
    return ("%s %s %s.prototype COUNT"):format(common.build_apply_core(), path, path)
  end
  return instructions.script("5.4", "apply_job.lua", path .. " COUNT " .. job)
end

local function count_all(figures, size, path, bytes)
  for _, job in ipairs(JOBS) do
    local count = instructions.per_update(command(path, job[1]), {}, size.short, size.long)
    local key = ("apply_%s_%s"):format(job[1], size.key)
    figures:note("apply", key, ("%s, %s"):format(size.label, job[2]), count, "instructions")
    figures:note("apply", key .. "_byte", ("%s, %s, for each byte"):format(size.label, job[2]), count / bytes,
      "instructions")
  end
end

-- Each job in turn, so that a slow moment of the machine meets them all.
local function time_all(figures, size, path)
  local times = {}
  for _ = 1, RUNS do
    for _, job in ipairs(JOBS) do
      local count = job[1] == "cjson" and math.ceil(size.timed / 10) or size.timed
      local filled = command(path, job[1]):gsub("COUNT", tostring(count))
      times[job[1]] = times[job[1]] or {}
      table.insert(times[job[1]], common.number(filled) * 1e6)
    end
  end
  for _, job in ipairs(JOBS) do
    figures:note("apply", ("apply_%s_%s_time"):format(job[1], size.key), ("%s, %s"):format(size.label, job[2]),
      times[job[1]], "us")
  end
end

function M.run(figures)
  local folder = shell.folder()
  for _, size in ipairs(M.SIZES) do
    local path, text = folder .. "/" .. size.key, text_of(size)
    shell.write(path, text)
    shell.write(path .. ".prototype", schema.prototype)
    size.actual = #text
    count_all(figures, size, path, #text)
    time_all(figures, size, path)
  end
  shell.remove_folder(folder)
end

return M
