local etag = require("referrals.core").etag

describe("etag", function()
  local function accepts(text, expected)
    local value, message = etag.normalise(text)
    assert.is_nil(message)
    assert.equal(expected, value)
  end

  local function refuses(text, why)
    local value, message = etag.normalise(text)
    assert.is_nil(value, text)
    assert.truthy(message:find(why, 1, true), message .. " should say: " .. why)
    assert.truthy(message:find("expected ", 1, true), message)
  end

  describe("normalise", function()
    it("keeps a tag as the service writes it", function()
      accepts('"2500ec5a-0000-0000-0000-5bf4967d0000"', '"2500ec5a-0000-0000-0000-5bf4967d0000"')
      accepts('"a"', '"a"')
    end)

    it("keeps weak weak", function()
      accepts('W/"abc"', 'W/"abc"')
      accepts('W/""abc""', 'W/"abc"')
      accepts('W/\\"abc\\"', 'W/"abc"')
    end)

    it("finds weakness inside quotes that were put around it", function()
      accepts('"W/\\"abc\\""', 'W/"abc"')
      accepts('"W/"abc""', 'W/"abc"')
      accepts('\\"W/\\"abc\\"\\"', 'W/"abc"')
    end)

    it("takes one of two pairs of quotes away", function()
      accepts('""abc""', '"abc"')
    end)

    it("takes the escapes of JSON away", function()
      accepts('\\"abc\\"', '"abc"')
      accepts('"\\"abc\\""', '"abc"')
    end)

    it("gives back quotes that were lost", function()
      accepts("abc", '"abc"')
      accepts("2500ec5a-0000-0000-0000-5bf4967d0000", '"2500ec5a-0000-0000-0000-5bf4967d0000"')
      accepts("W/abc", 'W/"abc"')
    end)

    it("trims white space around the tag", function()
      accepts('  "abc"\t ', '"abc"')
      accepts(" abc ", '"abc"')
    end)

    it("does not touch what is right already, odd as it looks", function()
      accepts('"abc\\"', '"abc\\"')
      accepts('"\\"', '"\\"')
      accepts('"W/abc"', '"W/abc"')
      accepts('"*"', '"*"')
      accepts('"a,b"', '"a,b"')
      accepts('W/"a,b"', 'W/"a,b"')
      accepts('"w/abc"', '"w/abc"')
    end)

    it("takes every byte that an entity tag may hold", function()
      local bytes = { "\33" }
      for byte = 0x23, 0xFF do
        if byte ~= 0x7F then
          bytes[#bytes + 1] = string.char(byte)
        end
      end
      local quoted = '"' .. table.concat(bytes) .. '"'
      accepts(quoted, quoted)
    end)

    it("refuses nothing at all", function()
      refuses("", "is empty")
      refuses(" \t", "is empty")
      refuses('""', "is empty")
      refuses('""""', "is empty")
      refuses("W/", "is empty")
      refuses('W/""', "is empty")
      refuses('\\"\\"', "is empty")
    end)

    it("refuses the star", function()
      refuses("*", "* is not an entity tag")
      refuses(" * ", "* is not an entity tag")
    end)

    it("refuses a list", function()
      refuses('"a", "b"', "a list")
      refuses('"a","b"', "a list")
      refuses('W/"a", "b"', "a list")
      refuses("a, b", "a list")
      refuses("a,b", "a list")
    end)

    it("refuses quotes that do not match", function()
      for _, text in ipairs({
        '"', '"abc', 'abc"', '""abc"', '"abc""', '"""abc"""', 'a"b', '"a"b"', '\\"', '\\"abc"', 'abc\\"', '"a" "b"',
        '\\"abc', 'W/"abc', 'w/"abc"', 'W/"', '"W/"abc"',
      }) do
        refuses(text, "quotes do not match")
      end
    end)

    it("refuses a space inside", function()
      refuses('"a b"', "a space")
      refuses("a b", "a space")
      refuses('" abc"', "a space")
    end)

    it("refuses every control character, at the ends too", function()
      for byte = 0, 0x7F do
        local char = string.char(byte)
        if byte < 0x20 or byte == 0x7F then
          refuses('"a' .. char .. 'b"', "a control character")
          refuses("a" .. char .. "b", "a control character")
        end
        if byte < 0x20 and char ~= "\t" or byte == 0x7F then
          refuses(char .. '"ab"', "a control character")
          refuses('"ab"' .. char, "a control character")
        end
      end
    end)

    it("holds up to 1 KiB", function()
      accepts(("a"):rep(1024), '"' .. ("a"):rep(1024) .. '"')
      accepts("W/" .. ("a"):rep(1022), 'W/"' .. ("a"):rep(1022) .. '"')
      accepts('"' .. ("a"):rep(1022) .. '"', '"' .. ("a"):rep(1022) .. '"')
      refuses(("a"):rep(1025), "too long")
    end)

    it("is the same when done twice", function()
      for _, text in ipairs({ "abc", 'W/"abc"', '""abc""', '\\"abc\\"', '"abc\\"', "W/abc", '"W/"abc""' }) do
        local once = etag.normalise(text)
        assert.equal(once, etag.normalise(once))
      end
    end)

    it("raises on anything but a string", function()
      for _, value in ipairs({ 12, true, {}, print }) do
        assert.has_error(function() etag.normalise(value) end)
      end
      assert.has_error(function() etag.normalise(nil) end)
      assert.has_error(function() etag.normalise() end)
    end)
  end)

  describe("equal", function()
    it("compares what the tags stand for", function()
      assert.is_true(etag.equal('"abc"', '"abc"'))
      assert.is_true(etag.equal('"abc"', "abc"))
      assert.is_true(etag.equal('""abc""', '\\"abc\\"'))
      assert.is_false(etag.equal('"abc"', '"abd"'))
      assert.is_false(etag.equal('"abc"', '"abcd"'))
      assert.is_false(etag.equal('"abc"', '"ABC"'))
    end)

    it("finds a weak tag equal to nothing, itself included", function()
      assert.is_false(etag.equal('W/"abc"', 'W/"abc"'))
      assert.is_false(etag.equal('W/"abc"', '"abc"'))
      assert.is_false(etag.equal('"abc"', 'W/"abc"'))
    end)

    it("finds what is no tag equal to nothing", function()
      assert.is_false(etag.equal("", ""))
      assert.is_false(etag.equal("*", '"abc"'))
      assert.is_false(etag.equal('"abc"', '"abc'))
    end)

    it("raises on anything but strings", function()
      assert.has_error(function() etag.equal('"abc"', nil) end)
      assert.has_error(function() etag.equal(1, '"abc"') end)
    end)
  end)
end)
