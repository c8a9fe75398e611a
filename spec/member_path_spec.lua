local member_path = require "referrals.member_path"

local pointer, path = member_path.pointer, member_path.path

describe("member_path", function()
  it("becomes a JSON Pointer and comes back", function()
    for written, as_pointer in pairs {
      status = "/status",
      ["0"] = "/0",
      ["team[1].email"] = "/team/0/email",
      ["registrations[1].solutionDetails[12].value"] = "/registrations/0/solutionDetails/11/value",
      ["team.-"] = "/team/-",
      ["l[1][2]"] = "/l/0/1",
      ["l[1][2].x"] = "/l/0/1/x",
      ["a1.2b.c"] = "/a1/2b/c",
      ["a/b.c~d"] = "/a~1b/c~0d",
      ["a~1"] = "/a~01",
      ["a b.$x@y"] = "/a b/$x@y",
      ["[1].value"] = "/0/value",
    } do
      assert.equal(as_pointer, pointer(written))
      assert.equal(written, path(as_pointer))
    end
  end)

  it("takes an array's place as a JSON Pointer counts, too", function()
    assert.equal("/team/0/email", pointer("team.0.email"))
  end)

  it("of the whole is empty, and no pointer has that path", function()
    assert.equal("", pointer(""))
    assert.is_nil(path("status"))
    assert.is_nil(path(""))
    assert.is_nil(path("/"))
  end)

  it("tells a name with a dot or a bracket in it from the way to another member", function()
    for written, as_pointer in pairs {
      ['["details.notes"]'] = "/details.notes",
      ['["team[1]"]'] = "/team[1]",
      ['["team[1].email"]'] = "/team[1].email",
      ['details["a.b"].c'] = "/details/a.b/c",
      ['details["a.b"]["c[d"][2]'] = "/details/a.b/c[d/1",
      ['details[""]'] = "/details/",
      ['[""].x'] = "//x",
      ['a[""][""]'] = "/a//",
      ['["."]'] = "/.",
      ['["\\u0022.\\u005c"]'] = '/".\\',
      ['a"b'] = '/a"b',
      ['["a/b.c~d"]'] = "/a~1b.c~0d",
      ["a.007"] = "/a/007",
      ["a.12345678901"] = "/a/12345678901",
    } do
      assert.equal(written, path(as_pointer))
      assert.equal(as_pointer, pointer(written))
    end
  end)

  it("is joined the same way", function()
    assert.equal("details.notes", member_path.join("details", "notes"))
    assert.equal("details", member_path.join("", "details"))
    assert.equal('["a.b"]', member_path.join("", "a.b"))
    assert.equal('details["a.b"]', member_path.join("details", "a.b"))
  end)

  it("of any pointer leads back to it", function()
    local parts = { "a", ".", "[", "]", "1", "0", '"', "~0", "~1", "/", "\\", "-", " ", "\195\164" }
    local random = math.random
    for _ = 1, 5000 do
      local made = {}
      for index = 1, random(1, 12) do
        made[index] = parts[random(#parts)]
      end
      local text = "/" .. table.concat(made)
      local written = path(text)
      if written then
        assert.equal(text, pointer(written))
      else
        assert.equal("/", text)
      end
    end
  end)
end)
