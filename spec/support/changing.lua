--- Changes tried on a referral of a few members, without a service.
local assert = require "luassert"
local change = require "referrals.change"
local representation = require "referrals.representation"

local M = {}

M.ID = "49d90c72-3326-4f61-aacc-2cb57970448c"

--- A referral with these members, as it was read.
function M.current(members)
  return assert(representation.read(('{"id":"%s","eTag":"\\"1\\"",%s}'):format(M.ID, members)))
end

--- Asserts the document that a change makes of these members, without the envelope.
function M.becomes(members, given, expected)
  local version = M.current(members)
  local made, err = change.new(given)
  assert.is_nil(err)
  local text
  text, err = made:text_for(version)
  assert.is_nil(err)
  local differences, next_text = version.document:apply(text, change.PROTOTYPE)
  assert.truthy(differences, next_text)
  assert.equal(expected, (next_text or version.document:written()):match('^{"id":"[^"]*","eTag":"\\"1\\"",(.*)}$'))
end

function M.text_of(given, members)
  local made, err = change.new(given)
  if not made then
    return nil, err
  end
  return made:text_for(M.current(members or '"a":1'))
end

function M.refuses(given, member, expected)
  local text, err = M.text_of(given)
  assert.is_nil(text)
  assert.equal("validation", err.kind)
  assert.equal(member, err.member)
  assert.truthy(tostring(err):find(expected, 1, true), tostring(err))
end

--- Asserts that a change writes nothing, and why.
function M.writes_nothing(service, client, given, member)
  local value, err = client:update(M.ID, given)
  assert.is_nil(value)
  assert.equal("validation", err.kind)
  assert.equal(member, err.member)
  assert.is_false(err.applied)
  for _, entry in ipairs(service.record) do
    assert.equal("GET", entry.method)
  end
end

--- Asserts that a call raises, blaming the spec or an argument.
function M.raises(message, call, ...)
  local ok, raised = pcall(call, ...)
  assert.is_false(ok)
  assert.truthy(raised:find("_spec.lua", 1, true) or raised:find("^bad"), raised)
  assert.truthy(raised:find(message, 1, true), raised)
end

return M
