-- What each verb takes is said in the README; here the verbs are asked, with every option that any of them has.
local readme = require "support.readme"
local referrals = require "referrals"
local sandbox = require "referrals.sandbox"
local shell = require "support.shell"

local ID = sandbox.EXAMPLE_ID
local TEXT = shell.read("README.md")

-- A value that each option takes, and that changes nothing a call here would notice.
local VALUES = {
  returns = "minimal", nulls = true, timeout = 5, if_match = '"x"', only_if = { status = "New" }, check = true,
  allow_unknown = false, dry_run = true, method = "PUT", conflict_retries = 1, continue = ID, concurrency = 2,
  deadline = 5, on_result = function() end, on_progress = function() end,
}

-- patch may be told to ask for no version; what create_shared goes on from may be a referral.
local ALSO = { ["patch if_match"] = "boolean", ["create_shared continue"] = "table" }

local SAMPLES = {
  string = "x", number = 5, boolean = true, table = {}, ["function"] = function() end, userdata = io.stdout,
}

-- What comes before the options, which stand behind n of them.
local ARGUMENTS = {
  get = { n = 1, ID }, list = { n = 1, {} }, each = { n = 1, {} }, related = { n = 1, ID }, changes = { n = 2 },
  update = { n = 2, ID, {} }, update_many = { n = 1, {} }, replace = { n = 2, ID, "{}" }, patch = { n = 2, ID, "[]" },
  create = { n = 1, {} }, create_shared = { n = 1, {} }, register_deal = { n = 2, ID, {} },
  update_deal = { n = 2, ID, {} },
}

local function documented(verb)
  local heading = "\n### referrals." .. verb .. "\n"
  local section = TEXT:sub(assert(select(2, TEXT:find(heading, 1, true)), verb) + 1)
  local set = readme.quoted(section:match("%*%*options:%*%* ([^\n]+)"))
  assert.is_truthy(set.returns and set.nulls and set.timeout, verb)
  return set
end

describe("the options of a verb", function()
  local client

  before_each(function()
    client = assert(referrals.new { sandbox = sandbox.new() })
  end)

  --- What the verb raises with these options, nil where it takes them.
  local function complaint(verb, options)
    local given, arguments = ARGUMENTS[verb], {}
    for index = 1, given.n do
      arguments[index] = given[index]
    end
    arguments[given.n + 1] = options
    local ok, message = pcall(client[verb], client, (table.unpack or unpack)(arguments, 1, given.n + 1))
    return not ok and type(message) == "string" and message or nil
  end

  for verb in pairs(ARGUMENTS) do
    it("are those that are documented, and none of another's: " .. verb, function()
      local taken = documented(verb)
      for name, value in pairs(VALUES) do
        local message = complaint(verb, { [name] = value })
        if taken[name] then
          assert.is_nil(message, name)
        else
          assert.is_truthy(message and message:find(("unknown option '%s'"):format(name), 1, true), name)
        end
      end
    end)

    it("are held to their types: " .. verb, function()
      for name in pairs(documented(verb)) do
        local types = { [type(VALUES[name])] = true }
        types[ALSO[verb .. " " .. name] or "nothing else"] = true
        for kind, value in pairs(SAMPLES) do
          local message = complaint(verb, { [name] = value })
          if types[kind] then
            assert.is_nil(message, name .. " as a " .. kind)
          else
            local expected = ("option '%s': expected"):format(name)
            assert.is_truthy(message and message:find(expected, 1, true), name .. " as a " .. kind)
          end
        end
      end
    end)
  end
end)
