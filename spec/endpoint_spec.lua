local endpoints = require "referrals.endpoint"

describe("endpoint.parse", function()
  it("takes an absolute URL apart", function()
    assert.same(
      { url = "https://api.example.com/v1.0/e", scheme = "https", host = "api.example.com", port = 443,
        base_path = "/v1.0/e", loopback = false },
      endpoints.parse("HTTPS://API.example.com:443/v1.0/e/")
    )
    assert.same(
      { url = "http://[::1]:8080", scheme = "http", host = "[::1]", port = 8080, base_path = "", loopback = true },
      endpoints.parse("http://[::1]:8080/")
    )
  end)

  it("allows plain http to loopback only", function()
    for _, host in ipairs({ "localhost", "LOCALHOST:1", "127.0.0.1", "127.255.0.9:65535", "[::1]" }) do
      assert.is_true(endpoints.parse("http://" .. host).loopback, host)
    end
    for _, host in ipairs({
      "example.com", "127.0.0.1.evil.com", "127.1", "127.0.0.09", "127.08.0.1", "127.0.0.256", "localhost.evil.com",
      "[::2]", "128.0.0.1", "10.0.0.1",
    }) do
      local parsed, expected = endpoints.parse("http://" .. host)
      assert.is_nil(parsed, host)
      assert.equal("an https URL (plain http goes to loopback addresses only)", expected)
    end
  end)

  it("refuses everything else", function()
    for _, url in ipairs({
      "", "example.com", "/v1.0", "ftp://localhost", "https://", "https:///x", "https://u@h", "https://u:p@h/",
      "https://h?x=1", "https://h/#f", "https://h/a b", "https://h/\r\n", "https://h:", "https://h:0",
      "https://h:65536", "https://h:123456", "https://h:8x", "https://[::1", "https://h\0/",
      "https://h/" .. ("x"):rep(2048),
      "http://127.0.0.1@evil.com", "https://h\\x",
    }) do
      assert.is_nil((endpoints.parse(url)), url)
    end
  end)
end)
