--- What the specs of the straight way put it through, and how they compare it with the whole one.
local M = {}

-- What the service answers otherwise, to a change of the status.
M.FAULTS = {
  { kind = "other_writer", method = "PUT", pointer = "/statusReason", value = '"theirs"' },
  { kind = "other_writer", method = "PUT", pointer = "/status", value = '"Active"' },
  { kind = "reject_tag", method = "PUT" },
  { kind = "status", method = "PUT", status = 400 },
  { kind = "status", method = "PUT", status = 403 },
  { kind = "status", method = "PUT", status = 503, applied = true },
  { kind = "status", method = "PUT", status = 500, times = 9 },
  { kind = "status", method = "GET", status = 404 },
  { kind = "status", method = "GET", status = 503 },
  { kind = "empty", method = "PUT" },
  { kind = "empty", method = "GET" },
  { kind = "garbage", method = "GET", times = 2 },
  { kind = "garbage", method = "PUT" },
  { kind = "html", method = "PUT", applied = true },
  { kind = "cut", method = "PUT" },
  { kind = "close_before", method = "PUT" },
  { kind = "close_after", method = "PUT" },
  { kind = "close_after", method = "PUT", times = 9 },
}

-- And to a change deep within.
M.DEEP_FAULTS = {
  { kind = "other_writer", method = "PUT", pointer = "/details/notes", value = '"theirs"' },
  { kind = "other_writer", method = "PUT", pointer = "/details/dealValue", value = "1" },
  { kind = "cut", method = "PUT" },
  { kind = "garbage", method = "PUT" },
}

-- The service makes up its entity tags and times; the example's own are known.
local FIRST_TAG = "2500ec5a%-0000%-0000%-0000%-5bf4967d0000"

---@param text string|nil
---@return string|nil
function M.without_random(text)
  if not text then
    return nil
  end
  return (text:gsub('"updatedDateTime": "[^"]*"', ""):gsub('\\"%x+%-%x+%-%x+%-%x+%-%x+\\"', function(tag)
    return tag:find(FIRST_TAG) and tag or "some"
  end))
end

--- What of a server's record is the same each time.
function M.requests(record)
  local requests = {}
  for index, entry in ipairs(record) do
    local tag = entry.headers["if-match"]
    requests[index] = {
      entry.method,
      entry.path,
      tag and (tag:find(FIRST_TAG) and "first" or "another"),
      M.without_random(entry.body),
      entry.headers["content-type"],
    }
  end
  return requests
end

--- What of an error's message and of the info is the same each time.
---@param info table
---@param err table|nil
function M.told(info, err)
  local told = {}
  for name, field in pairs(info) do
    told[name] = name:find("request_id") and "some" or field
  end
  return {
    kind = err and err.kind,
    applied = err and err.applied,
    message = err and err.message:gsub("%x+%-%x+%-%x+%-%x+%-%x+", "GUID"):gsub("%d+ milliseconds", "some time") or nil,
    info = told,
  }
end

return M
