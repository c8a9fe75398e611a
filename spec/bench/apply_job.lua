--- One field of a referral's text changed, by the core or by lua-cjson:  apply_job.lua FILE COUNT core|apply|read|cjson
--- core is read and apply. Prints the seconds for one.
local cjson = require "cjson"
local core = require "referrals.core"

local PROTOTYPE = require("referrals.change").PROTOTYPE
local CHANGES = { '{"details":{"dealValue":50001}}', '{"details":{"dealValue":50002}}' }

local file = assert(io.open(arg[1], "rb"))
local text = file:read("*a")
file:close()

local document = core.document.read(text)
local length = #document:text()
local jobs = {}

function jobs.read()
  assert(core.document.read(text))
end

function jobs.apply(number)
  local _, next_text = document:apply(CHANGES[number % 2 + 1], PROTOTYPE)
  assert(#next_text < length + 9)
end

function jobs.core(number)
  local _, next_text = core.document.read(text):apply(CHANGES[number % 2 + 1], PROTOTYPE)
  assert(#next_text < length + 9)
end

function jobs.cjson(number)
  local referral = cjson.decode(text)
  referral.details.dealValue = 50001 + number % 2
  referral.links = nil
  assert(cjson.encode(referral))
end

local WARMING = 3 -- turns: the first ones meet memory that the process never had

local job, count = assert(jobs[arg[3]]), tonumber(arg[2])
for number = 1, WARMING do
  job(number)
end
local began = core.http.now()
for number = 1, count do
  job(number)
end
print(("%.9f"):format((core.http.now() - began) / count))
