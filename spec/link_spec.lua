local config = require "referrals.config"
local endpoints = require "referrals.endpoint"
local faulty = require "spec.support.faulty"
local filled = require "support.filled"
local link = require "referrals.link"
local nginx = require "support.nginx"
local referrals = require "referrals"
local sandbox = require "referrals.sandbox"
local wire = require "support.wire"

local DEFAULT = assert(endpoints.parse(config.DEFAULT_ENDPOINT))
local OTHER_PORT = assert(endpoints.parse("https://127.0.0.1:8443/v1.0/engagements"))
local PLAIN = assert(endpoints.parse("http://127.0.0.1:8080/v1.0/engagements"))
local IPV6 = assert(endpoints.parse("http://[::1]:8080/v1.0/engagements"))

describe("a next link", function()
  local function follows(base, text, query)
    local got, why = link.pin(base, text)
    assert.equal(query or "?$skiptoken=a", got, why)
  end

  local function refuses(base, text, ...)
    local got, why = link.pin(base, text)
    assert.is_nil(got)
    wire.says(why, ...)
    assert.is_nil(why:find("skiptoken", 1, true), "a skip token is as good as a secret")
  end

  it("gives its query when it names the endpoint's host", function()
    follows(DEFAULT, "https://api.partner.microsoft.com/v1.0/engagements/referrals?$skiptoken=a")
    follows(DEFAULT, "https://api.partner.microsoft.com:443/v1.0/engagements/referrals?$skiptoken=a")
    follows(DEFAULT, "HTTPS://API.Partner.Microsoft.com/v1.0/engagements/Referrals/?$skiptoken=a")
    follows(OTHER_PORT, "https://127.0.0.1:8443/v1.0/engagements/referrals?$skiptoken=a")
    follows(IPV6, "http://[::1]:8080/v1.0/engagements/referrals?$skiptoken=a")
  end)

  it("gives its query when only the scheme or the path's beginning differ, as in the documentation", function()
    follows(DEFAULT, "http://api.partner.microsoft.com/v1.0/referrals?$skiptoken=a")
    follows(DEFAULT, "http://api.partner.microsoft.com:80/v1.0/referrals?$skiptoken=a")
    follows(DEFAULT, "http://api.partner.microsoft.com:443/v1.0/referrals?$skiptoken=a")
    follows(DEFAULT, "https://api.partner.microsoft.com/referrals?$skiptoken=a")
    follows(OTHER_PORT, "http://127.0.0.1:8443/v2/referrals?$skiptoken=a")
    follows(PLAIN, "https://127.0.0.1:8080/v1.0/engagements/referrals?$skiptoken=a")
  end)

  it("may be relative", function()
    follows(DEFAULT, "?$skiptoken=a")
    follows(DEFAULT, "referrals?$skiptoken=a")
    follows(DEFAULT, "/v1.0/engagements/referrals?$skiptoken=a")
    follows(DEFAULT, "//api.partner.microsoft.com/v1.0/engagements/referrals?$skiptoken=a")
  end)

  it("keeps its query as it is, but for bytes that no URL holds", function()
    follows(DEFAULT, "referrals?$skiptoken=%7B%22a%22%7D+/=&b=1?2", "?$skiptoken=%7B%22a%22%7D+/=&b=1?2")
    follows(DEFAULT, "referrals?$filter=a eq 'b'&c=\"\195\164\"", "?$filter=a%20eq%20%27b%27&c=%22%C3%A4%22")
  end)

  it("is refused when it names another host or port, and the host is told", function()
    refuses(DEFAULT, "https://evil.example/v1.0/engagements/referrals?$skiptoken=a",
      "leads to evil.example:443 and not to api.partner.microsoft.com:443")
    refuses(DEFAULT, "http://evil.example/v1.0/engagements/referrals?$skiptoken=a", "evil.example:80")
    refuses(DEFAULT, "//evil.example/v1.0/engagements/referrals?$skiptoken=a", "evil.example:443")
    refuses(DEFAULT, "https://api.partner.microsoft.com.evil.example/referrals?$skiptoken=a", "com.evil.example:443")
    refuses(DEFAULT, "https://api.partner.microsoft.com:8443/referrals?$skiptoken=a", ":8443 and not to")
    refuses(DEFAULT, "http://api.partner.microsoft.com:8080/referrals?$skiptoken=a", ":8080 and not to")
    refuses(OTHER_PORT, "https://127.0.0.1/v1.0/engagements/referrals?$skiptoken=a", "127.0.0.1:443")
    refuses(OTHER_PORT, "http://127.0.0.1/v1.0/engagements/referrals?$skiptoken=a", "127.0.0.1:80")
    refuses(IPV6, "http://[::2]:8080/v1.0/engagements/referrals?$skiptoken=a", "[::2]:8080 and not to [::1]:8080")
  end)

  it("is refused when its authority is a trick", function()
    for _, authority in ipairs {
      "user@evil.example", "api.partner.microsoft.com@evil.example", "api.partner.microsoft.com:443@evil.example",
      "api.partner.microsoft.com\\.evil.example", "evil.example\\@api.partner.microsoft.com", "",
      "api.partner.microsoft.com:", ":443", "[::1", "api.partner.microsoft.com:443443", "a b", "%61pi.example",
    } do
      local got, why = link.pin(DEFAULT, "https://" .. authority .. "/v1.0/engagements/referrals?$skiptoken=a")
      if authority == "api.partner.microsoft.com:" then -- an empty port is the scheme's own
        assert.equal("?$skiptoken=a", got)
      else
        assert.is_nil(got, authority)
        assert.is_string(why)
      end
    end
  end)

  it("is refused when it is no link to more referrals", function()
    refuses(DEFAULT, "ftp://api.partner.microsoft.com/referrals?$skiptoken=a", "neither http nor https")
    refuses(DEFAULT, "javascript:referrals?$skiptoken=a", "no URL")
    refuses(DEFAULT, "\\\\evil.example/referrals?$skiptoken=a", "no URL")
    refuses(DEFAULT, "https://api.partner.microsoft.com/v1.0/engagements/leads?$skiptoken=a", "something else")
    refuses(DEFAULT, "evil.example?$skiptoken=a", "something else")
    refuses(DEFAULT, "https://api.partner.microsoft.com?$skiptoken=a", "something else")
    refuses(DEFAULT, "https://api.partner.microsoft.com/v1.0/engagements/referrals", "start all over")
    refuses(DEFAULT, "referrals?", "start all over")
    refuses(DEFAULT, "", "start all over")
    refuses(DEFAULT, "referrals?$skiptoken=a\r\nX: y", "control character")
    refuses(DEFAULT, "referrals?$skiptoken=a#b", "fragment")
    refuses(DEFAULT, "referrals?$skiptoken=" .. ("a"):rep(16384), "more than 16384 bytes")
  end)
end)

