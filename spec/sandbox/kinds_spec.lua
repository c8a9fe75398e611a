local kinds = require "referrals.sandbox.kinds"
local sandbox = require "referrals.sandbox"

local function target(text, current)
  local problem = kinds.problem(kinds.REFERRAL, text, current)
  return problem and problem.target
end

describe("sandbox kinds", function()
  it("take the example, null everywhere, and what nobody knows", function()
    assert.is_nil(target(sandbox.example))
    for _, text in ipairs {
      "{}", '{"name":null,"team":null,"details":null,"customerProfile":{"ids":null,"address":null}}',
      '{"details":{"dealValue":123456789012345.67,"other":[{}]},"more":{"x":[1]},"team":[{"email":"a"},null]}',
    } do
      assert.is_nil(target(text))
    end
  end)

  it("refuse another one, by its path", function()
    for text, path in pairs {
      ['{"team":{}}'] = "team", ['{"customerProfile":[]}'] = "customerProfile",
      ['{"customerProfile":{"ids":{}}}'] = "customerProfile/ids",
      ['{"details":{"dealValue":"1"}}'] = "details/dealValue",
      ['{"consent":{"consentToContact":"yes"}}'] = "consent/consentToContact",
      ['{"qualification":5}'] = "qualification", ['{"team":[{},"x"]}'] = "team/1",
      ['{"team":[{"contactPreference":{"locale":1}}]}'] = "team/0/contactPreference/locale",
    } do
      assert.equal(path, target(text))
    end
    assert.equal("", target "[]")
  end)

  it("judge only what differs", function()
    assert.is_nil(target('{"team":{},"name":"x"}', '{"team":{ },"name":"y"}'))
    assert.is_nil(target('{"details":{"notes":5}}', '{"details":{"notes":5,"currency":"USD"}}'))
    assert.is_nil(target('{"team":[{"email":5},{"email":"a"}]}', '{"team":[{"email":5}]}'))
    assert.equal("details/notes", target('{"details":{"notes":5}}', '{"details":{"notes":6}}'))
  end)
end)
