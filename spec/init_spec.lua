local cjson = require "cjson"
local nginx = require "support.nginx"
local referrals = require "referrals"
local sandbox = require "referrals.sandbox"
local shell = require "support.shell"
local wire = require "support.wire"

local ID = sandbox.EXAMPLE_ID

describe("the module", function()
  it("has the verbs, the values with a meaning and its version", function()
    for _, name in ipairs { "new", "get", "update", "replace", "update_many", "array", "add", "remove", "encode" } do
      assert.is_function(referrals[name], name)
    end
    assert.equal(cjson.null, referrals.null)
    assert.is_string(referrals._VERSION)
  end)

  it("is not loaded on a core of another version, which nginx may have kept", function()
    local folder = shell.folder()
    finally(function() shell.remove_folder(folder) end)
    for core, told in pairs { ['{ version = "0.0.9" }'] = "0.0.9", ["{}"] = "an older one" } do
      local script = ([[
        local core = require "referrals.core"
        package.loaded["referrals.core"] = setmetatable(%s, { __index = function(_, name)
          return name ~= "version" and core[name] or nil
        end })
        print(pcall(require, "referrals"))
      ]]):format(core)
      local output = shell.run_lua(folder, script)
      wire.says(output, "false", told, referrals._VERSION, "restart nginx")
    end
  end)

  it("marks an array in place", function()
    local items = {}
    assert.equal(items, referrals.array(items))
    assert.equal('{"a":[]}', (assert(referrals.encode { a = referrals.array {} }):gsub("%s", "")))
  end)

  it("raises what has no meaning at the caller's line", function()
    wire.raises_here(function()
      referrals.array(5)
    end)
    wire.raises_here(function()
      referrals.add()
    end)
    wire.raises_here(function()
      referrals.remove()
    end)
    wire.raises_here(function()
      referrals.encode("text")
    end)
  end)

  it("encodes any table, and says what JSON cannot hold", function()
    local text = referrals.encode { id = "x", team = { { email = "a@b.c" } } }
    assert.same({ id = "x", team = { { email = "a@b.c" } } }, cjson.decode(text))
    local nothing, err = referrals.encode { details = { notes = "\255" } }
    assert.is_nil(nothing)
    assert.equal("validation", err.kind)
    assert.equal("details.notes", err.member)
  end)
end)

describe("the module's own verbs", function()
  local server, folder

  setup(function()
    server = nginx.start()
    folder = shell.folder()
  end)

  teardown(function()
    server:stop()
    shell.remove_folder(folder)
  end)

  before_each(function()
    server:reset()
  end)

  --- What a script prints that finds this in its environment.
  local function run(script, environment)
    local assignments = { "env -u REFERRALS_TOKEN -u REFERRALS_ENDPOINT" }
    for name, value in pairs(environment) do
      assignments[#assignments + 1] = "REFERRALS_" .. name .. "=" .. shell.quote(value)
    end
    local output = shell.run_lua(folder, [[
      local referrals = require "referrals"
      local ID = "]] .. ID .. [["
      local function show(value, err, info)
        if err then
          return print(err.kind, err.member or err.stage, tostring(err.applied), err.message)
        end
        print(value.status, value.substatus, info.changed, info.dry_run)
      end
    ]] .. script, table.concat(assignments, " "))
    return output
  end

  it("use a client that is made from the environment", function()
    local output = run([[
      show(referrals.get(ID))
      show(referrals.update(ID, { status = "Active" }))
      show(referrals.replace(ID, assert(referrals.get(ID))))
    ]], { ENDPOINT = server.url, TOKEN = "from-environment", USER_AGENT = "env/1" })
    assert.equal("New\tPending\tnil\tnil\nActive\tAccepted\ttrue\tnil\nActive\tAccepted\ttrue\tnil\n", output)
    local record = server:record()
    assert.equal("GET PUT GET PUT", wire.methods(record))
    for _, entry in ipairs(record) do
      assert.equal("Bearer from-environment", entry.headers.authorization)
      assert.equal("env/1", entry.headers["user-agent"])
      assert.equal(record[1].connection, entry.connection)
    end
  end)

  it("obey REFERRALS_DRY_RUN and REFERRALS_CHECK", function()
    local output = run([[
      show(referrals.update(ID, { status = "Closed", substatus = "Pending" }))
    ]], { ENDPOINT = server.url, TOKEN = "t", DRY_RUN = "yes", CHECK = "no" })
    assert.equal("Closed\tPending\tfalse\ttrue\n", output)
    assert.equal("GET", wire.methods(server:record()))
  end)

  it("say which variable is wrong, and do not hide it behind a failed write", function()
    local script = 'show(referrals.update(ID, { status = "Active" }))'
    local output = run(script, { ENDPOINT = server.url, TOKEN = "t", TIMEOUT = "soon" })
    wire.says(output, "validation\tREFERRALS_TIMEOUT\tfalse", "'soon'")
    output = run(script, { ENDPOINT = "http://example.com", TOKEN = "t" })
    wire.says(output, "validation\tREFERRALS_ENDPOINT\tfalse", "https")
    output = run(script, { ENDPOINT = server.url, TOKEN = "t", SHARED = "tokens" })
    wire.says(output, "validation\tREFERRALS_SHARED\tfalse", "lua_shared_dict")
    output = run(script, { ENDPOINT = server.url, TOKEN = "secret canary" })
    wire.says(output, "validation\tREFERRALS_TOKEN\tfalse")
    assert.is_nil(output:find("canary", 1, true))
    output = run(script, { ENDPOINT = server.url })
    wire.says(output, "auth\ttoken\tfalse", "REFERRALS_TOKEN")
    assert.same({}, server:record())
  end)

  it("raise a program's mistake at its own line", function()
    local output = run([[
      local line = debug.getinfo(1, "l").currentline + 1
      local ok, message = pcall(function() local r = referrals.update(ID, { status = "Active" }, { ifmatch = "x" }) end)
      print(ok, message:match(":(%d+):") == tostring(line), message)
      line = debug.getinfo(1, "l").currentline + 1
      ok, message = pcall(function() local r = referrals.get(5) end)
      print(ok, message:match(":(%d+):") == tostring(line), message)
    ]], { ENDPOINT = server.url, TOKEN = "t" })
    assert.equal(2, select(2, output:gsub("false\ttrue\t", "")), output)
    wire.says(output, "script.lua:", "did you mean 'if_match'")
  end)

  it("try the environment again when it was wrong", function()
    local output = run([[
      local getenv, wrong = os.getenv, true
      os.getenv = function(name)
        return name == "REFERRALS_TIMEOUT" and wrong and "soon" or getenv(name)
      end
      package.loaded["referrals"], package.loaded["referrals.config"] = nil, nil
      referrals = require "referrals"
      show(referrals.get(ID))
      wrong = false
      show(referrals.get(ID))
    ]], { ENDPOINT = server.url, TOKEN = "t" })
    wire.says(output, "REFERRALS_TIMEOUT", "New\tPending")
  end)
end)
