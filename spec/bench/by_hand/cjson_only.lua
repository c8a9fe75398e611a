--- What lua-cjson alone costs:  cjson_only.lua FILE COUNT decode|all  (all: decode, change, encode)
local cjson = require "cjson"

local file = assert(io.open(arg[1], "rb"))
local text = file:read("*a")
file:close()
local all = arg[3] == "all"
for number = 1, tonumber(arg[2]) do
  local referral = cjson.decode(text)
  if all then
    referral.details.dealValue = 50001 + number % 2
    cjson.encode(referral)
  end
end
