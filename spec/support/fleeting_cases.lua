--- Functions of the core that give out what they made in memory that the next call uses again.
local core = require "referrals.core"
local read, json = core.document.read, core.json

local M = {}

local PROTOTYPE = assert(read '{"s":"","n":0,"l":[""],"o":{"n":0,"s":""},"t":[{"s":""}]}')

--- What a case needs, made once for what is interrupted and once for what interrupts it.
function M.place(letter, text)
  local referral = ('{"s":"%s","n":1,"o":{"n":2,"s":"x"},"t":[{"s":"%s"}]}'):format(text, letter)
  local escaped = ('{"id":"%s","status":"\\u00e9%s","substatus":"\\n%s"}'):format(letter, text, letter)
  local at = {
    document = read(referral),
    escaped = read(escaped),
    annotated = read(('{"s":"%s","o":{"n":2,"links":{"a":1},"x@odata.count":3}}'):format(text)),
    halves = read(('{"s":"\\ud800%s"}'):format(text)),
    change = json.write { s = letter .. text, n = 7, o = { n = #text, s = text }, l = { text, letter } },
    wrong = json.write { o = { [letter .. text] = { 1 }, n = { text } } },
    paths = { ["/s"] = "s", ["/n"] = "n" },
    text = text,
    letter = letter,
    listed = ('{"%s":[{"%s":[[1,{}]]},{"a":[{},[]]}],"n":[{}]}'):format(letter .. text, text),
    numbers = ('{"\\u0061%s":[{"\\u0062%s":1,"c":null},{"d":[2,{"e":3}]}],"f":4}'):format(text, letter),
  }
  at.rules = core.document.rules('{"s":"","n":0}', { ["/s"] = '"', ["/n"] = "-0123456789" })
  at.plan = assert(core.document.plan(at.document, { s = letter .. '"' .. text, n = 12 }, at.rules))
  return at
end

M.CASES = {
  apply = function(at) return at.document:apply(at.change, PROTOTYPE) end,
  patch = function(at) return at.document:apply(at.change, PROTOTYPE, "patch") end,
  differences = function(at) return at.document:apply(at.change, PROTOTYPE, "differences") end,
  refused = function(at) return at.document:apply(at.wrong, PROTOTYPE) end,
  stripped = function(at) return at.annotated:apply(at.change, PROTOTYPE) end,
  written = function(at) return at.document:written() end,
  written_stripped = function(at) return at.annotated:written() end,
  halves = function(at) return (at.halves:decode()) end,
  string = function(at) return at.escaped:string "status" end,
  minimal = function(at) return at.escaped:minimal(at.letter, at.text) end,
  resolve = function(at) return core.document.resolve(at.change, PROTOTYPE, "") end,
  transition = function(at) return core.transition.of(at.escaped, at.change) end,
  plan = function(at) return core.document.plan(at.document, { s = at.text, n = 5 }, at.rules) ~= nil end,
  body = function(at) return at.plan:body(at.document) end,
  members = function(at) return at.plan:members(at.paths) end,
  write = function(at) return json.write { s = at.text, l = { at.letter, at.text } } end,
  write_refused = function(at) return json.write { [at.letter] = { [at.text] = print } } end,
  scalar = function(at) return json.decode('"\\n' .. at.text .. at.letter .. '"') end,
  string_at = function(at) return json.string_at('{"a":"\\n' .. at.text .. at.letter .. '"}', "/a") end,
  elements = function(at) return json.elements(at.listed, "/n") end,
  element_pointers = function(at) return json.element_pointers(at.listed) end,
  decode = function(at)
    local value, elements = read(at.numbers):decode()
    local count = 0
    for _ in pairs(elements) do
      count = count + 1
    end
    return value, count
  end,
}

local function shown(value)
  if type(value) ~= "table" then
    return (math.type and math.type(value) or type(value)) .. " " .. tostring(value)
  end
  local parts = {}
  for name, member in pairs(value) do
    parts[#parts + 1] = tostring(name) .. " = " .. shown(member)
  end
  table.sort(parts)
  return "{" .. table.concat(parts, ", ") .. "}"
end

--- What was returned, as text.
function M.shown(...)
  local parts = {}
  for i = 1, select("#", ...) do
    parts[i] = shown((select(i, ...)))
  end
  return table.concat(parts, "; ")
end

return M
