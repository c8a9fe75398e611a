-- The README is true: its examples do what they say, and its tables list what the code has.
local config = require "referrals.config"
local core = require "referrals.core"
local errors = require "referrals.errors"
local nginx = require "support.nginx"
local readme = require "support.readme"
local referrals = require "referrals"
local schema = require "referrals.schema"
local shell = require "support.shell"
local verb_options = require "referrals.verb_options"

local TEXT = shell.read("README.md")

local function keys(set)
  local list = {}
  for name in pairs(set) do
    list[#list + 1] = name
  end
  table.sort(list)
  return list
end

local function set_of(list)
  local set = {}
  for _, name in ipairs(list) do
    set[name] = true
  end
  return set
end

-- The first column of a table, without the backquotes.
local function column(rows, number)
  local list = {}
  for _, row in ipairs(rows) do
    for name in row[number]:gmatch("`([^`]+)`") do
      list[#list + 1] = name
    end
  end
  table.sort(list)
  return list
end

describe("the README's examples", function()
  local server, folder

  setup(function()
    server = nginx.start()
    folder = shell.folder()
  end)

  teardown(function()
    server:stop()
    shell.remove_folder(folder)
  end)

  -- What every example may use: the module and the id of the sandbox's one referral.
  local PRELUDE = 'local referrals, id = require "referrals", require("referrals.sandbox").EXAMPLE_ID'

  local function run(block)
    server:reset()
    local environment = ("REFERRALS_ENDPOINT=%s REFERRALS_TOKEN=example SANDBOX=%s SCRATCH=%s"):format(
      shell.quote(server.url), shell.quote(server.origin), shell.quote(folder))
    local script = table.concat({ PRELUDE, block.setup, block.text }, "\n")
    return readme.complaint(block, shell.run_lua(folder, script, environment))
  end

  for _, block in ipairs(readme.in_language(TEXT, "lua")) do
    it("work, the one at line " .. block.line, function()
      assert.is_nil(run(block))
    end)
  end

  it("are there at all", function()
    assert.is_true(#readme.in_language(TEXT, "lua") > 20)
  end)

  it("are noticed when they print something else, raise, or check nothing", function()
    local function example(text)
      return run(readme.blocks("```lua\n" .. text .. "\n```\n")[1])
    end
    assert.is_nil(example 'print(referrals.get(id).status) --> New')
    assert.matches("says 'Old' and prints 'New'", example 'print(referrals.get(id).status) --> Old')
    assert.matches("says '' and prints 'b'", example 'print "a" --> a\nprint "b"')
    assert.matches("says 'b' and prints ''", example 'print "a" --> a\n-- --> b')
    assert.matches("status 1", example 'assert(referrals.update(id, { status = "Nevv" }))')
    assert.matches("checks nothing", example 'referrals.update(id, { status = "Nevv" })')
  end)
end)

describe("the README's shell lines", function()
  local function targets()
    local found = {}
    for names in shell.read("Makefile"):gmatch("\n%.PHONY: ([^\n]+)") do
      for name in names:gmatch("%S+") do
        found[name] = true
      end
    end
    return found
  end

  it("name targets that the Makefile has", function()
    local known, seen = targets(), 0
    for name in TEXT:gmatch("[\n`]%s*make ([%l-]+)") do
      assert.is_true(known[name], "make " .. name)
      seen = seen + 1
    end
    assert.is_true(seen > 10)
  end)

  it("install the Debian packages that .ci/deps knows", function()
    local known = shell.read(".ci/deps")
    local line = TEXT:match("\n%s*apt%-get install ([^\n]+)")
    for package in line:gmatch("%S+") do
      assert.truthy((" " .. known:gsub('[\n"]', " ")):find(" " .. package .. " ", 1, true), package)
    end
  end)
end)

describe("the README's links", function()
  local anchors = readme.anchors(TEXT)

  it("lead to headings and files that are there", function()
    for _, target in ipairs(readme.links(TEXT)) do
      local anchor = target:match("^#(.+)$")
      if anchor then
        assert.is_true(anchors[anchor] or false, target)
      elseif not target:find("^https://") then
        assert.is_string(shell.read(target))
      end
    end
  end)

  it("reach every chapter from the table of contents", function()
    local contents = set_of(readme.links(TEXT:match("\n## Contents\n(.-)\n## ")))
    for heading in readme.prose(TEXT):gmatch("\n## ([^\n]+)") do
      if heading ~= "Contents" then
        assert.is_true(contents["#" .. readme.anchor(heading)] or false, heading)
      end
    end
  end)
end)

describe("the README's verbs", function()
  local syntax = readme.syntax(TEXT)

  it("are the module's functions", function()
    local documented, found = {}, {}
    for name in pairs(syntax) do
      documented[#documented + 1] = name:match("^referrals%.([%w_]+)$")
    end
    for name, value in pairs(referrals) do
      found[#found + 1] = type(value) == "function" and name or nil
    end
    table.sort(documented)
    table.sort(found)
    assert.same(found, documented)
  end)

  it("are the methods of a client", function()
    local client = referrals.new { token = "example" }
    local methods = set_of(keys(getmetatable(client).__index))
    methods.__index = nil
    for name in pairs(methods) do
      assert.is_truthy(syntax["referrals." .. name] or syntax["client:" .. name], name)
    end
  end)

  it("of odata and of auth are there", function()
    for name in pairs(syntax) do
      local part, what = name:match("^referrals%.(%w+)%.([%w_]+)$")
      assert.is_true(part == nil or type(referrals[part][what]) == "function", name)
    end
  end)

  it("have the options that are listed with them", function()
    local same = {
      get = "read", list = "read", each = "read", related = "read", changes = "read", register_deal = "deal",
      update_deal = "deal",
    }
    local seen = 0
    for name, rest in pairs(syntax) do
      local verb = name:match("^referrals%.([%w_]+)$")
      local options = verb_options[same[verb] or verb]
      if options then
        local listed = rest:match("%*%*options:%*%* ([^\n]+)")
        assert.is_string(listed, name)
        assert.same(keys(options), keys(readme.quoted(listed)), name)
        seen = seen + 1
      end
    end
    assert.equal(13, seen)
  end)

  it("have each option explained", function()
    local all = {}
    for _, options in pairs(verb_options) do
      for name in pairs(options) do
        all[name] = true
      end
    end
    assert.same(keys(all), column(readme.table_below(TEXT, "Options of the verbs"), 1))
  end)

  it("do every operation of the API", function()
    local rows = readme.table_below(TEXT, "Every operation of the API")
    assert.is_true(#rows >= 10)
    for _, row in ipairs(rows) do
      local named = 0
      for name in row[2]:gmatch("`([%l_]+)`") do
        assert.is_function(referrals[name], name)
        named = named + 1
      end
      assert.is_true(named > 0, row[1])
    end
  end)
end)

describe("the README's options of a client", function()
  local rows = readme.table_below(TEXT, "Options of a client")

  local function option_names()
    local names = {}
    local rules = shell.read("lua/referrals/config.lua"):match("\nlocal RULES = {\n(.-)\n}\n")
    for name in rules:gmatch("%f[^\n%z]  ([%l_]+) = ") do
      names[#names + 1] = name
    end
    table.sort(names)
    return names
  end

  it("are those that the code has", function()
    assert.same(option_names(), column(rows, 1))
  end)

  it("have the defaults that are told", function()
    local defaults = config.resolve {}
    for _, row in ipairs(rows) do
      local name, told = row[1]:match("`([^`]+)`"), row[2]:match("^`([^`]+)`$")
      if told then
        assert.equal(told, tostring(defaults[name]), name)
      elseif name ~= "user_agent" then
        assert.is_nil(defaults[name], name)
      end
    end
  end)
end)

describe("the README's environment variables", function()
  local function read_by(reader)
    local seen = {}
    reader(function(name)
      seen[name] = true
      return nil
    end)
    return seen
  end

  it("are those that are read", function()
    local read = read_by(config.from_environment)
    for name in pairs(read_by(referrals.auth.from_environment)) do
      read[name] = true
    end
    local documented = {}
    for name in TEXT:gmatch("%f[%w_]REFERRALS_[%u_]*%u") do
      documented[name] = true
    end
    assert.same(keys(read), keys(documented))
  end)
end)

describe("the README's status table", function()
  it("is the one that is enforced", function()
    local rows, current = readme.table_below(TEXT, "Status and substatus"), {}
    for _, row in ipairs(rows) do
      current[row[1]] = row[3]:match("%w+")
    end
    for _, row in ipairs(rows) do
      for status in pairs(current) do
        local may = core.transition.check(row[1], current[row[1]], status, current[status]) ~= nil
        assert.equal(may, (", " .. row[2] .. ","):find(" " .. status .. ",", 1, true) ~= nil, row[1] .. status)
      end
      for _, substatus in ipairs { "Pending", "Received", "Accepted", "Won", "Lost", "Declined", "Expired" } do
        local may = core.transition.check(row[1], "None", row[1], substatus) ~= nil
        assert.equal(may, (", " .. row[3] .. ","):find(" " .. substatus .. ",", 1, true) ~= nil, row[1] .. substatus)
      end
    end
  end)
end)

describe("the README's patchable members", function()
  it("are those of the schema", function()
    local expected = {}
    for _, pointer in ipairs(schema.patchable_pointers) do
      if not pointer:find("/registrations/", 1, true) and not pointer:find("/-", 1, true) then
        expected[schema.path(pointer)] = true
      end
    end
    assert.same(keys(expected), keys(readme.quoted(TEXT:match("\nPatchable are (.-)\n\n"))))
  end)
end)

describe("the README's errors", function()
  it("are all kinds of errors", function()
    assert.same(keys(errors.kinds), column(readme.table_below(TEXT, "Kinds of errors"), 1))
  end)
end)

describe("the README's sandbox", function()
  it("has the faults that the code has", function()
    local faults = require "referrals.sandbox.faults"
    assert.same(faults.KINDS, column(readme.table_below(TEXT, "Faults"), 1))
  end)
end)