describe("a query string of the program's own", function()
  it("is encoded where it has to be", function()
    assert.equal("?$filter=status%20eq%20%27New%27", link.raw("$filter=status eq 'New'"))
    assert.equal("?$filter=status%20eq%20%27New%27", link.raw("?$filter=status%20eq%20%27New%27"))
    assert.equal("?a=%23", link.raw("a=#"))
    assert.equal("", link.raw(""))
    assert.equal("", link.raw("?"))
  end)

  it("is refused with control characters or without end", function()
    for _, text in ipairs { "a\r\nb", "a\0", ("a"):rep(16385) } do
      local query, err = link.raw(text)
      wire.failed("validation", nil, query, err)
      assert.equal("query", err.member)
    end
  end)
end)

describe("the next link of a list, over HTTP", function()
  local CANARY = "canary-token-of-the-link-spec"
  local server, other, client

  setup(function()
    server = nginx.start { h2 = true }
  end)

  teardown(function()
    server:stop()
  end)

  after_each(function()
    faulty.stop_all()
  end)

  local function start(switches)
    other = faulty.start(faulty.answer { body = '{"value":[]}' })
    if switches.next_link == "foreign" then
      switches.foreign_host = other.url
    end
    server:reset { empty = true, page_size = 2, switches = switches }
    filled.fill(server, 5)
    client = assert(referrals.new { endpoint = server.url, token = CANARY, ca_file = server.ca_file })
  end

  local function numbers(...)
    local found = {}
    for referral in client:each(...) do
      found[#found + 1] = filled.number(referral.id)
    end
    return found
  end

  for _, form in ipairs { "same", "http", "prefix" } do
    it("in the form " .. form .. " is followed at the endpoint", function()
      start { next_link = form }
      assert.same({ 1, 2, 3, 4, 5 }, numbers())
      local record = server:record()
      assert.equal("GET GET GET", wire.methods(record))
      assert.equal("/v1.0/engagements/referrals", record[1].path)
      for index, token in ipairs { "2.2.", "4.4." } do
        assert.equal("/v1.0/engagements/referrals?$skiptoken=" .. token, record[index + 1].path)
        assert.equal("Bearer " .. CANARY, record[index + 1].headers.authorization)
      end
      assert.same({}, other:record())
    end)
  end

  it("to another host gets no request and no token", function()
    start { next_link = "foreign" }
    local found = {}
    local ok, err = pcall(function()
      for referral in client:each() do
        found[#found + 1] = referral.id
      end
    end)
    assert.is_false(ok)
    assert.equal("protocol", err.kind)
    assert.equal("@odata.nextLink", err.member)
    assert.equal(200, err.http_status)
    wire.says(err, "leads to 127.0.0.1:" .. other.port .. " and not to 127.0.0.1:" .. server.port)
    assert.is_nil(tostring(err):find("skiptoken", 1, true))
    assert.is_nil(tostring(err):find(CANARY, 1, true))
    assert.same({}, found)
    local page, list_err = client:list()
    wire.failed("protocol", nil, page, list_err)
    local others, related_err = client:related(filled.id(1))
    wire.failed("protocol", nil, others, related_err)
    assert.has_error(client:changes())
    assert.same({}, other:record(), "not even a connection")
    for _, entry in ipairs(server:record()) do
      assert.is_nil(entry.path:find("skiptoken", 1, true))
    end
  end)

  it("as the documentation prints it is followed at the service's own address", function()
    local service = sandbox.new { empty = true, page_size = 2, switches = { next_link = "documented" } }
    for number = 1, 5 do
      service:store(filled.text(number))
    end
    client = assert(referrals.new { endpoint = config.DEFAULT_ENDPOINT, sandbox = service })
    assert.same({ 1, 2, 3, 4, 5 }, numbers())
    assert.equal("/v1.0/engagements/referrals?$skiptoken=4.4.", service.record[3].path)
    client = assert(referrals.new { sandbox = service })
    assert.has_error(numbers)
  end)
end)
