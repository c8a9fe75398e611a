local change = require "referrals.change"
local change_check = require "referrals.change_check"
local changing = require "support.changing"

describe("what a change makes different", function()
  local warnings, allow_unknown, status_check

  before_each(function()
    warnings, allow_unknown, status_check = {}, false, true
  end)

  --- An update, in what is asked of it here.
  local function update()
    return {
      allow_unknown = allow_unknown,
      judging = function()
        return {
          allow_unknown = allow_unknown,
          status_check = status_check,
          on_warning = function(warning)
            warnings[#warnings + 1] = warning.member
          end,
        }
      end,
    }
  end

  local function differences_of(members, text)
    local current = changing.current(members)
    local differences = assert(current.document:apply(text, change.PROTOTYPE))
    assert.is_truthy(#differences > 0)
    return current, differences
  end

  --- The member that is refused; nil where all may be written.
  local function refused(members, text)
    local err = change_check.values(update(), differences_of(members, text))
    assert.is_truthy(err == nil or err.kind == "validation")
    return err and err.member, err
  end

  it("is judged, and nothing else: what was wrong before stays as it is", function()
    local wrong = '"customerProfile":{"address":{"country":"USA"}},"odd":5,"qualification":"Brand New","name":"a"'
    assert.is_nil(refused(wrong, '{"name":"b"}'))
    assert.is_nil(refused(wrong, '{"customerProfile":{"address":{"city":"x"}}}'))
    assert.equal("customerProfile.address.country", refused(wrong, '{"customerProfile":{"address":{"country":"UK1"}}}'))
  end)

  it("may not be what only the service sets, nor of another type, whatever stands beside it", function()
    local members = '"name":"a","organizationName":"o","details":{"dealValue":1,"notes":""}'
    assert.equal("organizationName", refused(members, '{"name":"b","organizationName":"p"}'))
    assert.equal("details.dealValue", refused(members, '{"details":{"notes":"x","dealValue":true}}'))
  end)

  it("may have a name that the referral has, though the schema has not, and no other", function()
    local members = '"odd":1,"details":{"odder":1}'
    assert.is_nil(refused(members, '{"odd":2,"details":{"odder":2}}'))
    assert.equal("odder", refused(members, '{"odder":2}')) -- that is below details only
    assert.equal("details.odd", refused(members, '{"details":{"odd":2}}'))
    allow_unknown = true
    assert.is_nil(refused(members, '{"odder":2,"details":{"odd":2}}'))
  end)

  it("may have no name at all only where the referral has such a member, or unknown ones are let through", function()
    assert.is_nil(refused('"":1', '{"":2}'))
    assert.equal("", refused('"a":1', '{"":2}'))
    allow_unknown = true
    assert.is_nil(refused('"a":1', '{"":2}'))
  end)

  it("is warned of where an enumeration may have grown", function()
    assert.is_nil(refused('"qualification":"None"', '{"qualification":"Unheard-of"}'))
    assert.same({ "qualification" }, warnings)
  end)

  it("leaves status and substatus to the service where it is told to", function()
    assert.equal("status", refused('"status":"New"', '{"status":"Done"}'))
    status_check = false
    assert.is_nil(refused('"status":"New"', '{"status":"Done"}'))
  end)

  it("is no empty object where an array belongs, though in Lua both are an empty table", function()
    assert.equal("customerProfile.ids", refused('"customerProfile":{"ids":[]}', '{"customerProfile":{"ids":{}}}'))
  end)
end)

describe("a patch", function()
  local allow_unknown

  before_each(function()
    allow_unknown = false
  end)

  local function refused(members, text)
    local differences = assert(changing.current(members).document:apply(text, change.PROTOTYPE, "patch"))
    assert.is_truthy(#differences > 0)
    local err = change_check.patchable({ allow_unknown = allow_unknown }, differences)
    return err and err.member, err
  end

  it("may change what the service lets be patched, and names what it may not, and the other way", function()
    assert.is_nil(refused('"details":{"notes":"a"}', '{"status":"Active","details":{"notes":"b"}}'))
    local member, err = refused('"name":"a","details":{"notes":"a"}', '{"name":"b","details":{"notes":"b"}}')
    assert.equal("name", member)
    assert.equal("validation", err.kind)
    assert.is_truthy(tostring(err):find("PUT can write it", 1, true))
  end)

  it("may append to an array that it may not write whole", function()
    local members, item = '"team":[{"id":"a"}],"target":[{"id":"a"}],"registrations":[{"id":"a"}]', { id = "b" }
    local function adding(name)
      return refused(members, (assert(changing.text_of({ [name] = change.add(item) }, members))))
    end
    assert.is_nil(adding "team")
    assert.is_nil(refused(members, '{"team":[{"id":"b"}]}')) -- the service lets both be done to a team
    assert.is_nil(adding "registrations")
    assert.equal("registrations", refused(members, '{"registrations":[{"id":"b"}]}'))
    assert.equal("target", adding "target")
  end)

  it("leaves to the service what nobody here knows, where that is let through, and nothing else", function()
    assert.equal("odd", refused('"odd":1', '{"odd":2}'))
    allow_unknown = true
    assert.is_nil(refused('"odd":1', '{"odd":2}'))
    assert.equal("name", refused('"name":"a"', '{"name":"b"}'))
  end)
end)

describe("what cannot be written at all", function()
  local function unfit(path, allow_unknown)
    local update = {
      judging = function()
        return { allow_unknown = allow_unknown }
      end,
    }
    return change_check.unfit(update, changing.current('"odd":1'), path, "one of the two")
  end

  it("is a wrong name first, where it has one that nobody knows", function()
    local err = unfit("detials")
    assert.same({ "validation", "detials" }, { err.kind, err.member })
    assert.is_truthy(err.message:find("details", 1, true), err.message)
  end)

  it("is what the core expected where the name is known or let through", function()
    for path, allow_unknown in pairs { odd = false, detials = true } do
      local err = unfit(path, allow_unknown)
      assert.same({ "validation", path, "one of the two" }, { err.kind, err.member, err.expected })
    end
    assert.equal("change", unfit(nil).member)
  end)
end)
