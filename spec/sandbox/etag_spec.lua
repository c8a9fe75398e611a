local etag = require "referrals.sandbox.etag"

describe("sandbox etag", function()
  local tag = '"2500ec5a-0000-0000-0000-5bf4967d0000"'

  for _, header in ipairs { tag, "*", " " .. tag .. " ", '"x", ' .. tag, tag .. ',"y"', "W/\"x\", " .. tag } do
    it("matches " .. header, function()
      assert.is_true(etag.matches(header, tag))
    end)
  end

  for _, header in ipairs {
    '"' .. tag .. '"', tag:sub(2, -2), "W/" .. tag, '\\"' .. tag:sub(2, -2) .. '\\"', '"x"', "", tag .. tag,
    tag .. " trailing", tag:upper(), '"' .. tag:sub(2, -2),
  } do
    it("does not match " .. header, function()
      assert.is_false(etag.matches(header, tag))
    end)
  end
end)
