--- Changes applied to documents given as text, for specs of the core's document.
local assert = require "luassert"
local core = require "referrals.core"

local M = {}

--- Says what kinds of values the members have that these specs use.
M.PROTOTYPE = assert(core.document.read '{"s":"","n":0,"l":[""],"o":{"n":0,"l":[""]},"t":[{"s":"","n":0,"l":[""]}]}')

--- document:apply; the change is a table, or the core's change text.
function M.apply(text, change, form)
  local change_text = type(change) == "string" and change or assert(core.json.write(change))
  return assert(core.document.read(text)):apply(change_text, M.PROTOTYPE, form)
end

--- The change makes `text` into exactly `expected`, and is then found to be done.
function M.becomes(text, change, expected)
  local differences, next_text = M.apply(text, change)
  assert.truthy(differences, next_text)
  assert.equal(expected, next_text)
  assert.same({}, (M.apply(expected, change)))
end

--- There is nothing to do.
function M.stays(text, change)
  local differences, next_text = M.apply(text, change)
  assert.same({}, differences)
  assert.is_nil(next_text)
end

function M.refuses(text, change, expected, pointer)
  local differences, what, where = M.apply(text, change)
  assert.is_nil(differences)
  assert.truthy(what:find(expected, 1, true), what)
  assert.equal(pointer, where)
end

return M
