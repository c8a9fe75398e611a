local http = require("referrals.core").http

describe("uuid", function()
  it("has the form of a random GUID", function()
    for _ = 1, 100 do
      assert.truthy(http.uuid():find("^%x%x%x%x%x%x%x%x%-%x%x%x%x%-4%x%x%x%-[89ab]%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$"))
    end
  end)

  it("is never the same", function()
    local seen = {}
    for _ = 1, 5000 do
      local text = http.uuid()
      assert.is_nil(seen[text])
      seen[text] = true
    end
  end)
end)
