--- What a spec of the client asks about a record of requests, and about what a call raised.
--- A record is a list of {method=, path=, headers=, body=}: SandboxService.record, or Server:record() of nginx.
local luassert = require "luassert"

local M = {}

--- The methods in a row: "GET PUT".
function M.methods(record)
  local methods = {}
  for index, entry in ipairs(record) do
    methods[index] = entry.method
  end
  return table.concat(methods, " ")
end

--- How many requests have that method.
function M.count(record, method)
  local count = 0
  for _, entry in ipairs(record) do
    count = count + (entry.method == method and 1 or 0)
  end
  return count
end

local MILLISECOND = 0.001 -- the sandbox's times are rounded to it

--- Asserts that the first PUT came a second or more after the first 429.
function M.waited_for_a_second(record)
  local throttled, written
  for _, entry in ipairs(record) do
    throttled = throttled or (entry.status == 429 and entry.at) or nil
    written = written or (entry.method == "PUT" and entry.status ~= 429 and entry.at) or nil
  end
  luassert.is_true(written - throttled + MILLISECOND >= 1, written - throttled)
end

--- The requests that could change something.
function M.writes(record)
  local writes = {}
  for _, entry in ipairs(record) do
    if entry.method ~= "GET" then
      writes[#writes + 1] = entry
    end
  end
  return writes
end

--- The text with exactly one place changed; a spec's own arithmetic, without a JSON reader.
function M.swap(text, old, new)
  local from, to = text:find(old, 1, true)
  luassert.is_truthy(from, "not in the text: " .. old)
  luassert.is_nil(text:find(old, to + 1, true), "more than once in the text: " .. old)
  return text:sub(1, from - 1) .. new .. text:sub(to + 1)
end

--- The object without its last member, which is `links`; the white space before the last brace stays, what follows it
--- is no part of the object.
function M.without_links(text)
  local from = text:find(',%s*"links"%s*:%s*{')
  luassert.is_truthy(from, "no links in the text")
  return text:sub(1, from - 1) .. text:match("(%s*})%s*$")
end

--- Asserts that two texts are the same, byte for byte, and else shows where they part.
function M.same_text(expected, actual)
  local at = 1
  while at <= #expected and expected:byte(at) == actual:byte(at) do
    at = at + 1
  end
  luassert.equal(expected:sub(at, at + 80), actual:sub(at, at + 80), "the texts part at byte " .. at)
end

--- Asserts that f raises a message with the place of its own first line after `function`, and gives the message.
---   wire.raises_here(function()
---     client:update(5, {})
---   end)
function M.raises_here(f)
  local ok, message = pcall(f)
  luassert.is_false(ok, "expected it to raise")
  luassert.is_string(message)
  local where = debug.getinfo(f, "S")
  local place = ("%s:%d: "):format(where.short_src, where.linedefined + 1)
  luassert.equal(place, message:sub(1, #place), message)
  return message:sub(#place + 1)
end

--- Asserts that f raises an error object of this kind, and gives it.
function M.raises_kind(kind, f, ...)
  local ok, err = pcall(f, ...)
  luassert.is_false(ok, "expected it to raise")
  luassert.is_table(err, tostring(err))
  luassert.equal(kind, err.kind, tostring(err))
  return err
end

--- Asserts that the text has all of these in it, plainly.
function M.says(text, ...)
  text = tostring(text)
  for _, part in ipairs { ... } do
    luassert.is_truthy(text:find(part, 1, true), ("expected %q in: %s"):format(part, text))
  end
end

--- Asserts a failed call: no value, an error of this kind, and what it says of the write.
function M.failed(kind, applied, value, err)
  luassert.is_nil(value)
  luassert.is_table(err, "expected an error object")
  luassert.equal(kind, err.kind, tostring(err))
  luassert.equal(applied, err.applied, tostring(err))
  return err
end

return M
